"""Refusals on record: counted for a while and told together, so that a flood of them is no flood of writes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from proxy.model.access import Permission, Reason
from proxy.model.audit import Event
from proxy.services.audit import GATEWAY, PLATFORM, By, Scope, happened
from proxy.services.traffic import Traffic
from proxy.store import Database

MOST: Final = 1000
"""Kinds of refusal that are told apart between two writings; what comes on top is counted without telling by whom."""
MOST_STRANGERS: Final = 100
"""Of these, kinds by nobody who is known: strangers crowd nobody out."""
_NO_REFUSAL: Final = frozenset(
    {
        Reason.DEFECT,
        Reason.DRAINING,
        Reason.FACTS_UNAVAILABLE,
        Reason.MOVED,
        Reason.UPSTREAM_BROKEN,
        Reason.UPSTREAM_TIMEOUT,
        Reason.UPSTREAM_UNREACHABLE,
    }
)
"""What is counted with the refusals, but is trouble and no decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Denial:
    by: By
    permission: Permission | None
    """None where it did not come to that: a token that is not good."""
    on: Scope
    reason: str


class Refusals:
    """What the API refused, and what the data plane did."""

    def __init__(self, traffic: Traffic, scope_of: Callable[[str], Scope | None]) -> None:
        """`scope_of` finds an instance by the name that traffic is counted under."""
        self._traffic, self._scope_of = traffic, scope_of
        self._denied: dict[_Denial, int] = {}
        self._told: dict[tuple[str, str], int] = {}
        self._told_credentials: dict[tuple[str, str], int] = {}

    def denied(self, by: By, permission: Permission | None, on: Scope, reason: str) -> None:
        """Count that an API request was refused."""
        denial = _Denial(by=by, permission=permission, on=on, reason=reason)
        if denial not in self._denied and self._full(by):
            denial = replace(denial, by=By(source=by.source), on=PLATFORM)
        self._denied[denial] = self._denied.get(denial, 0) + 1

    def _full(self, by: By) -> bool:
        """Whether no further kind of theirs is told apart."""
        if by.id or by.token:
            return len(self._denied) >= MOST
        return sum(not (each.by.id or each.by.token) for each in self._denied) >= MOST_STRANGERS

    async def flush(self, database: Database, now: float) -> None:
        """Record what was refused since the last time. Raises StoreUnavailable; then it is told the next time."""
        denied, seen, wrong = dict(self._denied), dict(self._traffic.refusals), dict(self._traffic.credentials)
        events = [*self._denials(denied, now), *self._differences(seen, now), *self._credentials(wrong, now)]
        if not events:
            return
        await database.record(*events)
        self._told, self._told_credentials = seen, wrong
        for denial, count in denied.items():
            self._denied[denial] -= count
        self._denied = {denial: count for denial, count in self._denied.items() if count}

    @staticmethod
    def _denials(denied: Mapping[_Denial, int], now: float) -> Iterator[Event]:
        for denial, count in denied.items():
            body = {"permission": denial.permission} if denial.permission else {}
            yield happened(
                "permission.denied",
                at=now,
                by=denial.by,
                on=denial.on,
                error=denial.reason,
                body={**body, "count": count},
            )

    def _differences(self, seen: Mapping[tuple[str, str], int], now: float) -> Iterator[Event]:
        for (instance, reason), total in seen.items():
            before = self._told.get((instance, reason), 0)
            count = total - before if total >= before else total  # counted anew: the instance was gone for a while
            if count and reason not in _NO_REFUSAL:
                body = {"instance": instance, "count": count} if instance else {"count": count}
                on = self._scope_of(instance) or PLATFORM
                yield happened("http.denied", at=now, by=GATEWAY, on=on, error=reason, body=body)

    def _credentials(self, wrong: Mapping[tuple[str, str], int], now: float) -> Iterator[Event]:
        for (provider, code), total in wrong.items():
            count = total - self._told_credentials.get((provider, code), 0)
            if count:
                body = {"provider": provider, "count": count}
                yield happened("platform.credentials.refused", at=now, by=GATEWAY, on=PLATFORM, error=code, body=body)
