"""A copy holds all that was kept, and whoever opens it goes on where the other stopped."""

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.model.access import Role
from proxy.model.audit import AuditQuery, Event
from proxy.model.estate import Grant, PlatformSettings, Resource, ResourceKind
from proxy.model.identity import Factor, FactorKind, Token, TokenKind
from proxy.store import Invitation, PutFactor, PutToken, Store
from proxy.store.chain import PRUNED, beginning, verify
from proxy.store.sql import FILE
from proxy.store.sql.copying import NotCopied, copy
from proxy.store.sql.holding import hold
from tests.conformance.things import ACME, CUSTOMER, EVENT, LINE, PLANT, cookie, opened, put, session
from tests.peers.postgresql import Postgresql

TOKEN = Token(id="t1", kind=TokenKind.PERSONAL, name="laptop", created=1.0, user="ada", spaces=frozenset({"acme"}))
FACTOR = Factor(
    id="f1",
    user="ada",
    kind=FactorKind.PASSKEY,
    name="key",
    created=1.0,
    secret=b"\0cose",
    credential=b"\xffid",
    counter=3,
)
OFFER = Invitation(id="i1", space="acme", role=Role.MEMBER, created=1.0, expires=2.0, user="vic")
PRUNING = Event(event=PRUNED, at=1_000.0)


@pytest.fixture
async def url(postgresql_server: Postgresql) -> str:
    return postgresql_server.url(await postgresql_server.new_database())


async def fill(store: Store) -> None:
    folder = Resource(id="folder", kind=ResourceKind.FOLDER, slug="folder", owner="acme", members=frozenset({"line"}))
    share = Grant(target="plant", space="customer", role=Role.DASHBOARD)
    people = [replace(put("ada", {"acme": Role.OWNER}, line=Role.NONE), password_hash="$argon2id$"), put("vic")]
    things = [ACME, CUSTOMER, PLANT, LINE, folder, share, PlatformSettings(tenant_mode=True)]
    await store.database.record(replace(EVENT, at=1.0), replace(EVENT, at=2.0))
    await store.database.prune_events(2.0, PRUNING)
    await store.database.edit(
        [*things, *people, PutToken(token=TOKEN, hash=b"h" * 32), PutFactor(factor=FACTOR), OFFER], [EVENT]
    )
    await store.database.begin(replace(EVENT, scope_id="line", within=("line", "plant", "acme")), until=5_000.0)
    await store.database.advance("syslog", 2)
    await store.shared.create_session(session("s1"), cookie("s1"), "home.example")
    await store.shared.put("activation", "value", until=900.0)


async def all_of(store: Store) -> tuple[object, ...]:
    database, shared = store.database, store.shared
    events = await database.events_after(0, 1_000)
    pruned = [row.event for row in events if row.event.event == PRUNED]
    assert verify(events, beginning(pruned[-1])) is None
    return (
        await database.estate(),
        await database.changes(1),
        await database.people(),
        await database.account("ada"),
        await database.token(b"h" * 32),
        await database.factors("ada"),
        await database.invitations(),
        events,
        await database.events(AuditQuery(scope="plant")),
        await database.unfinished(9_000.0),
        await database.position("syslog"),
        await shared.session(cookie("s1")),
        await shared.get("activation", 100.0),
    )


async def test_whoever_opens_the_copy_knows_everybody_and_goes_on(tmp_path: Path, url: str) -> None:
    async with opened(str(tmp_path)) as store:
        await fill(store)
        before = await all_of(store)
        version = await store.database.version()
    copied = await copy(tmp_path, url)
    assert (copied["user"], copied["token"], copied["session"]) == (2, 1, 1)
    async with opened(url) as store:
        assert await all_of(store) == before
        assert await store.database.edit([put("max")], [EVENT]) == version + 1
        await all_of(store)  # the chain goes on


async def test_a_copy_can_be_copied_back(tmp_path: Path, url: str) -> None:
    async with opened(str(tmp_path / "old")) as store:
        await fill(store)
        before = await all_of(store)
    await copy(tmp_path / "old", url)
    await copy(url, tmp_path / "new")
    async with opened(str(tmp_path / "new")) as store:
        assert await all_of(store) == before


async def test_a_target_that_is_not_empty_is_refused_and_left_alone(tmp_path: Path, url: str) -> None:
    async with opened(str(tmp_path)) as store:
        await fill(store)
    async with opened(url) as store:
        await store.database.edit([put("max")], [])
    with pytest.raises(NotCopied, match=r"not empty: its table \w+ has 1 rows"):
        await copy(tmp_path, url)
    async with opened(url) as store:
        assert [user.id for user in await store.database.users()] == ["max"]


async def test_a_log_that_does_not_verify_is_not_copied(tmp_path: Path, url: str) -> None:
    async with opened(str(tmp_path)) as store:
        await fill(store)
    with closing(sqlite3.connect(tmp_path / FILE)) as connection, connection:
        connection.execute("UPDATE audit_event SET actor_name = 'Eve' WHERE id = 4")
    with pytest.raises(NotCopied, match="row 4 does not verify"):
        await copy(tmp_path, url)
    async with opened(url) as store:
        assert await store.database.users() == []


async def test_a_folder_without_state_is_refused_and_stays_empty(tmp_path: Path, url: str) -> None:
    with pytest.raises(NotCopied, match="There is no flowward"):
        await copy(tmp_path / "var", url)
    assert not await asyncio.to_thread((tmp_path / "var").exists)


@pytest.mark.parametrize("alone", [True, False], ids=["alone", "with others"])
async def test_while_a_gateway_is_at_work_on_the_source_nothing_is_copied(
    tmp_path: Path, url: str, alone: bool
) -> None:
    for place, target in ((tmp_path / "var", url), (url, tmp_path / "new")):
        async with opened(str(place)), hold(place, alone=alone):
            with pytest.raises(NotCopied, match=r"A gateway is at work on the source, .* Stop it first"):
                await copy(place, target)
    assert not await asyncio.to_thread((tmp_path / "new").exists)
