"""The limits that instances have of their own: on requests to their dashboards and endpoints."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from proxy.access.gcra import Rate
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
    """One limit that a request is charged to."""

    payer: Payer
    limit: Limit


# The principal's first: who has used up their own keeps nobody else at the same address from coming in.
_ORDER: Final = (Payer.PRINCIPAL, Payer.ADDRESS)


class Tariff:
    """The limits of all instances that have some, kept from one world to the next so that a change pardons nobody."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._charging: set[str] = set()
        """Ids of instances."""

    def of(self, station: Station, surface: Surface) -> tuple[Fee, ...] | None:
        """What a request to a surface is charged to; to the admin API, and with it the editor, nothing."""
        if RULES[surface].admin or not _limited(station.settings):
            return None
        id_ = station.resource.id
        self._charging.add(id_)
        found = ((payer, _limit(station.settings, payer)) for payer in _ORDER)
        return tuple(Fee(payer, self._limits.limit(_name(id_, payer), _rate(limit))) for payer, limit in found if limit)

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
