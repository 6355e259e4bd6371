"""Passing events on to other systems: every event at least once, in their order, over restarts, by one process at a time."""

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Final, Protocol

import structlog

from proxy.model.audit import Recorded
from proxy.services.clock import Clock
from proxy.store import Database, Shared, StoreUnavailable

POLL: Final = 1.0
"""Seconds between two looks for new events."""
DEADLINE: Final = 8.0
"""Seconds for passing one batch on."""
TURN: Final = 20.0
"""Seconds for which one process may pass events on before it must say that it still does; over twice the deadline."""
SLOWEST: Final = 60.0
"""Seconds between two attempts at most."""
_log = structlog.get_logger(__name__)


class SinkGone(Exception):
    """The events may not have arrived; args[0] says why."""


class Sink(Protocol):
    """Where events go."""

    @property
    def name(self) -> str:
        """Under which its position is kept."""
        ...

    @property
    def batch(self) -> int:
        """How many events it takes at once."""
        ...

    async def send(self, events: Sequence[Recorded]) -> None:
        """Return once they have arrived. Raises SinkGone."""
        ...


class Forwarder:
    """Passes the audit log on to one sink."""

    def __init__(
        self,
        sink: Sink,
        database: Database,
        shared: Shared,
        *,
        clock: Clock,
        me: str,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """`me` names this process among all; `jitter` is between 0 and 1."""
        self._sink, self._database, self._shared = sink, database, shared
        self._clock, self._me, self._jitter = clock, me, jitter
        self._key = f"audit-export:{sink.name}"
        self._mine_until = 0.0
        self._stop = asyncio.Event()
        self.name = sink.name
        self.passed_on = 0
        """Events that this process has passed on."""
        self.failures = 0
        """Attempts that failed since the last that worked."""
        self.oldest_waiting: float | None = None
        """When the oldest event happened that could not be passed on yet, in seconds since the epoch."""

    @property
    def lag(self) -> float:
        """Seconds for which the oldest event that could not be passed on yet has been waiting."""
        return max(0.0, self._clock.wall() - self.oldest_waiting) if self.oldest_waiting is not None else 0.0

    def stop(self) -> None:
        """End after what is under way."""
        self._stop.set()

    async def run(self) -> None:
        """Until stopped."""
        try:
            while not self._stop.is_set():
                await self._wait(0.0 if await self._round() else self._pause())
        finally:
            await self._give_up_turn()

    async def _round(self) -> bool:
        """Pass one batch on; whether there may be more."""
        try:
            return await self._has_turn() and await self.pass_on()
        except (StoreUnavailable, SinkGone) as error:
            self._failed(str(error))
        return False

    async def pass_on(self) -> bool:
        """Pass on what comes next; whether there was anything. Raises SinkGone and StoreUnavailable."""
        position = await self._database.position(self.name)
        events = await self._database.events_after(position, self._sink.batch)
        if not events:
            self.oldest_waiting = None
            return False
        self.oldest_waiting = events[0].event.at
        try:
            async with asyncio.timeout(DEADLINE):
                await self._sink.send(events)
        except TimeoutError as error:
            raise SinkGone(f"it did not take the events within {DEADLINE:g} seconds") from error
        await self._database.advance(self.name, events[-1].id)
        self._worked(len(events))
        return True

    def _worked(self, count: int) -> None:
        if self.failures:
            _log.info("audit-export-resumed", sink=self.name, attempts=self.failures)
        self.failures, self.oldest_waiting = 0, None
        self.passed_on += count

    def _failed(self, reason: str) -> None:
        self.failures += 1
        _log.warning("audit-export-failed", sink=self.name, reason=reason, attempts=self.failures, lag=round(self.lag))

    def _pause(self) -> float:
        """A second, and twice as long after each failure, spread so that replicas do not come all at once."""
        if not self.failures:
            return POLL
        return min(SLOWEST, POLL * 2.0 ** min(self.failures - 1, 10)) * (0.5 + self._jitter() / 2)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return

    async def _has_turn(self) -> bool:
        """Whether it is this process that passes events on for now.

        Two may think so for a moment where one asks just as its turn ends: then an event arrives twice.
        """
        now = self._clock.wall()
        if now < self._mine_until - TURN / 2:
            return True
        if await self._shared.put_new(self._key, self._me, now + TURN, now) != self._me:
            return False
        await self._shared.put(self._key, self._me, now + TURN)
        self._mine_until = now + TURN
        return True

    async def _give_up_turn(self) -> None:
        if self._clock.wall() >= self._mine_until:
            return
        try:
            await self._shared.take(self._key, self._clock.wall())
        except StoreUnavailable as error:
            _log.warning("audit-export-turn-kept", sink=self.name, reason=str(error))
