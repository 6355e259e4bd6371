"""Local accounts: checking a password, choosing another, and the one-time link by which a user chooses one."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from typing import Final

from auth_plugins import Identity, Refused, Unavailable
from config import accounts_schema
from config.times import duration_words
from proxy.access.password_rules import REUSED, UNCHANGED, Flaw, flaws, weak
from proxy.access.passwords import LONGEST, hash_password, needs_rehash, verify
from proxy.model.audit import Event, Update
from proxy.model.identity import User, UserKind, UserState
from proxy.services.audit import by_user, happened, on_user
from proxy.services.offload import Offload
from proxy.services.problems import Wrong
from proxy.store import Account, Database, Shared, StoreUnavailable

RESET_LASTS: Final = 1800.0
"""Seconds."""


class WeakPassword(Exception):
    """A password that is not taken, and why."""

    def __init__(self, *flaws: Flaw) -> None:
        super().__init__(" ".join(flaw.message for flaw in flaws))
        self.flaws = flaws

    def wrongs(self, field: str) -> Sequence[Wrong]:
        """The same, of a field of what was sent."""
        return [Wrong(field=field, message=flaw.message, code=flaw.code) for flaw in self.flaws]


class Purpose(StrEnum):
    """What a link to a password is for, as it stands in its address."""

    ACTIVATE = "activate"
    """Made by an admin, or by an estate file."""
    RESET = "reset"
    """Asked for by whoever forgot theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The gateway's own accounts."""

    database: Database
    shared: Shared
    offload: Offload
    now: Callable[[], float]
    end_sessions: Callable[[str], Awaitable[None]]
    """End every session of a user."""
    rules: Callable[[], accounts_schema.Accounts] = accounts_schema.Accounts
    """The setting that holds now."""

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
            await self._age(account)
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
        await self.refuse_weak(new, names=(user.username, user.email), kept=kept, user_id=user.id)
        await self._keep(user, new, event)

    async def refuse_weak(
        self, password: str, *, names: Sequence[str], by_link: bool = False, kept: str | None = None, user_id: str = ""
    ) -> None:
        """Raises WeakPassword with all that is wrong with a password that somebody chose.

        `kept` is the hash of the one they have, where they have one.
        """
        rules = self.rules().password
        found = list(flaws(rules, password, names))
        if len(password) <= LONGEST:
            least = rules.score_by_link if by_link else rules.score
            found += await self.offload(lambda: list(weak(password, names, least)))
            if not found and kept is not None:
                found += await self._worn(password, kept, user_id)
        if found:
            raise WeakPassword(*found)

    async def _worn(self, password: str, kept: str, user_id: str) -> Sequence[Flaw]:
        """What is wrong with a password that is, or was, theirs."""
        if await self.offload(verify, password, kept):
            return [UNCHANGED]
        reuse = self.rules().password.reuse
        former = (await self.database.former_passwords(user_id))[:reuse] if reuse else ()
        for hash_ in former:
            if await self.offload(verify, password, hash_):
                return [REUSED]
        return []

    async def _keep(self, user: User, password: str, event: Event) -> None:
        new = await self.offload(hash_password, password)
        if not await self.database.set_password(user.id, new, event, keep=self.rules().password.reuse):
            raise Refused("account_unknown")

    async def _age(self, account: Account) -> None:
        """A password that is too old lets its user do nothing but choose another; one that a file states ages there."""
        oldest, user = self.rules().password.expires, account.user
        if not oldest or account.password_set is None or user.password_expired or "password" in user.stated:
            return
        before = self.now() - oldest
        if account.password_set < before:
            event = self._event("user.updated-user", user, "")
            changed = (Update(key="password_expired", old=False, new=True),)
            await self.database.expire_password(user.id, replace(event, updates=changed), set_before=before)

    async def activation_link(self, home: str, user_id: str) -> str:
        """The address of a new activation link at the gateway's own origin; links before it are void."""
        return f"{home}/-/activate/{await self.issue_link(user_id)}"

    async def invitation(self, home: str, user: User) -> str:
        """A sentence, to be shown once, that holds the link by which a new user gets in."""
        link = await self.activation_link(home, user.id)
        lasts = duration_words(self.rules().activation)
        return f"{user.username} chooses a password at {link} (once, within {lasts})."

    async def issue_link(self, user_id: str) -> str:
        """The token of a new activation link; links issued before for the same user are void from now on."""
        now, token = self.now(), secrets.token_urlsafe(32)
        until = now + self.rules().activation
        before = await self.shared.take(_newest(user_id), now)
        if before is not None:
            await self.shared.take(before, now)
        await self.shared.put(_link(Purpose.ACTIVATE, token), f"{user_id} {await self._stamp(user_id)}", until)
        await self.shared.put(_newest(user_id), _link(Purpose.ACTIVATE, token), until)
        return token

    async def issue_reset(self, account: Account | None) -> str:
        """The token of a link for who forgot their password. Of nobody: the same work, and a link that opens nothing.

        Those before it stay good, or whoever asks in somebody's name would spoil the one that they have been sent.
        """
        token = secrets.token_urlsafe(32)
        whose = f"{account.user.id} {stamp_of(account)}" if account else " "
        await self.shared.put(_link(Purpose.RESET, token), whose, self.now() + RESET_LASTS)
        return token

    async def invited(self, token: str, purpose: Purpose = Purpose.ACTIVATE) -> User | None:
        """Whose link this is, without using it up; None when it was used, replaced or is too old.

        Every link is void once its user has another password, name or address.
        """
        account = await self._bearer(token, purpose)
        return account.user if account else None

    async def _bearer(self, token: str, purpose: Purpose) -> Account | None:
        kept = await self.shared.get(_link(purpose, token), self.now()) or ""
        user_id, _, stamp = kept.partition(" ")
        account = await self.account_of(user_id)
        if account is None or stamp_of(account) != stamp:
            return None
        return account if _may_choose(account.user, purpose) else None

    async def account_of(self, user_id: str) -> Account | None:
        """The account of a user, with its password's hash."""
        person = await self.database.person(user_id) if user_id else None
        account = await self.database.account(person.user.username) if person else None
        return account if account and account.user.id == user_id else None

    async def activate(self, token: str, password: str, *, address: str, purpose: Purpose = Purpose.ACTIVATE) -> User:
        """Use up a link: the user gets this password, is active, and whoever was logged in as them no longer is.

        Raises WeakPassword (the link stays good) or Refused where the link is not good.
        """
        account = await self._bearer(token, purpose)
        if account is None:
            raise Refused("link_spent")
        user, names = account.user, (account.user.username, account.user.email)
        await self.refuse_weak(password, names=names, by_link=True, kept=account.password_hash, user_id=user.id)
        if await self.shared.take(_link(purpose, token), self.now()) is None:
            raise Refused("link_spent")
        await self._keep(user, password, self._event(_CHOSEN[purpose], user, address))
        await self.end_sessions(user.id)
        return user

    async def _stamp(self, user_id: str) -> str:
        account = await self.account_of(user_id)
        return stamp_of(account) if account else ""

    async def _rehash(self, user: User, kept: str, password: str) -> None:
        new = await self.offload(hash_password, password)
        event = self._event("user.updated-password", user, "")
        await self.database.set_password(user.id, new, event, instead_of=kept)

    def _event(self, event: str, user: User, address: str) -> Event:
        return happened(event, at=self.now(), by=by_user(user, address=address), on=on_user(user.id), user=user.id)


def may_log_in(user: User) -> bool:
    """Whether a user may ever log in by themselves: service accounts act by their tokens alone."""
    return user.kind is UserKind.PERSON and user.state is not UserState.SUSPENDED


def may_reset(user: User) -> bool:
    """Whether a user who forgot their password may have another by mail: not who logs in by a provider."""
    return _may_have_another(user) and user.provider is None


def _may_choose(user: User, purpose: Purpose) -> bool:
    # An admin gets in by a password of the gateway's own when their provider is gone; it takes an admin to make that link.
    return may_reset(user) or (purpose is Purpose.ACTIVATE and _may_have_another(user) and user.admin)


def _may_have_another(user: User) -> bool:
    """Where a file states the password, the next time it is applied would bring the old one back."""
    return may_log_in(user) and "password" not in user.stated


def _may_use_password(account: Account, *, admins: bool) -> bool:
    user = account.user
    own = user.provider is None or (admins and user.admin)
    return user.state is UserState.ACTIVE and may_log_in(user) and own


_CHOSEN: Final = {Purpose.ACTIVATE: "user.activated", Purpose.RESET: "account.reset-password"}


def stamp_of(account: Account) -> str:
    """What changes with the password, the name and the address of an account."""
    user = account.user
    told = "\n".join((account.password_hash or "", user.username, user.email))
    return sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def _link(purpose: Purpose, token: str) -> str:
    name = "activation" if purpose is Purpose.ACTIVATE else "reset"
    return f"{name}:" + sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _newest(user_id: str) -> str:
    return "activation-of:" + user_id
