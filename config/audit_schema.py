"""The `audit` section of flowward.yaml: how long events are kept, and where they are passed on to."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, PlainSerializer, PlainValidator, field_validator
from typing_extensions import override

from config.addresses import Listen, parse_host_name
from config.base import Section, schema_of, text_of, wrong
from config.files import ExistingFile, SecretFile
from config.times import Duration

Facility = Literal[
    "user", "daemon", "auth", "authpriv", "audit", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"
]  # fmt: skip


class SyslogTransport(StrEnum):
    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


_PORTS: Final = {SyslogTransport.UDP: 514, SyslogTransport.TCP: 514, SyslogTransport.TLS: 6514}
"""Ports by RFC 5426 and RFC 5425; over TCP what rsyslog and syslog-ng do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyslogAddress:
    """Where a syslog server listens."""

    transport: SyslogTransport
    at: Listen

    @override
    def __str__(self) -> str:
        return f"{self.transport}://{self.at}"


def parse_syslog(value: object) -> SyslogAddress:
    """A syslog server from `udp://host`, `tcp://host:port` or `tls://host:port`."""
    if isinstance(value, SyslogAddress):
        return value
    message, remedy = "must be udp://, tcp:// or tls:// with a host", "Write for example tls://siem.example.org:6514."
    text = text_of(value, message, remedy)
    found = re.fullmatch(r"(udp|tcp|tls)://(\[[0-9A-Fa-f:.]+\]|[^\s:/?#@\[\]]+)(?::(\d{1,5}))?/?", text, re.ASCII)
    if found is None or not 0 < int(found[3] or 1) <= 65535:
        raise wrong(message, remedy)
    transport = SyslogTransport(found[1])
    port = int(found[3]) if found[3] else _PORTS[transport]
    return SyslogAddress(transport=transport, at=Listen(host=parse_host_name(found[2]), port=port))


def parse_web_address(value: object) -> str:
    """An http or https address with a path and a query of its own, but no user in it."""
    message, remedy = "must be http:// or https:// with a host", "Write for example https://siem.example.org/ingest."
    text = text_of(value, message, remedy)
    if not text.isascii() or any(character.isspace() or not character.isprintable() for character in text):
        raise wrong(message, remedy)
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise wrong(message, remedy) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or "#" in text:
        raise wrong(f"{message}, without user and fragment", remedy)
    return text


SyslogSetting = Annotated[
    SyslogAddress, PlainValidator(parse_syslog), PlainSerializer(str), schema_of("udp, tcp or tls address")
]
WebAddress = Annotated[str, PlainValidator(parse_web_address), schema_of("http or https address")]


class Syslog(Section):
    """Passes every event on to a syslog server, as RFC 5424 has it."""

    address: SyslogSetting = Field(
        description="udp://host:514, tcp://host:514 or tls://host:6514. What is lost on UDP nobody notices."
    )
    ca: ExistingFile | None = Field(
        default=None, description="With tls: PEM file of the CA to trust instead of the system's."
    )
    facility: Facility = Field(default="authpriv", description="Facility of the messages.")
    app_name: str = Field(default="flowward", description="APP-NAME of the messages, at most 48 characters.")

    @field_validator("app_name")
    @classmethod
    def _is_a_name(cls, value: str) -> str:
        # RFC 5424 section 6: APP-NAME = NILVALUE / 1*48PRINTUSASCII
        if re.fullmatch(r"[!-~]{1,48}", value, re.ASCII) is None:
            raise wrong("must be 1 to 48 ASCII characters without blanks", "Write for example flowward.")
        return value


class Webhook(Section):
    """Passes every event on to an HTTP endpoint, as JSON lines."""

    url: WebAddress = Field(description="Where events are posted; any answer 2xx takes them.")
    secret: SecretFile | None = Field(
        default=None, description="{file: path} of the secret that signs each request with HMAC-SHA256."
    )
    batch: int = Field(default=100, ge=1, le=1000, description="Events in one request at most.")
    ca: ExistingFile | None = Field(default=None, description="PEM file of the CA to trust instead of the system's.")


class Audit(Section):
    """How long the audit log is kept, and where it is passed on to."""

    retention: Duration = Field(
        default=0.0, description="Age at which events are forgotten; 0 keeps them for ever. Forgetting is an event too."
    )
    syslog: Syslog | None = Field(default=None, description="A syslog server that gets every event; null for none.")
    webhook: Webhook | None = Field(default=None, description="An HTTP endpoint that gets every event; null for none.")
