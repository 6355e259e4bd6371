from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from config import schema
from proxy.model.access import Role
from proxy.model.audit import AuditQuery
from proxy.model.directory import Space, SpaceKind
from proxy.model.identity import Membership, Person, Session, User, UserKind, UserState
from proxy.services.audit import COMMAND_LINE, happened, on_user
from proxy.services.directory import Directory
from proxy.services.lockout import Lockout
from proxy.services.problems import Exists, Invalid, NotPossible
from proxy.services.writer import ByHand
from proxy.store import PutPerson
from proxy.store.sql import Store
from tests.peers.state import open_store

NOW = 1_800_000_000.0


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path) as opened:
        yield opened


@pytest.fixture
def directory(store: Store) -> Directory:
    numbers = iter(range(1, 100))
    return _directory(store, lambda: f"u-{next(numbers)}")


def _directory(store: Store, new_id: Callable[[], str] = str) -> Directory:
    lockout = Lockout(store.database, store.shared, schema.Lockout, lambda: NOW)
    by_hand = ByHand(database=store.database, now=lambda: NOW, by=COMMAND_LINE)
    return Directory(by_hand=by_hand, shared=store.shared, new_id=new_id, lockout=lockout)


async def test_a_user_made_by_hand_waits_for_their_password(directory: Directory, store: Store) -> None:
    await store.database.edit([Space(id="s", kind=SpaceKind.TEAM, slug="acme")], [])
    made = await directory.add(User(id="", username="max"), {"acme": Role.MEMBER})
    person = await store.database.person(made.id)
    assert person
    assert (person.user.state, person.user.declared) == (UserState.PENDING, None)
    assert dict(person.memberships) == {"s": Membership(space="s", role=Role.MEMBER)}


async def test_a_taken_name_is_refused_in_any_case(directory: Directory) -> None:
    await directory.add(User(id="", username="max"), {})
    with pytest.raises(Exists):
        await directory.add(User(id="", username="MAX"), {})


async def test_suspending_ends_every_session_of_the_user(directory: Directory, store: Store) -> None:
    made = await directory.add(User(id="", username="max"), {})
    times = {"created": NOW, "seen": NOW, "expires": NOW + 100, "idle": 100.0}
    session = Session(id="s", user_id=made.id, provider="local", amr=("pwd",), **times)
    await store.shared.create_session(session, b"c" * 32, "localhost")
    assert (await directory.suspend("max")).state is UserState.SUSPENDED
    assert list(await store.shared.sessions_of(made.id)) == []


async def test_the_last_active_admin_cannot_be_suspended(directory: Directory, store: Store) -> None:
    await directory.add(User(id="", username="root", admin=True), {})
    await directory.add(User(id="", username="second", admin=True), {})
    await directory.suspend("second")
    await directory.resume("second")
    await _activate(store, "root")
    with pytest.raises(NotPossible, match="root is the last active admin"):
        await directory.suspend("root")
    await _activate(store, "second")
    await directory.suspend("root")


async def _activate(store: Store, username: str) -> None:
    account = await store.database.account(username)
    assert account
    event = happened("user.activated", at=NOW, by=COMMAND_LINE, on=on_user(account.user.id))
    await store.database.set_password(account.user.id, "$argon2id$", event)


async def test_whoever_has_a_password_is_active_again_after_a_suspension(directory: Directory, store: Store) -> None:
    await directory.add(User(id="", username="max"), {})
    await _activate(store, "max")
    await directory.suspend("max")
    assert (await directory.resume("max")).state is UserState.ACTIVE


async def test_a_service_account_acts_again_after_a_suspension(directory: Directory, store: Store) -> None:
    bot = User(id="bot", username="bot", kind=UserKind.SERVICE)
    await store.database.edit([PutPerson(person=Person(user=bot, memberships={}))], [])
    await directory.suspend("bot")
    assert (await directory.resume("bot")).state is UserState.ACTIVE


async def test_nobody_is_made_a_member_of_the_space_of_everyone(directory: Directory, store: Store) -> None:
    await store.database.edit([Space(id="e", kind=SpaceKind.EVERYONE, slug="everyone")], [])
    with pytest.raises(Invalid, match="no space that has members"):
        await directory.add(User(id="", username="max"), {"everyone": Role.OWNER})


async def test_whoever_is_locked_out_may_log_in_again(directory: Directory, store: Store) -> None:
    made = await directory.add(User(id="", username="max"), {})
    await _activate(store, "max")
    for _ in range(10):
        await directory.lockout.settle(made.id, "192.0.2.1", right=False)
    assert await directory.lockout.holds(made.id, "192.0.2.1")
    await directory.resume("max")
    assert not await directory.lockout.holds(made.id, "192.0.2.1")
    events = await store.database.events(AuditQuery(events=("user.unlocked",)))
    assert [each.event.user for each in events.items] == [made.id]
