"""Limits of the data path, counted in each process and settled among all of them by Redis.

Judging must not wait, so a process admits by a bucket of its own and reports soon afterwards what it admitted: within
100 ms, and at once where a subject has used an eighth of its burst. The answer says how far the others have used it up.
What several processes admit at once beyond the rate is debt that the subject waits for, so in the long run the rate
holds exactly. While Redis is away each process goes on by its own bucket.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

import structlog

from proxy.access.gcra import Buckets, Rate
from proxy.store import SUBJECTS, StoreUnavailable
from proxy.store.redis import scripts
from proxy.store.redis.servers import Call, Servers

SETTLE_EVERY: Final = 0.1
"""Seconds between two reports."""
_AT_ONCE: Final = 500
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """The limits with something to report: of very many that there may be, those that were asked since."""

    limits: set["SettledLimit"] = field(default_factory=set)
    hurry: asyncio.Event = field(default_factory=asyncio.Event)


class SettledLimit:
    """A rate per subject: the bucket of this process, made fuller by what others have admitted."""

    def __init__(self, name: str, rate: Rate, steady: Callable[[], float], due: "Due") -> None:
        self.rate = rate
        self._name, self._steady, self._due = name, steady, due
        self._buckets = Buckets(rate, SUBJECTS)
        self._soon = max(1, (rate.burst or rate.count) // 8)
        self._admitted: dict[str, int] = {}

    def admit(self, subject: str) -> float:
        wait = self._buckets.admit(subject, self._steady())
        if wait > 0:
            return wait
        if not self._admitted:
            self._due.limits.add(self)
        admitted = self._admitted[subject] = self._admitted.get(subject, 0) + 1
        if admitted == self._soon:
            self._due.hurry.set()
        return 0.0

    def give_back(self, subject: str) -> None:
        self._buckets.give_back(subject)
        admitted = self._admitted.pop(subject, 0) - 1
        if admitted > 0:
            self._admitted[subject] = admitted

    def ahead(self, subject: str) -> float:
        return self._buckets.ahead(subject, self._steady())

    async def settle(self, servers: Servers) -> None:
        """Report what was admitted since the last time, and learn what others admitted."""
        admitted, self._admitted = [*self._admitted.items()], {}
        for at in range(0, len(admitted), _AT_ONCE):
            some = admitted[at : at + _AT_ONCE]
            answers = await servers.each(scripts.SETTLE, [self._call(*each) for each in some])
            self._learn([(subject, float(ahead)) for (subject, _), ahead in zip(some, answers, strict=True)])

    def report_nothing(self) -> None:
        """Nobody hears it: let it count here alone, or it would be charged at once when Redis is back."""
        self._admitted.clear()

    def _call(self, subject: str, count: int) -> Call:
        pace = repr(self.rate.interval), repr(self.rate.tolerance)  # with another one a limit begins anew
        key = sha256(f"{self._name} {' '.join(pace)} {subject}".encode("utf-8", "surrogatepass")).hexdigest()
        return Call(f"flowward:pace:{key}", (*pace, count))

    def _learn(self, heard: Sequence[tuple[str, float]]) -> None:
        now = self._steady()
        for subject, ahead in heard:
            # What was admitted since the report was made is in none of the answers.
            since = self._admitted.get(subject, 0) * self.rate.interval
            self._buckets.delay(subject, now + ahead + since, now)


class RedisLimits:
    """The Limits of several processes."""

    def __init__(self, servers: Servers, steady: Callable[[], float]) -> None:
        """`steady`: seconds of a clock that never jumps."""
        self._servers, self._steady = servers, steady
        self._by_name: dict[str, SettledLimit] = {}
        self.due = Due()
        self._alone = False

    def limit(self, name: str, rate: Rate) -> SettledLimit:
        found = self._by_name.get(name)
        if found is None or found.rate != rate:
            found = self._by_name[name] = SettledLimit(name, rate, self._steady, self.due)
        return found

    def forget(self, name: str) -> None:
        self._by_name.pop(name, None)

    async def run(self) -> None:
        """Settle until cancelled."""
        while True:
            try:
                async with asyncio.timeout(SETTLE_EVERY):
                    await self.due.hurry.wait()
            except TimeoutError:
                pass
            self.due.hurry.clear()
            await self._settle()

    async def _settle(self) -> None:
        try:
            for limit in tuple(self.due.limits):
                self.due.limits.remove(limit)
                await limit.settle(self._servers)
        except StoreUnavailable as error:
            for limit in self.due.limits:
                limit.report_nothing()
            self.due.limits.clear()
            if not self._alone:
                _log.warning("limits-counted-alone", reason=str(error))
            self._alone = True
        else:
            self._alone = False
