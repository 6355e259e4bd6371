"""Judgement on facts, and the leases it grants. Both lanes call it through a `Caller`."""

import ssl
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import orjson
import structlog

from config.addresses import Listen
from proxy.access.decide import in_scope
from proxy.access.gcra import Rate
from proxy.access.second_factor import NOBODY, Policy, lacks
from proxy.gate import identity
from proxy.gate.facts import KEPT, Facts, VerifyPassword
from proxy.gate.fees import Tariff
from proxy.gate.judge import judge, unproven, view_of
from proxy.gate.limits import Limits as Bounds
from proxy.gate.limits import LookingOn, judge_endpoint_token, limits_of
from proxy.gate.principal import Block, Kind, Lease, Principal
from proxy.gate.readers import Reader, names_read
from proxy.gate.verdict import Missing
from proxy.gate.world import Station, World
from proxy.model.access import Decision, Reason, Role
from proxy.model.identity import Actor, Person, TokenKind, UserState
from proxy.nodered.presets import ControlCharacter
from proxy.nodered.surfaces import RULES, Surface
from proxy.services.border import Border
from proxy.services.clock import Clock
from proxy.services.sessions import may_look_on
from proxy.services.tokens import Uses
from proxy.services.traffic import Traffic
from proxy.store import TIMEOUT, Database, Limits, Shared
from proxy.wire.address import Network
from proxy.wire.headers import REQUEST, Treatments, treatments

LEASE: Final = 15.0
"""Seconds for which a decision is not looked at again, unless something changes."""
NEW_SIDS: Final = Rate(count=120, period=60.0)
"""How many engine.io sessions one login may begin; a page has one, and takes another when its connection breaks."""
_PASSIVE: Final = frozenset({Surface.SOCKET, Surface.COMMS})
"""Surfaces that open pages use by themselves: no sign that anybody is there."""
_LOOKED_ON: Final = frozenset({Surface.SOCKET, Surface.DASHBOARD})
"""Surfaces that are read or changed for an admin who looks on as somebody."""
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
        limits: Limits,
        anonymous: Rate,
        verify: VerifyPassword,
        second_factor: Policy = NOBODY,
        trusted: tuple[Network, ...] = (),
        listeners: tuple[Listen, ...] = (),
        patience: float = TIMEOUT,
    ) -> None:
        super().__init__(
            world=world,
            database=database,
            shared=shared,
            traffic=traffic,
            clock=clock,
            verify=verify,
            patience=patience,
        )
        self.trusted = trusted
        self._listeners = listeners
        self.cookie = cookie + b"="
        """How the session's cookie starts on the wire."""
        self.instance_password = Principal(
            Kind.INSTANCE_PASSWORD, Kind.INSTANCE_PASSWORD, expires=float("inf"), idle=float("inf"), seen=0.0
        )
        self.limits, self.tariff = limits, Tariff(limits)
        self.anonymous = limits.limit("anonymous", anonymous)
        """Requests without a login, by address."""
        self.new_sids = limits.limit("sids", NEW_SIDS)
        self.second_factor = second_factor
        """Who must have proved one."""
        self.uses = Uses()
        """When tokens were last used, to be written down."""
        self._sign, self._issuer = sign, issuer
        self.readers: tuple[Reader, ...] = ()
        """Plugins that identify requests, in the order in which they are asked."""
        self.names_read: frozenset[str] = frozenset()
        """The header fields that some of them look at."""
        self.reads_certificates = self.asks_for_basic = False
        self.fields: Treatments = REQUEST

    def identify_by(self, readers: tuple[Reader, ...]) -> None:
        """Let plugins say whose requests are, from before the first connection on."""
        self.readers, self.names_read = readers, names_read(readers)
        self.reads_certificates = any(reader.certificate for reader in readers)
        self.asks_for_basic = any(reader.scheme == "basic" for reader in readers)
        self.fields = treatments(self.names_read)

    def certificate_of(self, tls: ssl.SSLObject | None) -> bytes:
        """The client's certificate (DER), as the handshake verified it; empty where there is none, or nobody reads it."""
        if tls is None or not self.reads_certificates:
            return b""
        return tls.getpeercert(binary_form=True) or b""

    @property
    def border(self) -> Border:
        """Where upstreams that were set through the API may lead now."""
        return Border(allow=self.world.settings.upstream_allow, listeners=self._listeners)

    def change_world(self, world: World) -> None:
        """From now on every lease is judged anew, in this world."""
        self.world = world
        self.nobody.leases.clear()
        self.instance_password.leases.clear()
        self._passwords.clear()
        self.tariff.keep_only(world.stations)
        self.traffic.keep_only({station.name: station for station in world.stations.values()})

    def place_pages(self, resource_id: str, paths: Mapping[str, str]) -> None:
        """Take in where the Dashboard of an instance has its pages: id -> path below the dashboard."""
        station = self.world.stations.get(resource_id)
        if station is not None and station.parts is not None:
            station.parts.learn(paths)

    def lease(
        self, principal: Principal, station: Station, surface: Surface, now: float, address: str
    ) -> Lease | Missing:
        """Judge, and remember it: once per principal, instance, surface and 15 seconds."""
        if not principal.alive(now, station.settings):
            return self._refuse(principal, station, surface, _ended(principal), 401)
        if principal.kind in self.blind:
            return self._refuse(principal, station, surface, Reason.FACTS_UNAVAILABLE, 503)
        decision = self.decide(principal, station, surface)
        if isinstance(decision, Missing):
            return decision
        self._note(principal, surface, now)
        block = b""
        if decision.allowed:
            try:
                block = self._block(principal, station, surface, decision.role, now, address)
            except ControlCharacter as error:
                _log.warning("identity-refused", user=principal.user_id, instance=station.name, field=error.args[0])
                decision = Decision(allowed=False, reason=Reason.BAD_REQUEST, role=decision.role, status=400)
        until = min(now + LEASE, principal.ends(station.settings))
        lease = self._lease(principal, station, surface, decision, until, block, address if block else None)
        before = principal.leases.get(station.number + surface)
        if before is not None:  # a stream may go on under it, from another address: no change would find it any more
            before.until = 0.0
        principal.leases[station.number + surface] = lease
        return lease

    def decide(self, principal: Principal, station: Station, surface: Surface) -> Decision | Missing:
        """The bare judgement, on the facts there are."""
        if principal.kind not in KEPT:
            return self._judge(principal, None, station, surface)
        if principal.kind in self.blind:
            return Decision(allowed=False, reason=Reason.FACTS_UNAVAILABLE, status=503)
        if principal.token is not None:
            known = self.token(principal.hash)
            if known is None or isinstance(known, Missing):
                return known or _unknown(principal)
            if principal.token.kind is TokenKind.HTTP:
                return judge_endpoint_token(principal.token, station, surface)
        return self._judge_person(principal, station, surface)

    def _judge_person(self, principal: Principal, station: Station, surface: Surface) -> Decision | Missing:
        person = self.person(principal.user_id or "")
        if isinstance(person, Missing):
            return person
        if person is None or person.user.state is not UserState.ACTIVE:
            return _unknown(principal)
        if principal.viewer is not None:
            viewer = self.person(principal.viewer)
            if isinstance(viewer, Missing):
                return viewer
            if not may_look_on(viewer):
                return _unknown(principal)
        return self._judge(principal, person, station, surface)

    def _judge(self, principal: Principal, person: Person | None, station: Station, surface: Surface) -> Decision:
        actor = Actor(person=person, session=principal.session, token=principal.token) if person is not None else None
        estate, now = self.world.estate, self.clock.wall()
        resource, settings, pages = station.resource, station.settings, station.pages
        decision = judge(estate, principal.kind, actor, resource, settings, surface, now, pages)
        if person is not None and principal.token is None and self._lacks_factor(principal, person, station):
            stranger = judge(estate, Kind.NOBODY, None, resource, settings, surface, now, pages) if pages else None
            return unproven(decision, stranger)
        # Where anybody may come in, a token that is limited to other spaces comes as a stranger.
        by_role = decision.reason is Reason.ROLE
        return decision if by_role or in_scope(estate, principal.token, resource) else replace(decision, role=Role.NONE)

    def _lacks_factor(self, principal: Principal, person: Person, station: Station) -> bool:
        """Whether whoever is there must prove a second factor first. Tokens are programs': they never are asked."""
        session, recognised = principal.session, principal.recognised
        vouched = session.vouched if session is not None else recognised is not None and recognised.vouched
        return lacks(
            self.second_factor,
            self.world.estate,
            person,
            vouched=vouched,
            proven=session is not None and session.factor > 0,
            step_up=station.settings.second_factor,
        )

    def _note(self, principal: Principal, surface: Surface, now: float) -> None:
        """Somebody is there, or something uses a token."""
        if principal.token is not None:
            self.uses.note(principal.token, self.clock.wall())
        elif principal.user_id is not None and surface not in _PASSIVE:
            principal.seen = now
            if principal.session is not None:
                self.touched.add(principal)

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
        inspected = RULES[surface].inspected or surface in station.inspected
        inspected = inspected or (principal.viewer is not None and surface in _LOOKED_ON)
        return Lease(
            until=until,
            world=self.world,
            station=station,
            surface=surface,
            decision=decision,
            block=block,
            address=address,
            inspected=inspected,
            tally=self.traffic.tally(station.name, surface.label),
            log=_log_tail(principal, station, surface, decision),
            limits=_limits(principal, station, surface, inspected=inspected),
            fees=self.tariff.of(principal, station, surface),
            view=view_of(decision),
        )

    def _viewer(self, principal: Principal) -> Person | None:
        """The admin who looks on as whoever was just judged."""
        return self._people.get(principal.viewer) if principal.viewer is not None else None

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
        """The identity lines, minted at most once per principal, instance, use and 45 seconds."""
        rule = RULES[surface]
        if principal.token is not None and principal.user_id is None:
            return identity.token_line(principal.token, station) if role >= Role.DASHBOARD else b""
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
            who = identity.bearer(self.world.estate, person, station, role, address, principal.token)
            told = identity.claims(
                who,
                principal,
                station,
                principal.reach(role),
                editor=rule.admin,
                issuer=self._issuer,
                now=self.clock.wall(),
            )
            if (viewer := self._viewer(principal)) is not None:
                told["viewer"] = viewer.user.username
            lines = identity.lines(who, station, lambda: self._sign(told))
            kept = principal.blocks[key] = Block(now + identity.REUSED, *now_true, lines)
        return kept.lines + credential


def _limits(principal: Principal, station: Station, surface: Surface, *, inspected: bool) -> Bounds | LookingOn | None:
    if principal.viewer is not None:
        return LookingOn(station.layout, socket_is_read=inspected and surface is Surface.SOCKET)
    return limits_of(principal.token) if principal.token is not None else None


def _ended(principal: Principal) -> Reason:
    shown = principal.token is not None or principal.recognised is not None
    return Reason.CREDENTIALS_WRONG if shown else Reason.SESSION_ENDED


def _unknown(principal: Principal) -> Decision:
    """Nobody stands behind it any more."""
    return Decision(allowed=False, reason=_ended(principal), status=401)


def _log_tail(principal: Principal, station: Station, surface: Surface, decision: Decision) -> bytes:
    """The end of every access line under this lease, so that a line costs one formatting."""
    tail: Mapping[str, object] = {
        "instance": station.name,
        "surface": surface.label,
        "user": principal.user_id,
        "session": principal.session.id if principal.session else None,
        **({"token": principal.token.id} if principal.token else {}),
        **({"provider": principal.recognised.provider} if principal.recognised else {}),
        "role": decision.role.label,
        "reason": decision.reason,
    }
    return b"," + orjson.dumps(tail)[1:] + b"\n"
