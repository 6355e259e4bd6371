"""What is where on the dashboards of each instance, learned from what they tell their pages.

Every page is told; what one process learns, it writes down for the others before the page that was told can act on it.
"""

import hashlib
from collections.abc import Callable, Mapping
from typing import Final

import orjson
import structlog

from proxy.nodered.dashboard_config import Outline
from proxy.services.bounded import Bounded
from proxy.store import Shared, StoreUnavailable

_KEPT: Final = 2048
"""Instances."""
_LASTS: Final = 7 * 86400.0
"""Seconds for which others find it; written down anew after a seventh of them."""
_NOTHING: Final = Outline()
Placed = Callable[[str, Mapping[str, str]], None]
"""Takes the resource id of an instance and, by their ids, where its pages are."""
_log = structlog.get_logger(__name__)


class _Known:
    """What is known of one instance."""

    __slots__ = ("digest", "heard", "noted", "outline")

    def __init__(self, outline: Outline, digest: str) -> None:
        self.outline, self.digest = outline, digest
        self.heard = b""
        """Fingerprint of the last configuration that was heard."""
        self.noted = 0.0
        """When it was last written down; seconds since the epoch."""


class Outlines:
    """By resource id."""

    def __init__(self, shared: Shared, now: Callable[[], float], placed: Placed) -> None:
        """`placed` is told where the pages of an instance are, whenever that is learned."""
        self._shared, self._now, self._placed = shared, now, placed
        self._known: Bounded[str, _Known] = Bounded(_KEPT)

    def of(self, place: str) -> Outline:
        known = self._known.get(place)
        return known.outline if known is not None else _NOTHING

    def learn(self, place: str, text: str, words: list[object]) -> None:
        """Heed a `ui-config`; `text` is how it was written."""
        heard = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        known = self._known.get(place)
        if known is not None and known.heard == heard:  # a deploy tells every page the same
            return
        match words:
            case [_, str(base), dict(config), *_]:
                outline = self.of(place).with_config(base, config)
                if known is None or known.outline != outline:
                    known = self._keep(place, _Known(outline, _digest(_written(outline))))
                known.heard = heard
            case _:
                return

    async def publish(self, place: str) -> None:
        """Let other processes know what was learned here. Where that fails, they go without."""
        known, now = self._known.get(place), self._now()
        if known is None or known.noted > now - _LASTS / 7:
            return
        known.noted = now
        try:
            await self._shared.put(_key(place), f"{known.digest} {_written(known.outline)}", now + _LASTS)
        except StoreUnavailable as error:
            known.noted = 0.0
            _log.warning("outline-not-written", instance=place, reason=str(error))

    async def refresh(self, place: str) -> None:
        """Take over what another process has learned since. Raises StoreUnavailable."""
        found = await self._shared.get(_key(place), self._now())
        if found is None:
            return
        digest, _, written = found.partition(" ")
        known = self._known.get(place)
        if known is None or (known.digest != digest and known.noted > 0.0):
            plain: Mapping[str, Mapping[str, object]] = orjson.loads(written)
            self._keep(place, _Known(Outline.of(plain), digest)).noted = self._now()

    def _keep(self, place: str, known: _Known) -> _Known:
        self._placed(place, {id_: page.path for id_, page in known.outline.pages.items()})
        return self._known.keep(place, known)


def _key(place: str) -> str:
    return f"outline:{place}"


def _written(outline: Outline) -> str:
    return orjson.dumps(outline.plain()).decode()


def _digest(written: str) -> str:
    return hashlib.blake2b(written.encode(), digest_size=16).hexdigest()
