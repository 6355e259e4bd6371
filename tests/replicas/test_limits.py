"""Limits hold across replicas: who is refused at one is refused at the other."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from config import schema
from proxy.model.access import Role
from proxy.model.estate import Limit, Resource
from proxy.services.lockout import Lockout, Standing
from tests.peers.changes import DEADLINE
from tests.peers.gateway import Visitor, visitor
from tests.peers.redis import RedisServer
from tests.proxy.web.api.house import Client
from tests.replicas.pair import ADMIN, Pair, cookie, pair


@pytest.fixture
async def both(redis_server: RedisServer, database: str, tmp_path: Path) -> AsyncIterator[Pair]:
    redis_server.says("FLUSHALL")
    state = {"database": database, "shared": f"redis://127.0.0.1:{redis_server.port}"}
    async with pair(
        tmp_path / "pair", state, log={"level": "error", "access": False}, limits={"login": "5/1h"}
    ) as made:
        yield made


async def _limited(both: Pair, **limits: Limit | None) -> None:
    estate = await both.first.running.store.database.estate()
    line = estate.resources["line-3"]
    assert line.instance is not None
    await both.put(_changed(line, **limits))


def _changed(line: Resource, **limits: Limit | None) -> Resource:
    assert line.instance is not None
    return replace(line, instance=replace(line.instance, **limits))  # type: ignore[arg-type]


@pytest.mark.parametrize("of", ["limit_per_address", "limit_per_principal"])
async def test_what_one_replica_carries_the_other_counts(both: Pair, of: str) -> None:
    user = await both.someone(Role.MEMBER)
    await _limited(both, **{of: Limit(count=16, period=1e6, burst=16)})
    for _ in range(16):
        assert await both.status(both.first, cookie(user)) == 200
    assert await both.status(both.first, cookie(user)) == 429
    assert await both.refuses(both.second, cookie(user)) == 429
    await _limited(both, **{of: None})
    assert await both.status(both.second, cookie(user)) == 200


async def test_s_02_the_sixth_login_waits_wherever_it_comes(both: Pair) -> None:
    async with visitor(both.site) as somebody:
        answers = [await _attempt(both, somebody, number) for number in range(6)]
        assert answers == [401] * 5 + [429]


async def test_guesses_at_both_lock_an_account_at_both(both: Pair) -> None:
    user = await both.someone(Role.MEMBER)
    stores = [replica.running.store for replica in (both.first, both.second)]
    desks = [Lockout(store.database, store.shared, schema.Lockout, time.time) for store in stores]
    found = [await desks[number % 2].settle(user.id, "192.0.2.1", right=False) for number in range(10)]
    assert found == [Standing.COUNTS] * 9 + [Standing.LOCKED_NOW]
    assert [await desk.settle(user.id, "192.0.2.1", right=True) for desk in desks] == [Standing.LOCKED] * 2
    await desks[1].lift(user.id)
    assert await desks[0].settle(user.id, "192.0.2.1", right=True) is Standing.COUNTS


async def test_a_redis_that_is_away_answers_no_login(both: Pair, redis_server: RedisServer) -> None:
    """Trouble is no failed attempt: afterwards all five are left."""
    async with visitor(both.site) as somebody:
        await asyncio.to_thread(redis_server.kill)
        try:
            assert await _attempt(both, somebody, 0) == 503
        finally:
            await asyncio.to_thread(redis_server.start)
        async with asyncio.timeout(DEADLINE):
            while await _attempt(both, somebody, 0, right=True) != 200:
                pass


async def _attempt(both: Pair, somebody: Visitor, number: int, *, right: bool = False) -> int:
    """A login through the API, at either by turns."""
    somebody.doors = ((both.first, both.second)[number % 2].port,)
    password = "correct horse battery" if right else "wrong"
    answer = await Client(somebody).post("/auth/login", {"username": ADMIN["username"], "password": password})
    return answer.status
