"""Who shares nothing is alone on a state; those who share what they count are there together."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import pytest

from proxy.store import StoreUnavailable
from proxy.store.sql.holding import LOOK, InUse, hold
from tests.peers.changes import DEADLINE, promised
from tests.peers.ports import free_port
from tests.peers.postgresql import Postgresql

PATIENCE = 1.0
ANOTHER = """
import asyncio, sys
from pathlib import Path
from proxy.store.sql.holding import hold
async def main():
    place = sys.argv[1]
    async with hold(place if "://" in place else Path(place), alone=True):
        print("there", flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    if request.param == "sqlite":
        return tmp_path / "var"
    server: Postgresql = request.getfixturevalue("postgresql_server")
    return server.url(asyncio.run(server.new_database()))


async def refused(place: Path | str, *, alone: bool) -> bool:
    try:
        async with hold(place, alone=alone, patience=PATIENCE):
            return False
    except InUse:
        return True


async def test_who_is_alone_is_there_beside_nobody(place: Path | str) -> None:
    async with hold(place, alone=True):
        assert [await refused(place, alone=alone) for alone in (True, False)] == [True, True]
    assert not await refused(place, alone=True)


async def test_those_who_share_are_there_together_and_with_nobody_who_does_not(place: Path | str) -> None:
    async with hold(place, alone=False), hold(place, alone=False):
        assert [await refused(place, alone=alone) for alone in (True, False)] == [True, False]
    assert not await refused(place, alone=True)


@asynccontextmanager
async def another(place: Path | str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that holds it alone."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", ANOTHER, str(place), stdout=pipe)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(DEADLINE):
            assert await process.stdout.readline() == b"there\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_who_was_killed_is_there_no_more(place: Path | str) -> None:
    async with another(place) as process:
        assert await refused(place, alone=True)
        process.kill()
        await process.wait()
        assert not await refused(place, alone=True)


async def test_it_is_in_no_way_of_who_reads_and_writes_there(tmp_path: Path) -> None:
    async with hold(tmp_path / "var", alone=True):
        kept = await asyncio.to_thread(lambda: list((tmp_path / "var").iterdir()))
        assert [(each.name, each.stat().st_mode & 0o777, each.read_bytes()) for each in kept] == [
            ("flowward.lock", 0o600, b"")
        ]


async def test_a_database_that_is_away_is_told_as_such() -> None:
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        async with hold(f"postgresql://127.0.0.1:{free_port()}/nowhere", alone=True, patience=PATIENCE):
            pass


LOST_AND_FOUND = 3 * LOOK


async def holders(connection: asyncpg.Connection) -> list[int]:
    """The server's processes whose clients hold the state of this database."""
    wanted = (
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 7031003 AND granted AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    return [row["pid"] for row in await connection.fetch(wanted)]


@pytest.fixture
async def postgresql_place(postgresql_server: Postgresql) -> str:
    return postgresql_server.url(await postgresql_server.new_database())


async def test_a_lost_connection_is_made_anew(postgresql_place: str) -> None:
    server = await asyncpg.connect(postgresql_place)
    async with hold(postgresql_place, alone=True, patience=PATIENCE):
        [lost] = await holders(server)
        await server.execute(f"SELECT pg_terminate_backend({lost})")
        async with promised(LOST_AND_FOUND):
            while (found := await holders(server)) in ([], [lost]):  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.05)
        assert len(found) == 1
        assert await refused(postgresql_place, alone=False)
    assert await holders(server) == []
    await server.close()


async def test_whoever_begins_while_the_connection_is_lost_is_told_of(
    postgresql_place: str, capfd: pytest.CaptureFixture[str]
) -> None:
    server = await asyncpg.connect(postgresql_place)
    async with hold(postgresql_place, alone=True, patience=PATIENCE):
        [lost] = await holders(server)
        waiting = asyncio.create_task(server.execute("SELECT pg_advisory_lock(7031003)"))
        other = await asyncpg.connect(postgresql_place)
        await other.execute(f"SELECT pg_terminate_backend({lost})")
        await other.close()
        await waiting
        told = ""
        async with promised(LOST_AND_FOUND):
            while "state-in-use" not in told:
                await asyncio.sleep(0.05)
                told += capfd.readouterr().out
        assert told.count("another gateway has begun on it") == 1
    await server.close()
