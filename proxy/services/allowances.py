"""How often somebody may try what costs dearly or gives something away, whichever process they meet."""

import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from hashlib import sha256
from typing import Final

from config import times
from config.schema import Limits
from proxy.access.gcra import Rate
from proxy.services.bans import Bans, key_of
from proxy.services.ratelimit import Late, TooOften
from proxy.store import Shared
from proxy.wire.address import subject

ACCOUNTS: Final = 20
"""How many accounts may be tried from one address as often as one account may."""
ENTRIES: Final = Rate(count=100, period=3600.0)
"""How many further hosts and browsers one session may be carried to: each is a row that stays until the session ends."""

PASSWORDS: Final = Rate(count=10, period=60.0)
"""How many passwords of instances one user may set: hashing them keeps the only worker busy that logins wait for."""
MESSAGES: Final = Rate(count=1000, period=60.0)
"""How many logouts a provider may tell of by itself: one that ends everybody's sessions tells of each."""


class Policy(StrEnum):
    """What is limited, by the name of its setting in `limits`."""

    LOGIN = "login"
    MFA = "mfa"
    TOKEN_CREATE = "token_create"  # noqa: S105 - something to do
    ACTIVATION = "activation"
    INVITES = "invites"
    FORGOT = "forgot"
    SIGN_UP = "sign_up"
    VERIFY = "verify"
    CALLBACK = "callback"
    CHECKS = "checks"


_TEXTS: Final[Mapping[Policy, str]] = {
    Policy.LOGIN: "There were too many attempts to log in.",
    Policy.MFA: "There were too many attempts to prove a second factor.",
    Policy.TOKEN_CREATE: "Too many tokens were made at once.",
    Policy.ACTIVATION: "There were too many attempts to choose a password by a link.",
    Policy.INVITES: "Too many people were invited at once.",
    Policy.FORGOT: "A link to a new password was asked for too often.",
    Policy.SIGN_UP: "Too many accounts were asked for at once.",
    Policy.VERIFY: "Addresses and codes were tried too often.",
    Policy.CALLBACK: "Login providers sent too many answers from this address.",
    Policy.CHECKS: "Too many isolation reports were asked for at once.",
}


class Allowances:
    """Limits that hold strictly: trouble with the store that counts is raised as StoreUnavailable, and admits nobody."""

    def __init__(self, shared: Shared, limits: Callable[[], Limits], now: Callable[[], float] = time.time) -> None:
        """`limits`: the settings that hold now."""
        self._shared, self._limits, self._now = shared, limits, now
        self._bans = Bans(shared, now)

    async def login(self, address: str, account: str) -> None:
        """Count an attempt to log in: by address and account, and by address whatever the account. Raises TooOften, also
        for an address that is banned.

        Without the second, one address could keep the only worker that checks passwords busy with made-up names. The
        account's comes first, so that guesses at one name use up nobody else's allowance.
        """
        await self._refuse_banned(address)
        (named, rate), (placed, many) = self._attempts(address, account)
        await self._take(named, Policy.LOGIN, rate, _TEXTS[Policy.LOGIN])
        try:
            await self._take(placed, Policy.LOGIN, many, _TEXTS[Policy.LOGIN])
        except TooOften:
            await self._shared.give_back(named, rate)
            raise

    async def login_was_none(self, address: str, account: str) -> None:
        """An attempt that could not be judged does not count."""
        for key, rate in self._attempts(address, account):
            await self._shared.give_back(key, rate)

    async def second_factor(self, login: str, user_id: str) -> None:
        """Count an attempt to prove a second factor: by the login it is for, and by account over all logins. Raises TooOften."""
        await self.take(Policy.MFA, f"login {login}")
        await self.take(Policy.MFA, f"account {user_id}")

    async def take(self, policy: Policy, who: str) -> None:
        """Count one. Raises TooOften."""
        await self._take(f"{policy} {who}", policy, rate_of(self._setting(policy)), _TEXTS[policy])

    async def enter(self, session_id: str) -> None:
        """Count a session that is carried to one more host or browser. Raises TooOften."""
        await self._take(f"enter {session_id}", "enter", ENTRIES, "This login was used in too many places at once.")

    async def instance_password(self, user_id: str) -> None:
        """Count a password that a user sets for an instance. Raises TooOften."""
        text = "Too many passwords of instances were set at once."
        await self._take(f"instance password {user_id}", "instance_password", PASSWORDS, text)

    async def back_channel(self, address: str) -> None:
        """Count a message that a provider sent by itself. Raises TooOften."""
        await self._take(f"back channel {subject(address)}", "backchannel", MESSAGES, "Too many messages came at once.")

    async def was_none(self, policy: Policy, who: str) -> None:
        """One that came to nothing for a reason of ours does not count."""
        await self._shared.give_back(f"{policy} {who}", rate_of(self._setting(policy)))

    async def _refuse_banned(self, address: str) -> None:
        until = await self._bans.until(key_of(address))
        if until:
            late = Late(policy="ban", rate=self._bans.rate(self._limits().ban), wait=until - self._now())
            raise TooOften(late, "Too many logins failed that came from your network.")

    async def _take(self, key: str, policy: str, rate: Rate, text: str) -> None:
        wait = await self._shared.admit(key, rate)
        if wait > 0:
            raise TooOften(Late(policy=policy, rate=rate, wait=wait), text)

    def _attempts(self, address: str, account: str) -> tuple[tuple[str, Rate], tuple[str, Rate]]:
        rate, place = rate_of(self._setting(Policy.LOGIN)), subject(address)
        many = Rate(count=rate.count * ACCOUNTS, period=rate.period)
        return (f"login {place} {name_key(account)}", rate), (f"login {place}", many)

    def _setting(self, policy: Policy) -> times.Rate:
        found = getattr(self._limits(), policy.value)
        if not isinstance(found, times.Rate):
            raise TypeError(f"limits.{policy} is no rate")
        return found


def rate_of(setting: times.Rate) -> Rate:
    """A rate as it is configured, as one that can be counted."""
    return Rate(count=setting.count, period=setting.seconds)


def name_key(login: str) -> str:
    """What counts as one name: blanks around it and its case do not matter to a login."""
    return sha256(login.strip().casefold().encode("utf-8", "surrogatepass")).hexdigest()
