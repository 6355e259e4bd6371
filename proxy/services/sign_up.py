"""Making an account by oneself: the address is verified by a code first, and until then there is no account.

Nobody learns whether an address has an account: its owner is told instead. A name that is taken is told of only to who has
shown that an address is theirs.
"""

import hmac
import json
import re
import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from auth_plugins import Refused
from config import accounts_schema
from config.names import is_username
from proxy.access.gcra import Rate
from proxy.access.linking import RESERVED
from proxy.access.passwords import hash_password
from proxy.model.identity import Person, User
from proxy.services import users
from proxy.services.accounts import Accounts, WeakPassword
from proxy.services.audit import PLATFORM, By, happened
from proxy.services.authority import told
from proxy.services.mailboxes import takes_one_more
from proxy.services.new_addresses import wrong_with
from proxy.services.outbox import Outbox, Outgoing
from proxy.services.problems import Exists, NotPossible, Unfit, Wrong
from proxy.services.sealing import Seal
from proxy.services.writer import Occasion, Step, Writer
from proxy.store import Conflict, Database, Invitation, PutPerson, Shared

LASTS: Final = 1800.0
"""Seconds for which a code is good."""
TRIES: Final = Rate(count=5, period=LASTS)
"""Codes that may be tried for one sign-up: of a million, in half an hour."""
_LONGEST_NAME: Final = 200
_UNREADABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The account that somebody wants."""

    username: str
    email: str
    password: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What waits for a code."""

    username: str
    email: str
    name: str
    password_hash: str
    code: str
    """Empty where no code will do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUp:
    """Accounts that people make for themselves."""

    database: Database
    shared: Shared
    accounts: Accounts
    writer: Writer
    outbox: Outbox
    seal: Seal
    domains: Callable[[], Collection[str]]
    """Those whose people log in by a provider alone."""
    now: Callable[[], float]
    new_id: Callable[[], str]

    @property
    def open(self) -> bool:
        """Whether anybody may try."""
        return self._rule.open and self.outbox.configured

    def admits(self, email: str) -> bool:
        """Whether somebody who was invited by this address may make an account with it."""
        return self.open and not list(wrong_with(email, self.domains())) and (self._rule.invited or self._admits(email))

    @property
    def _rule(self) -> accounts_schema.SignUp:
        return self.accounts.rules().sign_up

    async def ask(self, wanted: Wanted, *, address: str) -> str:
        """Mail a code, and return the ticket that it belongs to. The same is done whether the address has an account.

        Raises Unfit, NotPossible, Unavailable and StoreUnavailable.
        """
        await self._refuse(wanted)
        await self.outbox.ready()
        holder = await self.database.account(wanted.email)
        invited = bool(await self._invitations(wanted.email))
        few = await takes_one_more(self.shared, "sign-up", wanted.email)
        welcome = few and (self._admits(wanted.email) or (self._rule.invited and invited))
        ticket, code = secrets.token_urlsafe(32), f"{secrets.randbelow(10**6):06}"
        kept = _Kept(
            username=wanted.username,
            email=wanted.email,
            name=wanted.name,
            password_hash=await self.accounts.offload(hash_password, wanted.password),
            code=code if welcome and holder is None else "",
        )
        await self._keep(ticket, kept)
        letters = [self._letter(wanted.email, code, holder.user if holder else None)] if welcome else []
        error = "" if welcome and holder is None else "account_exists" if holder else "not_welcome"
        event = "account.verify.request-token"
        asked = happened(event, at=self.now(), by=By(address=address), on=PLATFORM, error=error)
        await self.outbox.post(letters, asked)
        return ticket

    async def verify(self, ticket: str, code: str, *, username: str = "", address: str) -> User:
        """Make the account; `username` is another one than at first, where that was taken.

        Raises Refused for a code that is wrong, spent or of nobody; Exists for a taken name; Unfit.
        """
        kept = await self._found(ticket)
        if kept is None or await self.shared.admit(f"codes {_hash(ticket)}", TRIES) > 0:
            await self.shared.take(_key(ticket), self.now())
            raise Refused("code_wrong")
        if not kept.code or not hmac.compare_digest(kept.code.encode(), code.strip().encode("utf-8", "replace")):
            raise Refused("code_wrong")
        name = username or kept.username
        if wrongs := list(_wrong_with_name(name)):
            raise Unfit(*wrongs)
        by = By(name=name, address=address)
        made = User(id=self.new_id(), username=name, name=kept.name, email=kept.email)
        try:
            user = await self.writer.write_by(by, lambda occasion: self._made(occasion, made, kept))
        except Conflict as error:
            raise Exists(str(error.args[0]), str(error.args[1])) from error
        await self.shared.take(_key(ticket), self.now())
        return user

    async def _refuse(self, wanted: Wanted) -> None:
        if not self.open:
            whom = self.outbox.letterhead().whom
            raise NotPossible("sign_up_off", f"Nobody makes an account by themselves here. Ask {whom}.")
        wrongs = [*_wrong_with_name(wanted.username), *self._wrong_with_address(wanted.email)]
        if _UNREADABLE.search(wanted.name) or len(wanted.name) > _LONGEST_NAME:
            message = f"must be one line of up to {_LONGEST_NAME} characters"
            wrongs.append(Wrong(field="name", message=message, code="name_invalid"))
        wrongs += await self._wrong_with_password(wanted)
        if wrongs:
            raise Unfit(*wrongs)

    async def _wrong_with_password(self, wanted: Wanted) -> Sequence[Wrong]:
        names = (wanted.username, wanted.email)
        try:
            await self.accounts.refuse_weak(wanted.password, names=names, by_link=True)
        except WeakPassword as weak:
            return weak.wrongs("password")
        return []

    def _wrong_with_address(self, email: str) -> Iterator[Wrong]:
        found = list(wrong_with(email, self.domains()))
        yield from found
        if not found and not self._rule.invited and not self._admits(email):
            message = f"must be of one of these domains: {', '.join(self._rule.domains)}"
            yield Wrong(field="email", message=message, code="domain_not_allowed")

    def _admits(self, email: str) -> bool:
        domain = email.rpartition("@")[2].casefold()
        return self._rule.enabled and (not self._rule.domains or domain in self._rule.domains)

    def _letter(self, email: str, code: str, holder: User | None) -> Outgoing:
        head, until = self.outbox.letterhead(), self.now() + LASTS
        written = head.has_account(holder.username) if holder else head.code(code, until=until)
        return Outgoing(to=email, written=written, until=until, user=holder.id if holder else None)

    async def _invitations(self, email: str) -> Sequence[Invitation]:
        found = await self.database.invitations(email=email)
        return [each for each in found if self.now() < each.expires]

    async def _made(self, occasion: Occasion, made: User, kept: _Kept) -> Step[User]:
        await users.refuse_taken(occasion, made)
        put = PutPerson(
            person=Person(user=made, memberships={}), password_hash=kept.password_hash, password_set=occasion.now
        )
        found = await occasion.database.invitations(email=made.email)
        offers = [replace(each, user=made.id) for each in found if occasion.now < each.expires]
        events = [told(occasion, name, made) for name in ("account.verify.verify-token", "account.register")]
        return Step(result=made, edits=[put, *offers], events=events)

    async def _keep(self, ticket: str, kept: _Kept) -> None:
        content = json.dumps([kept.username, kept.email, kept.name, kept.password_hash, kept.code]).encode()
        sealed = self.seal.close(content, _hash(ticket)).hex()
        await self.shared.put(_key(ticket), sealed, self.now() + LASTS)

    async def _found(self, ticket: str) -> _Kept | None:
        sealed = await self.shared.get(_key(ticket), self.now())
        if sealed is None:
            return None
        username, email, name, password_hash, code = json.loads(self.seal.open(bytes.fromhex(sealed), _hash(ticket)))
        return _Kept(username=username, email=email, name=name, password_hash=password_hash, code=code)


def _wrong_with_name(username: str) -> Iterator[Wrong]:
    """What looks like an address is refused too: it would stand before that address at a login."""
    if not is_username(username) or "@" in username:
        message = (
            "must be 1 to 128 letters, digits or ._+-, beginning with a letter or digit, and not 32 hexadecimal digits"
        )
        yield Wrong(field="username", message=message, code="username_invalid")
    if username.casefold() in RESERVED:
        message = "is kept for the platform; choose another"
        yield Wrong(field="username", message=message, code="username_reserved")


def _hash(ticket: str) -> str:
    return sha256(ticket.encode("utf-8", "surrogatepass")).hexdigest()


def _key(ticket: str) -> str:
    return f"sign-up:{_hash(ticket)}"
