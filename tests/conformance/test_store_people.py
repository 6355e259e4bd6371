"""What every Database promises about looking for people."""

from dataclasses import replace
from typing import Any

import pytest

from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.identity import Person, User, UserKind, UserState
from proxy.store import Database, PeopleQuery, PutPerson, Remove
from tests.conformance.things import ACME, CUSTOMER, EVENT, put


def person(username: str, /, *, space: str = "", role: Role = Role.MEMBER, **fields: Any) -> PutPerson:
    made = put(username, {space: role} if space else {}).person
    return PutPerson(person=replace(made, user=replace(made.user, **fields)))


async def names(database: Database, query: PeopleQuery) -> list[str]:
    return [each.user.username for each in (await database.search(query)).items]


async def test_service_accounts_are_no_people_and_found_by_their_kind(database: Database) -> None:
    bot = person("bot", space="acme", kind=UserKind.SERVICE)
    await database.edit([ACME, bot, person("ada", space="acme")], [])
    space = frozenset({"acme"})
    assert await names(database, PeopleQuery(spaces=space)) == ["ada"]
    assert await names(database, PeopleQuery(spaces=space, kind=UserKind.SERVICE)) == ["bot"]
    assert await database.count_members("acme") == 1


async def filled(database: Database) -> None:
    people = [
        person("Bob", space="acme", name="Robert Öz", email="bob@acme.example"),
        person("ada", space="customer", role=Role.OWNER, name="Ada_L"),
        person("a-team", space="acme", state=UserState.SUSPENDED),
        person("cleo", state=UserState.PENDING),
    ]
    await database.edit([ACME, CUSTOMER, *people], [])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (PeopleQuery(), ["a-team", "ada", "Bob", "cleo"]),
        (PeopleQuery(text="BOB"), ["Bob"]),
        (PeopleQuery(text="öZ"), ["Bob"]),
        (PeopleQuery(text="@ACME"), ["Bob"]),
        (PeopleQuery(text="a_l"), ["ada"]),
        (PeopleQuery(text="%"), []),
        (PeopleQuery(text="b\0b"), []),
        (PeopleQuery(spaces=frozenset({"acme"})), ["a-team", "Bob"]),
        (PeopleQuery(spaces=frozenset({"acme", "customer"})), ["a-team", "ada", "Bob"]),
        (PeopleQuery(spaces=frozenset()), []),
        (PeopleQuery(spaces=frozenset(), also="cleo"), ["cleo"]),
        (PeopleQuery(spaces=frozenset({"customer"}), also="cleo", text="c"), ["cleo"]),
        (PeopleQuery(states=frozenset({UserState.ACTIVE})), ["ada", "Bob"]),
        (PeopleQuery(after="ADA"), ["Bob", "cleo"]),
        (PeopleQuery(backwards=True), ["cleo", "Bob", "ada", "a-team"]),
        (PeopleQuery(backwards=True, after="BOB"), ["ada", "a-team"]),
        (PeopleQuery(skip=1, limit=2), ["ada", "Bob"]),
        (PeopleQuery(skip=3, limit=2, backwards=True), ["a-team"]),
        (PeopleQuery(skip=4), []),
    ],
)
async def test_people_are_found_in_the_order_of_their_names(
    database: Database, query: PeopleQuery, found: list[str]
) -> None:
    await filled(database)
    assert await names(database, query) == found


async def test_a_page_behind_the_last_says_how_many_there_are(database: Database) -> None:
    await filled(database)
    page = await database.search(PeopleQuery(skip=9))
    assert (page.items, page.total, page.more) == ([], 4, False)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 7])
async def test_pages_hold_everybody_once_and_say_how_many_there_are(
    database: Database, limit: int, backwards: bool
) -> None:
    await filled(database)
    found: list[str] = []
    more = True
    while more:
        query = PeopleQuery(limit=limit, after=found[-1] if found else "", backwards=backwards)
        page = await database.search(query)
        assert page.total == 4
        found += [each.user.username for each in page.items]
        more = page.more
    there = ["a-team", "ada", "Bob", "cleo"]
    assert found == (there[::-1] if backwards else there)


async def test_people_come_with_their_memberships(database: Database) -> None:
    await filled(database)
    [ada] = (await database.search(PeopleQuery(text="ada"))).items
    assert ada.memberships == put("ada", {"customer": Role.OWNER}).person.memberships


async def test_active_admins_are_counted(database: Database) -> None:
    await database.edit(
        [
            person("ada", admin=True),
            person("bob", admin=True, state=UserState.SUSPENDED),
            person("bot", admin=True, kind=UserKind.SERVICE),
            person("vic"),
        ],
        [],
    )
    assert await database.admins() == ["ada"]


async def test_active_owners_of_a_space_are_counted_and_so_are_its_members(database: Database) -> None:
    await database.edit(
        [
            ACME,
            CUSTOMER,
            person("ada", space="acme", role=Role.OWNER),
            person("bob", space="acme", role=Role.OWNER, state=UserState.SUSPENDED),
            person("bot", space="acme", role=Role.OWNER, kind=UserKind.SERVICE),
            person("vic", space="acme"),
            person("max", space="customer", role=Role.OWNER),
        ],
        [],
    )
    assert await database.owners("acme") == ["ada"]
    assert await database.count_members("acme") == 3
    assert (await database.owners("nowhere"), await database.count_members("nowhere")) == ([], 0)


async def test_the_spaces_of_a_group_s_people_are_told_but_not_of_a_team_s_people(database: Database) -> None:
    spaces = [Space(id=name, kind=SpaceKind.CUSTOMER, slug=name, parent="acme") for name in ("a", "b", "c")]
    group = Space(id="group", kind=SpaceKind.GROUP, slug="group", parent="acme")
    both, staff = {"group": Role.VIEWER, "a": Role.VIEWER}, {"group": Role.VIEWER, "b": Role.OWNER, "acme": Role.VIEWER}
    outside = {"c": Role.OWNER}
    await database.edit([ACME, *spaces, group, put("ada", both), put("sam", staff), put("cleo", outside)], [])
    assert set(await database.spaces_of_members("group")) == {"group", "a"}
    assert set(await database.spaces_of_members("nowhere")) == set()
    assert {id_: set(met) for id_, met in (await database.spaces_met()).items()} == {"group": {"group", "a"}}


async def test_a_chosen_password_is_no_longer_expired_but_one_hashed_anew_is(database: Database) -> None:
    person_ = Person(user=User(id="ada", username="ada", password_expired=True), memberships={})
    await database.edit([PutPerson(person=person_, password_hash="old")], [])
    assert await database.set_password("ada", "rehashed", EVENT, instead_of="old")
    account = await database.account("ada")
    assert account is not None
    assert account.password_expired
    assert await database.set_password("ada", "new", EVENT)
    account = await database.account("ada")
    assert account is not None
    assert not account.password_expired


async def test_a_list_that_was_read_before_is_as_people_are_now(database: Database) -> None:
    """Whatever is remembered of it holds for as long as nothing changes."""

    async def seen(query: PeopleQuery) -> tuple[list[str], int, bool]:
        page = await database.search(query)
        return [each.user.username for each in page.items], page.total, page.more

    query = PeopleQuery(text="tallied", limit=2)
    await database.edit([person(f"tallied-{number}") for number in range(3)], [])
    for _ in range(2):
        assert await seen(query) == (["tallied-0", "tallied-1"], 3, True)
        assert await seen(replace(query, after="tallied-1")) == (["tallied-2"], 3, False)
        assert await seen(replace(query, after="Tallied-2", backwards=True)) == (["tallied-1", "tallied-0"], 3, False)
    gone = await database.account("tallied-0")
    assert gone is not None
    await database.edit([person("tallied-3"), Remove(kind=User, id=gone.user.id)], [])
    assert await seen(replace(query, skip=1)) == (["tallied-2", "tallied-3"], 3, False)
