"""Refusing for a while what failed too often, and for longer each time it happens again: accounts, and addresses.

All of it is kept in the shared store, so that it holds in every process, and is on a listing, so that it can be lifted.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Final, Protocol

from proxy.access.gcra import Rate
from proxy.store import Shared
from proxy.wire.address import subject

MOST: Final = 1000
"""How many of each kind are told of: those that last longest."""


class Rule(Protocol):
    """The setting that says how often is too often, and what follows."""

    @property
    def failures(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def longest(self) -> float: ...


class Kind(StrEnum):
    """What is refused."""

    ACCOUNT = "account"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """Something that is refused for now. Times are seconds since the epoch."""

    kind: Kind
    subject: str
    """User id of the account; the address, of IPv6 its /64."""
    place: str
    """Of an account: the address for which it is refused, or `elsewhere` for all that it was not used from lately."""
    since: float
    until: float
    times: int
    """The how manieth in a row."""

    @property
    def id(self) -> str:
        """A handle that fits into an address."""
        return sha256(f"{self.kind} {self.subject} {self.place}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Bans:
    """Counts failures under a key and refuses it."""

    shared: Shared
    now: Callable[[], float]

    async def until(self, key: str) -> float:
        """When a key is no longer refused; 0 where it is not refused now."""
        kept = await self.shared.get(f"locked {key}", self.now())
        return 0.0 if kept is None else float(kept)

    async def fail(self, key: str, counted_as: str, rule: Rule) -> tuple[float, int] | None:
        """Count a failure; where it was one too many, until when the key is refused from now on and for which time."""
        if await self.shared.admit(f"failed {counted_as}", self.rate(rule)) == 0:
            return None
        now, again = self.now(), f"locks {counted_as}"
        times = int(await self.shared.get(again, now) or 0)
        until = now + min(rule.longest, rule.seconds * 2.0 ** min(times, 30))
        await self.shared.put(f"locked {key}", repr(until), until)
        await self.shared.put(again, str(times + 1), until + 2 * rule.longest)
        return until, times + 1

    async def end(self, key: str) -> None:
        """Refuse a key no longer."""
        await self.shared.take(f"locked {key}", self.now())

    async def forgive(self, counted_as: str, rule: Rule) -> None:
        """Something succeeded: what failed before does not count any more."""
        await self.shared.reset(f"failed {counted_as}", self.rate(rule))
        if await self.shared.get(f"locks {counted_as}", self.now()) is not None:
            await self.shared.take(f"locks {counted_as}", self.now())

    @staticmethod
    def rate(rule: Rule) -> Rate:
        """A rule as something that can be counted."""
        return Rate(count=rule.failures, period=rule.seconds, burst=rule.failures - 1)

    async def tell(self, listing: str, ban: Ban) -> None:
        """Put a ban on a listing."""
        item = json.dumps([ban.kind, ban.subject, ban.place, ban.since, ban.times])
        await self.shared.enlist(listing, item, ban.until)

    async def told(self, listing: str) -> Sequence[Ban]:
        """What is refused now, by a listing; newest first."""
        found = [_ban(item, until) for item, until in await self.shared.listed(listing, self.now(), MOST)]
        return sorted(found, key=lambda ban: -ban.since)

    async def strike(self, listing: str, subject: str) -> None:
        """Take all bans of one account or address off a listing."""
        items = await self.shared.listed(listing, self.now(), MOST)
        await self.shared.delist(listing, [item for item, until in items if _ban(item, until).subject == subject])


def _ban(item: str, until: float) -> Ban:
    kind, subject, place, since, times = json.loads(item)
    return Ban(kind=Kind(kind), subject=subject, place=place, since=since, until=until, times=times)


def key_of(address: str) -> str:
    """What an address is refused by."""
    return f"address {subject(address)}"
