"""One exchange with an instance in the aiohttp lane: what is asked, what is answered, and what went wrong."""

from collections.abc import Callable
from dataclasses import dataclass

import orjson
from aiohttp import ClientError, web
from multidict import CIMultiDict

from proxy.gate.answers import answer
from proxy.gate.caller import Caller
from proxy.gate.verdict import Head, Pass, Refusal
from proxy.model.access import Reason
from proxy.model.audit import Source
from proxy.model.identity import Person
from proxy.services.audit import By, by_user
from proxy.wire.headers import as_text


class UpstreamFailed(Exception):
    """The instance could not be had: reason and status of the refusal."""

    def __init__(self, reason: Reason, status: int) -> None:
        super().__init__(reason)
        self.reason, self.status = reason, status


class Stopped(Exception):
    """It was cut off, or never begun: the refusal its client gets."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


def failure(error: ClientError | OSError) -> UpstreamFailed:
    """What it means that a request could not be sent, or its answer's head not be had."""
    if isinstance(error, TimeoutError):
        return UpstreamFailed(Reason.UPSTREAM_TIMEOUT, 504)
    broken = isinstance(error, ClientError) and getattr(error, "os_error", None) is None
    return UpstreamFailed(Reason.UPSTREAM_BROKEN if broken else Reason.UPSTREAM_UNREACHABLE, 502)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One judged request and its passage to the instance."""

    request: web.Request
    head: Head
    verdict: Pass
    caller: Caller

    @property
    def path(self) -> bytes:
        """The target as the instance gets it."""
        return self.verdict.parts[2]

    @property
    def fields(self) -> CIMultiDict[str]:
        """The header for the instance, as the gate composed it; framing is the client's business."""
        lines = b"".join(self.verdict.parts).split(b"\r\n")[1:]
        fields: CIMultiDict[str] = CIMultiDict()
        spelled: dict[str, str] = {}  # aiohttp keeps only the last of fields whose names differ in case alone
        for line in lines:
            if line:
                name, _, value = line.partition(b": ")
                text = name.decode("latin-1")
                fields.add(spelled.setdefault(text.lower(), text), as_text(value))
        return fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An answer that is wholly here."""

    status: int
    fields: CIMultiDict[str]
    body: bytes


def json_object(fetched: Fetched) -> dict[str, object] | None:
    """The object that an answer of 200 holds; None where it holds none."""
    if fetched.status != 200:
        return None
    try:
        found = orjson.loads(fetched.body)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def whole(fetched: Fetched, body: bytes) -> web.Response:
    """A fetched answer with another body; what described the old one is left out, and nobody keeps it."""
    fields = fetched.fields.copy()
    for name in ("ETag", "Last-Modified", "Content-MD5", "Digest"):
        fields.popall(name, None)
    fields["Cache-Control"] = "private, no-store"
    return web.Response(status=fetched.status, headers=fields, body=body)


def refused(refusal: Refusal, exchange: Exchange) -> web.Response:
    """A refusal that only shows while the exchange is under way, for machines."""
    made = answer(refusal, exchange.head)
    return web.Response(status=made.status, headers=list(made.fields), body=made.body)


def actor(exchange: Exchange, person: Callable[[str], Person | None]) -> By:
    """Who acts at an instance, as events tell it; `person` says what is known of a user."""
    principal, address = exchange.verdict.principal, exchange.caller.address
    source = Source.INSTANCE if principal.token is None else Source.API
    whose = principal.viewer or principal.user_id  # an admin who looks on as somebody does it themselves
    known = person(whose) if whose is not None else None
    if known is not None:
        return by_user(known.user, source=source, token=principal.token, address=address)
    token = principal.token.id if principal.token is not None else None
    return By(id=whose, source=source, token=token, address=address)
