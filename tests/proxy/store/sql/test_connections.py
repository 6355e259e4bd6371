"""Trouble with the file is told as such, in time, and leaves nothing behind."""

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from proxy.store import StoreUnavailable
from proxy.store.sql import FILE, Store, open_store
from tests.conformance.things import put
from tests.peers.changes import promised


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path) as opened:
        yield opened


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Another program at the same file."""
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as opened:
        yield opened


def modes(directory: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in directory.iterdir()}


def pragma(path: Path, name: str) -> object:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


async def test_the_file_is_in_wal_mode_and_for_our_eyes_only(store: Store, tmp_path: Path) -> None:
    await store.database.edit([put("ada")], [])
    assert pragma(tmp_path / FILE, "journal_mode") == "wal"
    assert modes(tmp_path) == {0o600}


async def test_a_missing_directory_is_made_for_our_eyes_only(tmp_path: Path) -> None:
    async with open_store(tmp_path / "a" / "var") as store:
        assert await store.database.version() == 0
    assert (tmp_path / "a" / "var").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", ["per%cent", "quest?ion#mark", "späce bar"])
async def test_a_directory_may_have_any_name(tmp_path: Path, name: str) -> None:
    async with open_store(tmp_path / name) as store:
        await store.database.edit([put("ada")], [])
    assert (tmp_path / name / FILE).is_file()


async def test_many_may_open_a_new_store_at_once(tmp_path: Path) -> None:
    async def add(name: str) -> None:
        async with open_store(tmp_path) as store:
            await store.database.edit([put(name)], [])

    await asyncio.gather(*(add(f"user {n}") for n in range(8)))
    async with open_store(tmp_path) as store:
        assert len(await store.database.users()) == 8


async def test_a_write_that_cannot_get_its_turn_is_refused_in_time(store: Store, stranger: sqlite3.Connection) -> None:
    stranger.execute("BEGIN IMMEDIATE")
    async with promised(4):
        with pytest.raises(StoreUnavailable, match=r"locked|in time"):
            await store.database.edit([put("ada")], [])
        assert await store.database.person("ada") is None  # reading goes on
    stranger.execute("ROLLBACK")
    await store.database.edit([put("ada")], [])
    assert await store.database.person("ada") == put("ada").person


async def test_those_who_wait_behind_it_are_refused_in_time_too(store: Store, stranger: sqlite3.Connection) -> None:
    stranger.execute("BEGIN IMMEDIATE")
    async with promised(4):
        waiting = [store.database.edit([put(f"user {n}")], []) for n in range(20)]
        refused = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(error) for error in refused} == {StoreUnavailable}
    stranger.execute("ROLLBACK")
    await store.database.edit([put("ada")], [])


async def test_a_cancelled_write_leaves_nothing_behind(store: Store, stranger: sqlite3.Connection) -> None:
    stranger.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(store.database.edit([put("ada")], []))
    await store.database.version()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    stranger.execute("ROLLBACK")
    await store.database.edit([put("vic")], [])
    assert [user.id for user in await store.database.users()] == ["vic"]


async def test_a_file_that_is_no_database_is_refused_at_start(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        async with open_store(tmp_path):
            pass


async def test_a_directory_that_cannot_be_made_is_refused_at_start(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")
    with pytest.raises(StoreUnavailable, match="var"):
        async with open_store(tmp_path / "var"):
            pass


FULL = """
import asyncio, resource, sys
from pathlib import Path
from proxy.store import StoreUnavailable
from proxy.store.sql import FILE, open_store
from tests.conformance.things import EVENT, put

async def fill(directory):
    async with open_store(directory) as store:
        await store.database.edit([put("ada")], [EVENT])
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
        for number in range(1000):
            try:
                await store.database.edit([put(f"user {number}")], [EVENT])
            except StoreUnavailable as error:
                print(number, error)
                print(len(await store.database.users()) == number + 1)
                return

asyncio.run(fill(Path(sys.argv[1])))
"""


async def test_a_full_disk_refuses_the_write_and_keeps_the_rest(tmp_path: Path) -> None:
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", FULL, str(tmp_path), stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."}
    )
    told = (await writer.communicate())[0].decode()
    assert "The database failed" in told
    assert told.endswith("True\n")
    async with open_store(tmp_path) as store:
        await store.database.edit([put("later")], [])
