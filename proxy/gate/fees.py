"""The limits that instances have of their own: on requests to their dashboards and endpoints."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from proxy.access.gcra import Rate
from proxy.gate.principal import Kind, Principal
from proxy.gate.world import Station
from proxy.model import estate
from proxy.model.estate import InstanceSettings
from proxy.nodered.surfaces import RULES, Surface
from proxy.store import Limit, Limits


class Payer(StrEnum):
    """Who is counted."""

    PRINCIPAL = "principal"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Fee:
    """One limit that requests of one principal are charged to. Who is counted is settled here, not at each request."""

    payer: Payer
    limit: Limit
    counted: str
    """Whom the limit counts; with their address behind it where `by_address`."""
    by_address: bool

    def charge(self, subject: str) -> float:
        """Take one; seconds to wait where there is none, else 0. `subject`: what is counted of the address."""
        return self.limit.admit(self.counted + subject if self.by_address else self.counted)

    def give_back(self, subject: str) -> None:
        """Put back what was just taken."""
        self.limit.give_back(self.counted + subject if self.by_address else self.counted)


def fee(payer: Payer, limit: Limit, principal: Principal) -> Fee | None:
    """What a limit counts: a password that many share by address as well; None for nobody, who has no login."""
    if payer is Payer.ADDRESS:
        return Fee(payer, limit, "", by_address=True)
    if principal.kind is Kind.NOBODY:
        return None
    shared = principal.kind is Kind.INSTANCE_PASSWORD
    return Fee(payer, limit, f"{principal.key} " if shared else principal.key, by_address=shared)


# The principal's first: who has used up their own keeps nobody else at the same address from coming in.
_ORDER: Final = (Payer.PRINCIPAL, Payer.ADDRESS)


class Tariff:
    """The limits of all instances that have some, kept from one world to the next so that a change pardons nobody."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._charging: set[str] = set()
        """Ids of instances."""

    def of(self, principal: Principal, station: Station, surface: Surface) -> tuple[Fee, ...]:
        """What a request to a surface is charged to; to the admin API, and with it the editor, nothing."""
        if RULES[surface].admin or not _limited(station.settings):
            return ()
        self._charging.add(station.resource.id)
        found = (self._fee(payer, principal, station) for payer in _ORDER)
        return tuple(fee for fee in found if fee is not None)

    def _fee(self, payer: Payer, principal: Principal, station: Station) -> Fee | None:
        limit = _limit(station.settings, payer)
        if limit is None:
            return None
        return fee(payer, self._limits.limit(_name(station.resource.id, payer), _rate(limit)), principal)

    def keep_only(self, stations: Mapping[str, Station]) -> None:
        """Forget the limits of instances that are gone, and those that instances have no more."""
        for id_ in tuple(self._charging):
            station = stations.get(id_)
            for payer in _ORDER:
                if station is None or _limit(station.settings, payer) is None:
                    self._limits.forget(_name(id_, payer))
            if station is None or not _limited(station.settings):
                self._charging.discard(id_)


def _limited(settings: InstanceSettings) -> bool:
    return settings.limit_per_address is not None or settings.limit_per_principal is not None


def _limit(settings: InstanceSettings, payer: Payer) -> estate.Limit | None:
    return settings.limit_per_principal if payer is Payer.PRINCIPAL else settings.limit_per_address


def _rate(limit: estate.Limit) -> Rate:
    return Rate(count=limit.count, period=limit.period, burst=limit.burst)


def _name(id_: str, payer: Payer) -> str:
    return f"{payer} of {id_}"
