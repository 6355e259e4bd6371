"""What every Database promises about tokens and invitations."""

from dataclasses import replace

import pytest

from proxy.model.access import Role
from proxy.model.audit import AuditQuery, Event, Source, Update
from proxy.model.directory import Space
from proxy.model.estate import Resource
from proxy.model.identity import Person, Token, TokenKind, User, UserKind
from proxy.store import Database, Edit, Invitation, Outdated, PutPerson, PutToken, Remove, Store, Subject
from tests.conformance.things import ACME, CUSTOMER, LINE, PLANT, cookie, put, session, user

OTHER = replace(ACME, id="other", slug="other")
PERSONAL = Token(
    id="t1",
    kind=TokenKind.PERSONAL,
    name="laptop",
    created=10.0,
    created_by="ada",
    expires=99.5,
    user="ada",
    read_only=True,
    spaces=frozenset({"acme", "other"}),
    admin=True,
    networks=("192.0.2.0/24",),
)
HTTP = Token(
    id="t2", kind=TokenKind.HTTP, name="sensor", created=20.0, instance="line", paths=("/in",), methods=("GET", "POST")
)
OFFER = Invitation(
    id="i1", space="acme", role=Role.MEMBER, created=1.0, expires=2.0, created_by="ada", user="vic", email="v@x.example"
)


def value(number: int) -> bytes:
    return bytes([number]) * 32


async def filled(database: Database, *edits: Edit) -> int:
    ada = put("ada", {"acme": Role.OWNER, "other": Role.MEMBER})
    return await database.edit([ACME, CUSTOMER, OTHER, PLANT, LINE, ada, put("vic"), *edits], [])


async def told(database: Database, since: int) -> set[tuple[Subject, str]]:
    return {(change.subject, change.id) for change in await database.changes(since)}


async def test_a_token_is_found_by_the_hash_of_its_value(database: Database) -> None:
    await filled(database, PutToken(token=PERSONAL, hash=value(1)), PutToken(token=HTTP, hash=value(2)))
    assert await database.token(value(1)) == PERSONAL
    assert await database.token(value(2)) == HTTP
    assert await database.token(value(3)) is None


async def test_a_token_put_again_is_replaced_and_keeps_its_hash(database: Database) -> None:
    await filled(database, PutToken(token=PERSONAL, hash=value(1)))
    changed = replace(PERSONAL, name="desk", spaces=frozenset({"other"}), read_only=False)
    await database.edit([PutToken(token=changed)], [])
    assert await database.token(value(1)) == changed


async def test_a_token_without_limits_and_one_that_reaches_nothing_are_not_confused(database: Database) -> None:
    free = replace(PERSONAL, spaces=None)
    await filled(database, PutToken(token=free, hash=value(1)))
    assert await database.token(value(1)) == free


async def test_tokens_are_listed_newest_first_by_whom_and_what_they_are_for(database: Database) -> None:
    second = replace(PERSONAL, id="t3", created=30.0, spaces=None)
    await filled(database, *(PutToken(token=each, hash=value(n)) for n, each in enumerate((PERSONAL, HTTP, second))))
    assert await database.tokens(user="ada") == [second, PERSONAL]
    assert await database.tokens(instance="line") == [HTTP]
    assert await database.tokens(kind=TokenKind.SERVICE) == []
    assert await database.tokens() == [second, HTTP, PERSONAL]


async def test_a_change_of_a_token_is_one_step_that_names_it(database: Database) -> None:
    before = await filled(database)
    await database.edit([PutToken(token=PERSONAL, hash=value(1))], [])
    assert await told(database, before) == {(Subject.TOKEN, "t1")}
    await database.edit([Remove(kind=Token, id="t1")], [])
    assert await database.token(value(1)) is None
    assert [change.id for change in await database.changes(before)] == ["t1", "t1"]


async def test_last_use_moves_forward_only_and_nobody_is_told(database: Database) -> None:
    before = await filled(database, PutToken(token=PERSONAL, hash=value(1)), PutToken(token=HTTP, hash=value(2)))
    await database.touch_tokens([("t1", 50.0), ("t2", 60.0)])
    await database.touch_tokens([("t1", 40.0), ("gone", 1.0)])
    await database.touch_tokens([])
    assert {each.id: each.last_used for each in await database.tokens()} == {"t1": 50.0, "t2": 60.0}
    assert await database.version() == before


@pytest.mark.parametrize(
    ("removed", "token"),
    [(Remove(kind=User, id="ada"), "t1"), (Remove(kind=Resource, id="line"), "t2")],
    ids=["its user", "its instance"],
)
async def test_a_token_goes_with_what_it_is_for(database: Database, removed: Remove, token: str) -> None:
    before = await filled(database, PutToken(token=PERSONAL, hash=value(1)), PutToken(token=HTTP, hash=value(2)))
    await database.edit([removed], [])
    assert token not in {each.id for each in await database.tokens()}
    assert (Subject.TOKEN, token) in await told(database, before)


# H-12: leaving a space takes it from the limits of one's tokens; R-56: a token without any left goes


LIMITED = replace(PERSONAL, admin=False)


async def test_h12_leaving_a_space_takes_it_from_the_limits_of_ones_tokens(database: Database) -> None:
    before = await filled(database, PutToken(token=LIMITED, hash=value(1)))
    await database.edit([put("ada", {"other": Role.MEMBER})], [])
    assert await database.token(value(1)) == replace(LIMITED, spaces=frozenset({"other"}))
    assert await told(database, before) == {(Subject.USER, "ada"), (Subject.TOKEN, "t1")}


async def test_r56_a_token_whose_last_space_was_left_is_gone(database: Database) -> None:
    before = await filled(database, PutToken(token=LIMITED, hash=value(1)))
    await database.edit([put("ada")], [])
    assert await database.token(value(1)) is None
    assert await database.tokens(user="ada") == []
    assert (Subject.TOKEN, "t1") in await told(database, before)


@pytest.mark.parametrize("token", [LIMITED, PERSONAL], ids=["a member's", "an admin's"])
async def test_r56_a_token_whose_last_space_is_removed_is_gone(database: Database, token: Token) -> None:
    one = replace(token, spaces=frozenset({"other"}))
    before = await filled(database, PutToken(token=one, hash=value(1)))
    await database.edit([Remove(kind=Space, id="other")], [])
    assert await database.token(value(1)) is None
    assert (Subject.TOKEN, "t1") in await told(database, before)


LEFT = Event(
    event="team.user.removed",
    at=7.0,
    actor="olga",
    actor_name="Olga",
    source=Source.API,
    token="t9",
    address="192.0.2.1",
)


async def on_record(database: Database) -> list[Event]:
    return [each.event for each in reversed((await database.events(AuditQuery())).items)]


@pytest.mark.parametrize(
    ("edit", "event", "left"),
    [
        (put("ada", {"other": Role.MEMBER}), "user.pat.updated", ["other"]),
        (put("ada"), "user.pat.deleted", []),
        (Remove(kind=Space, id="other"), "user.pat.updated", ["acme"]),
    ],
    ids=["one of two left", "both left", "one of two removed"],
)
async def test_h12_what_a_token_loses_is_on_record_with_what_brought_it_about(
    database: Database, edit: Edit, event: str, left: list[str]
) -> None:
    await filled(database, PutToken(token=LIMITED, hash=value(1)))
    await database.edit([edit], [LEFT])
    cause, lost = await on_record(database)
    scope = {"scope_kind": "user", "scope_id": "ada", "within": ("ada",), "user": "ada"}
    changed = (Update(key="spaces", old=["acme", "other"], new=left),)
    assert cause == LEFT
    assert lost == replace(LEFT, event=event, **scope, updates=changed, body={"name": "laptop", "kind": "personal"})


async def test_h12_owners_read_of_what_a_service_account_loses(database: Database) -> None:
    bot = replace(put("bot", {"customer": Role.MEMBER}).person, user=replace(user("bot"), kind=UserKind.SERVICE))
    token = replace(LIMITED, kind=TokenKind.SERVICE, user="bot", spaces=frozenset({"customer"}))
    await filled(database, PutPerson(person=bot), PutToken(token=token, hash=value(1)))
    await database.edit([PutPerson(person=replace(bot, memberships={}))], [LEFT])
    [_, lost] = await on_record(database)
    assert (lost.event, lost.within) == ("user.pat.deleted", ("bot", "customer", "acme"))


async def test_a_token_that_goes_by_itself_or_with_its_user_is_told_by_the_event_of_that(database: Database) -> None:
    await filled(database, PutToken(token=LIMITED, hash=value(1)))
    await database.edit([Remove(kind=Token, id="t1"), put("ada")], [LEFT])
    await filled(database, PutToken(token=LIMITED, hash=value(1)))
    await database.edit([Remove(kind=User, id="ada")], [LEFT])
    assert await on_record(database) == [LEFT, LEFT]


async def test_a_token_for_a_space_below_goes_with_the_membership_above_it(database: Database) -> None:
    below = replace(LIMITED, spaces=frozenset({"customer"}))
    await filled(database, PutToken(token=below, hash=value(1)))
    await database.edit([put("ada", {"other": Role.MEMBER})], [])
    assert await database.token(value(1)) is None


async def test_a_token_keeps_a_space_that_another_membership_still_opens(database: Database) -> None:
    below = replace(LIMITED, spaces=frozenset({"customer"}))
    both = put("ada", {"acme": Role.OWNER, "customer": Role.VIEWER})
    await filled(database, both, PutToken(token=below, hash=value(1)))
    await database.edit([put("ada", {"customer": Role.VIEWER})], [])
    assert await database.token(value(1)) == below


async def test_an_edit_that_takes_no_membership_leaves_tokens_alone(database: Database) -> None:
    """Not even a space that the user was never a member of is taken then."""
    before = await filled(database, PutToken(token=replace(LIMITED, spaces=frozenset({"customer"})), hash=value(1)))
    renamed = Person(
        user=replace(user("ada"), name="Ada L."),
        memberships=put("ada", {"acme": Role.MEMBER, "other": Role.MEMBER}).person.memberships,
    )
    await database.edit([PutPerson(person=renamed)], [])
    assert await database.token(value(1)) is not None
    assert await told(database, before) == {(Subject.USER, "ada")}


async def test_an_admins_token_keeps_its_spaces_until_its_user_is_no_admin_any_more(database: Database) -> None:
    ada = put("ada", {"acme": Role.OWNER}).person
    admin = PutPerson(person=replace(ada, user=replace(ada.user, admin=True)))
    await filled(database, admin, PutToken(token=PERSONAL, hash=value(1)))
    await database.edit([PutPerson(person=replace(admin.person, memberships={}))], [])
    assert await database.token(value(1)) == PERSONAL
    await database.edit([put("ada", {"acme": Role.VIEWER})], [])
    assert await database.token(value(1)) == replace(PERSONAL, spaces=frozenset({"acme"}))


async def test_an_invitation_is_kept_listed_and_taken_back(database: Database) -> None:
    later = replace(OFFER, id="i2", space="customer", user=None, created=3.0, created_by=None)
    await filled(database, later, OFFER)
    assert await database.invitation("i1") == OFFER
    assert await database.invitation("nothing") is None
    assert await database.invitations() == [OFFER, later]
    assert await database.invitations(space="customer") == [later]
    assert await database.invitations(user="vic") == [OFFER]
    await database.edit([Remove(kind=Invitation, id="i1")], [])
    assert await database.invitations() == [later]


@pytest.mark.parametrize("removed", [Remove(kind=Space, id="acme"), Remove(kind=User, id="vic")])
async def test_an_invitation_goes_with_its_space_and_with_its_receiver(database: Database, removed: Remove) -> None:
    await database.edit([ACME, put("vic"), OFFER], [])
    await database.edit([removed], [])
    assert await database.invitations() == []


# An edit with a basis: decided on one version, written only if it still holds


@pytest.mark.parametrize(
    "between",
    [
        put("ada"),
        replace(ACME, title="New"),
        replace(PLANT, name="New"),
        PutToken(token=replace(HTTP, name="new")),
        OFFER,
        Remove(kind=Invitation, id="i9"),
    ],
    ids=["user", "space", "resource", "token", "invitation", "invitation taken back"],
)
async def test_an_edit_based_on_what_has_changed_since_is_refused(database: Database, between: Edit) -> None:
    basis = await filled(database, PutToken(token=HTTP, hash=value(2)), replace(OFFER, id="i9"))
    after = await database.edit([between], [])
    with pytest.raises(Outdated):
        await database.edit([replace(CUSTOMER, title="Not kept")], [], basis=basis)
    assert await database.version() == after
    await database.edit([replace(CUSTOMER, title="Kept")], [], basis=after)
    assert (await database.estate()).spaces["customer"].title == "Kept"


async def test_sessions_and_last_uses_do_not_outdate_an_edit(store: Store) -> None:
    basis = await filled(store.database, PutToken(token=HTTP, hash=value(2)))
    await store.shared.create_session(session("s1"), cookie("s1"), "home.example")
    await store.shared.prove("s1", 500.0)
    await store.shared.end_session("s1")
    await store.database.touch_tokens([("t2", 5.0)])
    assert await store.database.version() > basis
    await store.database.edit([replace(CUSTOMER, title="Kept")], [], basis=basis)


async def test_an_edit_based_on_a_version_that_is_too_old_or_never_was_is_refused(database: Database) -> None:
    first = await database.edit([put("ada")], [])
    await database.publish(Subject.SESSION, [f"s{number}" for number in range(10_100)])
    for basis in (first, await database.version() + 5):
        with pytest.raises(Outdated):
            await database.edit([put("vic")], [], basis=basis)
