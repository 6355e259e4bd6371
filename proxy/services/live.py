"""Open connections that outlive a request: who they belong to, so that what ends can be closed."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from proxy.model.access import Reason


class Live(Protocol):
    """One open socket or stream."""

    owner: str
    """The key of its principal."""
    resource_id: str

    def end(self, reason: Reason) -> None:
        """Close it, telling the client why in the way it understands. Never raises, may be called twice."""
        ...


class LiveConnections:
    """Every open connection, by principal and by instance."""

    def __init__(self) -> None:
        self._all: set[Live] = set()
        self._by_owner: dict[str, set[Live]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Live]:
        return iter(tuple(self._all))

    def add(self, live: Live) -> None:
        self._all.add(live)
        self._by_owner.setdefault(live.owner, set()).add(live)

    def remove(self, live: Live) -> None:
        if live in self._all:
            self._all.discard(live)
            group = self._by_owner[live.owner]
            group.discard(live)
            if not group:
                del self._by_owner[live.owner]

    def of(self, owners: Iterable[str]) -> list[Live]:
        """What belongs to some principals."""
        return [live for owner in owners for live in self._by_owner.get(owner, ())]

    def count_by_instance(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for live in self._all:
            counts[live.resource_id] = counts.get(live.resource_id, 0) + 1
        return counts

    def end_all(self, reason: Reason) -> None:
        for live in self:
            live.end(reason)
