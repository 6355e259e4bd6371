"""What the fast lane writes by itself: refusals on the wire, and lines of the access log."""

from email.utils import formatdate
from typing import Final

from proxy.gate.answers import PHRASES, Answer
from proxy.gate.principal import Lease
from proxy.services.traffic import WALL

_QUOTE: Final = 0x22
_BACKSLASH: Final = 0x5C


def serialised(answer: Answer, *, close: bool, head_only: bool, tail: bytes) -> bytes:
    """An answer as bytes; `tail` is a line more, starting with CRLF."""
    lines = [f"HTTP/1.1 {answer.status} {PHRASES.get(answer.status, 'OK')}", f"Date: {formatdate(usegmt=True)}"]
    lines += [f"{name}: {value}" for name, value in answer.fields]
    lines.append(f"Content-Length: {len(answer.body)}")
    if close:
        lines.append("Connection: close")
    head = "\r\n".join(lines).encode("latin-1") + tail + b"\r\n\r\n"
    return head if head_only else head + answer.body


def access_line(
    lease: Lease, *, started: float, address: str, method: bytes, target: bytes, status: int, sent: int, micros: int
) -> bytes:
    """One JSON line. The query is left out: it may hold what nobody should read in a log."""
    path = target.partition(b"?")[0]
    if _QUOTE in path or _BACKSLASH in path or not path.isascii():
        path = path.decode("latin-1").encode("ascii", "backslashreplace").replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'{"time":%d,"address":"%b","method":"%b","path":"%b","status":%d,"bytes":%d,"us":%d%b' % (
        (started + WALL) * 1000,
        address.encode(),
        method,
        path,
        status,
        sent,
        micros,
        lease.log,
    )
