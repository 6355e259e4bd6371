"""Messages as RFC 5424 has them, to real servers on UDP, TCP and TLS that go away and come back."""

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import orjson
import pytest
import trustme

from proxy.model.audit import Event, Recorded
from proxy.services.audit_export import SinkGone
from proxy.services.audit_syslog import Heading, SyslogSink, framed, message
from tests.peers.changes import DEADLINE

HEADING = Heading(facility="local3", hostname="gate-1", app_name="flowward", process="4711")
EVENT = Recorded(
    id=7,
    hash="ab" * 32,
    event=Event(
        event="account.login",
        at=1_800_000_000.5,
        actor="u-1",
        actor_name='Ada "the first" \\ Love]ace\nÄ',
        address="192.0.2.1",
        scope_kind="user",
        scope_id="u-1",
        within=("u-1",),
        error="credentials_wrong",
    ),
)
# RFC 5424 section 6: HEADER SP STRUCTURED-DATA [SP MSG]
SYNTAX = re.compile(
    r"<(?P<pri>\d{1,3})>1 (?P<time>\S+) (?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) (?P<proc>[!-~]{1,128}) "
    r'(?P<id>[!-~]{1,32}) (?P<data>\[[!-~]{1,32}(?: [!-~]{1,32}="(?:[^"\\\]]|\\["\\\]])*")*\])(?: (?P<text>.*))?',
    re.DOTALL,
)


def parsed(raw: bytes) -> re.Match[str]:
    found = SYNTAX.fullmatch(raw.decode())
    assert found, raw
    return found


def test_a_message_is_as_the_rfc_has_it_and_holds_the_whole_event() -> None:
    found = parsed(message(EVENT, HEADING))
    assert found["pri"] == str(19 * 8 + 4), "local3, warning: it failed"
    assert found["time"] == "2027-01-15T08:00:00.500Z"
    assert (found["host"], found["app"], found["proc"], found["id"]) == ("gate-1", "flowward", "4711", "account.login")
    assert 'actorName="Ada \\"the first\\" \\\\ Love\\]ace?Ä"' in found["data"]
    assert orjson.loads(found["text"])["trigger"] == {"type": "user", "id": "u-1", "name": EVENT.event.actor_name}
    assert found["text"].isascii(), "no byte order mark is needed"


def test_what_succeeded_is_informational() -> None:
    done = replace(EVENT, event=replace(EVENT.event, error=""))
    assert parsed(message(done, replace(HEADING, facility="authpriv")))["pri"] == str(10 * 8 + 6)


def test_names_that_do_not_fit_are_made_to() -> None:
    long = replace(EVENT, event=replace(EVENT.event, event="customer.user.permissions-changed"))
    found = parsed(message(long, Heading(facility="user", hostname="", app_name="a b", process="p" * 200)))
    assert (found["host"], found["app"], len(found["proc"]), len(found["id"])) == ("-", "a?b", 128, 32)
    assert 'event="customer.user.permissions-changed"' in found["data"]


def unframed(stream: bytes) -> list[bytes]:
    messages = []
    while stream:
        length, _, stream = stream.partition(b" ")
        messages.append(stream[: int(length)])
        stream = stream[int(length) :]
    return messages


def test_on_a_stream_every_message_follows_its_length() -> None:
    assert unframed(framed([EVENT, EVENT], HEADING)) == [message(EVENT, HEADING)] * 2


@dataclass(slots=True)
class Siem:
    """A syslog server on a stream, which reads all and then closes."""

    port: int = 0
    reads: bool = True
    messages: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.reads:
            self.messages += unframed(await reader.read())
        writer.close()


@asynccontextmanager
async def siem(at: Siem, tls: ssl.SSLContext | None = None) -> AsyncIterator[Siem]:
    server = await asyncio.start_server(at.serve, "127.0.0.1", at.port, ssl=tls)
    at.port = server.sockets[0].getsockname()[1]
    async with server:
        yield at


def sink(port: int, tls: ssl.SSLContext | None = None) -> SyslogSink:
    return SyslogSink(host="localhost", port=port, heading=HEADING, tls=tls)


@pytest.fixture(scope="module")
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Of a server, and of who trusts it."""
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(client)
    return server, client


MANY = [replace(EVENT, id=number) for number in range(500)]


async def test_events_arrive_over_tcp() -> None:
    async with siem(Siem()) as there:
        await sink(there.port).send(MANY)
        await sink(there.port).send([EVENT])
    assert there.messages == [message(each, HEADING) for each in [*MANY, EVENT]]


async def test_events_arrive_over_tls(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server, client = contexts
    async with siem(Siem(), server) as there:
        await sink(there.port, client).send(MANY)
    assert there.messages == [message(each, HEADING) for each in MANY]


async def test_a_server_that_shows_another_certificate_gets_nothing(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    async with siem(Siem(), contexts[0]) as there:
        with pytest.raises(SinkGone, match="certificate verify failed"):
            await sink(there.port, ssl.create_default_context()).send([EVENT])
    assert there.messages == []


async def test_a_server_that_is_not_there_is_told() -> None:
    async with siem(Siem()) as there:
        pass
    with pytest.raises(SinkGone, match="Connect call failed"):
        await sink(there.port).send([EVENT])


async def test_what_a_server_did_not_read_before_it_ended_has_not_arrived() -> None:
    """Its machine took the bytes, but it closes with some of them unread, which resets the connection."""
    async with siem(Siem(reads=False)) as there:
        with pytest.raises(SinkGone):
            await sink(there.port).send(MANY)


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.got: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.got.put_nowait(data)


async def test_each_event_is_a_datagram_over_udp_and_a_huge_one_leaves_out_its_text() -> None:
    loop = asyncio.get_running_loop()
    transport, there = await loop.create_datagram_endpoint(Datagrams, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    huge = replace(EVENT, event=replace(EVENT.event, body={"list": "x" * 70_000}))
    await replace(sink(port), host="127.0.0.1", datagrams=True).send([EVENT, huge])
    async with asyncio.timeout(DEADLINE):
        assert await there.got.get() == message(EVENT, HEADING)
        assert parsed(await there.got.get())["text"] is None
    transport.close()


async def test_that_nobody_listens_for_datagrams_is_told_where_the_network_says_so() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(SinkGone, match="refused"):
        await replace(sink(port), host="127.0.0.1", datagrams=True).send([EVENT] * 50)
