"""The engine.io sessions that go on under this gateway's eyes: what is known of each, here and in other processes.

One that nobody knows began unseen: its page may hold what it should not. It is told to begin anew.
"""

import hashlib
from collections.abc import Callable
from typing import Final

import orjson

from proxy.access.pages import PageView
from proxy.inspection.governed_outlines import Outlines, Placed
from proxy.inspection.governed_screen import Screen
from proxy.model.estate import PageSettings
from proxy.services.bounded import Bounded
from proxy.store import Shared

MOST: Final = 16 * 1024 * 1024
"""Bytes of one message, whatever an instance says that it takes."""
_KEPT: Final = 20_000
"""Sessions that poll in this process."""
_LASTS: Final = 3600.0
"""Seconds for which one is known after it was last heard of. Pages that poll are heard of every 25 s; those that have
changed to a websocket need it no more."""


class Talk:
    """One engine.io session."""

    __slots__ = ("key", "most", "noted", "screen", "seen")

    def __init__(self, key: str, screen: Screen, *, seen: str, most: int) -> None:
        self.key, self.screen = key, screen
        self.seen = seen
        """Stands for what was to be seen when it began."""
        self.most = min(most, MOST)
        """Bytes that the instance takes at once."""
        self.noted = 0.0
        """Until when others know of it; seconds since the epoch."""


class Talks:
    """All of them, by instance and name."""

    def __init__(self, shared: Shared, now: Callable[[], float], placed: Placed) -> None:
        """`placed` is told where the pages of an instance are, whenever that is learned."""
        self._shared, self._now = shared, now
        self.outlines = Outlines(shared, now, placed)
        self._here: Bounded[str, Talk] = Bounded(_KEPT)

    async def begin(self, place: str, sid: str, *, seen: str, most: int) -> Talk:
        """Raises StoreUnavailable."""
        key = _key(place, sid)
        talk = self._here.keep(key, Talk(key, Screen(self.outlines, place), seen=seen, most=most))
        await self.note(talk)
        return talk

    async def find(self, place: str, sid: str, seen: str) -> Talk | None:
        """None for one that nobody knows, or that began when something else was to be seen. Raises StoreUnavailable."""
        key = _key(place, sid)
        talk = self._here.get(key) or await self._elsewhere(key, place)
        if talk is None:
            return None
        if talk.seen != seen:
            await self.forget(talk)
            return None
        await self.outlines.refresh(place)
        if talk.noted < self._now() + _LASTS / 2:
            await self.note(talk)
        return talk

    async def note(self, talk: Talk) -> None:
        """Let other processes know of it. Raises StoreUnavailable."""
        talk.noted = self._now() + _LASTS
        written = orjson.dumps([talk.seen, talk.most, talk.screen.socket]).decode()
        await self._shared.put(talk.key, written, talk.noted)

    async def forget(self, talk: Talk) -> None:
        """Its page has to begin anew. Raises StoreUnavailable."""
        self._here.pop(talk.key, None)
        await self._shared.take(talk.key, self._now())

    def leave(self, talk: Talk) -> None:
        """It polls no more."""
        self._here.pop(talk.key, None)

    async def _elsewhere(self, key: str, place: str) -> Talk | None:
        found = await self._shared.get(key, self._now())
        if found is None:
            return None
        seen, most, socket = orjson.loads(found)
        return self._here.keep(key, Talk(key, Screen(self.outlines, place, socket), seen=seen, most=most))


def fingerprint(view: PageView | None) -> str:
    """Stands for what somebody may see of an instance, in every process alike."""
    if view is None:
        return ""
    said = [(page.id, PageSettings.of(page).match) for page in view.pages.resources]
    written = orjson.dumps([view.whole, sorted(view.shown), sorted(view.typed), sorted(said)])
    return hashlib.blake2b(written, digest_size=16).hexdigest()


def _key(place: str, sid: str) -> str:
    return f"talk:{place}:{sid}"
