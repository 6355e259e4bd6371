"""Credentials on requests: whom a plugin takes them for, and which of our users that is."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from auth_plugins import CredentialRequest, Identity, Refused, Unavailable
from auth_plugins.basic import name_and_password
from auth_plugins.registry import Provider
from proxy.model.identity import Person
from proxy.services.allowances import Allowances
from proxy.services.audit import PLATFORM, By, happened, on_user
from proxy.services.lockout import Lockout, Standing
from proxy.store import Database, StoreUnavailable

_NO_GUESS: Final = frozenset({"credentials_missing", "password_expired", "second_factor_required", "sso_required"})
"""Refusals in which no password was sent, or the right one."""

Whose = Callable[[Provider, Identity, str], Awaitable[tuple[Person, bool]]]
"""(provider, identity, address) -> our user, and whether the provider stands for a second factor of theirs too.

Raises Refused, also where a second factor is asked for and nobody stands for it; and Unavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """A credential that is right, and whose it is."""

    user_id: str
    provider: str
    amr: tuple[str, ...]
    """How they authenticated (RFC 8176)."""
    groups: tuple[str, ...] = ()
    """Groups that the provider named, as it wrote them."""
    ends: float | None = None
    """Seconds since the epoch; None where the provider names no end."""
    vouched: bool = False
    """Whether the provider stands for a second factor too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifying:
    """Asks plugins. Names with passwords are held to the limits of a login, and to the lockout."""

    whose: Whose
    allowances: Allowances
    lockout: Lockout
    database: Database
    now: Callable[[], float]

    async def ask(self, provider: Provider, request: CredentialRequest, address: str, again: bool) -> Recognised | None:
        """Whose credential this is; None where it is none of this provider's kind. `again`: it was wrong a while ago too,
        so it is no new guess.

        Raises Refused, Unavailable, TooOften and StoreUnavailable.
        """
        login = name_in(request.headers)
        if login is None:
            return await self._recognised(provider, request, address)
        await self.allowances.login(address, login)
        try:
            found = await self._said(provider, request, address)
            if found is None:
                await self.allowances.login_was_none(address, login)
                return None
            account = await self.lockout.account_of(login)
            standing = await self._settle(account, address, found, again=again)
        except (Unavailable, StoreUnavailable):
            with suppress(StoreUnavailable):
                await self.allowances.login_was_none(address, login)
            raise
        if standing is Standing.LOCKED:
            found = Refused("account_locked")
        if standing is Standing.LOCKED_NOW:
            await self._note_lock(account, provider, address)
        if isinstance(found, Refused):
            raise found
        return found

    async def _said(self, provider: Provider, request: CredentialRequest, address: str) -> Recognised | Refused | None:
        try:
            return await self._recognised(provider, request, address)
        except Refused as refused:
            return refused

    async def _recognised(self, provider: Provider, request: CredentialRequest, address: str) -> Recognised | None:
        identity = await provider.plugin.identify(request)
        if identity is None:
            return None
        if identity.ends is not None and identity.ends <= self.now():
            raise Refused("identity_ended", "the provider wanted this login to end before now")
        person, vouched = await self.whose(provider, identity, address)
        if person.user.password_expired:
            raise Refused("password_expired", "a new password is to be chosen first, on the login page")
        return Recognised(
            user_id=person.user.id,
            provider=provider.name,
            amr=identity.amr,
            groups=identity.groups or (),
            ends=identity.ends,
            vouched=vouched,
        )

    async def _settle(self, account: str, address: str, found: Recognised | Refused, *, again: bool) -> Standing:
        if isinstance(found, Refused) and found.code in _NO_GUESS:
            return Standing.COUNTS
        if isinstance(found, Refused) and again:
            return Standing.LOCKED if await self.lockout.holds(account, address) else Standing.COUNTS
        return await self.lockout.settle(account, address, right=isinstance(found, Recognised))

    async def _note_lock(self, account: str, provider: Provider, address: str) -> None:
        person = await self.database.person(account)
        whose = person.user if person is not None else None
        event = happened(
            "account.locked",
            at=self.now(),
            by=By(name=whose.username if whose else "", address=address),
            on=on_user(whose.id) if whose else PLATFORM,
            user=whose.id if whose else None,
            body={"provider": provider.name},
        )
        await self.database.record(event)


def name_in(headers: Mapping[str, str]) -> str | None:
    """The name that came with a password (RFC 7617), None where there is none."""
    with suppress(Refused):
        pair = name_and_password(headers.get("authorization", ""))
        return pair[0] if pair is not None else None
    return None
