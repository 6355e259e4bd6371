"""What tokens, and admins who look on as somebody, are limited to beyond roles. Asked on every request."""

from typing import Final

from proxy.gate.checks import SAFE
from proxy.gate.verdict import Head
from proxy.gate.world import Station
from proxy.model.access import Decision, Permission, Reason, Role
from proxy.model.estate import HttpAuth
from proxy.model.identity import Token
from proxy.nodered.surfaces import RULES, Layout, Surface
from proxy.services.bounded import Bounded
from proxy.services.tokens import within_networks
from proxy.wire.target import path_of, readings

_REMEMBERED: Final = 1024
_LONGEST_REMEMBERED: Final = 256
_EDITORS: Final = (
    "a token for endpoints opens dashboards and endpoints alone; make a personal token for the editor's API"
)
_ELSEWHERE: Final = "this token is for another instance"
_LOOKING_ON: Final = "you are looking on as somebody else: nothing you do changes anything"
_NO_SOCKET: Final = "you are looking on as somebody else, and nobody reads what is sent over this socket"
_NOT_HERE: Final = "tokens for endpoints work where the instance's http_auth mode is user"

Exceeded = tuple[Reason, str]
"""Reason and detail of a refusal."""


class Limits:
    """The limits of one token, ready to be looked up."""

    __slots__ = ("_addresses", "_methods", "_paths", "_prefixes", "_token")

    def __init__(self, token: Token) -> None:
        self._token = token
        methods = {method.encode() for method in token.methods}
        self._methods = methods | {b"HEAD"} if b"GET" in methods else methods
        self._prefixes = tuple(prefix.lower().rstrip("/").encode() for prefix in token.paths)
        self._paths: Bounded[bytes, bool] = Bounded(_REMEMBERED)
        self._addresses: Bounded[str, bool] = Bounded(_REMEMBERED)

    def exceeded_by(self, head: Head, path: bytes, surface: Surface, address: str) -> Exceeded | None:
        """Why a request goes beyond them. `path` is the target as the instance gets it."""
        token = self._token
        if token.read_only and _writes(head, surface):
            return (
                Reason.TOKEN_READ_ONLY,
                "this token is read-only: it takes GET and HEAD, and opens no sockets but comms",
            )
        if self._methods and head.method not in self._methods:
            return Reason.TOKEN_SCOPE, f"this token is for the methods {', '.join(token.methods)}"
        if self._prefixes and not self._reaches(path_of(path)):
            return Reason.TOKEN_SCOPE, f"this token is for paths below {', '.join(token.paths)}"
        if token.networks and not self._used_from(address):
            return Reason.TOKEN_SCOPE, f"this token is not for use from {address}"
        return None

    def _reaches(self, path: bytes) -> bool:
        known = self._paths.get(path)
        if known is None:
            known = all(any(_below(prefix, reading) for prefix in self._prefixes) for reading in readings(path))
            if len(path) <= _LONGEST_REMEMBERED:
                self._paths.keep(path, known)
        return known

    def _used_from(self, address: str) -> bool:
        known = self._addresses.get(address)
        return self._addresses.keep(address, within_networks(self._token, address)) if known is None else known


class LookingOn:
    """The limits of an admin who looks on as somebody: nothing they send changes anything."""

    __slots__ = ("_layout", "_socket_is_read")

    def __init__(self, layout: Layout, *, socket_is_read: bool) -> None:
        """`socket_is_read`: whether a dashboard's socket is read message by message, so that none gets in."""
        self._layout, self._socket_is_read = layout, socket_is_read

    def exceeded_by(self, head: Head, path: bytes, surface: Surface, _: str) -> Exceeded | None:
        """Why a request might change something. A path that is only called like a socket's may be a flow's endpoint."""
        if surface is Surface.SOCKET and not self._socket_is_read:
            return Reason.VIEWING_AS, _NO_SOCKET
        if surface is Surface.SOCKET and self._layout.at_own_socket(path_of(path)):
            return None
        return (Reason.VIEWING_AS, _LOOKING_ON) if _writes(head, surface) else None


def limits_of(token: Token) -> Limits | None:
    """The limits of a token; None where it has none but those its user's roles and `decide` know of."""
    limited = token.read_only or token.methods or token.paths or token.networks
    return Limits(token) if limited else None


def judge_endpoint_token(token: Token, station: Station, surface: Surface) -> Decision:
    """Whether a token for endpoints may address a surface. It is nobody: no role counts but its own, the least."""
    rule = RULES[surface]
    if surface in (Surface.PUBLIC, Surface.PREFLIGHT):
        reason = Reason.PREFLIGHT if surface is Surface.PREFLIGHT else Reason.PUBLIC_PATH
        return Decision(allowed=True, reason=reason)
    if token.instance != station.resource.id:
        return _refused(Reason.CREDENTIALS_WRONG, 401)
    if rule.permission is not Permission.HTTP:
        return _refused(Reason.UNLISTED_ENDPOINT if surface is Surface.UNLISTED else Reason.TOKEN_SCOPE, 403)
    match station.settings.http_auth:
        case HttpAuth.NONE:
            return Decision(allowed=True, reason=Reason.OPEN_INSTANCE, role=Role.DASHBOARD)
        case HttpAuth.BASIC:
            return _refused(Reason.CREDENTIALS_WRONG, 401)
        case HttpAuth.USER:
            return Decision(allowed=True, reason=Reason.ENDPOINT_TOKEN, role=Role.DASHBOARD)


def detail_of(token: Token, decision: Decision, station: Station) -> str:
    """What to tell about a token that was refused."""
    if decision.reason is Reason.TOKEN_SCOPE:
        return _EDITORS
    if decision.reason is not Reason.CREDENTIALS_WRONG:
        return ""
    if token.instance is not None and token.instance != station.resource.id:
        return _ELSEWHERE
    if token.instance is not None and station.settings.http_auth is not HttpAuth.USER:
        return _NOT_HERE
    return "the token has expired, or its user may not act"


def _writes(head: Head, surface: Surface) -> bool:
    """Whether a request may change something: by its method, or over a socket of which nobody reads the messages."""
    return head.method not in SAFE or ("upgrade" in head.noted and surface is not Surface.COMMS)


def _below(prefix: bytes, path: bytes) -> bool:
    return path == prefix or path.startswith(prefix + b"/") or not prefix


def _refused(reason: Reason, status: int) -> Decision:
    return Decision(allowed=False, reason=reason, status=status)
