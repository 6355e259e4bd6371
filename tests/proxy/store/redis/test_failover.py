"""Sentinels replace a master that was killed: sessions survive, ended ones stay ended, trouble is trouble."""

import asyncio
import time
from hashlib import sha256
from pathlib import Path

import pytest

from config.stores import RedisAddress, RedisKind
from proxy.access.gcra import Rate
from proxy.store import StoreUnavailable
from proxy.store.redis import InRedis, open_redis
from proxy.store.redis.servers import connect
from tests.conftest import Needs
from tests.peers import redis as peers
from tests.peers.changes import promised
from tests.proxy.store.redis.conftest import Published
from tests.proxy.store.redis.test_servers import BOUNDED, RECOVERED, answered
from tests.proxy.store.redis.test_shared import current

SESSIONS = 40


def digest(name: str) -> bytes:
    return sha256(name.encode()).digest()


async def prepared(parts: InRedis, round_: int) -> tuple[list[str], list[str]]:
    """Ids of sessions that go on, and of those that ended just now."""
    names = [f"{round_}-{number}" for number in range(SESSIONS)]
    for name in names:
        await parts.shared.create_session(current(name), digest(name), "home.example")
    for name in names[::2]:
        await parts.shared.end_session(name)
    await parts.shared.put_new(f"replay {round_}", "seen", time.time() + 600, time.time())
    return names[1::2], names[::2]


async def holds(parts: InRedis, alive: list[str], ended: list[str], until: asyncio.Event) -> None:
    """Look at every session again and again: each answer is right, or it is trouble that is told in time."""
    while not until.is_set():
        for name in (*alive, *ended, "unknown"):
            try:
                async with promised(BOUNDED):
                    found = await parts.shared.session(digest(name))
            except StoreUnavailable:
                continue
            assert (found is not None) == (name in alive), name


async def failover(group: peers.Watched, parts: InRedis, round_: int) -> None:
    alive, ended = await prepared(parts, round_)
    over, master = asyncio.Event(), await asyncio.to_thread(lambda: group.master)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(holds(parts, alive, ended, over))
        await asyncio.to_thread(master.kill)
        await asyncio.to_thread(peers.wait_for, lambda: group.promoted(master), "the promotion")
        async with promised(RECOVERED):
            await answered(lambda: parts.shared.put("new", "value", time.time() + 60))
            await answered(lambda: parts.shared.admit("key", Rate(count=5, period=1.0)))
        over.set()
    for name in alive:
        assert await parts.shared.session(digest(name)) is not None
    assert await parts.shared.put_new(f"replay {round_}", "again", time.time() + 600, time.time()) == "seen"


async def rejoined(group: peers.Watched) -> None:
    """Who was killed comes back as a replica."""
    for server in group.servers:
        if server.process is None:
            await asyncio.to_thread(server.start)
    await asyncio.to_thread(peers.wait_for, group.settled, "the old master as a replica")


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=pytest.mark.soak)])
async def test_a_failover_loses_no_session_and_revives_none(needs: Needs, tmp_path: Path, rounds: int) -> None:
    needs("redis-server")
    needs("redis-cli")
    with peers.watched(tmp_path) as group:
        async with open_redis(group.address, Published()) as parts:
            for round_ in range(rounds):
                await rejoined(group)
                await failover(group, parts, round_)


async def test_sentinels_that_do_not_know_the_master_are_told_by_the_setting(needs: Needs, tmp_path: Path) -> None:
    needs("redis-server")
    with peers.running(peers.RedisServer(directory=tmp_path, sentinel=True)) as sentinel:
        address = RedisAddress(kind=RedisKind.SENTINEL, servers=(sentinel.address,), master="nobody")
        with pytest.raises(StoreUnavailable, match=r"^state\.shared: redis\+sentinel://.*/nobody cannot be used"):
            async with connect(address):
                pass
