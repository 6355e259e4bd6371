"""Events to a syslog server: RFC 5424 messages over UDP (RFC 5426), TCP (RFC 6587) or TLS (RFC 5425).

Syslog has no acknowledgements. Over TCP and TLS each batch has a connection of its own that is closed behind it, and counts
as arrived when the server has closed it too: what a server took before it went away is known that way.
"""

import asyncio
import contextlib
import json
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from typing_extensions import override

from proxy.model.audit import Recorded
from proxy.services.audit_export import DEADLINE, SinkGone
from proxy.services.audit_format import as_json, moment

FACILITIES: Final = {
    "user": 1, "daemon": 3, "auth": 4, "authpriv": 10, "audit": 13,
    **{f"local{number}": 16 + number for number in range(8)},
}  # fmt: skip
_WARNING, _INFORMATIONAL = 4, 6
_NIL: Final = "-"
_UNPRINTABLE: Final = re.compile(r"[^!-~]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_ESCAPED: Final = re.compile(r'(["\\\]])')
_LONGEST_DATAGRAM: Final = 60_000
_CHUNK: Final = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What all messages of a process say of it."""

    facility: str
    hostname: str
    app_name: str
    process: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SyslogSink:
    """Sends messages to a server. With UDP nobody learns what arrived."""

    name: ClassVar[str] = "syslog"
    batch: ClassVar[int] = 200
    host: str
    port: int
    heading: Heading
    datagrams: bool = False
    """UDP instead of TCP."""
    tls: ssl.SSLContext | None = None

    async def send(self, events: Sequence[Recorded]) -> None:
        try:
            if self.datagrams:
                await self._by_datagrams(events)
            elif self.tls is not None:
                await self._by_tls(events, self.tls)
            else:
                await self._by_tcp(events)
        except OSError as error:  # ssl.SSLError is one
            raise SinkGone(str(error) or type(error).__name__) from error

    async def _by_datagrams(self, events: Sequence[Recorded]) -> None:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(_Errors, remote_addr=(self.host, self.port))
        try:
            for each in events:
                protocol.refuse()
                whole = message(each, self.heading)
                transport.sendto(whole if len(whole) <= _LONGEST_DATAGRAM else message(each, self.heading, brief=True))
                await asyncio.sleep(0)
            protocol.refuse()
        finally:
            transport.close()

    async def _by_tcp(self, events: Sequence[Recorded]) -> None:
        reader, writer = await asyncio.open_connection(self.host, self.port)
        with contextlib.closing(writer):
            writer.write(framed(events, self.heading))
            await writer.drain()
            writer.write_eof()
            while await reader.read(_CHUNK):
                continue  # a server has nothing to say; it closes when it has read all

    async def _by_tls(self, events: Sequence[Recorded], context: ssl.SSLContext) -> None:
        _, writer = await asyncio.open_connection(
            self.host, self.port, ssl=context, server_hostname=self.host, ssl_shutdown_timeout=DEADLINE
        )
        try:
            writer.write(framed(events, self.heading))
            await writer.drain()
        finally:
            writer.close()
        await writer.wait_closed()  # close_notify there and back


class _Errors(asyncio.DatagramProtocol):
    """Remembers what the network says of datagrams, such as that nobody listens."""

    def __init__(self) -> None:
        self._error: Exception | None = None

    @override
    def error_received(self, exc: Exception) -> None:
        self._error = exc

    def refuse(self) -> None:
        """Raises SinkGone once the network has complained."""
        if self._error is not None:
            raise SinkGone(str(self._error))


def framed(events: Sequence[Recorded], heading: Heading) -> bytes:
    """Messages with their lengths before them (RFC 6587 section 3.4.1, RFC 5425 section 4.3)."""
    messages = (message(each, heading) for each in events)
    return b"".join(b"%d %b" % (len(each), each) for each in messages)


def message(recorded: Recorded, heading: Heading, *, brief: bool = False) -> bytes:
    """An event as RFC 5424 section 6 has it; `brief` leaves out all that the structured data does not say."""
    event = recorded.event
    severity = _WARNING if event.error else _INFORMATIONAL
    parts = (
        f"<{FACILITIES[heading.facility] * 8 + severity}>1",
        moment(event.at),
        _name(heading.hostname, 255),
        _name(heading.app_name, 48),
        _name(heading.process, 128),
        _name(event.event, 32),
        _structured(recorded),
    )
    # ASCII alone, so that no byte order mark is needed before the text (section 6.4).
    text = "" if brief else " " + json.dumps(as_json(recorded), separators=(",", ":"))
    return (" ".join(parts) + text).encode()


def _structured(recorded: Recorded) -> str:
    """The number in the name is the one set aside for examples (RFC 5612): we have none of our own."""
    event = recorded.event
    said = {
        "id": str(recorded.id), "event": event.event, "actor": event.actor, "actorName": event.actor_name,
        "source": str(event.source), "token": event.token, "address": event.address, "scopeType": event.scope_kind,
        "scopeId": event.scope_id, "user": event.user, "error": event.error, "hash": recorded.hash,
    }  # fmt: skip
    return "[flowward@32473" + "".join(f' {name}="{_value(value)}"' for name, value in said.items() if value) + "]"


def _value(text: str) -> str:
    """Section 6.3.3: '"', '\\' and ']' MUST be escaped. We also take control characters out."""
    return _ESCAPED.sub(r"\\\1", _CONTROL.sub("?", text))


def _name(text: str, longest: int) -> str:
    return _UNPRINTABLE.sub("?", text)[:longest] or _NIL
