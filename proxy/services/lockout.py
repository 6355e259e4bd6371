"""Lockout: after some wrong passwords in a row an account refuses logins for a while, the right password included.

An account that could be locked by anybody could be kept locked by anybody. So failures are counted apart for each place
that the account has lately been used from, and together for everywhere else: guessing elsewhere shuts out everybody but
those who log in from where they always do. A name that nobody has is locked like any other. Each lock in a row lasts twice
as long as the one before it.

An address that fails at many accounts is banned altogether, so that nobody tries one password on each of a thousand names.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import Final

from config import schema
from proxy.services.allowances import name_key
from proxy.services.audit import PLATFORM, By, happened
from proxy.services.bans import Ban, Bans, Kind, key_of
from proxy.store import Database, Shared
from proxy.wire.address import Network, subject, trusted

REMEMBERED: Final = 30 * 86400.0
"""Seconds for which a place is known after a login from there."""
ELSEWHERE: Final = "elsewhere"
LOCKS, LOCKS_OF_NOBODY, BANNED = "locks", "locks of nobody", "banned addresses"
"""Listings. Locks of names that nobody has are kept as all others are, and told to nobody: they may be passwords."""


SECOND_FACTOR: Final = " second factor"
"""What may be guessed at, beside passwords."""


class Standing(StrEnum):
    """How an attempt ends, beyond whether its password was right."""

    COUNTS = "counts"
    LOCKED = "locked"
    LOCKED_NOW = "locked_now"
    """It was the one too many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """An account that was locked just now."""

    user: str
    """User id."""
    address: str
    """From where the last attempt came."""
    until: float
    """Seconds since the epoch."""
    what: str = ""
    """What was wrong each time: a password, or a SECOND_FACTOR."""


class Lockout:
    """Counts failures in the shared store, so that they hold in every process."""

    def __init__(
        self,
        database: Database,
        shared: Shared,
        rule: Callable[[], schema.Lockout],
        now: Callable[[], float],
        *,
        ban: Callable[[], schema.Ban] = schema.Ban,
        spared: Callable[[], Sequence[Network]] = tuple,
        notice: Callable[[Locked], None] = lambda _: None,
    ) -> None:
        """`rule` and `ban`: the settings that hold now. `spared`: trusted proxies, of which none is banned, since everybody
        comes by them. `notice` hears of every lock of an account that is there; it must not take any time.
        """
        self._database, self._shared, self._rule, self._now = database, shared, rule, now
        self._ban, self._spared, self._notice = ban, spared, notice
        self._bans = Bans(shared, now)

    async def account_of(self, login: str) -> str:
        """What is locked by failures at a name that was typed: the account of that name or address, else the name."""
        login = login.strip()
        found = await self._database.account(login) if 0 < len(login) <= 254 else None
        return found.user.id if found is not None else _NAME + name_key(login)

    async def settle(self, account: str, address: str, *, right: bool, what: str = "") -> Standing:
        """Note how an attempt ended. Asked after the password was checked, so that all take the same time.

        It also keeps many guesses that are checked at the same time from passing together. `what` was guessed at is counted
        apart: a right password forgives no wrong SECOND_FACTOR.
        """
        place = await self._place(account, address)
        key = await self._key(account, place) + what
        if await self._bans.until(key):
            return Standing.LOCKED
        if right:
            await self._bans.forgive(key, self._rule())
            await self._shared.put(_known(account, address), "", self._now() + REMEMBERED)
            return Standing.COUNTS
        await self._count_against(address)
        locked = await self._bans.fail(key, key, self._rule())
        if locked is None:
            return Standing.COUNTS
        await self._tell(Locked(user=account, address=address, until=locked[0], what=what), place, locked[1])
        return Standing.LOCKED_NOW

    async def holds(self, account: str, address: str) -> bool:
        """Whether an account is locked for somebody at an address."""
        key = await self._key(account, await self._place(account, address))
        return await self._bans.until(key) > 0

    async def lift(self, account: str) -> None:
        """Forget every failure and lock of an account."""
        # What was counted before has another name, and is over before this is forgotten.
        await self._renew(account, self._rule())
        await self._bans.strike(LOCKS, account)

    async def lift_ban(self, address: str) -> None:
        """Let an address try again, and forget its failures. It may be a network, as it is told of."""
        where = subject(address)
        await self._renew(key_of(where), self._ban())
        await self._bans.end(key_of(where))
        await self._bans.strike(BANNED, where)

    async def bans(self) -> Sequence[Ban]:
        """Every account and address that is refused now."""
        return [*await self._bans.told(LOCKS), *await self._bans.told(BANNED)]

    async def _count_against(self, address: str) -> None:
        """A failure that came from an address, whatever the account."""
        if _is_loopback(address) or trusted(address, self._spared()):
            return
        key = key_of(address)
        if await self._bans.until(key):
            return  # an attempt that was under way before
        banned = await self._bans.fail(key, f"{key} {await self._since(key)}", self._ban())
        if banned is None:
            return
        (until, times), where = banned, subject(address)
        ban = Ban(kind=Kind.ADDRESS, subject=where, place="", since=self._now(), until=until, times=times)
        await self._bans.tell(BANNED, ban)
        body = {"address": where, "until": until}
        event = happened("platform.address.banned", at=ban.since, by=By(address=address), on=PLATFORM, body=body)
        await self._database.record(event)

    async def _tell(self, locked: Locked, place: str, times: int) -> None:
        account, until = locked.user, locked.until
        of_nobody = account.startswith(_NAME)
        ban = Ban(kind=Kind.ACCOUNT, subject=account, place=place, since=self._now(), until=until, times=times)
        await self._bans.tell(LOCKS_OF_NOBODY if of_nobody else LOCKS, ban)
        if not of_nobody:
            self._notice(locked)

    async def _place(self, account: str, address: str) -> str:
        known = await self._shared.get(_known(account, address), self._now()) is not None
        return subject(address) if known else ELSEWHERE

    async def _key(self, account: str, place: str) -> str:
        """What failures are counted by."""
        return f"{account} {await self._since(account)} {place}"

    async def _since(self, key: str) -> str:
        return await self._shared.get(_lifted(key), self._now()) or ""

    async def _renew(self, key: str, rule: schema.Lockout | schema.Ban) -> None:
        """Count by another name from now on; what was counted by the old one is over before this is."""
        until = self._now() + 2 * rule.seconds + 3 * rule.longest
        await self._shared.put(_lifted(key), secrets.token_urlsafe(8), until)


_NAME: Final = "name "


def _known(account: str, address: str) -> str:
    return f"logged in {account} {subject(address)}"


def _lifted(account: str) -> str:
    return f"lockout lifted {account}"


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return True  # a unix socket's peer has no address, and everybody comes by it
