"""What the audit log needs now and then: counted refusals, what was left unfinished, and forgetting what is old enough.

With it goes, on record, what has run out by itself.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from proxy.model.audit import Phase, Source
from proxy.services.audit import GATEWAY, PLATFORM, happened
from proxy.services.audit_refusals import Refusals
from proxy.services.expired_tokens import remove_expired
from proxy.store import Database, StoreUnavailable

EVERY: Final = 60.0
"""Seconds between two rounds."""
DAY: Final = 86400.0
UNKNOWN: Final = "unknown"
"""Error of an outcome that nobody learned of: the gateway ended, or the instance never answered."""
_OTHERS: Final = 0.1
"""Seconds for others to write before more is forgotten: another process on SQLite looks that often whether it may."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upkeep:
    """Looks after the audit log."""

    database: Database
    refusals: Refusals
    now: Callable[[], float]
    """Seconds since the epoch."""
    retention: float = 0.0
    """Seconds after which events are forgotten; 0 keeps them for ever."""
    readers: Sequence[str] = ()
    """Names of those to whom events are passed on; what they have not got yet is not forgotten."""
    alone: bool = False
    """No other process acts at instances on this state."""

    async def run(self) -> None:
        """Until cancelled."""
        pruned = float("-inf")
        while True:
            try:
                await self.conclude()
                await remove_expired(self.database, self.now())
                if self.now() - pruned >= DAY:
                    await self.prune()
                    pruned = self.now()
                await asyncio.sleep(EVERY)
                await self.refusals.flush(self.database, self.now())
            except StoreUnavailable as error:
                _log.warning("audit-upkeep-failed", reason=str(error))
                await asyncio.sleep(EVERY)

    async def begin(self) -> None:
        """To be done before anything is: what an earlier process left unfinished, nobody will finish any more.

        Where others may be at it, its time has to run out.
        """
        if not self.alone:
            return
        try:
            await self._conclude(math.inf)
        except StoreUnavailable as error:
            _log.warning("audit-upkeep-failed", reason=str(error))

    async def conclude(self) -> None:
        """Say of everything whose time for an outcome is over that its outcome is unknown."""
        await self._conclude(self.now())

    async def _conclude(self, until: float) -> None:
        for intent in await self.database.unfinished(until):
            unknown = replace(
                intent.event, at=self.now(), source=Source.GATEWAY, phase=Phase.OUTCOME, intent=intent.id, error=UNKNOWN
            )
            await self.database.finish(unknown)

    async def prune(self) -> None:
        """Forget what is old enough and was passed on to everybody."""
        if not self.retention:
            return
        before = self.now() - self.retention
        for reader in self.readers:
            waiting = await self.database.events_after(await self.database.position(reader), 1)
            if waiting and waiting[0].event.at < before:
                _log.warning("audit-not-pruned", waiting_for=reader)
                before = waiting[0].event.at
        event = happened("audit.pruned", at=self.now(), by=GATEWAY, on=PLATFORM, body={"before": before})
        while await self.database.prune_events(before, event):  # noqa: ASYNC110 - nothing else tells that they have
            await asyncio.sleep(_OTHERS)

    async def close(self) -> None:
        """Write down what was counted last."""
        try:
            await self.refusals.flush(self.database, self.now())
        except StoreUnavailable as error:
            _log.warning("refusals-not-recorded", reason=str(error))
