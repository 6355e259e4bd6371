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
    """Looks again whenever something has changed: people's tags and things do so without ending what is open."""

    __slots__ = ("_desk", "_exchange", "_person", "_visitor", "_world")

    def __init__(self, desk: InspectionDesk, exchange: Exchange) -> None:
        self._desk, self._exchange = desk, exchange
        self._world = exchange.verdict.lease.world
        self._person = self._known()
        self._visitor = self._now()

    def __call__(self) -> Visitor:
        world, person = self._exchange.caller.gate.world, self._known() or self._person
        if world is not self._world or person is not self._person:
            self._world, self._person = world, person
            self._visitor = self._now()
        return self._visitor

    @property
    def auth(self) -> Mapping[str, object] | None:
        """What add-ons that trust a page's own word are told of who is there; the same as in `_setup`."""
        return {"user": shown(self._exchange, self._person)} if self._person is not None else None

    def _known(self) -> Person | None:
        user_id = self._exchange.verdict.principal.user_id
        return self._desk.person(user_id) if user_id is not None else None

    def _now(self) -> Visitor:
        lease, principal = self._exchange.verdict.lease, self._exchange.verdict.principal
        station = self._world.stations.get(lease.station.resource.id, lease.station)
        known = self._person if lease.decision.role >= Role.DASHBOARD else None
        tags = Tags(self._world.estate, known, principal.token)
        return Visitor(
            view=lease.view,
            rows=station.rules,
            values={policy.tag: tags.values(policy.tag) for policy in station.rules},
            constrained=station.constrained,
            looks_on=principal.viewer is not None,
            me=self._me(self._world, known),
        )

    def _me(self, world: World, person: Person | None) -> Me:
        lease, address = self._exchange.verdict.lease, self._exchange.caller.address
        if person is None:
            return Me(user_id=None)
        who = bearer(world.estate, person, lease.station, lease.decision.role, address)
        return Me(user_id=who.user_id, username=who.username, email=who.email, tenant=who.tenant)
