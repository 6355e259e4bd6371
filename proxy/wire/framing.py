"""How long a message is, and what becomes of its connection. Rebuilt from what llhttp accepted, never copied."""

from dataclasses import dataclass
from typing import Final

from proxy.wire.headers import canonical


class BadFraming(ValueError):
    """Framing that two parsers could read differently; args[0] says what is wrong."""


@dataclass(frozen=True, slots=True)
class Framing:
    """The body of a request, and the protocol it asks to switch to."""

    chunked: bool = False
    length: int = 0
    websocket: bool = False
    other_upgrade: bool = False
    """An offer this gateway ignores (RFC 9110 section 7.8), such as h2c."""

    @property
    def body(self) -> bool:
        return self.chunked or self.length > 0


NO_BODY: Final = Framing()


def request_framing(method: bytes, noted: dict[str, bytes], *, old: bool) -> Framing:
    """The framing of a request. Raises BadFraming.

    RFC 9112 section 6.3 lets some of these pass; a gateway that has to agree with every server behind it is stricter:
    one transfer coding and it is chunked, none on HTTP/1.0, never both coding and length.
    """
    length, coding = noted.get("content-length"), noted.get("transfer-encoding")
    upgrade = noted.get("upgrade")
    if length is None and coding is None and upgrade is None:
        return NO_BODY
    if coding is not None and (coding.lower() != b"chunked" or length is not None or old):
        raise BadFraming("Transfer-Encoding is `chunked`, alone, without Content-Length and not on HTTP/1.0")
    if length is not None and not length.isdigit():
        raise BadFraming("Content-Length is one decimal number")
    size = int(length) if length is not None else 0
    chunked = coding is not None
    if upgrade is None:
        return Framing(chunked, size)
    asked = b"upgrade" in {option.strip() for option in canonical(noted.get("connection", b"")).split(b",")}
    websocket = (
        asked and upgrade.strip().lower() == b"websocket" and method == b"GET" and not chunked and not size and not old
    )
    return Framing(chunked, size, websocket, asked and not websocket)
