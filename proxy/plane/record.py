"""What the fast lane writes by itself: answers of the gate's, as bytes."""

from email.utils import formatdate

from proxy.gate.answers import PHRASES, Answer


def serialised(answer: Answer, *, close: bool, head_only: bool, tail: bytes) -> bytes:
    """An answer as bytes; `tail` is a line more, starting with CRLF."""
    lines = [f"HTTP/1.1 {answer.status} {PHRASES.get(answer.status, 'OK')}", f"Date: {formatdate(usegmt=True)}"]
    lines += [f"{name}: {value}" for name, value in answer.fields]
    lines.append(f"Content-Length: {len(answer.body)}")
    if close:
        lines.append("Connection: close")
    head = "\r\n".join(lines).encode("latin-1") + tail + b"\r\n\r\n"
    return head if head_only else head + answer.body
