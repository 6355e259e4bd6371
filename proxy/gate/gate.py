"""Judgement on facts, and the leases it grants. Both lanes call it through a `Caller`."""

from collections.abc import Mapping
from typing import Final

import orjson
import structlog

from proxy.access.gcra import Buckets, Rate
from proxy.gate import identity
from proxy.gate.facts import Facts, VerifyPassword
from proxy.gate.judge import judge
from proxy.gate.principal import Block, Kind, Lease, Principal
from proxy.gate.verdict import Missing
from proxy.gate.world import Station, World
from proxy.model.access import Decision, Reason, Role
from proxy.model.identity import Person, UserState
from proxy.nodered.presets import ControlCharacter
from proxy.nodered.surfaces import RULES, Surface
from proxy.services.clock import Clock
from proxy.services.traffic import Traffic
from proxy.store import Database, Shared
from proxy.wire.address import Network

LEASE: Final = 15.0
"""Seconds for which a decision is not looked at again, unless something changes."""
NEW_SIDS: Final = Rate(count=120, period=60.0)
"""How many engine.io sessions one login may begin; a page has one, and takes another when its connection breaks."""
_PASSIVE: Final = frozenset({Surface.SOCKET, Surface.COMMS})
"""Surfaces that open pages use by themselves: no sign that anybody is there."""
_log = structlog.get_logger(__name__)


class Gate(Facts):
    """The only place that decides."""

    def __init__(
        self,
        *,
        world: World,
        database: Database,
        shared: Shared,
        traffic: Traffic,
        clock: Clock,
        sign: identity.Sign,
        issuer: str,
        cookie: bytes,
        anonymous: Rate,
        verify: VerifyPassword,
        trusted: tuple[Network, ...] = (),
    ) -> None:
        super().__init__(world=world, database=database, shared=shared, clock=clock, verify=verify)
        self.traffic, self.trusted = traffic, trusted
        self.cookie = cookie + b"="
        """How the session's cookie starts on the wire."""
        self.instance_password = Principal(
            Kind.INSTANCE_PASSWORD, Kind.INSTANCE_PASSWORD, expires=float("inf"), idle=float("inf"), seen=0.0
        )
        self.anonymous = Buckets(anonymous)
        self.new_sids = Buckets(NEW_SIDS)
        self._sign, self._issuer = sign, issuer

    def change_world(self, world: World) -> None:
        """From now on every lease is judged anew, in this world."""
        self.world = world
        self.nobody.leases.clear()
        self.instance_password.leases.clear()
        self._passwords.clear()
        self.traffic.keep_only({station.name: station for station in world.stations.values()})

    def lease(
        self, principal: Principal, station: Station, surface: Surface, now: float, address: str
    ) -> Lease | Missing:
        """Judge, and remember it: once per principal, instance, surface and 15 seconds."""
        if not principal.alive(now, station.settings):
            return self._refuse(principal, station, surface, Reason.SESSION_ENDED, 401)
        if self.blind and principal.session is not None:
            return self._refuse(principal, station, surface, Reason.FACTS_UNAVAILABLE, 503)
        decision = self.decide(principal, station, surface)
        if isinstance(decision, Missing):
            return decision
        if surface not in _PASSIVE and principal.session is not None:
            principal.seen = now
            self.touched.add(principal)
        block = b""
        if decision.allowed:
            try:
                block = self._block(principal, station, surface, decision.role, now, address)
            except ControlCharacter as error:
                _log.warning("identity-refused", user=principal.user_id, instance=station.name, field=error.args[0])
                decision = Decision(allowed=False, reason=Reason.BAD_REQUEST, role=decision.role, status=400)
        until = min(now + LEASE, principal.ends(station.settings))
        lease = self._lease(principal, station, surface, decision, until, block, address if block else None)
        principal.leases[station.number + surface] = lease
        return lease

    def decide(self, principal: Principal, station: Station, surface: Surface) -> Decision | Missing:
        """The bare judgement, on the facts there are."""
        person: Person | None = None
        if principal.user_id is not None:
            if self.blind:
                return Decision(allowed=False, reason=Reason.FACTS_UNAVAILABLE, status=503)
            found = self.person(principal.user_id)
            if isinstance(found, Missing):
                return found
            if found is None or found.user.state is not UserState.ACTIVE:
                return Decision(allowed=False, reason=Reason.SESSION_ENDED, status=401)
            person = found
        return judge(self.world.estate, principal.kind, person, station.resource, station.settings, surface)

    def _lease(
        self,
        principal: Principal,
        station: Station,
        surface: Surface,
        decision: Decision,
        until: float,
        block: bytes,
        address: str | None,
    ) -> Lease:
        return Lease(
            until=until,
            world=self.world,
            station=station,
            surface=surface,
            decision=decision,
            block=block,
            address=address,
            inspected=RULES[surface].inspected,
            tally=self.traffic.tally(station.name, surface.label),
            log=_log_tail(principal, station, surface, decision),
        )

    def _refuse(self, principal: Principal, station: Station, surface: Surface, reason: Reason, status: int) -> Lease:
        """A refusal that is not remembered."""
        decision = Decision(allowed=False, reason=reason, status=status)
        return self._lease(principal, station, surface, decision, 0.0, b"", None)

    def _block(
        self,
        principal: Principal,
        station: Station,
        surface: Surface,
        role: Role,
        now: float,
        address: str,
    ) -> bytes:
        """The identity lines, minted at most once per session, instance, use and 45 seconds."""
        rule = RULES[surface]
        person = self._people.get(principal.user_id) if principal.user_id is not None else None
        token = station.settings.admin_token
        credential = f"\r\nAuthorization: Bearer {token}".encode() if token and rule.admin else b""
        # Whoever has no role here is a stranger, also where strangers may come in: no tenant collects the others' people.
        if person is None or role < (Role.VIEWER if rule.admin else Role.DASHBOARD):
            return b"" if person is None else credential
        key = (station.resource.id, "editor" if rule.admin else "http")
        kept = principal.blocks.get(key)
        now_true = (self.world, person, role, address)
        if kept is None or kept.until <= now or (kept.world, kept.person, kept.role, kept.address) != now_true:
            who = identity.bearer(self.world.estate, person, station, role, address)
            told = identity.claims(
                who, principal, station, role, editor=rule.admin, issuer=self._issuer, now=self.clock.wall()
            )
            lines = identity.lines(who, station, lambda: self._sign(told))
            kept = principal.blocks[key] = Block(now + identity.REUSED, *now_true, lines)
        return kept.lines + credential


def _log_tail(principal: Principal, station: Station, surface: Surface, decision: Decision) -> bytes:
    """The end of every access line under this lease, so that a line costs one formatting."""
    tail: Mapping[str, object] = {
        "instance": station.name,
        "surface": surface.label,
        "user": principal.user_id,
        "session": principal.session.id if principal.session else None,
        "role": decision.role.label,
        "reason": decision.reason,
    }
    return b"," + orjson.dumps(tail)[1:] + b"\n"
