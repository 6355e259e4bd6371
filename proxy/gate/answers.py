"""Refusals for machines: the answer each kind of client can use. Pure; both lanes serialise what comes out.

What a person sees (a redirect to the login, a page that says why) is the aiohttp lane's to render.
"""

from dataclasses import dataclass
from typing import Final

import orjson

from proxy.gate.verdict import Head, Refusal
from proxy.model.access import Reason
from proxy.nodered.surfaces import Surface
from proxy.wire.headers import value_of

PHRASES: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    408: "Request Timeout",
    308: "Permanent Redirect",
    413: "Content Too Large",
    414: "URI Too Long",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    505: "HTTP Version Not Supported",
}

DETAILS: Final = {
    Reason.LOGIN_REQUIRED: "log in first",
    Reason.SESSION_ENDED: "the session has ended; log in again",
    Reason.SECOND_FACTOR_REQUIRED: "prove a second factor first, on the gateway's own pages",
    Reason.CREDENTIALS_WRONG: "the credentials are not accepted here",
    Reason.ROLE_TOO_LOW: "your role on this instance does not allow this",
    Reason.NO_ACCESS: "you have no access to this instance",
    Reason.PROTECTED_INSTANCE: "this instance is protected: nobody changes it here",
    Reason.TOKEN_READ_ONLY: "this token is read-only",
    Reason.VIEWING_AS: "an admin who looks on as somebody else changes nothing",
    Reason.TOKEN_SCOPE: "this token is not for what was asked",
    Reason.ADMIN_DATA_ACCESS: "the platform setting admin_data_access keeps admins out of instances",
    Reason.UNLISTED_ENDPOINT: "writes to endpoints that share a root with the admin API are for members, unless the "
    "instance lists the path under `endpoints`",
    Reason.UNKNOWN_HOST: "no instance has this host name",
    Reason.MOVED: "relative addresses need the slash at the end",
    Reason.NOT_FOUND: "there is nothing here",
    Reason.HEAD_TOO_LARGE: "a head has at most 100 fields, 8 KiB a field and 32 KiB in all",
    Reason.TARGET_TOO_LONG: "a request target has at most 8 KiB",
    Reason.HTTP_VERSION: "this gateway speaks HTTP/1.1 and 1.0",
    Reason.TOO_MANY_REQUESTS: "too many requests from this address; try again later",
    Reason.TOO_MANY_CONNECTIONS: "too many connections; try again later",
    Reason.HEAD_TIMEOUT: "the request's head took too long to arrive",
    Reason.FACTS_UNAVAILABLE: "the gateway cannot look up who you are at the moment; try again",
    Reason.DRAINING: "the gateway is about to restart; try again",
    Reason.RIGHTS_CHANGED: "your rights here changed meanwhile; try again",
    Reason.UPSTREAM_CHANGED: "the instance was set up anew meanwhile; try again",
    Reason.UPSTREAM_UNREACHABLE: "the instance does not answer",
    Reason.UPSTREAM_BROKEN: "the instance's answer broke off or is no valid HTTP",
    Reason.DEFECT: "something went wrong inside the gateway; its log says what",
    Reason.UPSTREAM_TIMEOUT: "the instance took too long to answer",
    Reason.RLS_NOT_JSON: "a row policy holds here, and what the instance answered is no JSON to find rows in",
    Reason.RLS_TOO_LARGE: "a row policy holds here, and the instance answered more than the 8 MiB that are looked into",
    Reason.RLS_UNMATCHED: "a row policy holds here, and the answer has no rows where the policy looks for them",
    Reason.RLS_VIOLATION: "the instance answered with rows of others, although a row policy says that it does not",
}

_FRAMES: Final = frozenset({b"iframe", b"frame", b"embed", b"object"})

RELOAD: Final = b"<!doctype html><title>Session ended</title><p>The session has ended. Reload the page.\n"
"""Not an engine.io packet, so that the Dashboard's client reloads its page at once instead of retrying for minutes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response: header fields in order, and a body."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes


def is_navigation(head: Head) -> bool:
    """Whether a browser is about to show what comes: only then may it be led to the login."""
    if head.method not in (b"GET", b"HEAD") or "upgrade" in head.noted:
        return False
    if (value_of(head.lines, b"x-requested-with") or b"").lower() == b"xmlhttprequest":
        return False
    mode, destination = value_of(head.lines, b"sec-fetch-mode"), value_of(head.lines, b"sec-fetch-dest")
    if mode is not None or destination is not None:
        return mode == b"navigate" and destination in (None, b"document")
    accept = (value_of(head.lines, b"accept") or b"").lower()
    return b"text/html" in accept or b"application/xhtml+xml" in accept


def wants_page(head: Head, refusal: Refusal) -> bool:
    """Whether the refusal is for a person to read."""
    machine = refusal.location or refusal.surface in (Surface.SETUP, Surface.SOCKET, Surface.COMMS)
    if refusal.reason is Reason.CREDENTIALS_WRONG and refusal.realm is None and "authorization" in head.noted:
        return False  # a program's
    return not machine and (is_navigation(head) or value_of(head.lines, b"sec-fetch-mode") == b"navigate")


def is_framed(head: Head) -> bool:
    """Whether a browser is about to show what comes in a frame of another page."""
    framed = value_of(head.lines, b"sec-fetch-dest") in _FRAMES
    return framed and value_of(head.lines, b"sec-fetch-mode") == b"navigate"


def leads_to_login(head: Head, refusal: Refusal) -> bool:
    """Whether a visitor is to be led to the login."""
    return lacks_login(refusal) and is_navigation(head)


def lacks_login(refusal: Refusal) -> bool:
    """Whether a login is what is missing. After a wrong credential it is not: that is sent again, and beats the session."""
    return refusal.status == 401 and refusal.realm is None and refusal.reason is not Reason.CREDENTIALS_WRONG


def wants_telling(head: Head, refusal: Refusal) -> bool:
    """Whether this is an editor's socket, to be accepted and told: on an HTTP refusal the editor retries without end."""
    untold = (Reason.FOREIGN_ORIGIN, Reason.CREDENTIALS_WRONG)  # the latter is a program's, not an editor's
    gone = refusal.status in (401, 403, 404) and refusal.reason not in untold
    return gone and refusal.surface is Surface.COMMS and "upgrade" in head.noted


def answer(refusal: Refusal, head: Head | None = None) -> Answer:
    """What a machine gets: problem+json (RFC 9457), or what makes a Dashboard's page reload itself."""
    if head is not None and _is_ended_poll(refusal, head):
        return Answer(200, (("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store")), RELOAD)
    detail = refusal.detail or DETAILS.get(refusal.reason, "")
    problem = {
        "type": "about:blank",
        "title": PHRASES.get(refusal.status, "Error"),
        "status": refusal.status,
        "code": refusal.reason,
        "detail": detail,
    }
    fields = [("Content-Type", "application/problem+json"), ("Cache-Control", "no-store")]
    fields += _hints(refusal)
    if head is not None and refusal.station is not None:
        fields += _cors(head, refusal.station.origins)
    return Answer(refusal.status, tuple(fields), orjson.dumps(problem))


def _hints(refusal: Refusal) -> list[tuple[str, str]]:
    """What the client is told to do about it."""
    hints: list[tuple[str, str]] = []
    if refusal.location:
        hints.append(("Location", refusal.location.decode("ascii", "backslashreplace")))
    if refusal.status == 401:
        hints.append(("WWW-Authenticate", _challenge(refusal)))
    if refusal.retry_after is not None or refusal.status == 503:
        hints.append(("Retry-After", str(refusal.retry_after or 1)))
    if refusal.limit is not None:
        hints += refusal.limit.standing.items()
    return hints


def _challenge(refusal: Refusal) -> str:
    """Basic only where an instance asks for its own password: to anything else a browser would pop up a dialog."""
    if refusal.realm is not None:
        quoted = refusal.realm.replace("\\", "\\\\").replace('"', '\\"')
        return f'Basic realm="{quoted}", charset="UTF-8"'
    if refusal.reason is Reason.LOGIN_REQUIRED:
        return 'Bearer realm="flowward"'
    if refusal.reason is Reason.SECOND_FACTOR_REQUIRED:  # RFC 9470 section 3
        return 'Bearer realm="flowward", error="insufficient_user_authentication"'
    return 'Bearer realm="flowward", error="invalid_token"'


def _is_ended_poll(refusal: Refusal, head: Head) -> bool:
    """A Dashboard's GET poll whose session or access is gone. A POST, a credential or a foreign sid hears the truth."""
    gone = refusal.status in (401, 404) or refusal.reason in (Reason.ROLE_TOO_LOW, Reason.NO_ACCESS)
    if refusal.surface is not Surface.SOCKET or not gone or refusal.realm is not None:
        return False
    return head.method == b"GET" and not {"upgrade", "authorization"} & head.noted.keys()


def _cors(head: Head, origins: frozenset[bytes]) -> list[tuple[str, str]]:
    """Let a listed origin's script read the refusal (Fetch section 3.2)."""
    origin = head.noted.get("origin", b"").lower()
    if origin not in origins:
        return []
    return [
        ("Access-Control-Allow-Origin", origin.decode()),
        ("Access-Control-Allow-Credentials", "true"),
        ("Vary", "Origin"),
    ]
