"""Which part of a Node-RED a request addresses, and what that part asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from proxy.model.access import Permission, Role, Write
from proxy.wire.glob import Glob, glob
from proxy.wire.target import readings


class Surface(IntEnum):
    """The surfaces of an instance; the number is an index for leases and counters."""

    PUBLIC = 0
    ENDPOINT = 1
    DASHBOARD = 2
    SETUP = 3
    SOCKET = 4
    PREFLIGHT = 5
    EDITOR = 6
    READ = 7
    SETTINGS = 8
    COMMS = 9
    AUTH_LOGIN = 10
    AUTH_REVOKE = 11
    AUTH = 12
    DEBUG = 13
    CONTEXT = 14
    PREFS = 15
    OTHER = 16
    UNLISTED = 17
    TRIGGER = 18
    DEPLOY = 19

    @property
    def label(self) -> str:
        """The name as logs and metrics spell it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Rule:
    """What a surface asks of who addresses it."""

    least: Role
    permission: Permission
    write: Write = Write.NONE
    admin: bool = True
    """Below the admin root: only sessions may go there, and Authorization is never passed on."""
    inspected: bool = False
    """Its content must be read or changed, or the gateway answers itself."""


_HTTP, _VIEW, _EDIT = Permission.HTTP, Permission.FLOWS_VIEW, Permission.FLOWS_EDIT

RULES: Final[Mapping[Surface, Rule]] = {
    Surface.PUBLIC: Rule(Role.NONE, _HTTP, admin=False),
    Surface.ENDPOINT: Rule(Role.DASHBOARD, _HTTP, admin=False),
    Surface.DASHBOARD: Rule(Role.DASHBOARD, _HTTP, admin=False),
    Surface.SETUP: Rule(Role.DASHBOARD, _HTTP, admin=False, inspected=True),
    Surface.SOCKET: Rule(Role.DASHBOARD, _HTTP, admin=False),
    Surface.PREFLIGHT: Rule(Role.NONE, _HTTP, admin=False),
    Surface.EDITOR: Rule(Role.VIEWER, _VIEW),
    Surface.READ: Rule(Role.VIEWER, _VIEW),
    Surface.SETTINGS: Rule(Role.VIEWER, _VIEW, inspected=True),
    Surface.COMMS: Rule(Role.VIEWER, _VIEW, inspected=True),
    Surface.AUTH_LOGIN: Rule(Role.NONE, _VIEW, inspected=True),
    Surface.AUTH_REVOKE: Rule(Role.NONE, _VIEW, inspected=True),
    Surface.AUTH: Rule(Role.NONE, _VIEW),
    Surface.DEBUG: Rule(Role.VIEWER, _VIEW, admin=False),
    Surface.CONTEXT: Rule(Role.MEMBER, _VIEW),
    Surface.PREFS: Rule(Role.MEMBER, _EDIT, Write.PREFS, inspected=True),
    Surface.OTHER: Rule(Role.MEMBER, _EDIT, Write.OTHER, inspected=True),
    Surface.UNLISTED: Rule(Role.MEMBER, _EDIT, Write.OTHER, admin=False, inspected=True),
    Surface.TRIGGER: Rule(Role.MEMBER, _EDIT, Write.TRIGGER, inspected=True),
    Surface.DEPLOY: Rule(Role.MEMBER, _EDIT, Write.DEPLOY, inspected=True),
}

_S = Surface

# First segment below the admin root -> surface of a safe method, surface of an unsafe one.
_ADMIN: Final[Mapping[bytes, tuple[Surface, Surface]]] = {
    **dict.fromkeys(
        (b"", b"red", b"vendor", b"types", b"theme", b"icons", b"resources", b"locales"), (_S.EDITOR, _S.OTHER)
    ),
    **dict.fromkeys((b"flows", b"flow", b"nodes", b"projects"), (_S.READ, _S.DEPLOY)),
    **dict.fromkeys((b"plugins", b"settings", b"library", b"udp-ports"), (_S.READ, _S.OTHER)),
    **dict.fromkeys((b"context", b"credentials", b"diagnostics"), (_S.CONTEXT, _S.OTHER)),
    **dict.fromkeys((b"debug", b"inject"), (_S.READ, _S.TRIGGER)),
    b"comms": (_S.COMMS, _S.COMMS),
}
# Whole paths below the admin root that differ from their first segment's rule.
_ADMIN_EXACT: Final[Mapping[bytes, tuple[Surface, Surface]]] = {
    b"flows/state": (_S.READ, _S.TRIGGER),
    b"settings": (_S.SETTINGS, _S.OTHER),
    b"settings/user": (_S.READ, _S.PREFS),
    b"auth/login": (_S.AUTH_LOGIN, _S.AUTH),
    b"auth/revoke": (_S.AUTH, _S.AUTH_REVOKE),
    b"auth/token": (_S.AUTH, _S.AUTH),
    b"auth/strategy": (_S.AUTH, _S.AUTH),
}
_DASHBOARD: Final = {b"_setup": _S.SETUP, b"socket.io": _S.SOCKET, b"_debug": _S.DEBUG}
_NEVER_PROXIED: Final = frozenset({_S.AUTH, _S.AUTH_LOGIN, _S.AUTH_REVOKE})
_SAFE: Final = frozenset({b"GET", b"HEAD"})
_PATHS_REMEMBERED: Final = 2048
_LONGEST_REMEMBERED: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Roots:
    """Where the surfaces of an instance lie, and which of its paths are declared as special."""

    admin: str = "/"
    node: str = "/"
    dashboard: str = "/dashboard"
    public: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()


class Layout:
    """Classifies requests. Shared by all instances with the same roots, and so is its memory of paths."""

    __slots__ = (
        "_admin",
        "_dashboard",
        "_endpoints",
        "_node",
        "_options",
        "_public",
        "_safe",
        "_ui",
        "_unsafe",
        "roots",
    )

    def __init__(self, roots: Roots) -> None:
        self.roots = roots
        self._admin = _root(roots.admin)
        self._node = _root(roots.node)
        self._dashboard = self._node + _root(roots.dashboard)
        self._ui = self._node + b"/ui"
        self._public = [_folded_glob(pattern) for pattern in roots.public]
        self._endpoints = [_folded_glob(pattern) for pattern in roots.endpoints]
        self._safe: dict[bytes, Surface] = {}
        self._unsafe: dict[bytes, Surface] = {}
        self._options: dict[bytes, Surface] = {}

    def surface(self, method: bytes, target: bytes) -> Surface:
        """The surface a request addresses. Raises BadTarget for a target no two servers would read alike."""
        path = target.partition(b"?")[0]
        known = self._safe if method in _SAFE else self._options if method == b"OPTIONS" else self._unsafe
        surface = known.get(path)
        if surface is None:
            surface = self.classify(method, path)
            if len(known) >= _PATHS_REMEMBERED:
                known.clear()
            if len(path) <= _LONGEST_REMEMBERED:
                known[path] = surface
        return surface

    @property
    def is_all_dashboard(self) -> bool:
        """Whether the dashboard lies at the node root itself, so that endpoints are within it."""
        return self._dashboard == self._node

    def in_dashboard(self, reading: bytes) -> bytes | None:
        """What follows the dashboard's address in one reading of a path, without the slash; None elsewhere."""
        return _below(self._dashboard, reading)

    def at_own_socket(self, path: bytes) -> bool:
        """Whether a path is below the socket of a dashboard, however it is read: there the dashboard answers, no flow."""
        return all(self._at_own_socket(reading) for reading in readings(path))

    def _at_own_socket(self, reading: bytes) -> bool:
        inside = (_below(self._dashboard, reading), _below(self._ui, reading))
        return any(below is not None and _first(below) == b"socket.io" for below in inside)

    def in_node(self, reading: bytes) -> bytes:
        """One reading of a path as it is below the node root; elsewhere as it is."""
        below = _below(self._node, reading)
        return reading if below is None else b"/" + below

    def classify(self, method: bytes, path: bytes) -> Surface:
        """The strictest surface among the ways the path may be read; public only if every reading is."""
        found = readings(path)
        surfaces = [self._of_reading(method, reading) for reading in found]
        surface = max(surfaces, key=_strictness)
        if surface is Surface.UNLISTED and any(RULES[one].admin for one in surfaces):
            surface = Surface.OTHER
        if method == b"OPTIONS":
            if RULES[surface].admin:
                return Surface.OTHER
            return Surface.PREFLIGHT if RULES[surface].permission is _HTTP else surface
        if surface is Surface.ENDPOINT and all(_matches(self._public, reading) for reading in found):
            return Surface.PUBLIC
        return surface

    def _of_reading(self, method: bytes, path: bytes) -> Surface:
        unsafe = method not in _SAFE and method != b"OPTIONS"
        below = _below(self._admin, path)
        in_dashboard = _below(self._dashboard, path)
        if unsafe and (written := _dashboard_write(below, in_dashboard)) is not None:
            return written
        if below is not None and (surface := self._admin_surface(below, path, unsafe)) is not None:
            return surface
        if in_dashboard is not None:
            return _DASHBOARD.get(_first(in_dashboard), Surface.DASHBOARD)
        if (in_ui := _below(self._ui, path)) is not None:
            return Surface.SOCKET if _first(in_ui) == b"socket.io" else Surface.DASHBOARD
        shared = below is not None and self._admin == self._node
        listed = not (shared and unsafe) or _matches(self._endpoints + self._public, path)
        if not listed:
            return Surface.UNLISTED
        # A dashboard that is declared elsewhere than it is still has its socket looked into.
        return Surface.SOCKET if b"/socket.io/" in path + b"/" else Surface.ENDPOINT

    def _admin_surface(self, below: bytes, path: bytes, unsafe: bool) -> Surface | None:
        """The surface of a path below the admin root; None where that is shared and the path not known to be its own.

        Of two roots that both hold a path, the longer one has it. Equal roots are shared.
        """
        if (known := _known_to_admin(below, unsafe)) is not None:
            return known
        others = (root for root in (self._node, self._dashboard, self._ui) if _below(root, path) is not None)
        if len(self._admin) <= max(map(len, others), default=-1):
            return None
        return Surface.OTHER if unsafe else Surface.READ


def _known_to_admin(below: bytes, unsafe: bool) -> Surface | None:
    """The surface of a path that Node-RED itself serves below its admin root; there it goes before all others."""
    if (exact := _ADMIN_EXACT.get(below)) is not None:
        return exact[unsafe]
    if below.startswith(b"auth/strategy/"):
        return Surface.AUTH
    if below.startswith(b"settings/user/keys"):
        return Surface.OTHER
    if below.startswith(b"debug/view/") and not unsafe:
        return Surface.EDITOR
    pair = _ADMIN.get(_first(below))
    return pair[unsafe] if pair is not None else None


def _dashboard_write(below: bytes | None, in_dashboard: bytes | None) -> Surface | None:
    """The Dashboard's own write routes: literal paths below the admin root, and their like on the dashboard's path."""
    literal = below.removeprefix(b"dashboard/") if below is not None and below.startswith(b"dashboard/") else None
    for rest in (literal, in_dashboard):
        parts = (rest or b"").split(b"/")
        if parts[:2] == [b"api", b"v1"]:
            return Surface.DEPLOY
        if parts[0] == b"chart" and parts[2:] == [b"clear"]:
            return Surface.OTHER
    return None


def _strictness(surface: Surface) -> tuple[bool, Role, Write, bool, int]:
    rule = RULES[surface]
    return surface in _NEVER_PROXIED, rule.least, rule.write, rule.admin, surface


def _root(path: str) -> bytes:
    """A root as a prefix: lower case, empty for /."""
    trimmed = path.strip("/").lower()
    return b"/" + trimmed.encode() if trimmed else b""


def _below(root: bytes, path: bytes) -> bytes | None:
    """What follows the root in a folded path, without the slash; None outside it."""
    if path == root or (not root and path == b"/"):
        return b""
    return path[len(root) + 1 :] if path.startswith(root + b"/") else None


def _folded_glob(pattern: str) -> Glob:
    """A pattern as paths are folded: lower case, no slash at the end."""
    return glob(pattern.lower().rstrip("/") or "/")


def _first(below: bytes) -> bytes:
    return below.partition(b"/")[0]


def _matches(patterns: list[Glob], path: bytes) -> bool:
    return any(pattern.matches(path) for pattern in patterns)
