"""News between processes: heard at once, and again after Redis was away."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from config.stores import RedisAddress
from proxy.store.redis import InRedis
from proxy.store.redis.bus import RedisBus
from tests.conftest import Needs
from tests.peers.changes import DEADLINE, promised
from tests.peers.redis import address_of, address_of_cluster, cluster, single
from tests.peers.state import open_redis
from tests.proxy.store.redis.conftest import Published


async def hears(steps: AsyncIterator[None], told: RedisBus) -> None:
    """Until something is heard that is told again and again; a first subscription is news as well."""
    hearing = asyncio.ensure_future(anext(steps))
    async with asyncio.timeout(DEADLINE):
        while not hearing.done():
            told.tell()
            await asyncio.wait([hearing], timeout=0.05)
    await hearing


async def test_what_one_process_tells_another_one_hears_within_a_second(address: RedisAddress) -> None:
    async with open_redis(address, Published()) as one, open_redis(address, Published()) as other:
        steps = other.bus.heard()
        await hears(steps, one.bus)
        for _ in range(3):
            one.bus.tell()
            async with promised(1):
                await anext(steps)


async def test_in_a_cluster_it_is_heard_wherever_it_was_told(
    needs: Needs, tmp_path_factory: pytest.TempPathFactory
) -> None:
    needs("redis-server")
    with cluster(tmp_path_factory.mktemp("cluster")) as nodes:
        address = address_of_cluster(nodes)
        async with open_redis(address, Published()) as one, open_redis(address, Published()) as other:
            for teller, ear in ((one, other), (other, one)):
                steps = ear.bus.heard()
                await hears(steps, teller.bus)
                teller.bus.tell()
                async with promised(1):
                    await anext(steps)


async def test_who_tells_is_woken_too(opened: InRedis) -> None:
    opened.bus.tell()
    async with promised(1):
        await anext(opened.bus.heard())


async def test_telling_never_fails_and_is_heard_again_when_redis_is_back(
    needs: Needs, tmp_path_factory: pytest.TempPathFactory
) -> None:
    needs("redis-server")
    with single(tmp_path_factory.mktemp("redis")) as server:
        async with (
            open_redis(address_of(server), Published()) as one,
            open_redis(address_of(server), Published()) as other,
        ):
            steps = other.bus.heard()
            await hears(steps, one.bus)
            await asyncio.to_thread(server.kill)
            one.bus.tell()
            await asyncio.to_thread(server.start)
            await hears(steps, one.bus)
            await hears(steps, one.bus)
