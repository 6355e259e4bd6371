"""Getting in again without the password: a link by mail, and what follows when another password is chosen."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from proxy.access.gcra import Rate
from proxy.model.audit import Event
from proxy.model.identity import User, UserState
from proxy.services.accounts import RESET_LASTS, Accounts, Purpose, may_reset
from proxy.services.allowances import name_key
from proxy.services.audit import PLATFORM, By, happened, on_user
from proxy.services.lockout import Lockout
from proxy.services.outbox import Outbox, Outgoing
from proxy.store import Account, Database, Shared

MAILS: Final = Rate(count=5, period=RESET_LASTS)
"""Mails to one account: whoever asks in its name, from however many places, fills nobody's mailbox."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """Links for those who forgot their passwords, and for those who have none yet."""

    database: Database
    shared: Shared
    accounts: Accounts
    lockout: Lockout
    outbox: Outbox
    now: Callable[[], float]

    async def ask(self, login: str, *, address: str) -> None:
        """Mail a link to whoever has this name or address. What is done, and how long it takes, is the same for nobody.

        Raises Unavailable where no mail can be handed in now; StoreUnavailable.
        """
        await self.outbox.ready()
        account = await self.database.account(login) if 0 < len(login) <= 254 else None
        refused = _why_not(account)
        counted = account.user.id if account else name_key(login)
        few = await self.shared.admit(f"reset mails {counted}", MAILS) == 0
        receiver = account if few and not refused else None
        token = await self.accounts.issue_reset(receiver)
        error = refused or ("" if few else "too_many_mails")
        letters = [self._letter(receiver.user, token, address)] if receiver else []
        await self.outbox.post(letters, self._event(account, address, error))

    async def choose(self, purpose: Purpose, token: str, password: str, *, address: str) -> User:
        """Use up a link: another password, no other session and no lock. Raises WeakPassword, and Refused for a link that
        is not good.
        """
        user = await self.accounts.activate(token, password, address=address, purpose=purpose)
        await self.lockout.lift(user.id)
        if user.state is UserState.ACTIVE:
            await self.tell_of_change(user, address=address)
        return user

    async def tell_of_change(self, user: User, *, address: str) -> None:
        """Write to somebody whose password was changed."""
        written = self.outbox.letterhead().password_changed(user.username, address=address, at=self.now())
        await self.outbox.notify(user, written)

    def _letter(self, user: User, token: str, address: str) -> Outgoing:
        until = self.now() + RESET_LASTS
        written = self.outbox.letterhead().reset_link(user.username, token, address=address, until=until)
        return Outgoing(to=user.email, written=written, until=until, user=user.id)

    def _event(self, account: Account | None, address: str, error: str) -> Event:
        user = account.user if account else None
        return happened(
            "account.forgot-password",
            at=self.now(),
            by=By(name=user.username if user else "", address=address),
            on=on_user(user.id) if user else PLATFORM,
            user=user.id if user else None,
            error=error,
        )


def _why_not(account: Account | None) -> str:
    """The code of why nobody is mailed; empty where somebody is."""
    if account is None:
        return "account_unknown"
    if account.user.provider is not None:
        return "sso_required"
    if "password" in account.user.stated:
        return "declared_in_file"
    if not may_reset(account.user):
        return "account_unusable"
    return "" if account.user.email else "email_missing"
