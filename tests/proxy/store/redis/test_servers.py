"""Redis that goes away: trouble is told as trouble, soon, and is over soon after it is back."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest
import trustme

from config.stores import RedisAddress, RedisKind
from proxy.access.gcra import Rate
from proxy.store import StoreUnavailable
from proxy.store.redis import InRedis, open_redis
from proxy.store.redis.servers import connect
from tests.conformance.things import cookie
from tests.conftest import Needs
from tests.peers import redis as peers
from tests.peers.changes import promised
from tests.peers.faults import faults
from tests.proxy.store.redis.conftest import Published
from tests.proxy.store.redis.test_shared import current

T = TypeVar("T")
RATE = Rate(count=5, period=30.0)
BOUNDED = 3.0
"""Seconds within which trouble is told."""
RECOVERED = 5.0
"""Seconds within which everything works after Redis is back."""

ASKING: list[Callable[[InRedis], Awaitable[object]]] = [
    lambda parts: parts.shared.session(cookie("home")),
    lambda parts: parts.shared.create_session(current("s2"), cookie("two"), "home.example"),
    lambda parts: parts.shared.sessions_of("ada"),
    lambda parts: parts.shared.end_session("s1"),
    lambda parts: parts.shared.touch([("s1", time.time())]),
    lambda parts: parts.shared.put("key", "value", time.time() + 60),
    lambda parts: parts.shared.put_new("key", "value", time.time() + 60, time.time()),
    lambda parts: parts.shared.take("key", time.time()),
    lambda parts: parts.shared.admit("key", RATE),
    lambda parts: parts.shared.give_back("key", RATE),
]


async def unavailable(parts: InRedis) -> None:
    """Whatever is asked, the answer is StoreUnavailable within three seconds."""

    async def refused(ask: Callable[[InRedis], Awaitable[object]]) -> None:
        async with promised(BOUNDED):
            with pytest.raises(StoreUnavailable, match="Redis"):
                await ask(parts)

    await asyncio.gather(*map(refused, ASKING))


async def answered(ask: Callable[[], Awaitable[T]]) -> T:
    """The first answer that is no trouble."""
    while True:
        with suppress(StoreUnavailable):
            return await ask()
        await asyncio.sleep(0.05)


async def recovers(parts: InRedis) -> None:
    """Within five seconds everything can be asked again, and the session is there."""
    async with promised(RECOVERED):
        found = await answered(lambda: parts.shared.session(cookie("home")))
    assert found is not None
    for ask in ASKING:
        await ask(parts)


async def test_a_redis_that_was_killed_is_told_and_used_again_when_it_is_back(needs: Needs, tmp_path: Path) -> None:
    needs("redis-server")
    with peers.single(tmp_path, "appendonly yes", "appendfsync always") as server:
        async with open_redis(peers.address_of(server), Published()) as parts:
            await parts.shared.create_session(current("s1"), cookie("home"), "home.example")
            await asyncio.to_thread(server.kill)
            await unavailable(parts)
            await asyncio.to_thread(server.start)
            await recovers(parts)


async def test_a_redis_that_hangs_is_told_and_used_again_when_it_goes_on(needs: Needs, tmp_path: Path) -> None:
    needs("redis-server")
    with peers.single(tmp_path) as server:
        async with open_redis(peers.address_of(server), Published()) as parts:
            await parts.shared.create_session(current("s1"), cookie("home"), "home.example")
            server.hang()
            await unavailable(parts)
            server.go_on()
            async with promised(RECOVERED):
                await answered(lambda: parts.shared.sessions_of("ada"))


async def test_a_network_that_swallows_everything_is_told_as_trouble(address: RedisAddress) -> None:
    (server,) = address.servers
    async with faults(server.host, server.port) as link:
        there = RedisAddress(kind=RedisKind.SINGLE, servers=(type(server)(host="127.0.0.1", port=link.port),))
        async with open_redis(there, Published()) as parts:
            await parts.shared.create_session(current("s1"), cookie("home"), "home.example")
            link.black_hole = True
            await unavailable(parts)
            link.black_hole = False
            link.reset()
            await recovers(parts)


async def test_connections_that_are_cut_in_the_middle_do_no_harm(address: RedisAddress) -> None:
    """A question whose connection is cut is asked once more; nobody gets the answer to another one's question."""
    (server,) = address.servers
    async with faults(server.host, server.port) as link:
        there = RedisAddress(kind=RedisKind.SINGLE, servers=(type(server)(host="127.0.0.1", port=link.port),))
        async with open_redis(there, Published()) as parts:
            until = time.time() + 60
            for number in range(20):
                await parts.shared.put(f"key {number}", f"value {number}", until)

            async def ask(number: int) -> None:
                with suppress(StoreUnavailable):
                    assert await parts.shared.get(f"key {number % 20}", time.time()) == f"value {number % 20}"

            for _ in range(5):
                asking = [asyncio.create_task(ask(number)) for number in range(100)]
                await asyncio.sleep(0)
                for task in asking[::7]:
                    task.cancel()
                link.reset()
                results = await asyncio.gather(*asking, return_exceptions=True)
                assert {type(result) for result in results} <= {type(None), asyncio.CancelledError}


async def test_requests_that_are_cancelled_keep_no_place_in_the_pool(opened: InRedis) -> None:
    for _ in range(300):
        asking = asyncio.create_task(opened.shared.get("key", time.time()))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])
    assert await opened.shared.get("key", time.time()) is None


async def test_very_many_questions_at_once_wait_for_their_turn(opened: InRedis) -> None:
    until = time.time() + 60
    taken = await asyncio.gather(
        *(opened.shared.put_new("sid", str(number), until, time.time()) for number in range(500))
    )
    assert len(set(taken)) == 1


async def test_a_password_is_needed_and_never_told(needs: Needs, tmp_path: Path) -> None:
    needs("redis-server")
    server = peers.RedisServer(directory=tmp_path, options=("requirepass right-one",))
    with peers.running(server):
        async with open_redis(peers.address_of(server, "right-one"), Published()) as parts:
            assert await parts.shared.get("key", time.time()) is None
        with pytest.raises(StoreUnavailable, match=r"^state\.shared: redis://:\*\*\*@127\.0\.0\.1") as told:
            async with connect(peers.address_of(server, "wrong-one")):
                pass
        assert "wrong-one" not in str(told.value)


async def test_a_server_is_known_by_its_certificate(needs: Needs, tmp_path: Path, authority: trustme.CA) -> None:
    needs("redis-server")
    ca, other, own = tmp_path / "ca.pem", tmp_path / "other.pem", tmp_path / "own.pem"
    authority.cert_pem.write_to_path(str(ca))
    trustme.CA().cert_pem.write_to_path(str(other))
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(own))
    secure = (f"tls-port {(port := peers.free_port())}", f"tls-cert-file {own}", f"tls-key-file {own}")
    with peers.running(peers.RedisServer(directory=tmp_path, options=(*secure, "tls-auth-clients no"))) as server:
        where = type(server.address)(host="127.0.0.1", port=port)
        trusted = RedisAddress(kind=RedisKind.SINGLE, servers=(where,), tls=True, ca=ca)
        async with open_redis(trusted, Published()) as parts:
            assert await parts.shared.get("key", time.time()) is None
        foreign = RedisAddress(kind=RedisKind.SINGLE, servers=(where,), tls=True, ca=other)
        with pytest.raises(StoreUnavailable, match="certificate"):
            async with connect(foreign):
                pass


async def test_where_nothing_answers_the_setting_is_named() -> None:
    nowhere = RedisAddress(kind=RedisKind.SINGLE, servers=(peers.RedisServer(directory=Path()).address,))
    with pytest.raises(StoreUnavailable, match=r"^state\.shared: redis://127.* Start it or correct the setting\.$"):
        async with connect(nowhere):
            pass
