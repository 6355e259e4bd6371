"""The facts the gate decides on, and the leases it grants. Both lanes call it through a `Caller`."""

import asyncio
import base64
import binascii
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from weakref import WeakValueDictionary

import orjson
import structlog

from auth_plugins import Unavailable
from proxy.access.gcra import Buckets, Rate
from proxy.gate import identity
from proxy.gate.judge import judge
from proxy.gate.principal import Block, Kind, Lease, Principal, nobody
from proxy.gate.verdict import Fact, Missing, PasswordFact, PersonFact, SessionFact, SidFact
from proxy.gate.world import Station, World
from proxy.model.access import Decision, Reason, Role
from proxy.model.identity import Person, Session, UserState
from proxy.nodered.presets import ControlCharacter
from proxy.nodered.surfaces import RULES, Surface
from proxy.services.bounded import Bounded
from proxy.services.clock import Clock
from proxy.services.traffic import Traffic
from proxy.store import Database, Shared, StoreUnavailable
from proxy.wire.address import Network

LEASE: Final = 15.0
"""Seconds for which a decision is not looked at again, unless something changes."""
LEARNING: Final = 3.0
"""Seconds a fact may take."""
_AT_ONCE: Final = 64
_RECALLED: Final = 200_000
_PASSWORDS: Final = 4096
_SID_LIFE: Final = 7 * 86400.0
_PASSIVE: Final = frozenset({Surface.SOCKET, Surface.COMMS})
"""Surfaces that open pages use by themselves: no sign that anybody is there."""
_log = structlog.get_logger(__name__)

VerifyPassword = Callable[[str, str], Awaitable[bool]]
"""(hash, password) -> whether they belong together."""


class Gate:
    """Facts in memory, and judgement on them. What is not in memory is learned by `learn`."""

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
        self.world = world
        self.traffic, self.clock, self.trusted = traffic, clock, trusted
        self.cookie = cookie + b"="
        """How the session's cookie starts on the wire."""
        self.nobody = nobody()
        self.instance_password = Principal(
            Kind.INSTANCE_PASSWORD, Kind.INSTANCE_PASSWORD, expires=float("inf"), idle=float("inf"), seen=0.0
        )
        self.touched: set[Principal] = set()
        """Sessions seen since they were last written down."""
        self.anonymous = Buckets(anonymous)
        self._database, self._shared, self._sign, self._issuer, self._verify = database, shared, sign, issuer, verify
        self._cookies: Bounded[bytes, tuple[Principal, str] | None] = Bounded(_RECALLED)
        self._principals: WeakValueDictionary[str, Principal] = WeakValueDictionary()
        self._people: Bounded[str, Person | None] = Bounded(_RECALLED)
        self._sids: Bounded[str, str] = Bounded(_RECALLED)
        self._passwords: Bounded[bytes, bool] = Bounded(_PASSWORDS)
        self._forgotten = 0
        self._secret = secrets.token_bytes(32)
        self._learning: dict[Fact, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    # -- facts

    def session(self, cookie: bytes) -> "tuple[Principal, str] | Missing | None":
        """The principal a cookie (sha256) opens and the host it opens; None for a cookie of nobody's."""
        try:
            return self._cookies[cookie]
        except KeyError:
            return Missing([SessionFact(cookie)])

    def person(self, user_id: str) -> "Person | Missing | None":
        try:
            return self._people[user_id]
        except KeyError:
            return Missing([PersonFact(user_id)])

    def known_person(self, user_id: str) -> Person | None:
        """The person if it is in memory, as it is for whoever was just judged."""
        return self._people.get(user_id)

    def password(self, station: Station, authorization: bytes) -> "bool | Missing":
        """Whether an Authorization field opens an instance that has its own password."""
        key = self._fingerprint(station.resource.id, authorization)
        found = self._passwords.get(key)
        return Missing([PasswordFact(station.resource.id, authorization)]) if found is None else found

    def sid_owner(self, station: Station, sid: bytes, principal: Principal) -> "str | Missing":
        """The key of the principal that first used an engine.io session of an instance."""
        key = f"sid:{station.resource.id}:{sid.decode('latin-1')}"
        found = self._sids.get(key)
        return Missing([SidFact(key, principal.key)]) if found is None else found

    async def learn(self, missing: Missing) -> None:
        """Fetch facts, each at most once at a time. Raises StoreUnavailable when that fails or takes too long."""
        try:
            async with asyncio.timeout(LEARNING), self._slots:
                for fact in missing.facts:
                    await asyncio.shield(self._learning.get(fact) or self._start(fact))
        except TimeoutError as error:
            raise StoreUnavailable("a fact took too long to learn") from error

    def _start(self, fact: Fact) -> "asyncio.Task[None]":
        task = self._learning[fact] = asyncio.create_task(self._fetch(fact))

        def done(task: "asyncio.Task[None]") -> None:
            del self._learning[fact]
            if not task.cancelled():
                task.exception()  # whoever still waits gets it; a waiter that gave up must not leave it unretrieved

        task.add_done_callback(done)
        return task

    async def _fetch(self, fact: Fact) -> None:
        match fact:
            case SessionFact():
                await self._fetch_session(fact.cookie)
            case PersonFact():
                await self._fetch_person(fact.user_id)
            case SidFact() if fact.principal == self.nobody.key:
                # Nobody's sids are kept in memory alone: anybody could fill the store with them. A login's sid is
                # found there all the same, and nobody can know one before its login has used it.
                kept_by = await self._shared.get(fact.key, self.clock.wall())
                self._sids.keep(fact.key, kept_by or fact.principal)
            case SidFact():
                until = self.clock.wall() + _SID_LIFE
                self._sids.keep(fact.key, await self._shared.put_new(fact.key, fact.principal, until))
            case PasswordFact():
                station = self.world.stations.get(fact.resource_id)
                if station is not None:
                    key = self._fingerprint(fact.resource_id, fact.authorization)
                    self._passwords.keep(key, await self._check(station, fact.authorization))

    async def _fetch_session(self, cookie: bytes) -> None:
        """Read until nothing was forgotten meanwhile: what was read before a change is not true after it."""
        forgotten = -1
        found = None
        while forgotten != self._forgotten:
            forgotten = self._forgotten
            found = await self._shared.session(cookie)
        if found is None:
            self._cookies.keep(cookie, None)
            return
        principal = self.principal(found[0])
        principal.cookies.add(cookie)
        self._cookies.keep(cookie, (principal, found[1]))

    async def _fetch_person(self, user_id: str) -> None:
        forgotten = -1
        found = None
        while forgotten != self._forgotten:
            forgotten = self._forgotten
            found = await self._database.person(user_id)
        self._people.keep(user_id, found)

    async def _check(self, station: Station, authorization: bytes) -> bool:
        username, password = basic_credentials(authorization) or ("", "")
        settings = station.settings
        try:
            right = await self._verify(settings.basic_password_hash, password)
        except Unavailable as error:
            raise StoreUnavailable("a password could not be checked") from error
        return hmac.compare_digest(username.encode(), settings.basic_username.encode()) and right

    def _fingerprint(self, resource_id: str, authorization: bytes) -> bytes:
        return hmac.digest(self._secret, resource_id.encode() + b"\0" + authorization, "sha256")

    def principal(self, session: Session) -> Principal:
        """The one principal of a session in this process."""
        found = self._principals.get(session.id)
        if found is None:
            ahead = self.clock.steady() - self.clock.wall()
            found = Principal(
                Kind.SESSION,
                session.id,
                session=session,
                expires=session.expires + ahead,
                idle=session.idle,
                seen=session.seen + ahead,
            )
            self._principals[session.id] = found
        return found

    # -- what changes

    def change_world(self, world: World) -> None:
        """From now on every lease is judged anew, in this world."""
        self.world = world
        self.nobody.leases.clear()
        self.instance_password.leases.clear()
        self._passwords.clear()
        self.traffic.keep_only({station.name: station for station in world.stations.values()})

    def forget_session(self, session_id: str) -> Principal | None:
        """A session ended or changed: its principal and cookies are nobody's from now on."""
        self._forgotten += 1
        principal = self._principals.pop(session_id, None)
        if principal is not None:
            principal.end()
            self.touched.discard(principal)
            for cookie in principal.cookies:
                self._cookies.pop(cookie, None)
        return principal

    def forget_person(self, user_id: str) -> list[Principal]:
        """A user changed: fetch the row again when it is needed; return the sessions to judge anew."""
        self._forgotten += 1
        self._people.pop(user_id, None)
        concerned = [principal for principal in self._principals.values() if principal.user_id == user_id]
        for principal in concerned:
            principal.leases.clear()
            principal.blocks.clear()
        return concerned

    def forget_all(self) -> None:
        """Too much changed to say what: every fact about people and sessions is fetched again."""
        self._forgotten += 1
        self._people.clear()
        self._cookies.clear()
        for principal in list(self._principals.values()):
            principal.end()
        self._principals.clear()

    def take_touched(self) -> list[tuple[str, float]]:
        """Sessions and when they were last seen (seconds since the epoch), to be written down."""
        behind = self.clock.wall() - self.clock.steady()
        touched, self.touched = self.touched, set()
        return [(principal.key, principal.seen + behind) for principal in touched if not principal.ended]

    # -- judgement

    def lease(
        self, principal: Principal, station: Station, surface: Surface, now: float, address: str, *, active: bool = True
    ) -> Lease | Missing:
        """Judge, and remember it: once per principal, instance, surface and 15 seconds.

        `active` is False where the gateway looks again by itself, which is no sign that anybody is there.
        """
        if not principal.alive(now, station.settings):
            return self._refuse(principal, station, surface, Reason.SESSION_ENDED)
        decision = self.decide(principal, station, surface)
        if isinstance(decision, Missing):
            return decision
        if active and surface not in _PASSIVE and principal.session is not None:
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

    def _refuse(self, principal: Principal, station: Station, surface: Surface, reason: Reason) -> Lease:
        """A refusal that is not remembered."""
        decision = Decision(allowed=False, reason=reason, status=401)
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
        if person is None or (rule.admin and role < Role.VIEWER):
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

    def own_identity(self, station: Station) -> bytes:
        """An assertion under which the gateway reads an instance's admin API for itself."""
        return self._sign(identity.own_claims(station.resource.id, self._issuer, self.clock.wall()))


def basic_credentials(authorization: bytes) -> tuple[str, str] | None:
    """User name and password of a Basic Authorization field (RFC 7617); None when it is none."""
    scheme, _, encoded = authorization.partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        username, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (username, password) if colon else None


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
