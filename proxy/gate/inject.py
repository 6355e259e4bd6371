"""The head an instance gets: what came, less what is the gateway's to say, and what the gateway says."""

from typing import Final

from proxy.gate.verdict import Head
from proxy.gate.world import Station
from proxy.nodered.surfaces import Surface
from proxy.wire.headers import without_nominated

_SOCKET = Surface.SOCKET
_PLAIN_CONNECTION: Final = frozenset({b"keep-alive", b"close", b"Keep-Alive", b"Close"})


def inject(head: Head, path: bytes, station: Station, surface: Surface) -> list[bytes]:
    """The parts of the head, from the request line on, without what is the gate's to say, framing and end."""
    noted, lines = head.noted, head.lines
    connection = noted.get("connection")
    if connection is not None and connection not in _PLAIN_CONNECTION:
        lines = without_nominated(lines, connection)
    parts = [head.method, b" ", path, b" HTTP/1.1\r\nHost: ", noted["host"], *lines]
    origin = noted.get("origin")
    # Dashboard's default middleware ends a session whose first poll carries an Origin; the gate has checked it.
    if origin is not None and (surface is not _SOCKET or "upgrade" in noted):
        parts += (b"\r\nOrigin: ", origin)
    if station.prefix:
        parts += (b"\r\nX-Forwarded-Prefix: ", station.prefix)
    return parts


def forwarded(address: str, host: bytes, proto: bytes) -> bytes:
    """X-Forwarded-* and Forwarded (RFC 7239 section 4), saying what this gateway saw."""
    client = address.encode()
    quoted = b'"[' + client + b']"' if b":" in client else client
    # fmt: off
    return b"".join((
        b"\r\nX-Forwarded-For: ", client, b"\r\nX-Real-IP: ", client, b"\r\nX-Forwarded-Proto: ", proto,
        b"\r\nX-Forwarded-Host: ", host, b"\r\nForwarded: for=", quoted, b';host="', host, b'";proto=', proto,
    ))
    # fmt: on
