"""Open connections that outlive a request: whose they are, so that what ends can be closed."""

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from proxy.gate.judge import view_of
from proxy.gate.principal import Kind, Principal
from proxy.gate.world import Station
from proxy.model.access import Decision, Reason
from proxy.nodered.permissions import editor_scopes
from proxy.nodered.surfaces import RULES, Surface
from proxy.wire.websocket import ACCESS_LOST, COME_AGAIN, SESSION_ENDED

_CODES: Final = {
    Reason.SESSION_ENDED: SESSION_ENDED,
    Reason.LOGIN_REQUIRED: SESSION_ENDED,
    Reason.CREDENTIALS_WRONG: SESSION_ENDED,
    Reason.SECOND_FACTOR_REQUIRED: SESSION_ENDED,
    Reason.DRAINING: COME_AGAIN,
    Reason.FACTS_UNAVAILABLE: COME_AGAIN,
    Reason.RIGHTS_CHANGED: COME_AGAIN,
    Reason.UPSTREAM_CHANGED: COME_AGAIN,
    Reason.NOT_RECORDED: COME_AGAIN,
}
_SHARED: Final = frozenset({Surface.SOCKET, Surface.ENDPOINT})
"""Surfaces that stay open and may be shared page by page."""


class Live(Protocol):
    """One open socket or stream."""

    @property
    def principal(self) -> Principal: ...
    @property
    def resource_id(self) -> str: ...
    @property
    def surface(self) -> Surface: ...
    @property
    def rights(self) -> object:
        """What `rights_of` said when it was opened."""
        ...

    @property
    def place(self) -> object:
        """What `place_of` said when it was opened."""
        ...

    def end(self, reason: Reason) -> None:
        """Close it, telling the client why in the way it understands. Never raises; may be called twice."""
        ...


def rights_of(station: Station, surface: Surface, decision: Decision) -> object:
    """What must stay the same for an open connection to stay: its identity is told once, at its start."""
    settings = station.settings
    if not RULES[surface].admin:
        return _shown(station, surface, decision) if surface in _SHARED else decision.role
    return editor_scopes(decision.role, protected=settings.protected, min_edit_role=settings.min_edit_role)


def place_of(station: Station, principal: Principal) -> object:
    """What of an instance must stay the same for anything open there to stay: where it is, what its paths mean, whose its
    rows are, whose pages may speak to it, and its password where that is all that is known of who came.
    """
    settings, password = station.settings, None
    if principal.kind is Kind.INSTANCE_PASSWORD:
        password = settings.http_auth, settings.basic_username, settings.basic_password_hash
    return station.endpoint, station.layout, settings.rows, station.origins, password


def _shown(station: Station, surface: Surface, decision: Decision) -> object:
    """What of an instance is theirs, where that is not simply a matter of the role."""
    view = view_of(decision)
    if surface is not Surface.SOCKET or not station.governed:
        return decision.role if view is None else (decision.role, view)
    return decision.role, view, station.constrained


def close_code(reason: Reason) -> int:
    """The code with which a websocket is closed (RFC 6455 section 7.4)."""
    return _CODES.get(reason, ACCESS_LOST)


class LiveConnections:
    """Every open connection, by principal."""

    def __init__(self) -> None:
        self._all: set[Live] = set()
        self._by_principal: dict[str, set[Live]] = {}
        self._new: set[Live] = set()

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Live]:
        return iter(tuple(self._all))

    def add(self, live: Live) -> None:
        self._all.add(live)
        self._new.add(live)
        self._by_principal.setdefault(live.principal.key, set()).add(live)

    def remove(self, live: Live) -> None:
        if live in self._all:
            self._all.discard(live)
            self._new.discard(live)
            group = self._by_principal[live.principal.key]
            group.discard(live)
            if not group:
                del self._by_principal[live.principal.key]

    def take_new(self) -> set[Live]:
        """What was opened since the last time. Something may have changed between its judgement and its opening."""
        new, self._new = self._new, set()
        return new

    def of(self, keys: Iterable[str]) -> list[Live]:
        """What belongs to some principals."""
        return [live for key in keys for live in self._by_principal.get(key, ())]

    def count_by_instance(self) -> dict[str, int]:
        """Resource id -> how many are open."""
        counts: dict[str, int] = {}
        for live in self._all:
            counts[live.resource_id] = counts.get(live.resource_id, 0) + 1
        return counts

    def end_all(self, reason: Reason) -> None:
        for live in self:
            live.end(reason)
