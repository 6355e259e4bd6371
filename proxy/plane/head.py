"""Reading a request's head: llhttp parses, every field gets its treatment, and what is ambiguous is refused."""

from typing import Final

import httptools

from proxy.gate.verdict import Head
from proxy.model.access import Reason
from proxy.wire.framing import NO_BODY, BadFraming, Framing, request_framing
from proxy.wire.headers import FIELDS_LIMIT, BadFields, Treatments, note

HEAD_LIMIT: Final = 32 * 1024
FIELD_LIMIT: Final = 8 * 1024
_END: Final = b"\r\n\r\n"
_USUAL: Final = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"})


class BadHead(Exception):
    """args: reason, status, and a detail where there is one to tell."""


class Request(Head):
    """A head as it was read from the wire."""

    __slots__ = ("framing", "keep", "raw")

    framing: Framing
    raw: bytes
    keep: bool
    """Whether the connection may carry another request."""


class HeadReader:
    """Turns the bytes of whole heads into requests; one per connection, its parser is kept.

    Programs, and pages that poll, send the same fields again and again: those that are byte by byte what the parser has
    accepted in the last head are as they were then, and it is given the request line alone.
    """

    # fmt: off
    __slots__ = (
        "_complete", "_dropped", "_keep", "_last", "_lines", "_noted", "_old", "_parser", "_target", "_treatments",
    )
    # fmt: on

    _lines: list[bytes]
    _noted: dict[str, bytes]

    def __init__(self, treatments: Treatments) -> None:
        self._treatments = treatments
        self._parser: httptools.HttpRequestParser | None = None
        self._last: tuple[bytes, list[bytes], dict[str, bytes]] | None = None
        """The fields of the last plain head with the line ends round them, and what was made of them."""

    def read(self, raw: bytes) -> Request:
        """Parse one head, from its request line to its empty line. Raises BadHead."""
        last, line = self._last, raw.find(b"\r\n")
        if last is not None and len(raw) - line == len(last[0]) and raw.endswith(last[0]):
            request = self._again(raw, line, last[1], last[2])
            if request is not None:
                return request
        request = self._whole(raw)
        plain = request.framing is NO_BODY and request.keep and len(raw) <= FIELD_LIMIT
        self._last = (raw[line:], request.lines, request.noted) if plain else None
        return request

    def _again(self, raw: bytes, line: int, lines: list[bytes], noted: dict[str, bytes]) -> Request | None:
        """A head of which the request line alone is new; None where that is anything but plain: then all of it is read."""
        parser = self._parser
        if parser is None or line > FIELD_LIMIT:
            return None
        self._target = b""
        self._lines, self._noted = [], {}
        self._dropped = 0
        self._complete = False
        try:
            parser.feed_data(raw[:line] + _END)
        except (httptools.HttpParserUpgrade, httptools.HttpParserError):
            self._parser = None
            return None
        method, more = parser.get_method(), self._lines or self._noted or self._dropped
        if not self._complete or self._old or more or method not in _USUAL:
            self._parser = None
            return None
        request = Request(method, self._target, lines, noted, old=False)
        request.raw, request.keep, request.framing = raw, True, NO_BODY
        return request

    def _whole(self, raw: bytes) -> Request:
        """Raises BadHead."""
        parser = self._parser
        if parser is None:
            parser = self._parser = httptools.HttpRequestParser(self)
        self._target = b""
        lines: list[bytes] = []
        noted: dict[str, bytes] = {}
        self._lines, self._noted = lines, noted
        self._dropped = 0
        self._complete = False
        try:
            parser.feed_data(raw)
        except httptools.HttpParserUpgrade:
            self._parser = None  # offers to switch are the framing's business, not the parser's
        except httptools.HttpParserError as error:
            self._give_up(error)
        if not self._complete:
            raise BadHead(Reason.BAD_REQUEST, 400, "this is no HTTP/1.1 request")
        if len(raw) > FIELD_LIMIT:
            self._check_sizes(raw)
        if (len(lines) >> 1) + len(noted) + self._dropped > FIELDS_LIMIT:
            raise BadHead(Reason.HEAD_TOO_LARGE, 431)
        method = parser.get_method()
        request = Request(method, self._target, lines, noted, old=self._old)
        request.raw, request.keep = raw, self._keep
        plain = "content-length" not in noted and "transfer-encoding" not in noted and "upgrade" not in noted
        request.framing = NO_BODY if plain and method in _USUAL else self._framing(request)
        return request

    def _give_up(self, error: httptools.HttpParserError) -> None:
        self._parser = None
        cause = error.__context__
        detail = cause.args[0] if isinstance(cause, BadFields) else str(error)
        raise cause if isinstance(cause, BadHead) else BadHead(Reason.BAD_REQUEST, 400, detail) from None

    def _framing(self, request: Request) -> Framing:
        method = request.method
        if method in (b"CONNECT", b"TRACE"):
            raise BadHead(Reason.BAD_REQUEST, 400, f"{method.decode()} is not for this gateway")
        try:
            framing = request_framing(method, request.noted, old=request.old)
        except BadFraming as error:
            raise BadHead(Reason.BAD_REQUEST, 400, error.args[0]) from None
        if framing.body:
            self._parser = None  # it would wait for the body, which is not its to read
        return framing

    def _check_sizes(self, raw: bytes) -> None:
        if len(raw) > HEAD_LIMIT:
            raise BadHead(Reason.HEAD_TOO_LARGE, 431)
        if len(self._target) > FIELD_LIMIT:
            raise BadHead(Reason.TARGET_TOO_LONG, 414)
        if any(len(line) > FIELD_LIMIT for line in raw.split(b"\r\n")[1:]):
            raise BadHead(Reason.HEAD_TOO_LARGE, 431)

    # What llhttp calls.

    def on_url(self, part: bytes) -> None:
        self._target = self._target + part if self._target else part

    def on_header(self, name: bytes, value: bytes) -> None:
        treatment = self._treatments[name]
        if treatment.__class__ is bytes:  # ten times per request: cheaper than isinstance, and two than one of both
            self._lines.append(treatment)
            self._lines.append(value)
        elif treatment is None:
            self._dropped += 1
        elif treatment in self._noted:
            self._dropped += note(self._noted, treatment, value)
        else:
            self._noted[treatment] = value  # type: ignore[index]

    def on_headers_complete(self) -> None:
        parser = self._parser
        if parser is None:
            return
        self._complete = True
        version = parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise BadHead(Reason.HTTP_VERSION, 505 if version in ("0.9", "2.0") else 400)
        self._old = version == "1.0"
        self._keep = parser.should_keep_alive() and not self._old
