"""Owners and shares over HTTP."""

import pytest

from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Grant, InstanceSettings, Resource, ResourceKind
from tests.proxy.web.api.yard import DASHBOARD, MEMBER, OWNER, UPSTREAM, VIEWER, Someone, Team, Yard

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def thing(yard: Yard, owner: str, parent: str | None = None) -> str:
    id_ = yard.name("thing")
    place = {"parent": parent} if parent else {"owner": owner}
    await yard.put(Resource(id=id_, kind=ResourceKind.THING, slug=id_, **place))  # type: ignore[arg-type]
    return id_


async def share(who: Someone, what: str, space: str, role: str) -> int:
    return (await who.post(f"/resources/{what}/grants", {"space": space, "role": role})).status


async def customers(yard: Yard) -> tuple[Team, Space, Space]:
    team = await yard.team()
    return team, await yard.below(team.id), await yard.below(team.id)


async def test_c_03_what_a_customer_owns_is_for_that_customer_and_owners_above(yard: Yard) -> None:
    team, a, b = await customers(yard)
    owner, viewer = await yard.someone({team.id: OWNER}), await yard.someone({team.id: VIEWER})
    of_a, of_b = await yard.someone({a.id: DASHBOARD}), await yard.someone({b.id: DASHBOARD})
    what = await thing(yard, team.id)
    assert (await viewer.get(f"/things/{what}")).status == 200
    handed = await owner.put(f"/resources/{what}/owner", {"owner": a.slug})
    assert (handed.status, handed.json["owner"]["id"]) == (200, a.id)  # type: ignore[index]
    statuses = [(await user.get(f"/things/{what}")).status for user in (of_a, of_b, owner, viewer)]
    assert statuses == [200, 404, 200, 404]
    assert (await owner.put(f"/resources/{what}/owner", {"owner": team.id})).status == 200
    assert (await of_a.get(f"/things/{what}")).status == 404
    told = await yard.events(what, "resource.owner-changed")
    assert [(each.old, each.new) for event in told for each in event.updates] == [
        (team.slug, a.slug),
        (a.slug, team.slug),
    ]


async def test_c_13_the_owner_of_the_team_still_changes_what_a_customer_owns(yard: Yard) -> None:
    team, a, _ = await customers(yard)
    owner, what = await yard.someone({team.id: OWNER}), await thing(yard, a.id)
    assert (await owner.put(f"/things/{what}", {"name": "Renamed"})).json["name"] == "Renamed"


async def test_c_15_a_customer_hands_nothing_to_spaces_it_does_not_own(yard: Yard) -> None:
    team, a, b = await customers(yard)
    inside, what = await yard.someone({a.id: OWNER}), await thing(yard, a.id)
    for space in (b.id, team.id, "no-such"):
        answer = await inside.put(f"/resources/{what}/owner", {"owner": space})
        assert (answer.status, list(answer.faults)) == (422, ["/owner"])


async def test_c_08_what_is_handed_over_leaves_the_old_owners_folders_and_shares(yard: Yard) -> None:
    team, a, b = await customers(yard)
    owner, of_b = await yard.someone({team.id: OWNER}), await yard.someone({b.id: VIEWER})
    what, child = await thing(yard, team.id), ""
    child = await thing(yard, team.id, what)
    folder = Resource(
        id=yard.name("folder"), kind=ResourceKind.FOLDER, slug=yard.name(), owner=team.id, members=frozenset({what})
    )
    await yard.put(
        folder, Grant(target=folder.id, space=b.id, role=VIEWER), Grant(target=child, space=b.id, role=VIEWER)
    )
    assert {await _status(of_b, what), await _status(of_b, child)} == {200}
    await owner.put(f"/resources/{what}/owner", {"owner": a.id})
    assert {await _status(of_b, what), await _status(of_b, child)} == {404}
    assert (await yard.estate()).resources[folder.id].members == frozenset()


async def _status(user: Someone, what: str) -> int:
    return (await user.get(f"/things/{what}")).status


async def test_c_04_several_customers_open_what_is_shared_with_them_and_change_nothing(yard: Yard) -> None:
    team, a, b = await customers(yard)
    owner, what = await yard.someone({team.id: OWNER}), await thing(yard, team.id)
    for customer in (a, b):
        assert await share(owner, what, customer.id, "dashboard") == 200
        user = await yard.someone({customer.id: OWNER})
        assert (await user.get(f"/things/{what}")).status == 200
        assert (await user.put(f"/things/{what}", {"name": "x"})).status == 403
    listed = (await owner.get(f"/resources/{what}/grants")).items
    assert {(item["space"]["id"], item["role"]) for item in listed} == {  # type: ignore[index]
        (a.id, "dashboard"),
        (b.id, "dashboard"),
    }


@pytest.mark.parametrize(
    ("role", "read", "edit", "settings"),
    [("dashboard", 200, 403, 403), ("viewer", 200, 403, 403), ("member", 200, 200, 403)],
)
async def test_c_05_a_share_gives_at_most_its_role(yard: Yard, role: str, read: int, edit: int, settings: int) -> None:
    team, a, _ = await customers(yard)
    owner, user = await yard.someone({team.id: OWNER}), await yard.someone({a.id: OWNER})
    what, line = await thing(yard, team.id), team.at("p1", "line")
    for target in (what, line):
        assert await share(owner, target, a.id, role) == 200
    assert (await user.get(f"/things/{what}")).status == read
    assert (await user.put(f"/things/{what}", {"name": "x"})).status == edit
    assert (await user.put(f"/instances/{line}", {"name": "x"})).status == settings
    assert (await user.delete(f"/things/{what}")).status == settings


async def test_c_06_a_share_does_not_reach_what_another_owns_in_it(yard: Yard) -> None:
    team, a, b = await customers(yard)
    building = await thing(yard, team.id)
    office_a = await thing(yard, team.id, building)
    office_b = yard.name("office")
    await yard.put(Resource(id=office_b, kind=ResourceKind.THING, slug=office_b, parent=building, owner=b.id))
    owner, user = await yard.someone({team.id: OWNER}), await yard.someone({a.id: VIEWER})
    await share(owner, building, a.id, "viewer")
    assert set(await user.ids("/things")) == {building, office_a}
    assert await _status(user, office_b) == 404


async def test_c_20_a_share_stays_in_the_tree_of_the_owner(yard: Yard) -> None:
    _, a, b = await customers(yard)
    stranger = await yard.team()
    owner, what = await yard.someone({a.id: OWNER}), await thing(yard, a.id)
    answers = [
        await owner.post(f"/resources/{what}/grants", {"space": space, "role": "viewer"})
        for space in (b.id, stranger.id, "no-such", "everyone")
    ]
    assert {(answer.status, answer.text) for answer in answers} == {(422, answers[0].text)}, "all read the same"


async def test_c_20_a_share_reaches_down_and_up(yard: Yard) -> None:
    team, a, _ = await customers(yard)
    sub = await yard.below(a.id)
    owner, what = await yard.someone({a.id: OWNER}), await thing(yard, a.id)
    assert [await share(owner, what, space, "viewer") for space in (sub.id, a.id, team.id)] == [200, 200, 200]


@pytest.mark.parametrize("role", [DASHBOARD, VIEWER, MEMBER])
async def test_c_20_below_owner_nobody_shares(yard: Yard, role: Role) -> None:
    team, a, _ = await customers(yard)
    user, what = await yard.someone({team.id: role}), await thing(yard, team.id)
    answer = await user.post(f"/resources/{what}/grants", {"space": a.id, "role": "owner"})
    assert (answer.status, answer.code) == (403, "role_too_low")


async def test_a_share_is_changed_and_taken_back_each_on_record_once(yard: Yard) -> None:
    team, a, _ = await customers(yard)
    owner, what = await yard.someone({team.id: OWNER}), await thing(yard, team.id)
    for _ in range(2):
        assert await share(owner, what, a.slug, "viewer") == 200
    changed = await owner.post(f"/resources/{what}/grants", {"space": a.slug, "role": "member"}, If_Match="*")
    assert changed.status == 200
    assert (await owner.delete(f"/resources/{what}/grants/{a.slug}")).status == 204
    assert (await owner.delete(f"/resources/{what}/grants/{a.slug}")).status == 404
    told = [(event.event, each.old, each.new) for event in await yard.events(what) for each in event.updates]
    assert told == [
        ("share.created", None, "viewer"),
        ("share.updated", "viewer", "member"),
        ("share.deleted", "member", None),
    ]


async def test_t_09_nothing_is_shared_with_everyone_while_everyone_is_switched_off(yard: Yard) -> None:
    team = await yard.team()
    everyone = Space(id=yard.name("e"), kind=SpaceKind.EVERYONE, slug=yard.name("everyone"))
    await yard.put(everyone)
    admin, owner = await yard.someone(admin=True), await yard.someone({team.id: OWNER})
    user, what = await yard.someone(), await thing(yard, team.id)
    assert await share(owner, what, everyone.id, "dashboard") == 422, "that is for admins"
    assert await share(admin, what, everyone.id, "dashboard") == 200
    assert await _status(user, what) == 200
    await yard.settings(disable_all_users=True)
    try:
        assert await _status(user, what) == 404, "what was shared is inert"
        refused = await admin.post(f"/resources/{team.at('p1')}/grants", {"space": everyone.id, "role": "dashboard"})
        assert (refused.status, refused.code) == (400, "all_users_disabled")
        assert "disable_all_users" in refused.faults["/space"]
    finally:
        await yard.settings()
    assert await _status(user, what) == 200
    assert (await admin.delete(f"/resources/{what}/grants/{everyone.slug}")).status == 204


async def test_a_preview_names_who_gains_what_and_writes_nothing(yard: Yard) -> None:
    team, a, _ = await customers(yard)
    owner = await yard.someone({team.id: OWNER})
    gains, has = await yard.someone({a.id: MEMBER}), await yard.someone({a.id: OWNER, team.id: OWNER})
    path, wanted = f"/resources/{team.at('p1')}/grants", {"space": a.id, "role": "viewer"}
    assert (await gains.post(f"{path}?preview=1", wanted)).status == 404, "asked for as the share itself is"
    seen = await owner.post(f"{path}?preview=1", wanted)
    found = seen.json["gains"]
    assert isinstance(found, list)
    assert [(each["id"], each["before"], each["after"]) for each in found] == [(gains.id, "none", "viewer")]
    assert has.id not in seen.text
    assert ((await owner.get(path)).items, await yard.events(team.at("p1"))) == ([], [])
    assert (await gains.get(f"/applications/{team.at('p1')}")).status == 404


async def test_only_spaces_that_are_known_are_named_in_shares(yard: Yard) -> None:
    team, a, b = await customers(yard)
    inside = await yard.someone({a.id: VIEWER})
    line = Resource(
        id=yard.name("line"),
        kind=ResourceKind.INSTANCE,
        slug=yard.name(),
        parent=team.at("p1"),
        instance=InstanceSettings(upstream=UPSTREAM),
    )
    await yard.put(line, *(Grant(target=line.id, space=each.id, role=VIEWER) for each in (a, b)))
    await yard.settings(tenant_mode=True)
    try:
        answer = await inside.get(f"/resources/{line.id}/grants")
        assert [item["space"]["id"] for item in answer.items] == [a.id]  # type: ignore[index]
        shown = await inside.get(f"/instances/{line.id}")
        assert (b.slug in shown.text, shown.json["owner"], shown.json["address"]) == (False, None, None)
    finally:
        await yard.settings()


async def test_a_preview_warns_of_a_group_that_mingles_customers(yard: Yard) -> None:
    """6.1: sub-customers of one house are one customer, and people of the team are of none."""
    team, a, b = await customers(yard)
    below, group = await yard.below(a.id), await yard.below(team.id, SpaceKind.GROUP, "group")
    owner, what = await yard.someone({team.id: OWNER, b.id: OWNER, group.id: VIEWER}), await thing(yard, team.id)

    async def warnings() -> object:
        path = f"/resources/{what}/grants?preview=1"
        return (await owner.post(path, {"space": group.id, "role": "viewer"})).json["warnings"]

    await yard.someone({group.id: VIEWER, a.id: VIEWER})
    await yard.someone({group.id: VIEWER, below.id: VIEWER})
    assert await warnings() == []
    await yard.someone({group.id: VIEWER, b.id: VIEWER})
    assert await warnings() == ["mingled_group"]


async def test_a_share_gets_another_role_only_from_who_has_seen_the_one_it_has(yard: Yard) -> None:
    team, a, _ = await customers(yard)
    owner, what = await yard.someone({team.id: OWNER}), await thing(yard, team.id)
    path, one = f"/resources/{what}/grants", f"/resources/{what}/grants/{a.slug}"
    gone = await owner.post(path, {"space": a.id, "role": "viewer"}, If_Match='"seen before"')
    assert gone.status == 404, "what was seen is not there any more"
    assert (await owner.post(path, {"space": a.id, "role": "viewer"}, If_Match="*")).status == 200
    assert await share(owner, what, a.id, "viewer") == 200, "that changes nothing"
    blind = await owner.post(path, {"space": a.id, "role": "member"})
    assert (blind.status, blind.code) == (428, "precondition_required")
    tag = (await owner.get(one)).headers["ETag"]
    first = await owner.post(path, {"space": a.id, "role": "member"}, If_Match=tag)
    late = await owner.post(path, {"space": a.id, "role": "dashboard"}, If_Match=tag)
    assert (first.status, late.status, late.code) == (200, 412, "changed")
    assert (await owner.get(one)).json["role"] == "member"
    told = await yard.events(what, "share.updated")
    assert [(each.old, each.new) for event in told for each in event.updates] == [("viewer", "member")]


async def test_a_share_is_taken_back_only_by_who_has_seen_it(yard: Yard) -> None:
    team, a, _ = await customers(yard)
    owner, what = await yard.someone({team.id: OWNER}), await thing(yard, team.id)
    path, one = f"/resources/{what}/grants", f"/resources/{what}/grants/{a.id}"
    assert (await owner.get(one)).status == 404
    await share(owner, what, a.id, "viewer")
    tag = (await owner.get(one)).headers["ETag"]
    assert (await owner.post(path, {"space": a.id, "role": "member"}, If_Match=tag)).status == 200
    late = await owner.delete(one, If_Match=tag)
    assert (late.status, late.code) == (412, "changed")
    assert (await owner.client.call("DELETE", one)).status == 428
    assert (await owner.delete(one, If_Match=(await owner.get(one)).headers["ETag"])).status == 204
