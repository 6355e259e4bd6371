"""Handing mail in at the server that the configuration names: by verified TLS, as plain text, to one address at a time."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as AS_SENT
from email.utils import formatdate
from typing import Final

import aiosmtplib

from auth_plugins import Unavailable
from config.mail_schema import Mail, is_mailbox
from proxy.services.clock import Clock

REACH: Final = 2.5
"""Seconds in which the server must say that it is there: with what else there is to do, a visitor has an answer in three."""
DELIVER: Final = 30.0
"""Seconds in which it must have taken a mail."""
REMEMBERED: Final = 10.0
"""Seconds for which a server that was there is believed to be."""
_FAREWELL: Final = 0.5
"""Seconds for a server to say goodbye, which changes nothing any more."""
_PERMANENT: Final = 500
"""RFC 5321 section 4.2.1: a reply of 5yz will be the same the next time."""


class MailGone(Exception):
    """The server could not be reached, or took nothing for now; args[0] says why."""


class MailRefused(Exception):
    """The server will never take this; args[0] says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A mail."""

    id: str
    """The same for every attempt, so that whoever gets it twice can tell."""
    to: str
    subject: str
    text: str


class Mailer:
    """The mail server."""

    def __init__(self, settings: Callable[[], Mail | None], clock: Clock, *, host: str) -> None:
        """`settings` are those that hold now; `host` is the gateway's own name, by which it greets."""
        self._settings, self._clock, self._host = settings, clock, host
        self._reached: tuple[Mail, float] | None = None
        self._trust: tuple[Mail, ssl.SSLContext] | None = None

    @property
    def configured(self) -> bool:
        return self._settings() is not None

    @property
    def product(self) -> str:
        """What people know the gateway as: the name mail comes from."""
        mail = self._settings()
        return mail.sender.name if mail is not None else "Flowward"

    async def reach(self) -> None:
        """Return once the server is known to be there, and to take us. Raises Unavailable."""
        mail, now = self._mail(), self._clock.steady()
        if self._reached is not None and self._reached[0] is mail and now < self._reached[1] + REMEMBERED:
            return
        try:
            async with _in_time(REACH), self._connected(mail):
                self._reached = mail, self._clock.steady()
        except (MailGone, MailRefused) as error:
            raise Unavailable("mail_unreachable", f"{mail.server}: {error}") from error

    async def send(self, message: Message) -> None:
        """Return once the server has taken it. Raises MailGone and MailRefused."""
        if self._settings() is None:
            raise MailGone("no mail server is configured")
        mail = self._mail()
        content = self._written(mail, message)
        try:
            async with _in_time(DELIVER), self._connected(mail) as server:
                await server.sendmail(mail.sender.address, [message.to], content)
        except MailGone:
            self._reached = None
            raise

    def _mail(self) -> Mail:
        mail = self._settings()
        if mail is None:
            raise Unavailable("mail_missing", "no mail server is configured")
        return mail

    @asynccontextmanager
    async def _connected(self, mail: Mail) -> AsyncIterator[aiosmtplib.SMTP]:
        server = aiosmtplib.SMTP(
            hostname=mail.server.at.host,
            port=mail.server.at.port,
            local_hostname=self._host,
            use_tls=mail.server.scheme == "smtps",
            start_tls=mail.server.scheme == "smtp"
            and mail.starttls,  # never "if it is offered": who listens in strips it
            tls_context=await self._context(mail),
            username=mail.username or None,
            password=mail.password.get_secret_value() if mail.password else None,
            timeout=DELIVER,
        )
        try:
            with _told():
                await server.connect()
                yield server
                with suppress(aiosmtplib.SMTPException):
                    await server.quit(timeout=_FAREWELL)
        finally:
            server.close()

    async def _context(self, mail: Mail) -> ssl.SSLContext:
        if self._trust is None or self._trust[0] is not mail:
            with _told():
                context = await asyncio.to_thread(ssl.create_default_context, cafile=mail.ca)
            self._trust = mail, context
        return self._trust[1]

    def _written(self, mail: Mail, message: Message) -> bytes:
        """As it goes over the wire (RFC 5322). Raises MailRefused for what is no single address, or has line ends."""
        if not is_mailbox(message.to):
            raise MailRefused(f"{message.to!r} is no address that mail can be sent to")
        written = EmailMessage(policy=AS_SENT)
        try:
            written["From"] = Address(mail.sender.name, addr_spec=mail.sender.address)
            written["To"] = Address(addr_spec=message.to)
            written["Subject"] = message.subject
        except ValueError as error:
            raise MailRefused(str(error)) from error
        written["Date"] = formatdate(self._clock.wall())
        written["Message-ID"] = f"<{message.id}@{self._host}>"
        written["Auto-Submitted"] = "auto-generated"  # RFC 3834 section 5: nobody's absence note answers it
        written.set_content(message.text)
        return written.as_bytes()


@asynccontextmanager
async def _in_time(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise MailGone(f"it did not answer within {seconds:g} seconds") from error


@contextmanager
def _told() -> Iterator[None]:
    """What the library and the network raise, as what it means for a mail."""
    try:
        yield
    except aiosmtplib.SMTPRecipientsRefused as error:
        reasons = "; ".join(str(each.message) for each in error.recipients)
        if all(each.code >= _PERMANENT for each in error.recipients):
            raise MailRefused(reasons) from error
        raise MailGone(reasons) from error
    except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError) as error:
        if error.code >= _PERMANENT:
            raise MailRefused(error.message) from error
        raise MailGone(error.message) from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise MailGone(str(error) or type(error).__name__) from error
    except ValueError as error:  # an address that the library does not send
        raise MailRefused(str(error)) from error
