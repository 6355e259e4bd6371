"""Who is at a Dashboard's socket, and what holds for them while it is open."""

from collections.abc import Mapping

from proxy.access.tags import Tags
from proxy.gate.identity import bearer
from proxy.gate.world import World
from proxy.inspection.dashboard import shown
from proxy.inspection.desk import InspectionDesk
from proxy.inspection.exchange import Exchange
from proxy.model.access import Role
from proxy.model.identity import Person
from proxy.nodered.dashboard import Visitor
from proxy.nodered.dashboard_client import Me


class Who:
    """Looks again whenever something has changed: people's tags and things do so without ending what is open.

    It may be kept for long, so it holds on to no request, and to no state of all there is.
    """

    __slots__ = (
        "_address",
        "_gate",
        "_person",
        "_principal",
        "_role",
        "_station",
        "_version",
        "_view",
        "_visitor",
        "auth",
    )

    def __init__(self, desk: InspectionDesk, exchange: Exchange) -> None:
        lease, self._principal = exchange.verdict.lease, exchange.verdict.principal
        self._station, self._view, self._role = lease.station, lease.view, lease.decision.role
        self._gate, self._address = exchange.caller.gate, exchange.caller.address
        self._person = self._known()
        self._version = lease.world.estate.version
        self._visitor = self._now(lease.world)
        self.auth: Mapping[str, object] | None = (
            {"user": shown(exchange, self._person)} if self._person is not None else None
        )
        """What add-ons that trust a page's own word are told of who is there; the same as in `_setup`."""

    def __call__(self) -> Visitor:
        world, person = self._gate.world, self._known() or self._person
        if world.estate.version != self._version or person is not self._person:
            self._version, self._person = world.estate.version, person
            self._visitor = self._now(world)
        return self._visitor

    def _known(self) -> Person | None:
        user_id = self._principal.user_id
        return self._gate.known_person(user_id) if user_id is not None else None

    def _now(self, world: World) -> Visitor:
        station = world.stations.get(self._station.resource.id, self._station)
        known = self._person if self._role >= Role.DASHBOARD else None
        tags = Tags(world.estate, known, station.resource, self._principal.token)
        return Visitor(
            view=self._view,
            rows=station.rules,
            values={policy.tag: tags.values(policy.tag) for policy in station.rules},
            constrained=station.constrained,
            looks_on=self._principal.viewer is not None,
            me=self._me(world, known),
        )

    def _me(self, world: World, person: Person | None) -> Me:
        if person is None:
            return Me(user_id=None)
        who = bearer(world.estate, person, self._station, self._role, self._address)
        return Me(user_id=who.user_id, username=who.username, email=who.email, tenant=who.tenant)
