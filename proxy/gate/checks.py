"""What a browser may be made to send by somebody else's script, and what must not stand in a query. Pure."""

import re
from typing import Final

from proxy.gate.principal import Principal
from proxy.gate.verdict import Head
from proxy.gate.world import Station
from proxy.model.access import Reason
from proxy.nodered.surfaces import RULES, Surface
from proxy.services.sites import Site
from proxy.wire.headers import value_of
from proxy.wire.origin import origin_allowed
from proxy.wire.target import path_of

_SOCKET = Surface.SOCKET
SAFE: Final = frozenset({b"GET", b"HEAD", b"OPTIONS"})


def _escapable(name: str) -> str:
    """A pattern for a name of which any character may be percent-encoded."""
    return "".join(f"(?:{re.escape(character)}|%{ord(character):02x})" for character in name)


_TOKEN: Final = re.compile(rf"[?&]{_escapable('access_token')}(?:[=&\[%]|$)".encode(), re.IGNORECASE)

_OF_BROWSERS: Final = (
    b"sec-fetch-mode",
    b"sec-fetch-site",
    b"x-requested-with",
    b"referer",
    b"upgrade-insecure-requests",
)

Found = tuple[Reason, int, str]
"""Reason, status and detail of a refusal."""


def acts(head: Head, surface: Surface) -> bool:
    """Whether a request does something by itself: an unsafe method, an upgrade, or a poll of a dashboard's socket."""
    return head.method not in SAFE or "upgrade" in head.noted or surface is _SOCKET


def pulled_in(head: Head) -> bool:
    """Whether another site's page fetches this into itself, as a picture or script, and does not go there or frame it.

    Where frames are allowed, the cookie comes along with that too.
    """
    if value_of(head.lines, b"sec-fetch-site") != b"cross-site":
        return False
    return value_of(head.lines, b"sec-fetch-mode") != b"navigate"


def from_here(head: Head, site: Site | None, station: Station) -> bool:
    """Whether a request comes from a page of this host, or of an origin the instance lists."""
    own = site.origin.encode() if site else b""
    fetch_site = value_of(head.lines, b"sec-fetch-site")
    return origin_allowed(head.noted.get("origin"), fetch_site, station.origins | {own})


def by_browser(head: Head) -> bool:
    """Whether a browser may have sent this: one of those would show a dialog where it is asked for a password."""
    if not head.noted.keys().isdisjoint(("cookie", "origin", "upgrade")):
        return True
    if any(value_of(head.lines, name) is not None for name in _OF_BROWSERS):
        return True
    accept = (value_of(head.lines, b"accept") or b"").lower()
    return b"text/html" in accept or b"application/xhtml+xml" in accept


def sent_by_itself(principal: Principal, authorization: bytes | None) -> bool:
    """Whether a browser sends such a credential by itself, also for somebody else's script: all but a bearer's token."""
    if authorization is None or (principal.token is None and not principal.consumes):
        return True
    return authorization.partition(b" ")[0].lower() != b"bearer"


def refusal(head: Head, path: bytes, surface: Surface, station: Station) -> Found | None:
    """The rules that hold for whoever asks; None when the request may go on."""
    # The scope of a worker is the folder of its script; one at the top could read the login's one-time codes.
    if "service-worker" in head.noted and not station.prefix and path_of(path).rfind(b"/") == 0:
        detail = "a service worker at the top of a host would see its login; serve the script from a folder"
        return Reason.SERVICE_WORKER_SCOPE, 403, detail
    if RULES[surface].admin and b"?" in path and _TOKEN.search(path):
        return Reason.TOKEN_IN_QUERY, 400, "a token is not sent in the query: leave access_token out"
    return None
