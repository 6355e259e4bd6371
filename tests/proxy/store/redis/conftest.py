"""A real Redis for the tests of a file, empty for each of them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

import pytest

from config.stores import RedisAddress
from proxy.store import Subject
from proxy.store.redis import InRedis
from tests.conftest import Needs
from tests.peers import redis as peers
from tests.peers.changes import DEADLINE
from tests.peers.state import open_redis


class Published:
    """What was published, as a database would keep it."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    async def __call__(self, subject: Subject, ids: Sequence[str]) -> int:
        assert subject in (Subject.SESSION, Subject.PROOF)
        self.ids += ids
        return len(self.ids)


async def eventually(true: Callable[[], bool]) -> None:
    """Ask again and again: nothing tells when Redis has answered to a background task."""
    async with asyncio.timeout(DEADLINE):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
def server(needs: Needs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[peers.RedisServer]:
    needs("redis-server")
    with peers.single(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture
def address(server: peers.RedisServer) -> RedisAddress:
    server.says("FLUSHALL")
    return peers.address_of(server)


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
async def opened(address: RedisAddress, published: Published) -> AsyncIterator[InRedis]:
    async with open_redis(address, published) as parts:
        yield parts
