"""Mails on their way: kept until the server has taken them, over restarts, and tried again for as long as they are of use."""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import structlog

from auth_plugins import Unavailable
from proxy.model.audit import Event
from proxy.model.identity import User
from proxy.services.audit import GATEWAY, PLATFORM, happened, on_user
from proxy.services.letters import Letter as Written
from proxy.services.letters import Letterhead
from proxy.services.lockout import SECOND_FACTOR, Locked
from proxy.services.mail import Mailer, MailGone, MailRefused, Message
from proxy.services.sealing import Seal
from proxy.store import Database, Letter, StoreUnavailable

POLL: Final = 5.0
"""Seconds between two looks for what other processes left, or what is to be tried again."""
FIRST_PAUSE: Final = 60.0
"""Seconds until the second attempt, and twice as long each time; more than one attempt takes."""
LONGEST_PAUSE: Final = 3600.0
KEPT: Final = 2 * 86400.0
"""Seconds for which a notice is of use."""
AT_ONCE: Final = 4
NOTICES: Final = 1000
"""Locks in a row that are told of by mail; in a flood of them, the mails would be one more."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A mail and its receiver."""

    to: str
    written: Written
    until: float
    """When it is of no use any more, in seconds since the epoch."""
    user: str | None = None
    """User id of the receiver."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """Keeps mails, and sends them beside the requests. One process sends each, whichever is first."""

    database: Database
    mailer: Mailer
    seal: Seal
    now: Callable[[], float]
    new_id: Callable[[], str]
    letterhead: Callable[[], Letterhead]
    locked: deque[Locked] = field(default_factory=lambda: deque(maxlen=NOTICES))
    """Accounts whose users are yet to be told."""
    waiting: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def configured(self) -> bool:
        """Whether anything can be mailed at all."""
        return self.mailer.configured

    async def ready(self) -> None:
        """Return once the server is known to be there: asked before anything is promised. Raises Unavailable."""
        await self.mailer.reach()

    async def post(self, letters: Sequence[Outgoing], *events: Event) -> None:
        """Keep mails to be sent, with the events they belong to. It takes as long with no mail as with one."""
        await self.database.post([self._kept(each) for each in letters], events)
        self.waiting.set()

    async def notify(self, user: User, written: Written, *, to: str | None = None) -> None:
        """Tell a user of something, at their address or at one they had; nobody where there is none, or no mail."""
        address = user.email if to is None else to
        if address and self.configured:
            await self.post([Outgoing(to=address, written=written, until=self.now() + KEPT, user=user.id)])

    def note(self, locked: Locked) -> None:
        """Tell the user of a lock, later: it must not be seen from how long an answer takes that there is one to tell."""
        if self.configured:
            self.locked.append(locked)
            self.waiting.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._tell_of_locks()
                while await self.round():
                    pass
            except StoreUnavailable as error:
                _log.warning("outbox-not-read", reason=str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL):
                    await self.waiting.wait()
            self.waiting.clear()

    async def round(self) -> bool:
        """Try what is due; whether there may be more. Raises StoreUnavailable."""
        due = await self.database.letters(self.now(), AT_ONCE) if self.configured else ()
        async with asyncio.TaskGroup() as group:
            tried = [group.create_task(self._try(letter)) for letter in due]
        return len(due) == AT_ONCE and all(task.result() for task in tried)

    async def _try(self, letter: Letter) -> bool:
        """Whether the store could be asked."""
        try:
            await self._attempt(letter)
        except StoreUnavailable as error:
            _log.warning("outbox-not-written", reason=str(error))
            return False
        return True

    async def _attempt(self, letter: Letter) -> None:
        now = self.now()
        if now >= letter.until:
            await self._give_up(letter, "it is of no use any more")
            return
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(letter.attempts, 10))
        if not await self.database.claim(letter, now + pause):
            return
        try:
            await self.mailer.send(self._opened(letter))
        except MailGone as error:
            _log.warning("mail-not-sent", kind=letter.kind, attempts=letter.attempts + 1, reason=str(error))
        except (MailRefused, Unavailable) as error:
            await self._give_up(letter, str(error))
        else:
            await self.database.drop(letter)

    async def _give_up(self, letter: Letter, reason: str) -> None:
        _log.error("mail-failed", kind=letter.kind, user=letter.user, reason=reason)
        on = on_user(letter.user) if letter.user else PLATFORM
        body = {"kind": letter.kind, "reason": reason, "attempts": letter.attempts}
        event = happened("platform.mail.failed", at=self.now(), by=GATEWAY, on=on, user=letter.user, body=body)
        await self.database.drop(letter, event)

    async def _tell_of_locks(self) -> None:
        while self.locked:
            locked = self.locked[0]
            person = await self.database.person(locked.user)
            if person is not None:
                user = person.user
                head = self.letterhead()
                write = head.factor_locked if locked.what == SECOND_FACTOR else head.locked
                await self.notify(user, write(user.username, address=locked.address, until=locked.until))
            self.locked.popleft()

    def _kept(self, outgoing: Outgoing) -> Letter:
        id_, written = self.new_id(), outgoing.written
        content = json.dumps([outgoing.to, written.subject, written.text]).encode()
        return Letter(
            id=id_,
            kind=written.kind,
            user=outgoing.user,
            sealed=self.seal.close(content, id_),
            at=self.now(),
            until=outgoing.until,
        )

    def _opened(self, letter: Letter) -> Message:
        to, subject, text = json.loads(self.seal.open(letter.sealed, letter.id))
        return Message(id=letter.id, to=to, subject=subject, text=text)
