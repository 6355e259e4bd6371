"""The fast lane as a whole: its connections, pools, deadlines and its end."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from time import monotonic
from typing import Final

import structlog

from proxy.gate.crowd import Crowd
from proxy.gate.gate import Gate
from proxy.gate.live import LiveConnections
from proxy.gate.principal import Lease, Principal
from proxy.gate.world import Endpoint
from proxy.model.access import Reason
from proxy.plane.client import Client
from proxy.plane.connection import Connection, State
from proxy.plane.splice import Tunnel
from proxy.plane.upstream import Pool
from proxy.services.traffic import AccessLog, Traffic
from proxy.wire.websocket import Boundaries

_log = structlog.get_logger(__name__)

SWEEP: Final = 0.5
"""Seconds between two looks at the deadlines; no connection has a timer of its own."""

HandOver = Callable[[asyncio.Transport, bytes, bool], None]
"""Gives a connection, the bytes of the message that is due, and whether that was charged, to the aiohttp lane."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds."""

    head: float = 10.0
    idle: float = 75.0
    connect: float = 5.0
    response: float = 60.0
    stream: float = 120.0
    event_stream: float = 3600.0
    pooled: float = 4.0
    """How long an idle connection to an instance is kept: less than Node's 5 s."""


class Plane:
    """Everything the connections of the fast lane share."""

    def __init__(
        self,
        *,
        gate: Gate,
        traffic: Traffic,
        log: AccessLog,
        live: LiveConnections,
        timeouts: Timeouts,
        hand_over: HandOver,
        crowd: Crowd,
        hsts: bytes = b"",
    ) -> None:
        self.gate, self.traffic, self.log, self.live, self.timeouts = gate, traffic, log, live, timeouts
        self.hand_over, self.hsts, self._crowd = hand_over, hsts, crowd
        self.draining = False
        self.clients: set[Connection] = set()
        self._pools: dict[Endpoint, Pool] = {}
        self._pooled_for = gate.world
        self._tasks: set[asyncio.Task[None]] = set()
        self._empty = asyncio.Event()
        """Set once the last connection is gone while draining."""

    def __call__(self) -> Client:
        """A protocol for a new connection: what a listening socket asks for."""
        return Client(self)

    def take_over(self, timeouts: Timeouts) -> None:
        """Other deadlines from now on."""
        self.timeouts = timeouts
        for pool in self._pools.values():
            pool.timeout = timeouts.connect

    def start(self, coroutine: Coroutine[None, None, None]) -> None:
        """Run something for a connection; the plane owns the task."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._over)

    def _over(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("defect", exc_info=error)  # its connection ends at its deadline: nothing passes
            self.traffic.refused("", Reason.DEFECT)

    # -- connections

    def enter(self, client: Connection) -> bool:
        """Count a connection; False when there are too many, of this address or in all."""
        self.clients.add(client)
        return self._crowd.enter(client.peer, trusted=client.trusted)

    def leave(self, client: Connection) -> None:
        if client in self.clients:
            self.clients.discard(client)
            self._crowd.leave(client.peer)
            if self.draining and not self.clients:
                self._empty.set()

    def pool(self, endpoint: Endpoint) -> Pool:
        found = self._pools.get(endpoint)
        if found is None:
            found = self._pools[endpoint] = Pool(endpoint, self.timeouts.connect, self.gate)
        return found

    def splice(
        self, client: Client, instance: asyncio.Transport, lease: Lease, principal: Principal, early: bytes
    ) -> None:
        """From here on bytes go both ways; `early` is what the instance sent together with its 101."""
        boundaries = Boundaries()
        boundaries.feed(early)
        self._crowd.enter(client.peer, trusted=True)  # it was here already
        Tunnel(self.live, self._crowd, client.peer, principal, lease).join(client.transport, instance, boundaries)

    # -- time

    async def sweep(self) -> None:
        """Look at every deadline, twice a second, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP)
            now = monotonic()
            self.log.flush()
            for client in list(self.clients):
                if client.deadline < now:
                    client.overdue(now)
                elif client.state is State.BUSY:
                    client.look_again(now)
            for pool in self._pools.values():
                pool.sweep(now - self.timeouts.pooled)
            if self._pooled_for is not self.gate.world:
                self._pooled_for = self.gate.world
                self._forget_pools()

    def _forget_pools(self) -> None:
        """Close the connections to where no instance is any more."""
        used = {station.endpoint for station in self.gate.world.stations.values()}
        for endpoint in [endpoint for endpoint in self._pools if endpoint not in used]:
            self._pools.pop(endpoint).close()

    # -- the end

    async def drain(self, seconds: float) -> None:
        """Let what is going on finish, for so many seconds at most; then cut what is left."""
        self.draining = True
        for client in list(self.clients):
            client.drain()
        if self.clients:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._empty.wait()
        self.close()

    def close(self) -> None:
        for client in list(self.clients):
            client.transport.abort()
        for pool in self._pools.values():
            pool.close()
        for task in self._tasks:
            task.cancel()
