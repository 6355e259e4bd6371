"""The chunked transfer coding of a request body (RFC 9112 section 7.1), read strictly so that it can be rebuilt."""

import re
from typing import Final

_LINE_LIMIT: Final = 1024
_TRAILERS_LIMIT: Final = 8192
# Extensions are read over; a line may hold nothing else than visible characters and blanks.
_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?\r\n")


class BadChunk(ValueError):
    """A body that two parsers could read differently; args[0] says what is wrong."""


class ChunkedBody:
    """Takes the bytes of a body as they come, gives back its content; trailers are dropped."""

    __slots__ = ("_left", "_line", "_state", "_trailers", "done")

    def __init__(self) -> None:
        self._state = self._read_size
        self._line = b""
        self._left = 0
        self._trailers = 0
        self.done = False

    def feed(self, data: bytes) -> tuple[list[bytes], bytes]:
        """The content in these bytes, and what follows the body's end. Raises BadChunk."""
        content: list[bytes] = []
        while data and not self.done:
            data = self._state(data, content)
        return content, data

    def _line_of(self, data: bytes) -> tuple[bytes | None, bytes]:
        """The line that ends in these bytes, and the rest; None while it is not complete."""
        end = data.find(b"\n")
        part = data[: end + 1] if end >= 0 else data
        self._line += part
        if len(self._line) > _LINE_LIMIT:
            raise BadChunk(f"a line of the chunked coding has at most {_LINE_LIMIT} bytes")
        if end < 0:
            return None, b""
        line, self._line = self._line, b""
        if not line.endswith(b"\r\n"):
            raise BadChunk("lines of the chunked coding end with CRLF")
        return line, data[end + 1 :]

    def _read_size(self, data: bytes, content: list[bytes]) -> bytes:
        line, rest = self._line_of(data)
        if line is None:
            return rest
        match = _SIZE.fullmatch(line)
        if match is None:
            raise BadChunk("a chunk starts with its size in hexadecimal digits")
        self._left = int(match[1], 16)
        self._state = self._read_data if self._left else self._read_trailers
        return rest

    def _read_data(self, data: bytes, content: list[bytes]) -> bytes:
        part = data[: self._left]
        content.append(part)
        self._left -= len(part)
        if not self._left:
            self._state = self._read_end
        return data[len(part) :]

    def _read_end(self, data: bytes, content: list[bytes]) -> bytes:
        line, rest = self._line_of(data)
        if line is None:
            return rest
        if line != b"\r\n":
            raise BadChunk("a chunk is as long as its size says")
        self._state = self._read_size
        return rest

    def _read_trailers(self, data: bytes, content: list[bytes]) -> bytes:
        line, rest = self._line_of(data)
        if line is None:
            return rest
        self._trailers += len(line)
        if self._trailers > _TRAILERS_LIMIT:
            raise BadChunk(f"trailers have at most {_TRAILERS_LIMIT} bytes")
        self.done = line == b"\r\n"
        return rest


def chunk(part: bytes) -> bytes:
    """Content as one chunk; nothing for nothing, since an empty chunk would end the body."""
    return b"%x\r\n%b\r\n" % (len(part), part) if part else b""


LAST: Final = b"0\r\n\r\n"
