"""What every Database promises of passwords, and of mails that wait."""

import asyncio
from dataclasses import replace

from proxy.model.access import Role
from proxy.model.audit import AuditQuery, Event
from proxy.model.directory import Space, SpaceKind
from proxy.model.identity import Person, User, UserState
from proxy.store import Account, Database, Invitation, Letter, PutPerson, Remove, Store

ADA = Person(user=User(id="ada", username="ada", email="ada@acme.example"), memberships={})
LETTER = Letter(id="l1", kind="reset-link", user="ada", sealed=b"\0sealed", at=100.0, until=900.0)


def chosen(at: float) -> Event:
    return Event(event="user.updated-password", at=at)


async def account(database: Database) -> Account:
    found = await database.account("ada")
    assert found is not None
    return found


async def test_s_04_a_password_knows_when_it_was_chosen_and_what_was_before_it(database: Database) -> None:
    await database.edit([PutPerson(person=ADA, password_hash="first")], [])
    assert (await account(database)).password_set is None, "nobody knows of one that was put there"
    for number, name in enumerate(("second", "third", "fourth")):
        assert await database.set_password("ada", name, chosen(10.0 + number), keep=2)
    assert (await account(database)).password_set == 12.0
    assert await database.former_passwords("ada") == ["third", "second"]
    assert await database.set_password("ada", "fifth", chosen(13.0))
    assert await database.former_passwords("ada") == [], "where none may be kept, none is"


async def test_s_04_a_hash_made_anew_is_the_same_password(database: Database) -> None:
    await database.edit([PutPerson(person=ADA)], [])
    await database.set_password("ada", "first", chosen(10.0), keep=2)
    assert await database.set_password("ada", "rehashed", chosen(20.0), instead_of="first", keep=2)
    assert (await account(database)).password_set == 10.0
    assert await database.former_passwords("ada") == []


async def test_former_passwords_go_with_their_user(database: Database) -> None:
    await database.edit([PutPerson(person=ADA, password_hash="first")], [])
    await database.set_password("ada", "second", chosen(10.0), keep=2)
    await database.edit([Remove(kind=User, id="ada")], [])
    assert await database.former_passwords("ada") == []


async def test_s_06_a_password_expires_once_and_only_if_it_is_old(database: Database) -> None:
    await database.edit([PutPerson(person=ADA, password_hash="first")], [])
    event = Event(event="user.updated-user", at=50.0)
    assert not await database.expire_password("ada", event, set_before=1000.0), "nobody knows how old it is"
    await database.set_password("ada", "second", chosen(10.0))
    assert not await database.expire_password("ada", event, set_before=10.0)
    before = await database.version()
    assert await database.expire_password("ada", event, set_before=10.5)
    assert not await database.expire_password("ada", event, set_before=10.5)
    assert (await account(database)).password_expired
    assert [change.id for change in await database.changes(before)] == ["ada"]
    await database.set_password("ada", "third", chosen(60.0))
    assert not (await account(database)).password_expired


async def test_a_suspended_user_gets_no_password(database: Database) -> None:
    shut_out = replace(ADA, user=replace(ADA.user, state=UserState.SUSPENDED))
    await database.edit([PutPerson(person=shut_out, password_hash="first")], [])
    assert not await database.set_password("ada", "second", chosen(10.0), keep=2)
    assert await database.former_passwords("ada") == []


async def test_a_mail_waits_with_its_event_and_survives(store: Store, other: Store) -> None:
    await store.database.post([LETTER, replace(LETTER, id="l2", at=50.0)], [Event(event="account.locked", at=1.0)])
    assert [letter.id for letter in await other.database.letters(100.0, 10)] == ["l2", "l1"]
    assert await other.database.letters(99.0, 10) == [replace(LETTER, id="l2", at=50.0)]
    assert [letter.id for letter in await other.database.letters(100.0, 1)] == ["l2"]
    assert (await other.database.events(AuditQuery(events=("account.locked",)))).total == 1


async def test_of_many_processes_one_sends_a_mail(store: Store, other: Store) -> None:
    await store.database.post([LETTER], [])
    tries = [(store, other)[n % 2].database.claim(LETTER, 130.0) for n in range(10)]
    assert sorted(await asyncio.gather(*tries)) == [False] * 9 + [True]
    assert await store.database.letters(129.0, 10) == []
    (again,) = await store.database.letters(130.0, 10)
    assert again == replace(LETTER, at=130.0, attempts=1)
    await other.database.drop(again, Event(event="account.locked", at=1.0))
    assert await store.database.letters(1000.0, 10) == []
    assert (await store.database.events(AuditQuery(events=("account.locked",)))).total == 1


async def test_invitations_of_an_address_are_those_that_are_nobodys_yet(database: Database) -> None:
    acme = Space(id="acme", kind=SpaceKind.TEAM, slug="acme")
    made = Invitation(id="i1", space="acme", role=Role.VIEWER, created=1.0, expires=9.0, email="New@Acme.example")
    theirs = replace(made, id="i2", user="ada")
    await database.edit([acme, PutPerson(person=ADA), made, theirs, replace(made, id="i3", email="x@acme.example")], [])
    assert await database.invitations(email="new@acme.EXAMPLE") == [made]
