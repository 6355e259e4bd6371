"""A real mail server that keeps what it is given, in this very loop: with StartTLS, with TLS at once, or in the clear."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.peers.changes import DEADLINE, Changes
from tests.peers.ports import free_port

USER, SECRET = "flowward", "correct mail horse"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What arrived."""

    sender: str
    receivers: tuple[str, ...]
    message: EmailMessage
    encrypted: bool
    authenticated: bool

    @property
    def text(self) -> str:
        return str(self.message.get_content()).replace("\r\n", "\n")


@dataclass(kw_only=True)
class Sink:
    """The mailboxes of everybody."""

    port: int
    scheme: str
    ca: Path
    mails: list[Mail] = field(default_factory=list)
    answer: str = "250 taken"
    """What it says to a mail; another than 250 refuses it."""
    receiver_answer: str = "250 fine"
    greets: bool = True
    """Whether it answers at all when somebody connects."""
    connections: int = 0
    changes: Changes = field(default_factory=Changes)

    @property
    def settings(self) -> dict[str, object]:
        """The section `mail` of the configuration."""
        server = f"{self.scheme}://localhost:{self.port}"
        return {"server": server, "sender": "Plant <gate@plant.example>", "ca": str(self.ca)}

    async def mails_to(self, address: str, *, count: int = 1, seconds: float = DEADLINE) -> list[Mail]:
        """The mails to an address, as soon as there are so many."""
        await self.changes.until(lambda: len(self.to(address)) >= count, seconds=seconds)
        return self.to(address)

    def to(self, address: str) -> list[Mail]:
        return [mail for mail in self.mails if mail.receivers == (address,)]

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]
    ) -> str:
        if self.receiver_answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.receiver_answer

    async def handle_DATA(self, _: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            message = message_from_bytes(bytes(envelope.content or b""), policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.mails.append(
                Mail(
                    sender=envelope.mail_from or "",
                    receivers=tuple(envelope.rcpt_tos),
                    message=message,
                    encrypted=session.ssl is not None or self.scheme == "smtps",
                    authenticated=bool(session.authenticated),
                )
            )
            self.changes.told()
        return self.answer


class _Silent(asyncio.Protocol):
    """Takes a connection, and says nothing."""


def _authenticate(_: SMTP, __: Session, ___: Envelope, ____: str, sent: object) -> AuthResult:
    right = isinstance(sent, LoginPassword) and (sent.login, sent.password) == (USER.encode(), SECRET.encode())
    return AuthResult(success=right, handled=True)


def _certified(folder: Path) -> ssl.SSLContext:
    authority = trustme.CA()
    folder.mkdir(exist_ok=True)
    authority.cert_pem.write_to_path(str(folder / "mail-ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@asynccontextmanager
async def sink(
    folder: Path, *, scheme: str = "smtp", start_tls: bool = True, authenticated: bool = False, port: int = 0
) -> AsyncIterator[Sink]:
    """`folder` gets the certificate of the CA that the server's own is signed by."""
    context = await asyncio.to_thread(_certified, folder)
    kept = Sink(port=port or free_port(), scheme=scheme, ca=folder / "mail-ca.pem")

    def accept() -> asyncio.Protocol:
        kept.connections += 1
        kept.changes.told()
        if not kept.greets:
            return _Silent()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # asking for a password on a connection that is TLS from the start
            return SMTP(
                kept,
                hostname="mail.plant.example",
                tls_context=context if scheme == "smtp" and start_tls else None,
                require_starttls=scheme == "smtp" and start_tls,
                authenticator=_authenticate if authenticated else None,
                auth_required=authenticated,
                auth_require_tls=scheme == "smtp" and start_tls,
                loop=asyncio.get_running_loop(),
            )

    tls = context if scheme == "smtps" else None
    server = await asyncio.get_running_loop().create_server(accept, "127.0.0.1", kept.port, ssl=tls)
    try:
        yield kept
    finally:
        server.close()
