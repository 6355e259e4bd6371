"""Lockout: after some wrong passwords in a row an account refuses logins for a while, the right password included.

An account that could be locked by anybody could be kept locked by anybody. So failures are counted apart for each place
that the account has lately been used from, and together for everywhere else: guessing elsewhere shuts out everybody but
those who log in from where they always do. A name that nobody has is locked like any other.
"""

import secrets
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from config import schema
from proxy.access.gcra import Rate
from proxy.services.allowances import name_key
from proxy.store import Database, Shared
from proxy.wire.address import subject

REMEMBERED: Final = 30 * 86400.0
"""Seconds for which a place is known after a login from there."""


class Standing(StrEnum):
    """How an attempt ends, beyond whether its password was right."""

    COUNTS = "counts"
    LOCKED = "locked"
    LOCKED_NOW = "locked_now"
    """It was the one too many."""


class Lockout:
    """Counts failures in the shared store, so that they hold in every process."""

    def __init__(
        self, database: Database, shared: Shared, rule: Callable[[], schema.Lockout], now: Callable[[], float]
    ) -> None:
        """`rule`: the setting that holds now."""
        self._database, self._shared, self._rule, self._now = database, shared, rule, now

    async def account_of(self, login: str) -> str:
        """What is locked by failures at a name that was typed: the account of that name or address, else the name."""
        login = login.strip()
        found = await self._database.account(login) if 0 < len(login) <= 254 else None
        return found.user.id if found is not None else f"name {name_key(login)}"

    async def settle(self, account: str, address: str, *, right: bool) -> Standing:
        """Note how an attempt ended. Asked after the password was checked, so that all take the same time.

        It also keeps many guesses that are checked at the same time from passing together.
        """
        rule, now, key = self._rule(), self._now(), await self._key(account, address)
        if await self._shared.get(f"locked {key}", now) is not None:
            return Standing.LOCKED
        rate = Rate(count=rule.failures, period=rule.seconds, burst=rule.failures - 1)
        if right:
            await self._shared.reset(f"failed {key}", rate)
            await self._shared.put(_known(account, address), "", now + REMEMBERED)
            return Standing.COUNTS
        if await self._shared.admit(f"failed {key}", rate) == 0:
            return Standing.COUNTS
        await self._shared.put(f"locked {key}", "", now + rule.seconds)
        return Standing.LOCKED_NOW

    async def holds(self, account: str, address: str) -> bool:
        """Whether an account is locked for somebody at an address."""
        return await self._shared.get(f"locked {await self._key(account, address)}", self._now()) is not None

    async def lift(self, account: str) -> None:
        """Forget every failure and lock of an account."""
        # What was counted before has another name, and is over before this is forgotten.
        await self._shared.put(_lifted(account), secrets.token_urlsafe(8), self._now() + 2 * self._rule().seconds)

    async def _key(self, account: str, address: str) -> str:
        """What failures are counted by."""
        now = self._now()
        place = subject(address) if await self._shared.get(_known(account, address), now) is not None else "elsewhere"
        since = await self._shared.get(_lifted(account), now) or ""
        return f"{account} {since} {place}"


def _known(account: str, address: str) -> str:
    return f"logged in {account} {subject(address)}"


def _lifted(account: str) -> str:
    return f"lockout lifted {account}"
