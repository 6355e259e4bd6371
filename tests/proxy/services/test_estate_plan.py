"""What applying estate files plans, told as text: the pure part, without a store."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.configuration import EstateFile
from config.document import parse
from config.estate_schema import Estate as Declarations
from config.problems import ConfigurationError
from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, Grant, Resource
from proxy.model.identity import Membership, Person, User, UserState
from proxy.services.estate_ledger import Applied, Whole, applied
from proxy.services.estate_plan import Plan, plan, render_diff
from proxy.store import PutPerson, Remove, RemoveGrant

EMPTY = Whole(estate=Estate(), people={})

ACME = """
spaces:
  - {slug: acme, kind: team, title: Acme}
  - {slug: customer-a, kind: customer, parent: acme}
users:
  - {username: ada, email: ada@acme.example, memberships: {acme: owner}}
  - {username: vic, memberships: {acme: viewer}, overrides: {acme/plant: member}}
applications:
  - {slug: plant, space: acme, title: Plant}
instances:
  - {slug: line-3, application: acme/plant, hosts: [line-3.localhost], upstream: "http://127.0.0.1:1880"}
grants:
  - {target: acme/plant, space: customer-a, role: dashboard}
"""


def ids() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"id-{next(numbers)}"


def read(text: str, name: str = "estate.yaml") -> Applied:
    document = parse(text, name)
    declared = Declarations.model_validate(document.data, context={"directory": Path("/etc/flowward")})
    path = Path("/etc/flowward") / name
    return applied(EstateFile(path=path, estate=declared, source=document.source), Path("/etc/flowward"))


def planned(before: Whole, *files: Applied, prune: bool = True, hashes: dict[str, str] | None = None) -> Plan:
    taken = len(before.people) + len(before.estate.spaces) + len(before.estate.resources)
    numbers = count(taken * 1000 + 1)
    return plan(files, before, hashes or {}, prune=prune, new_id=lambda: f"id-{next(numbers)}")


def done(before: Whole, steps: Plan) -> Whole:
    """What a store holds once it has done the edits one after the other, each finding what it refers to."""
    estate = before.estate
    spaces, resources, people = dict(estate.spaces), dict(estate.resources), dict(before.people)
    grants = {(grant.target, grant.space): grant for grant in estate.grants}
    hashes = dict(before.hashes)
    for step in steps.steps:
        match step.edit:
            case Space() as space:
                assert space.parent is None or space.parent in spaces
                spaces[space.id] = space
            case Resource() as resource:
                assert resource.parent is None or resource.parent in resources
                assert resource.owner is None or resource.owner in spaces
                resources[resource.id] = resource
            case Grant() as grant:
                assert grant.target in resources
                assert grant.space in spaces
                grants[grant.target, grant.space] = grant
            case PutPerson(person=person, password_hash=hashed):
                assert set(person.memberships) <= set(spaces)
                people[person.user.id] = person
                if hashed:
                    hashes[person.user.id] = hashed
            case RemoveGrant(target=target, space=space_id):
                del grants[target, space_id]
            case Remove(kind=kind, id=gone):
                holder: dict[str, object] = {Space: spaces, Resource: resources, User: people}[kind]  # type: ignore[assignment]
                del holder[gone]
                assert all(space.parent in {None, *spaces} for space in spaces.values())
                assert all(each.parent in {None, *resources} for each in resources.values())
            case _:
                raise AssertionError(step.edit)
    kept = Estate(spaces=spaces, resources=resources, grants=tuple(grants.values()))
    return Whole(estate=kept, people=people, hashes={who: hashed for who, hashed in hashes.items() if who in people})


def problems(before: Whole, *files: Applied, prune: bool = True) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        planned(before, *files, prune=prune)
    return [str(problem) for problem in raised.value.problems]


def by_hand(before: Whole, *things: Space | Resource | Person | Grant) -> Whole:
    estate = before.estate
    return Whole(
        estate=Estate(
            spaces={**estate.spaces, **{thing.id: thing for thing in things if isinstance(thing, Space)}},
            resources={**estate.resources, **{thing.id: thing for thing in things if isinstance(thing, Resource)}},
            grants=(*estate.grants, *(thing for thing in things if isinstance(thing, Grant))),
        ),
        people={**before.people, **{thing.user.id: thing for thing in things if isinstance(thing, Person)}},
        hashes=before.hashes,
    )


def space_id(whole: Whole, slug: str) -> str:
    return next(space.id for space in whole.estate.spaces.values() if space.slug == slug)


def resource_id(whole: Whole, path: str) -> str:
    return next(each.id for each in whole.estate.resources.values() if whole.estate.address(each) == path)


def user(whole: Whole, username: str) -> Person:
    return next(person for person in whole.people.values() if person.user.username == username)


def test_everything_new_is_told_and_comes_above_before_below() -> None:
    assert render_diff(planned(EMPTY, read(ACME))).splitlines() == [
        "+ team acme",
        "+ customer customer-a",
        "+ application acme/plant",
        "+ instance acme/plant/line-3",
        "+ user ada",
        "+ user vic",
        "+ grant acme/plant with customer-a",
    ]


def test_applying_again_plans_nothing() -> None:
    after = done(EMPTY, planned(EMPTY, read(ACME)))
    again = planned(after, read(ACME))
    assert not again
    assert (again.steps, again.ended, again.invited) == ((), (), ())


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "http://127.0.0.1:1880",
            "http://127.0.0.1:1881",
            "~ instance acme/plant/line-3: upstream http://127.0.0.1:1880 -> http://127.0.0.1:1881",
        ),
        ("title: Acme", 'title: ""', '~ team acme: title Acme -> ""'),
        ("{acme: viewer}", "{acme: member}", "~ user vic: memberships.acme viewer -> member"),
        (", overrides: {acme/plant: member}", "", "~ user vic: overrides.acme/plant member -> (none)"),
        ("role: dashboard", "role: viewer", "~ grant acme/plant with customer-a: role dashboard -> viewer"),
        ("username: ada,", "username: ada, admin: true,", "~ user ada: admin false -> true"),
        ("username: ada,", "username: Ada,", "~ user Ada: username ada -> Ada"),
        ("upstream:", "hosts: [a.localhost], upstream:", None),
    ],
)
def test_a_change_is_told_by_field(old: str, new: str, told: str | None) -> None:
    before = done(EMPTY, planned(EMPTY, read(ACME)))
    changed = ACME.replace("hosts: [line-3.localhost], ", "") if told is None else ACME
    text = render_diff(planned(before, read(changed.replace(old, new))))
    assert text == (told or "~ instance acme/plant/line-3: hosts [line-3.localhost] -> [a.localhost]")


def test_what_is_gone_from_its_file_goes_below_before_above() -> None:
    before = done(EMPTY, planned(EMPTY, read(ACME)))
    assert render_diff(planned(before, read("spaces: []"))).splitlines() == [
        "- grant acme/plant with customer-a",
        "- user ada",
        "- user vic",
        "- instance acme/plant/line-3",
        "- application acme/plant",
        "- customer customer-a",
        "- team acme",
    ]


def test_removed_users_lose_their_sessions() -> None:
    before = done(EMPTY, planned(EMPTY, read(ACME)))
    gone = planned(
        before, read(ACME.replace("  - {username: ada, email: ada@acme.example, memberships: {acme: owner}}\n", ""))
    )
    assert gone.ended == (user(before, "ada").user.id,)


def test_without_pruning_what_is_gone_from_the_file_stays() -> None:
    before = done(EMPTY, planned(EMPTY, read(ACME)))
    assert not planned(before, read("spaces: []"), prune=False)


def test_a_file_prunes_only_what_it_declared_itself() -> None:
    other = read("spaces: [{slug: beta, kind: team}]", "beta.yaml")
    before = done(EMPTY, planned(EMPTY, read(ACME)))
    before = done(before, planned(before, other))
    hans = Person(user=User(id="u-hans", username="hans"), memberships={})
    assert render_diff(planned(by_hand(before, hans), read("spaces: []", "beta.yaml"))) == "- team beta"


def test_two_files_may_refer_to_each_other() -> None:
    people = read("users: [{username: max, memberships: {acme: member}}]", "people.yaml")
    places = read("spaces: [{slug: acme, kind: team}]", "places.yaml")
    after = done(EMPTY, planned(EMPTY, people, places))
    assert user(after, "max").memberships[space_id(after, "acme")].role is Role.MEMBER


def test_an_object_moves_between_files_that_are_applied_together() -> None:
    space = "spaces: [{slug: acme, kind: team}]"
    before = done(EMPTY, planned(EMPTY, read(space, "a.yaml"), read("spaces: []", "b.yaml")))
    moved = planned(before, read("spaces: []", "a.yaml"), read(space, "b.yaml"))
    assert render_diff(moved) == "~ team acme: file a.yaml -> b.yaml"
    [problem] = problems(before, read(space, "b.yaml"))
    assert problem == (
        "b.yaml:1: spaces[0]: declares the space acme, which a.yaml declares too. "
        "Keep one of the two; to move it from file to file, apply both in one command."
    )


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (Space(id="s", kind="team", slug="acme"), "declares the space acme, but there is one made by hand"),  # type: ignore[arg-type]
        (
            Person(user=User(id="u", username="Ada"), memberships={}),
            "declares the user ada, but there is one made by hand",
        ),
        (
            Person(user=User(id="u", username="other", email="ADA@acme.example"), memberships={}),
            "has the login ada@acme.example, which other (made by hand) has too",
        ),
    ],
)
def test_what_was_made_by_hand_is_never_taken_over(made: Space | Person, message: str) -> None:
    assert any(message in problem for problem in problems(by_hand(EMPTY, made), read(ACME)))


def test_there_is_one_space_of_everyone_at_most() -> None:
    everyone = "spaces: [{slug: all, kind: everyone, title: All users}]"
    before = done(EMPTY, planned(EMPTY, read(everyone)))
    assert not planned(before, read(everyone))
    two = "spaces: [{slug: all, kind: everyone}, {slug: others, kind: everyone}]"
    [problem] = problems(EMPTY, read(two))
    assert "spaces[1].kind: is everyone, which all is already" in problem
    made = Space(id="s", kind=SpaceKind.EVERYONE, slug="by-hand")
    [problem] = problems(by_hand(EMPTY, made), read(everyone))
    assert "is everyone, which by-hand is already" in problem


def test_a_space_that_still_holds_something_made_by_hand_is_not_removed() -> None:
    before = done(EMPTY, planned(EMPTY, read(ACME)))
    own = Resource(id="r", kind="application", slug="hand", owner=space_id(before, "acme"))  # type: ignore[arg-type]
    assert problems(by_hand(before, own), read("spaces: []")) == [
        (
            "estate.yaml: no longer declares the space acme, but acme/hand, which is not from this file, is in it. "
            "Move or remove that first, or apply with --no-prune."
        )
    ]


def test_memberships_made_by_hand_end_with_their_space_and_say_so() -> None:
    before = done(EMPTY, planned(EMPTY, read("spaces: [{slug: acme, kind: team}]")))
    held = Membership(space=space_id(before, "acme"), role=Role.VIEWER)
    hans = Person(user=User(id="u-hans", username="hans"), memberships={held.space: held})
    gone = planned(by_hand(before, hans), read("spaces: []"))
    assert render_diff(gone) == "~ user hans: memberships.acme viewer -> (none)\n- team acme"


def test_every_bad_reference_is_told_at_once_with_file_and_line() -> None:
    text = """
spaces:
  - {slug: a, kind: customer, parent: b}
applications:
  - {slug: plant, space: nowhere}
instances:
  - {slug: x, application: a/none, hosts: [x.localhost], upstream: "http://127.0.0.1:1"}
"""
    assert problems(EMPTY, read(text)) == [
        "estate.yaml:3: spaces[0].parent: names b, which is not there. Declare that space or correct the slug.",
        (
            "estate.yaml:5: applications[0].space: names nowhere, which is not there. "
            "Declare that space or correct the slug."
        ),
        "estate.yaml:7: instances[0].application: names a/none, which is not there. Declare it or correct the path.",
    ]


def test_bad_references_of_people_and_shares_are_told_with_a_remedy() -> None:
    text = """
spaces: [{slug: acme, kind: team}]
applications: [{slug: plant, space: acme}]
users:
  - {username: vic, memberships: {acne: viewer}, overrides: {acme/plant: member, acme/plan: member}}
grants: [{target: acme/none, space: nobody, role: viewer}]
"""
    assert problems(EMPTY, read(text)) == [
        "estate.yaml:6: grants[0].target: names acme/none, which is not there. Declare it or correct the name.",
        "estate.yaml:6: grants[0].space: names nobody, which is not there. Declare it or correct the name.",
        (
            "estate.yaml:5: users[0].memberships.acne: names a space that is not there. "
            "Declare that space or correct the slug."
        ),
        (
            "estate.yaml:5: users[0].overrides.acme/plant: needs a membership of vic in a space above acme/plant. "
            "Add memberships: {acme: viewer}, or remove the override."
        ),
        (
            "estate.yaml:5: users[0].overrides.acme/plan: names a resource that is not there. "
            "Declare it or correct the path."
        ),
    ]


def test_parents_may_not_lead_in_a_circle() -> None:
    text = "spaces: [{slug: a, kind: customer, parent: b}, {slug: b, kind: customer, parent: a}]"
    assert all("leads round in a circle" in problem for problem in problems(EMPTY, read(text)))


def test_a_group_is_nobodys_parent() -> None:
    text = "spaces: [{slug: a, kind: team}, {slug: b, kind: group, parent: a}, {slug: c, kind: customer, parent: b}]"
    assert "names b, which is a group. Name a team or a customer." in problems(EMPTY, read(text))[0]


def test_the_same_name_twice_is_told() -> None:
    both = problems(
        EMPTY, read("spaces: [{slug: a, kind: team}]", "1.yaml"), read("spaces: [{slug: a, kind: team}]", "2.yaml")
    )
    assert both == ["2.yaml:1: spaces[0]: declares the space a, which 1.yaml declares too. Keep one of the two."]


def test_an_override_attaches_to_the_nearest_membership_in_the_owners_lineage() -> None:
    text = """
spaces: [{slug: acme, kind: team}, {slug: customer-a, kind: customer, parent: acme}]
applications: [{slug: plant, space: customer-a}]
users:
  - {username: near, memberships: {acme: viewer, customer-a: viewer}, overrides: {customer-a/plant: none}}
  - {username: far, memberships: {acme: viewer}, overrides: {customer-a/plant: owner}}
"""
    after = done(EMPTY, planned(EMPTY, read(text)))
    plant, acme, customer = (
        resource_id(after, "customer-a/plant"),
        space_id(after, "acme"),
        space_id(after, "customer-a"),
    )
    near, far = user(after, "near").memberships, user(after, "far").memberships
    assert (dict(near[acme].overrides), dict(near[customer].overrides)) == ({}, {plant: Role.NONE})
    assert dict(far[acme].overrides) == {plant: Role.OWNER}


def test_memberships_kept_up_by_a_login_provider_stay_beside_the_declared_ones() -> None:
    before = done(EMPTY, planned(EMPTY, read(ACME + "\n")))
    vic, customer = user(before, "vic"), space_id(before, "customer-a")
    synced = Membership(space=customer, role=Role.MEMBER, source="sso")
    linked = replace(vic.user, provider="corp", subject="77")
    before = by_hand(before, Person(user=linked, memberships={**vic.memberships, customer: synced}))
    by_corp = ACME.replace("{username: vic,", "{username: vic, provider: corp,")
    assert not planned(before, read(by_corp)), "nor is the link touched"
    after = done(before, planned(before, read(ACME)))
    assert (user(after, "vic").user.provider, user(after, "vic").user.subject) == (None, None)
    assert customer not in user(after, "vic").memberships, "nobody keeps it up any more"


def test_overrides_kept_up_by_a_login_provider_stay_unless_the_file_speaks_of_the_same() -> None:
    """S-23."""
    by_corp = ACME.replace("{username: vic,", "{username: vic, provider: corp,")
    before = done(EMPTY, planned(EMPTY, read(by_corp)))
    vic, acme, line = user(before, "vic"), space_id(before, "acme"), resource_id(before, "acme/plant/line-3")
    held = vic.memberships[acme]
    both = replace(held, overrides={**held.overrides, line: Role.NONE}, managed=frozenset({line}))
    before = by_hand(before, Person(user=vic.user, memberships={acme: both}))
    assert not planned(before, read(by_corp))
    said = by_corp.replace("{acme/plant: member}", "{acme/plant: member, acme/plant/line-3: owner}")
    after = user(done(before, planned(before, read(said))), "vic").memberships[acme]
    assert (after.overrides[line], after.managed) == (Role.OWNER, frozenset())


def test_an_activation_link_makes_a_pending_user_who_is_invited_once() -> None:
    file = read("users: [{username: root, admin: true, link: activation}]")
    first = planned(EMPTY, file)
    after = done(EMPTY, first)
    assert [invited.username for invited in first.invited] == ["root"]
    assert user(after, "root").user.state is UserState.PENDING
    assert not planned(after, file)
    root = user(after, "root").user.id
    active = Person(user=User(id=root, username="root", admin=True, declared="estate.yaml"), memberships={})
    activated = Whole(estate=after.estate, people={root: active}, hashes={root: "$argon2id$..."})
    assert not planned(activated, file)


@pytest.mark.parametrize(
    ("written", "state"),
    [("", UserState.SUSPENDED), (", state: active", UserState.ACTIVE), (", state: suspended", UserState.SUSPENDED)],
)
def test_a_suspension_by_hand_lasts_unless_the_file_says_the_state(written: str, state: UserState) -> None:
    before = done(EMPTY, planned(EMPTY, read("users: [{username: vic}]")))
    vic = user(before, "vic").user
    suspended = User(id=vic.id, username="vic", declared="estate.yaml", state=UserState.SUSPENDED)
    before = by_hand(before, Person(user=suspended, memberships={}))
    file = read(f"users: [{{username: vic{written}}}]")
    assert user(done(before, planned(before, file)), "vic").user.state is state


def test_suspending_in_the_file_ends_sessions() -> None:
    before = done(EMPTY, planned(EMPTY, read("users: [{username: vic}]")))
    suspended = planned(before, read("users: [{username: vic, state: suspended}]"))
    assert render_diff(suspended) == "~ user vic: state active -> suspended"
    assert suspended.ended == (user(before, "vic").user.id,)


def test_another_password_is_kept_ends_sessions_and_is_not_shown() -> None:
    file = read("users: [{username: vic}]")
    before = done(EMPTY, planned(EMPTY, file, hashes={"user vic": "$old"}))
    changed = planned(before, file, hashes={"user vic": "$new"})
    assert render_diff(changed) == "~ user vic: password changed"
    assert changed.ended == (user(before, "vic").user.id,)
    assert done(before, changed).hashes == {user(before, "vic").user.id: "$new"}


def test_secrets_of_an_instance_are_not_shown() -> None:
    shared = ACME.replace("hosts:", "http_auth: {mode: basic, username: a, password_hash: '%s'}, hosts:")
    one, two = (f"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ{n}$c29tZWhhc2hvZnNvbWVzaXpl" for n in "12")
    before = done(EMPTY, planned(EMPTY, read(shared % one)))
    assert (
        render_diff(planned(before, read(shared % two))) == "~ instance acme/plant/line-3: basic_password_hash changed"
    )


def test_a_file_keeps_its_name_when_its_folder_moves() -> None:
    assert read(ACME).origin == "estate.yaml"
    file = read(ACME).file
    assert applied(file, Path("/srv/other")).origin == "/etc/flowward/estate.yaml"


SLUGS = ["a", "b", "c"]
ROLES = ["dashboard", "viewer", "member", "owner"]


@st.composite
def estates(draw: st.DrawFn) -> dict[str, object]:
    """Some estate that holds together: references lead somewhere, names are unique."""
    slugs = draw(st.lists(st.sampled_from(SLUGS), unique=True))
    spaces: list[dict[str, object]] = []
    for slug in slugs:
        above = draw(st.sampled_from([None, *(space["slug"] for space in spaces)]))
        title = draw(st.sampled_from(["", "Title"]))
        kind = {"kind": "customer", "parent": above} if above else {"kind": "team"}
        spaces.append({"slug": slug, "title": title, **kind})
    apps = [{"slug": name, "space": space} for space in slugs for name in draw(st.sets(st.sampled_from(SLUGS)))]
    instances = [
        {
            "slug": name,
            "application": f"{app['space']}/{app['slug']}",
            "hosts": [f"{name}-{app['slug']}-{app['space']}.localhost"],
            "upstream": f"http://127.0.0.1:{draw(st.integers(1880, 1882))}",
            "protected": draw(st.booleans()),
        }
        for app in apps
        for name in draw(st.sets(st.sampled_from(SLUGS), max_size=2))
    ]
    paths = [f"{app['space']}/{app['slug']}" for app in apps]
    users = [
        {
            "username": name,
            "admin": draw(st.booleans()),
            "memberships": (
                held := draw(st.dictionaries(st.sampled_from(slugs), st.sampled_from(ROLES)) if slugs else st.just({}))
            ),
            "overrides": {
                path: draw(st.sampled_from(["none", *ROLES]))
                for path in paths
                if path.split("/")[0] in held and draw(st.booleans())
            },
        }
        for name in sorted(draw(st.sets(st.sampled_from(["ada", "max", "vic"]))))
    ]
    grants = [
        {"target": path, "space": space, "role": draw(st.sampled_from(ROLES))}
        for path in paths
        for space in slugs
        if draw(st.integers(0, 3)) == 0
    ]
    return {"spaces": spaces, "applications": apps, "instances": instances, "users": users, "grants": grants}


def declared(estate: dict[str, object], name: str = "estate.yaml") -> Applied:
    from json import dumps  # noqa: PLC0415 - JSON is YAML, and only here is it written

    return read(dumps(estate), name)


def names_and_facts(whole: Whole) -> Sequence[str]:
    """Everything there is, told by names: ids are new whenever something was gone for a while."""
    return sorted(
        [
            *(
                f"{s.slug} {s.kind} {s.title} {whole.estate.spaces[s.parent].slug if s.parent else ''}"
                for s in whole.estate.spaces.values()
            ),
            *(f"{whole.estate.address(r)} {r.instance}" for r in whole.estate.resources.values()),
            *(
                f"{p.user.username} {p.user.admin} {whole.estate.spaces[m.space].slug} {m.role} "
                f"{sorted((whole.estate.address(whole.estate.resources[on]), role) for on, role in m.overrides.items())}"
                for p in whole.people.values()
                for m in p.memberships.values()
            ),
            *(
                f"{whole.estate.address(whole.estate.resources[g.target])} {whole.estate.spaces[g.space].slug} {g.role}"
                for g in whole.estate.grants
            ),
        ]
    )


@given(estates(), estates())
def test_applying_twice_changes_nothing_and_applying_back_brings_everything_back(
    one: dict[str, object], two: dict[str, object]
) -> None:
    first = done(EMPTY, planned(EMPTY, declared(one)))
    assert not planned(first, declared(one))
    second = done(first, planned(first, declared(two)))
    assert not planned(second, declared(two))
    back = done(second, planned(second, declared(one)))
    assert names_and_facts(back) == names_and_facts(first)
    assert names_and_facts(done(back, planned(back, declared({})))) == []
