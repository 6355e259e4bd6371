"""What providers need attention for: looked at once a day, told before it hurts. Nothing is ever stopped by it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

import structlog

from auth_plugins import Finding, Refused, Unavailable
from auth_plugins.registry import Provider
from proxy.services.audit import GATEWAY, PLATFORM, happened
from proxy.store import Database, Shared, StoreUnavailable

DAY: Final = 86400.0
THRESHOLDS: Final = (1, 7, 30)
"""Days before an end at which it goes on record once."""
PATIENCE: Final = 30.0
"""Seconds for all that one plugin finds out."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What was found when a provider was last looked at."""

    at: float
    """Seconds since the epoch."""
    findings: Sequence[Finding]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """Looks at every provider once a day."""

    providers: Callable[[], Sequence[Provider]]
    database: Database
    shared: Shared
    now: Callable[[], float]
    """Seconds since the epoch."""
    latest: dict[str, Looked] = field(default_factory=dict)
    """By the provider's name."""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(DAY)

    async def look(self) -> None:
        """Look at all of them, one after the other."""
        for provider in self.providers():
            findings = await found(provider)
            self.latest[provider.name] = Looked(at=self.now(), findings=findings)
            for finding in findings:
                try:
                    await self._tell(provider, finding)
                except StoreUnavailable as error:
                    _log.warning("finding-not-recorded", provider=provider.name, reason=str(error))

    async def _tell(self, provider: Provider, finding: Finding) -> None:
        if finding.level == "ok":
            return
        _log.warning("provider-finding", provider=provider.name, code=finding.code, detail=finding.detail)
        now, key = self.now(), _key(provider, finding, self.now())
        if await self.shared.get(key, now) is not None:
            return
        await self.shared.put(key, finding.level, now + THRESHOLDS[-1] * DAY)
        body: Mapping[str, object] = {"provider": provider.name, "level": finding.level, "detail": finding.detail}
        event = happened("platform.sso.finding", at=now, by=GATEWAY, on=PLATFORM, body={**body, "code": finding.code})
        await self.database.record(event)


async def found(provider: Provider) -> Sequence[Finding]:
    """What can be said of a provider now; that it does not answer is a finding too."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await provider.plugin.findings()
    except (Refused, Unavailable) as error:
        return [Finding(code=error.code, level="error", detail=error.detail or error.code)]
    except TimeoutError:
        detail = f"{provider.name} did not say within {PATIENCE:.0f} seconds how it is. Is its provider reachable?"
        return [Finding(code="no_answer", level="error", detail=detail)]
    except Exception as error:  # noqa: BLE001 - a plugin may be anybody's: its defect must not end what looks at the others
        # In a thread: where it came from is read from files.
        await asyncio.to_thread(_log.error, "findings-defect", provider=provider.name, exc_info=error)
        return [Finding(code="plugin_defect", level="error", detail="The plugin failed; the log says where.")]


def _key(provider: Provider, finding: Finding, now: float) -> str:
    """What is told once: the same finding of the same thing, at each threshold."""
    what = f"{provider.name} {finding.code}"
    if finding.ends is None:
        return f"finding {what} {sha256(finding.detail.encode()).hexdigest()}"
    left = (finding.ends - now) / DAY
    step = next((days for days in THRESHOLDS if left <= days), THRESHOLDS[-1])
    return f"finding {what} {finding.ends:.0f} {step}"
