"""A change to any row of a real store is found, and named."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.model.audit import Event, Update
from proxy.services.audit_chain import verify_log
from proxy.store import Database
from proxy.store.sql import FILE
from tests.peers.state import open_store

EVENT = Event(
    event="account.login", at=1.5, actor_name="ada", updates=(Update(key="a", new=[1]),), body={"ä": None, "b": 2.0}
)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_store(tmp_path) as opened:
        await opened.database.record(*[EVENT] * 450)
        yield opened.database


async def test_a_log_as_it_was_written_verifies(database: Database) -> None:
    verdict = await verify_log(database)
    assert (verdict.broken, verdict.count, verdict.last.id, len(verdict.last.hash)) == (None, 450, 450, 64)


@pytest.mark.parametrize(
    ("tampering", "named"),
    [
        ("UPDATE audit_event SET actor_name = 'adb' WHERE id = 300", 300),
        ("UPDATE audit_event SET hash = replace(hash, substr(hash, 1, 1), 'x') WHERE id = 300", 300),
        ("DELETE FROM audit_event WHERE id = 300", 301),
        ("DELETE FROM audit_event WHERE id < 300", 300),
        ("UPDATE audit_event SET id = 1000 WHERE id = 300", 301),
    ],
)
async def test_the_first_row_that_was_tampered_with_is_named(
    database: Database, tmp_path: Path, tampering: str, named: int
) -> None:
    """A-05."""
    with sqlite3.connect(tmp_path / FILE) as direct:
        assert direct.execute(tampering).rowcount
    direct.close()
    broken = (await verify_log(database)).broken
    assert broken
    assert broken.id == named


async def test_an_empty_log_verifies(tmp_path: Path) -> None:
    async with open_store(tmp_path) as opened:
        verdict = await verify_log(opened.database)
    assert (verdict.broken, verdict.count) == (None, 0)
