"""The `mail` section of flowward.yaml: by which server people are written to, and as whom."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field, PlainSerializer, PlainValidator, ValidationInfo, field_validator
from typing_extensions import override

from config.addresses import Listen, is_local_name, parse_host_name
from config.base import Section, schema_of, text_of, wrong
from config.files import ExistingFile, SecretFile

_PORTS: Final = {"smtp": 587, "smtps": 465}
"""RFC 6409 section 3.1 and RFC 8314 section 3.3."""
# RFC 5321 section 4.1.2: a Dot-string at a Domain; what needs quotes is refused, since it could be read as more than one
# address.
_MAILBOX: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*",
    re.ASCII,
)
_SENDER: Final = re.compile(r"([^\"\\<>\r\n]{1,64}?) ?<([^<>]+)>")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail is handed in."""

    scheme: Literal["smtp", "smtps"]
    at: Listen

    @property
    def loopback(self) -> bool:
        """Whether it is on this very machine, so that nobody can listen in between."""
        if is_local_name(self.at.host):
            return True
        try:
            return ipaddress.ip_address(self.at.host).is_loopback
        except ValueError:
            return False

    @override
    def __str__(self) -> str:
        return f"{self.scheme}://{self.at}"


def parse_mail_server(value: object) -> MailServer:
    """A server from `smtp://host`, `smtps://host:465`; without a port it is 587 or 465."""
    if isinstance(value, MailServer):
        return value
    message, remedy = "must be smtp:// or smtps:// with a host", "Write for example smtp://mail.example.org:587."
    text = text_of(value, message, remedy)
    found = re.fullmatch(r"(smtps?)://(\[[0-9A-Fa-f:.]+\]|[^\s:/?#@\[\]]+)(?::(\d{1,5}))?/?", text, re.ASCII)
    if found is None or not 0 < int(found[3] or 1) <= 65535:
        raise wrong(message, remedy)
    scheme: Literal["smtp", "smtps"] = "smtp" if found[1] == "smtp" else "smtps"
    port = int(found[3]) if found[3] else _PORTS[scheme]
    return MailServer(scheme=scheme, at=Listen(host=parse_host_name(found[2]), port=port))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """As whom mail is written."""

    address: str
    name: str = "Flowward"

    @override
    def __str__(self) -> str:
        return f"{self.name} <{self.address}>"


def parse_sender(value: object) -> Sender:
    """A sender from `gate@example.org` or `Plant <gate@example.org>`."""
    if isinstance(value, Sender):
        return value
    message = "must be a mail address, with a name before it or not"
    remedy = "Write for example Flowward <flowward@example.org>."
    text = text_of(value, message, remedy)
    named = _SENDER.fullmatch(text)
    name, address = (named[1].strip(), named[2]) if named else ("Flowward", text)
    if not is_mailbox(address) or not name or not name.isprintable():
        raise wrong(message, remedy)
    return Sender(address=address, name=name)


def is_mailbox(text: str) -> bool:
    """Whether this is an address that mail can be sent to, and only one."""
    local, _, _ = text.partition("@")
    return len(text) <= 254 and len(local) <= 64 and _MAILBOX.fullmatch(text) is not None


ServerSetting = Annotated[
    MailServer, PlainValidator(parse_mail_server), PlainSerializer(str), schema_of("smtp or smtps address")
]
SenderSetting = Annotated[Sender, PlainValidator(parse_sender), PlainSerializer(str), schema_of("mail address")]


class Mail(Section):
    """The mail server, whose certificate is always verified. Without this section nothing is mailed: links are shown to
    admins, to be passed on.
    """

    server: ServerSetting = Field(
        description="smtp://host:587, where StartTLS is required, or smtps://host:465, which speaks TLS at once."
    )
    starttls: bool = Field(
        default=True,
        validate_default=True,
        description="With smtp://: go on by TLS before anything is said. Only a server on loopback may do without.",
    )
    username: str = Field(default="", max_length=256, description="User name at the server; empty to send without one.")
    password: SecretFile | None = Field(default=None, description="{file: path} of the password.")
    sender: SenderSetting = Field(description="Address that mail comes from, such as Flowward <flowward@example.org>.")
    ca: ExistingFile | None = Field(default=None, description="PEM file of the CA to trust instead of the system's.")

    @field_validator("starttls")
    @classmethod
    def _is_protected(cls, starttls: bool, info: ValidationInfo) -> bool:
        server = info.data.get("server")
        if isinstance(server, MailServer) and server.scheme == "smtp" and not starttls and not server.loopback:
            raise wrong(
                f"must be true for {server}, which is another machine: links in mails open accounts",
                "Remove it, or use smtps://.",
            )
        return starttls

    @field_validator("password")
    @classmethod
    def _has_a_name(cls, password: object, info: ValidationInfo) -> object:
        if password is not None and not info.data.get("username"):
            raise wrong("is set, but username is not", "Set mail.username too, or remove the password.")
        return password
