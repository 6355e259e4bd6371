"""Asking Redis: one server, a master that Sentinels look after, or a cluster; a deadline on everything."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from hashlib import sha1
from typing import Any, Final

from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.asyncio.client import PubSub
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import NoScriptError, RedisClusterException, RedisError
from redis.maint_notifications import MaintNotificationsConfig

from config.stores import RedisAddress, RedisKind
from proxy.store import TIMEOUT, StoreUnavailable

DEADLINE: Final = 5 / 6
"""Of the time a request waits, the part for all attempts together: less than all, so that the error says what happened."""
CONNECT: Final = 0.25
"""Of that time, the part for one attempt to reach a server."""
ANSWER: Final = 0.3
"""And the part for one answer."""
_ATTEMPTS: Final = 2
"""Attempts after the first; what a server was asked twice because its answer was lost counts as asked twice."""
_HEALTHY: Final = 10
"""Seconds after which an idle connection is tried before it is used."""
_AT_ONCE: Final = 64
"""Questions at once; more wait for their turn."""
_REPLICATED: Final = 100
"""Milliseconds to wait for a replica; without one in reach, the master alone counts."""

Argument = str | bytes | int | float
Answer = Any
"""What redis-py gives: bytes, an integer, a list of these, or None. Each caller knows what its own command answers."""


@dataclass(frozen=True, slots=True)
class Script:
    """A step that Redis does whole, on one key."""

    text: str
    durable: bool = False
    """Whether a replica must have it before it counts, so that a failover does not undo it. Not on a cluster, whose
    client cannot wait for the replica of one write."""

    @property
    def digest(self) -> str:
        return sha1(self.text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Call:
    """A script's key and arguments."""

    key: str
    arguments: tuple[Argument, ...] = ()


class Servers:
    """Asks, and turns every kind of trouble into StoreUnavailable.

    Each question runs in a task of its own: a client of Redis that is cancelled may keep a place in its pool for ever,
    and requests are cancelled all the time. Who is cancelled, or out of patience, leaves it to end by its own deadlines.
    """

    def __init__(self, client: Redis | RedisCluster, patience: float, *, replicated: bool) -> None:
        self._client, self._replicated, self._patience = client, replicated, DEADLINE * patience
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._asking: set[asyncio.Task[Answer]] = set()

    async def ask(self, *command: Argument) -> Answer:
        return await self._promptly(self._client.execute_command, *command)

    async def run(self, script: Script, key: str, *arguments: Argument) -> Answer:
        return await self._promptly(self._run, script, key, *arguments)

    async def each(self, script: Script, calls: Sequence[Call]) -> list[Answer]:
        """A script on many keys in one go, but not as one step; the answers in the order of the calls."""
        answers: list[Answer] = await self._promptly(self._each, script, calls)
        return answers

    async def publish(self, channel: str) -> None:
        await self.ask("PUBLISH", channel, "")

    async def _promptly(self, ask: Callable[..., Coroutine[Any, Any, Answer]], *arguments: Any) -> Answer:
        with _unavailable():
            async with asyncio.timeout(self._patience):
                await self._turns.acquire()
                task = asyncio.create_task(ask(*arguments))
                self._asking.add(task)
                task.add_done_callback(self._asked)
                return await asyncio.shield(task)

    def _asked(self, task: asyncio.Task[Answer]) -> None:
        self._asking.discard(task)
        self._turns.release()
        if not task.cancelled():
            task.exception()  # looked at, since nobody may be waiting any more

    async def settle(self) -> None:
        """Wait for what is still being asked, of which nobody wants the answer any more; what takes too long is cut."""
        if self._asking:
            _, late = await asyncio.wait(self._asking, timeout=self._patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _run(self, script: Script, key: str, *arguments: Argument) -> Answer:
        try:
            return await self._step(script, "EVALSHA", script.digest, 1, key, *arguments)
        except NoScriptError:
            return await self._step(script, "EVAL", script.text, 1, key, *arguments)

    async def _step(self, script: Script, *command: Argument) -> Answer:
        if not (script.durable and self._replicated):
            return await self._client.execute_command(*command)
        return _good(await self._pipeline([command, ("WAIT", 1, _REPLICATED)]))[0]

    async def _each(self, script: Script, calls: Sequence[Call]) -> list[Answer]:
        answers = await self._pipeline([("EVALSHA", script.digest, 1, call.key, *call.arguments) for call in calls])
        again = [number for number, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if again:
            some = [("EVAL", script.text, 1, calls[number].key, *calls[number].arguments) for number in again]
            for number, answer in zip(again, await self._pipeline(some), strict=True):
                answers[number] = answer
        return _good(answers)

    async def _pipeline(self, commands: Sequence[tuple[Argument, ...]]) -> list[Answer]:
        # Not raised by the library, whose errors would name the command with all its arguments.
        pipeline = self._client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        return await pipeline.execute(raise_on_error=False)

    @asynccontextmanager
    async def subscribed(self, channel: str) -> AsyncIterator[PubSub]:
        """A connection of its own that hears what is said on a channel. Raises what the library raises."""
        async with self._client.pubsub(ignore_subscribe_messages=True) as ear:
            await ear.subscribe(channel)
            yield ear


def _good(answers: list[Answer]) -> list[Answer]:
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise StoreUnavailable("Redis did not answer in time.") from error
    except (RedisError, RedisClusterException, OSError) as error:
        raise StoreUnavailable(f"Redis failed: {str(error).rstrip('.')}.") from error


@asynccontextmanager
async def connect(address: RedisAddress, patience: float = TIMEOUT) -> AsyncIterator[Servers]:
    """Reach the servers of an address. Raises StoreUnavailable, naming the setting, where nothing answers."""
    options = await asyncio.to_thread(_options, address, patience)
    async with _client(address, options, patience) as client:
        servers = Servers(client, patience, replicated=address.kind is RedisKind.SENTINEL)
        try:
            await servers.ask("EXISTS", "flowward:")
        except StoreUnavailable as error:
            reason = f"state.shared: {address} cannot be used: {error} Start it or correct the setting."
            raise StoreUnavailable(reason) from error
        try:
            yield servers
        finally:
            await servers.settle()


def _client(
    address: RedisAddress, options: dict[str, Any], patience: float
) -> AbstractAsyncContextManager[Redis | RedisCluster]:
    match address.kind:
        case RedisKind.SINGLE:
            return _single(address, options)
        case RedisKind.SENTINEL:
            return _sentinel(address, options, patience)
        case RedisKind.CLUSTER:
            return _cluster(address, options)


def _options(address: RedisAddress, patience: float) -> dict[str, Any]:
    """What every kind of client is given. Reads certificates, so it blocks."""
    options: dict[str, Any] = {
        "username": address.username or None,
        "password": address.password or None,
        "retry": Retry(ExponentialBackoff(cap=0.25, base=0.05), _ATTEMPTS),
        "health_check_interval": _HEALTHY,
        "protocol": 2,
        **_wire(address, patience),
    }
    return options


def _wire(address: RedisAddress, patience: float) -> dict[str, Any]:
    options: dict[str, Any] = {
        "socket_connect_timeout": CONNECT * patience,
        "socket_timeout": ANSWER * patience,
        "socket_keepalive": True,
        "driver_info": None,  # else it looks up its own version on disk, and tells it with every connection
    }
    if address.tls:
        options |= {"ssl": True, "ssl_min_version": ssl.TLSVersion.TLSv1_2}
        if address.ca is not None:
            options["ssl_ca_data"] = address.ca.read_text(encoding="ascii")
    return options


@asynccontextmanager
async def _single(address: RedisAddress, options: dict[str, Any]) -> AsyncIterator[Redis]:
    (server,) = address.servers
    quiet = MaintNotificationsConfig(enabled=False)
    client = Redis(host=server.host, port=server.port, db=address.db, maint_notifications_config=quiet, **options)
    try:
        yield client
    finally:
        await client.aclose()


@asynccontextmanager
async def _sentinel(address: RedisAddress, options: dict[str, Any], patience: float) -> AsyncIterator[Redis]:
    asking = {
        "password": address.sentinel_password or None,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        **_wire(address, patience / 2),
    }
    named = [(server.host, server.port) for server in address.servers]
    async with Sentinel(named, sentinel_kwargs=asking, **options) as sentinel:  # type: ignore[no-untyped-call]
        client = sentinel.master_for(address.master, db=address.db)
        try:
            yield client
        finally:
            await client.aclose()


@asynccontextmanager
async def _cluster(address: RedisAddress, options: dict[str, Any]) -> AsyncIterator[RedisCluster]:
    nodes = [ClusterNode(server.host, server.port) for server in address.servers]
    quiet = MaintNotificationsConfig(enabled=False)
    client = RedisCluster(startup_nodes=nodes, maint_notifications_config=quiet, **options)
    try:
        yield client
    finally:
        await client.aclose()
