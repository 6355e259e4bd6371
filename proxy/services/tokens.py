"""Tokens: how their values look, how one is found in an Authorization field, and whom it stands for."""

import base64
import binascii
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address, ip_network
from types import MappingProxyType
from typing import Final

from proxy.model.access import Decision, Reason
from proxy.model.audit import Source
from proxy.model.identity import Actor, Person, Token, TokenKind, UserState
from proxy.services.audit import By, by_user
from proxy.services.bounded import Bounded
from proxy.services.problems import Denied
from proxy.store import Database

PREFIXES: Final = MappingProxyType({TokenKind.PERSONAL: "fwp_", TokenKind.HTTP: "fwh_", TokenKind.SERVICE: "fws_"})
SECRET_BYTES: Final = 32
USED_EVERY: Final = 60.0
"""Seconds between two notes of when a token was last used."""
_VALUE: Final = re.compile(rb"fw[phs]_[A-Za-z0-9_-]{43}")
_PREFIX: Final = re.compile(rb"fw[phs]_")
_USES: Final = 100_000

Randomness = Callable[[int], bytes]
"""So many bytes that nobody can guess."""


def new_value(kind: TokenKind, randomness: Randomness = secrets.token_bytes) -> str:
    """The value of a new token: the prefix of its kind and 32 random bytes (base64url, RFC 4648 section 5)."""
    secret = base64.urlsafe_b64encode(randomness(SECRET_BYTES)).decode().rstrip("=")
    return PREFIXES[kind] + secret


def digest(value: bytes) -> bytes:
    """What is kept of a value. It is random and long, so that one round of sha256 is enough."""
    return sha256(value).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A token of ours in an Authorization field."""

    hash: bytes | None
    """sha256 of the value; None where it begins like one of ours, but is none."""
    basic: bool = False
    """It came as a password (RFC 7617): browsers send those by themselves, also for somebody else's script."""


def presented(authorization: bytes) -> Presented | None:
    """The token of ours that a field presents: as a bearer (RFC 6750 section 2.1), or as the password of any user name."""
    scheme, _, rest = authorization.partition(b" ")
    match scheme.lower():
        case b"bearer":
            value, basic = rest.strip(b" \t"), False
        case b"basic":
            value, basic = _decoded(rest).partition(b":")[2], True
        case _:
            return None
    if not _PREFIX.match(value):
        return None
    return Presented(hash=digest(value) if _VALUE.fullmatch(value) else None, basic=basic)


def reveals(authorization: bytes) -> bool:
    """Whether a field holds one of our values, wherever in it: no instance may get to see it."""
    scheme, _, rest = authorization.partition(b" ")
    return bool(_VALUE.search(authorization) or (scheme.lower() == b"basic" and _VALUE.search(_decoded(rest))))


def _decoded(credentials: bytes) -> bytes:
    try:
        return base64.b64decode(credentials.strip(), validate=True)
    except binascii.Error:
        return b""


def within_networks(token: Token, address: str) -> bool:
    """Whether a token may be used from an address; what is no address lies in no network."""
    if not token.networks:
        return True
    try:
        at = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    at = getattr(at, "ipv4_mapped", None) or at
    return any(at in ip_network(network) for network in token.networks)


class Uses:
    """When tokens were last used: noted as it happens, written down together, at most once a minute each."""

    def __init__(self) -> None:
        self._noted: Bounded[str, float] = Bounded(_USES)
        self._due: dict[str, float] = {}

    def note(self, token: Token, now: float) -> None:
        """`now` in seconds since the epoch."""
        before = self._noted.get(token.id, token.last_used or 0.0)
        if now - before >= USED_EVERY:
            self._due[token.id] = self._noted.keep(token.id, now)

    async def flush(self, database: Database) -> None:
        """Write down what was noted; what cannot be written is kept for the next time. Raises StoreUnavailable."""
        due, self._due = self._due, {}
        if not due:
            return
        try:
            await database.touch_tokens(due.items())
        except BaseException:
            self._due = due | self._due
            raise


class TokenRefused(Denied):
    """A token is not good here. No permission was asked yet."""

    def __init__(self, reason: Reason, status: int, by: By) -> None:
        """`by`: from where it came, and as far as it is known which one it is and whose."""
        super().__init__(Decision(allowed=False, reason=reason, status=status))
        self.by = by


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Whom tokens stand for at the gateway's own API."""

    database: Database
    uses: Uses
    now: Callable[[], float]

    async def actor_of(self, authorization: bytes, address: str) -> Actor | None:
        """Who acts by a bearer token of ours; None where the field presents none.

        Raises TokenRefused for a token that is unknown, expired, of a user who may not act (401), or not for this API
        or this address (403), and StoreUnavailable.
        """
        found = presented(authorization)
        if found is None or found.basic:
            return None
        token = await self.database.token(found.hash) if found.hash else None
        person = await self.database.person(token.user) if token and token.user else None
        by = _by(token, person, address)
        if token is None or not token.alive(self.now()):
            raise TokenRefused(Reason.CREDENTIALS_WRONG, 401, by)
        if token.user is None or not within_networks(token, address):
            raise TokenRefused(Reason.TOKEN_SCOPE, 403, by)
        if person is None or person.user.state is not UserState.ACTIVE:
            raise TokenRefused(Reason.CREDENTIALS_WRONG, 401, by)
        self.uses.note(token, self.now())
        return Actor(person=person, token=token, address=address)


def _by(token: Token | None, owner: Person | None, address: str) -> By:
    if owner is not None:
        return by_user(owner.user, source=Source.API, token=token, address=address)
    return By(source=Source.API, token=token.id if token else None, address=address)
