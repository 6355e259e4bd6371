"""One login, many hosts: how a visitor is led from an instance's host to the login page and back, with a session.

An instance's host sets a hop cookie and sends the visitor home with a sealed `Target`. Home, once it knows who that is,
answers with a code that is good once, for half a minute, on that host, in the browser that holds the hop cookie.
"""

import hmac
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic
from typing import Final

import jwt

from proxy.access.gcra import Buckets, Rate
from proxy.services.cookies import Cookies, values
from proxy.services.sites import Site, Sites
from proxy.store import Shared

HOP_LASTS: Final = 1800.0
CODE_LASTS: Final = 30.0
_ALGORITHM: Final = "HS256"
_AUDIENCE: Final = "login"
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)

# A path on the same host and nothing else. Two slashes would name a host (RFC 3986 section 4.2), browsers read a backslash
# as a slash and drop tabs and line ends (WHATWG URL section 4.4); what is not printable ASCII never comes from a browser.
_PATH: Final = re.compile(r"/(?![/\\])[!-\[\]-~]{0,2047}", re.ASCII)
_ENCODED: Final = re.compile(r"/(?:%2f|%5c|%09|%0a|%0d)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where a visitor was going when the login came between."""

    host: str
    path: str
    hop: str
    """sha256 of the hop cookie, hex."""
    round: int = 0
    """How often this way was gone already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Go to `location`, with these Set-Cookie values."""

    location: str
    cookies: tuple[str, ...] = ()


class Logins:
    """The way from an instance's host to the login page and back."""

    def __init__(
        self,
        shared: Shared,
        *,
        key: bytes,
        cookies: Cookies,
        now: Callable[[], float],
        steady: Callable[[], float] = monotonic,
    ) -> None:
        """`key`: 32 secret bytes for this purpose alone. `steady`: seconds of a clock that never jumps."""
        self._shared, self._key, self._now, self._steady = shared, key, now, steady
        self.cookies = cookies
        self._returns = Buckets(Rate(count=4, period=20.0))

    def begin(self, sites: Sites, site: Site, path: str, cookie_field: str, *, round_: int = 0) -> Step:
        """Send a navigation without a session to the login page. `path` is where it was going ("/" unless GET or HEAD),
        `cookie_field` the request's Cookie field: a hop that is there is used again, so that tabs do not break each other.
        """
        hop = self.hop(cookie_field)
        location = f"{sites.door(site)}/-/login?to={self.seal(self.target(site, path, hop, round_=round_))}"
        return Step(location=location, cookies=(self.cookies.set(self.cookies.hop, hop, HOP_LASTS),))

    def target(self, site: Site, path: str, hop: str, *, round_: int = 0) -> Target:
        """A page of a site, for whoever holds this hop there."""
        return Target(host=site.name, path=safe_path(path), hop=_hash(hop), round=round_)

    def hop(self, cookie_field: str) -> str:
        """The browser's hop on this host, or a new one."""
        return self.known_hop(cookie_field) or secrets.token_urlsafe(32)

    def known_hop(self, cookie_field: str) -> str | None:
        found = values(cookie_field, self.cookies.hop)
        return next((value for value in found if _SECRET.fullmatch(value)), None)

    def seal(self, target: Target) -> str:
        claims = {
            "aud": _AUDIENCE,
            "exp": int(self._now() + HOP_LASTS),
            "host": target.host,
            "path": target.path,
            "hop": target.hop,
            "round": target.round,
        }
        return jwt.encode(claims, self._key, algorithm=_ALGORITHM)

    def unseal(self, sealed: str) -> Target | None:
        """The target, if we sealed it within the last half hour."""
        try:
            claims = jwt.decode(
                sealed,
                self._key,
                algorithms=[_ALGORITHM],
                audience=_AUDIENCE,
                options={"require": ["aud", "exp"], "verify_exp": False},  # by our clock, below
            )
        except jwt.InvalidTokenError:
            return None
        if claims["exp"] <= self._now():
            return None
        return Target(host=claims["host"], path=claims["path"], hop=claims["hop"], round=claims["round"])

    async def code(self, session_id: str, target: Target) -> str:
        """A code that opens this session once, on the target's host, in the browser that holds its hop."""
        code = secrets.token_urlsafe(32)
        bound = json.dumps({"session": session_id, "host": target.host, "hop": target.hop})
        await self._shared.put(_code(code), bound, self._now() + CODE_LASTS)
        return code

    async def redeem(self, code: str, host: str, hop: str | None) -> str | None:
        """The session a code opens; None when it is used, old, or another host's or browser's. Either way it is spent."""
        if not _SECRET.fullmatch(code):
            return None
        kept = await self._shared.take(_code(code), self._now())
        if kept is None or hop is None:
            return None
        bound: dict[str, str] = json.loads(kept)
        ours = bound["host"] == host and hmac.compare_digest(bound["hop"], _hash(hop))
        return bound["session"] if ours else None

    def in_circles(self, hop: str, path: str) -> bool:
        """Whether this browser came back to the same page so often that its cookies cannot be working."""
        return self._returns.admit(_hash(hop) + path, self._steady()) > 0

    def csrf(self, hop: str) -> str:
        """What a form of ours carries to show that it was made for the browser that holds this hop."""
        return hmac.new(self._key, b"form:" + hop.encode(), "sha256").hexdigest()

    def csrf_right(self, hop: str | None, sent: str) -> bool:
        return hop is not None and hmac.compare_digest(self.csrf(hop).encode(), sent.encode("utf-8", "surrogatepass"))


def safe_path(path: str) -> str:
    """The path (with query) if it is one on the same host and not one of the gateway's own, else `/`."""
    if not _PATH.fullmatch(path) or _ENCODED.match(path) or path.startswith("/-/"):
        return "/"
    return path


def _hash(value: str) -> str:
    return sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def _code(code: str) -> str:
    return "enter:" + _hash(code)
