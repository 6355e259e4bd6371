"""Whether sessions can be asked for, and whether what knew them still does."""

import secrets
from typing import Final

import structlog

from proxy.services.clock import Clock
from proxy.store import Shared, StoreUnavailable

_KEY: Final = "pulse"
_LASTS: Final = 100 * 365 * 86400.0
_log = structlog.get_logger(__name__)


class Pulse:
    """A word that is kept where the sessions are: who does not find it again has lost them."""

    def __init__(self, shared: Shared, clock: Clock) -> None:
        self._shared, self._clock = shared, clock
        self._word = ""
        self.failing = False
        """Nothing answered the last time."""
        self.felt = clock.steady()
        """When something last did (steady seconds)."""

    async def feel(self) -> bool:
        """Ask; whether everything is gone that was kept when it was asked before."""
        try:
            word = await self._found()
        except StoreUnavailable as error:
            if not self.failing:
                _log.warning("sessions-unavailable", reason=str(error))
            self.failing = True
            return False
        if self.failing:
            _log.warning("sessions-available")
        lost = self._word not in ("", word)
        self._word, self.felt, self.failing = word, self._clock.steady(), False
        return lost

    async def _found(self) -> str:
        now = self._clock.wall()
        found = await self._shared.get(_KEY, now)
        return found or await self._shared.put_new(_KEY, secrets.token_urlsafe(16), now + _LASTS, now)
