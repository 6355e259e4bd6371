"""Local accounts: checking a password, and the one-time link by which a user chooses one."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from auth_plugins import Identity, Refused, Unavailable
from proxy.access.passwords import LONGEST, SHORTEST, hash_password, needs_rehash, verify
from proxy.model.audit import Event
from proxy.model.identity import User, UserKind, UserState
from proxy.services.audit import by_user, happened, on_user
from proxy.services.offload import Offload
from proxy.store import Account, Database, Shared, StoreUnavailable

LINK_LASTS: Final = 24 * 3600.0
"""Seconds."""


class WeakPassword(Exception):
    """A password that is not taken; args[0] is a sentence for the one who chose it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The gateway's own accounts."""

    database: Database
    shared: Shared
    offload: Offload
    now: Callable[[], float]

    async def check(self, username: str, password: str, *, admins: bool = False) -> Identity:
        """Who this is. The refusal is the same, after the same work, whatever was wrong.

        `admins`: an admin's own password counts too where their account is linked to a provider.
        """
        try:
            account = await self.database.account(username) if len(username) <= 254 else None
            kept = account.password_hash if account and _may_use_password(account, admins=admins) else None
            right = await self.offload(verify, password, kept)
            if not right or account is None or kept is None:
                raise Refused("credentials_wrong")
            if needs_rehash(kept) and account.user.declared is None:
                await self._rehash(account.user, kept, password)
        except StoreUnavailable as error:
            raise Unavailable("store_unavailable") from error
        user = account.user
        return Identity(subject=user.id, username=user.username, email=user.email, name=user.name)

    async def change_password(self, user: User, current: str, new: str, event: Event) -> None:
        """Another password for who knows the one that is; it has not expired from then on. Other sessions are to be ended.

        Raises Refused (wrong, and on record), WeakPassword and Unavailable.
        """
        account = await self.database.account(user.username)
        kept = account.password_hash if account and user.provider is None and account.user.id == user.id else None
        if not await self.offload(verify, current, kept):
            await self.database.record(replace(event, error="credentials_wrong"))
            raise Refused("credentials_wrong")
        refuse_weak(user, new)
        if new == current:
            raise WeakPassword("The new password is the one you have; choose another.")
        if not await self.database.set_password(user.id, await self.offload(hash_password, new), event):
            raise Refused("account_unknown")

    async def activation_link(self, home: str, user_id: str) -> str:
        """The address of a new activation link at the gateway's own origin; links before it are void."""
        return f"{home}/-/activate/{await self.issue_link(user_id)}"

    async def invitation(self, home: str, user: User) -> str:
        """A sentence, to be shown once, that holds the link by which a new user gets in."""
        link = await self.activation_link(home, user.id)
        return f"{user.username} chooses a password at {link} (once, within a day)."

    async def issue_link(self, user_id: str) -> str:
        """The token of a new activation link; links issued before for the same user are void from now on."""
        now, token = self.now(), secrets.token_urlsafe(32)
        before = await self.shared.take(_newest(user_id), now)
        if before is not None:
            await self.shared.take(before, now)
        await self.shared.put(_link(token), user_id, now + LINK_LASTS)
        await self.shared.put(_newest(user_id), _link(token), now + LINK_LASTS)
        return token

    async def invited(self, token: str) -> User | None:
        """Whose link this is, without using it up; None when it was used, replaced or is too old."""
        user_id = await self.shared.get(_link(token), self.now())
        person = await self.database.person(user_id) if user_id else None
        return person.user if person and may_log_in(person.user) else None

    async def activate(self, token: str, password: str, *, address: str) -> User:
        """Use up a link: the user gets this password, is active, and whoever was logged in as them no longer is.

        Raises WeakPassword (the link stays good) or Refused where the link is not good.
        """
        user = await self.invited(token)
        if user is None:
            raise Refused("link_spent")
        refuse_weak(user, password)
        kept = await self.offload(hash_password, password)
        if await self.shared.take(_link(token), self.now()) is None:
            raise Refused("link_spent")
        event = self._event("user.activated", user, address)
        if not await self.database.set_password(user.id, kept, event):
            raise Refused("link_spent")
        await self.shared.end_sessions_of(user.id)
        return user

    async def _rehash(self, user: User, kept: str, password: str) -> None:
        new = await self.offload(hash_password, password)
        event = self._event("user.updated-password", user, "")
        await self.database.set_password(user.id, new, event, instead_of=kept)

    def _event(self, event: str, user: User, address: str) -> Event:
        return happened(event, at=self.now(), by=by_user(user, address=address), on=on_user(user.id), user=user.id)


def may_log_in(user: User) -> bool:
    """Whether a user may ever log in by themselves: service accounts act by their tokens alone."""
    return user.kind is UserKind.PERSON and user.state is not UserState.SUSPENDED


def refuse_weak(user: User, password: str) -> None:
    """Raises WeakPassword for a password that is too short, too long or the user's own name."""
    if len(password) < SHORTEST:
        raise WeakPassword(f"The password has {len(password)} characters; it needs at least {SHORTEST}.")
    if len(password) > LONGEST:
        raise WeakPassword(f"The password has {len(password)} characters; it may have at most {LONGEST}.")
    if password.casefold() in (user.username.casefold(), user.email.casefold()):
        raise WeakPassword("The password is your username or e-mail; choose something others do not know.")


def _may_use_password(account: Account, *, admins: bool) -> bool:
    user = account.user
    own = user.provider is None or (admins and user.admin)
    return user.state is UserState.ACTIVE and may_log_in(user) and own


def _link(token: str) -> str:
    return "activation:" + sha256(token.encode()).hexdigest()


def _newest(user_id: str) -> str:
    return "activation-of:" + user_id
