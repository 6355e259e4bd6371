"""Mail addresses that people give themselves: which may be, and the change of one's own, confirmed from the new one."""

import json
import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from auth_plugins import Refused
from config.mail_schema import is_mailbox
from proxy.model.audit import Update
from proxy.model.identity import Person, User
from proxy.services import users
from proxy.services.accounts import Accounts, stamp_of
from proxy.services.audit import by_user, happened, on_user
from proxy.services.authority import refuse_declared, told
from proxy.services.mailboxes import takes_one_more
from proxy.services.outbox import Outbox, Outgoing
from proxy.services.problems import Exists, NotPossible, Unfit, Wrong
from proxy.services.writer import Occasion, Step, Writer
from proxy.store import Account, Conflict, PutPerson, Shared

LASTS: Final = 48 * 3600.0
"""Seconds for which a new address may be confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAddress:
    """A change that is to be confirmed."""

    user: User
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAddresses:
    """Changes of mail addresses."""

    shared: Shared
    accounts: Accounts
    writer: Writer
    outbox: Outbox
    domains: Callable[[], Collection[str]]
    """Those whose people log in by a provider alone."""
    now: Callable[[], float]

    async def ask(self, person: Person, email: str, *, address: str) -> None:
        """Mail a link to the new address, and a notice to the old one. Nobody learns whether somebody has the new one.

        Raises Unfit, NotPossible, DeclaredInFile, Unavailable and StoreUnavailable.
        """
        user = person.user
        self._refuse(user, email)
        await self.outbox.ready()
        account = await self.accounts.account_of(user.id)
        holder = await self.accounts.database.account(email)
        if account is None:
            raise Refused("account_unknown")
        token = secrets.token_urlsafe(32)
        kept = json.dumps({"user": user.id, "email": email, "stamp": stamp_of(account)})
        taken = holder is not None and holder.user.id != user.id
        await self.shared.put(_key(token), kept, self.now() + LASTS)
        event = happened(
            "account.change-email-request",
            at=self.now(),
            by=by_user(user, address=address),
            on=on_user(user.id),
            user=user.id,
        )
        few = await takes_one_more(self.shared, "new address", email)
        letters = self._letters(user, email, token, address, holder if taken else None)
        await self.outbox.post([each for each in letters if few or each.to != email], event)

    def _refuse(self, user: User, email: str) -> None:
        if user.provider is not None:
            detail = f"Your address is kept by {user.provider}. Change it there."
            raise Unfit(Wrong(field="email", message=detail, code="sso_managed"))
        refuse_declared(user, f"The user {user.username}")
        if not self.outbox.configured:
            raise NotPossible("mail_missing", f"No mail can be sent from here. Ask {self.outbox.letterhead().whom}.")
        wrongs = list(wrong_with(email, self.domains()))
        if email == user.email:
            wrongs.append(Wrong(field="email", message="is your address already", code="email_unchanged"))
        if wrongs:
            raise Unfit(*wrongs)

    def _letters(self, user: User, email: str, token: str, address: str, holder: Account | None) -> Sequence[Outgoing]:
        head, until = self.outbox.letterhead(), self.now() + LASTS
        if holder is None:
            letters = [Outgoing(to=email, written=head.address_link(token, until=until), until=until)]
        else:
            written = head.address_taken(holder.user.username)
            letters = [Outgoing(to=email, written=written, until=until, user=holder.user.id)]
        if user.email:
            written = head.address_asked(user.username, address=address)
            letters.append(Outgoing(to=user.email, written=written, until=until, user=user.id))
        return letters

    async def expect(self, activation: str, email: str, *, until: float) -> None:
        """Note that the link of this token goes to an address by mail, and nowhere else."""
        await self.shared.put(_mailed(activation), email, until)

    async def reached(self, activation: str, user: User, *, address: str) -> None:
        """Whoever opened a link that was mailed has the mailbox: its address is theirs, unless somebody has it already."""
        email = await self.shared.take(_mailed(activation), self.now())
        if email is None or any(True for _ in wrong_with(email, self.domains())):
            return
        by, wanted = by_user(user, address=address), NewAddress(user=user, email=email)
        with suppress(Conflict, Exists, Refused):
            await self.writer.write_by(by, lambda occasion: _changed(occasion, wanted))

    async def pending(self, token: str) -> NewAddress | None:
        """What a link would change; None when it was used, is too old, or the account has changed since."""
        found = await self.shared.get(_key(token), self.now())
        kept = json.loads(found) if found else {}
        account = await self.accounts.account_of(kept["user"]) if kept else None
        if account is None or stamp_of(account) != kept["stamp"]:
            return None
        return NewAddress(user=account.user, email=kept["email"])

    async def confirm(self, token: str, *, address: str) -> User:
        """The user, with the new address; all their sessions have ended. Raises Refused and Exists."""
        pending = await self.pending(token)
        if pending is None or await self.shared.take(_key(token), self.now()) is None:
            raise Refused("link_spent")
        user, by = pending.user, by_user(pending.user, address=address)
        try:
            after = await self.writer.write_by(by, lambda occasion: _changed(occasion, pending))
        except Conflict as error:
            raise Exists("email", pending.email) from error
        await self.accounts.end_sessions(user.id)
        written = self.outbox.letterhead().address_changed(user.username, address=address)
        await self.outbox.notify(user, written, to=user.email)
        return after


async def _changed(occasion: Occasion, wanted: NewAddress) -> Step[User]:
    person = await users.user_at(occasion, wanted.user.id)
    after = replace(person.user, email=wanted.email)
    if person.user.email != wanted.user.email:
        raise Refused("link_spent")
    await users.refuse_taken(occasion, after)
    changed = (Update(key="email", old=person.user.email, new=after.email),)
    event = told(occasion, "account.change-email-confirmed", after, updates=changed)
    return Step(result=after, edits=[PutPerson(person=replace(person, user=after))], events=[event])


def wrong_with(email: str, of_providers: Collection[str]) -> Iterator[Wrong]:
    """Why this cannot be somebody's address here: it is no mailbox, or of people who log in by a provider alone."""
    if not is_mailbox(email):
        message = "must be a mail address, such as ada@example.org, that needs no quotes"
        yield Wrong(field="email", message=message, code="email_invalid")
        return
    local, _, domain = email.casefold().rpartition("@")
    if domain in of_providers and "+" in local:
        yield Wrong(field="email", message="would be a second account of one mailbox", code="plus_address")
    elif domain in of_providers:
        message = "belongs to people who log in by their organisation, which needs no account of ours"
        yield Wrong(field="email", message=message, code="sso_required")


def _mailed(activation: str) -> str:
    return "mailed:" + sha256(activation.encode("utf-8", "surrogatepass")).hexdigest()


def _key(token: str) -> str:
    return "email:" + sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
