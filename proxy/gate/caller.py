"""The path of a request up to `carry`: match, recognise, judge, limit, inject. One caller per connection.

Browsers send the same Host and Cookie again and again on a connection: both are compared with the last ones, absence
included, and only looked at anew when they differ.
"""

import re
from hashlib import sha256
from typing import Final

from proxy.access.pages import PageView
from proxy.gate.charges import charge_address, charge_request, charge_sid
from proxy.gate.checks import SAFE, acts, from_here, pulled_in, refusal, sent_by_itself
from proxy.gate.credentials import Credentials, is_open, realm_for
from proxy.gate.gate import Gate
from proxy.gate.inject import forwarded, inject
from proxy.gate.judge import PageDecision
from proxy.gate.limits import Exceeded, detail_of
from proxy.gate.parts import shows, takes
from proxy.gate.principal import Lease, Principal
from proxy.gate.verdict import LOCAL, Head, Missing, Pass, Refusal, Verdict
from proxy.gate.world import Station, World
from proxy.model.access import Decision, Permission, Reason
from proxy.model.estate import HttpAuth
from proxy.model.identity import Token
from proxy.nodered.surfaces import RULES, Surface
from proxy.services.sites import LOOPBACK, Site, host_name
from proxy.services.tokens import reveals
from proxy.wire.address import client_address, subject, trusted
from proxy.wire.engineio import sid_of
from proxy.wire.target import BadTarget, origin_form

_HOST: Final = re.compile(rb"(?:[a-z0-9_.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?", re.IGNORECASE)
_COOKIES_TRIED: Final = 4
_OURS: Final = (b"__Host-flowward", b"flowward=", b"flowward-hop=", b"flowward-device=")
"""How cookies of ours start, with TLS and without; no instance gets to see one."""
JWKS: Final = b"/-/jwks.json"
_SOCKET, _PREFLIGHT = Surface.SOCKET, Surface.PREFLIGHT
_SLASH: Final = 0x2F
_HASH: Final = 0x23


class Caller:
    """One connection's way through the gate, remembering what the last request on it said."""

    # fmt: off
    __slots__ = (
        "_asks", "_consumed", "_cookie", "_credentials", "_forwarded", "_forwarded_for", "_forwarded_proto", "_host", "_passed_cookie",
        "_peer", "_station", "_tls", "_world", "address", "address_bytes", "frames", "gate", "inspects", "paid", "presented",
        "principal", "secure", "site", "subject", "trusted",
    )
    # fmt: on

    def __init__(
        self,
        gate: Gate,
        peer: str,
        *,
        secure: bool,
        inspects: bool,
        paid: bool = False,
        certificate: bytes = b"",
    ) -> None:
        """`certificate`: the client's (DER), where it showed one and a plugin reads them."""
        self.gate = gate
        self.paid = paid
        """Whether the other lane has charged the request already that is about to be judged."""
        self.inspects = inspects
        """Whether this lane carries inspected exchanges; the other one hands them over unjudged by limits."""
        self.address = self._peer = peer
        self.address_bytes, self.subject = peer.encode(), subject(peer)
        """The address as the log writes it, and what limits by address count of it."""
        self.secure = self._tls = secure
        """Whether the client came by TLS, here or at a trusted proxy."""
        self.site: Site | None = None
        self.frames = self._passed_cookie = self._forwarded = b""
        """The line that says who may show what is answered in a frame, where others than the host itself may."""
        self.principal: Principal = gate.nobody
        self.presented = False
        """Whether a cookie of ours was sent at all."""
        self.trusted = bool(gate.trusted) and trusted(peer, gate.trusted)
        self._world: World | None = None
        self._credentials = Credentials(gate, peer, certificate)
        self._asks = bool(gate.readers)
        """Whether there are plugins to ask about a request."""
        self._consumed = False
        """Whether the Authorization field was the credential by which somebody was recognised."""
        self._host: bytes | None = None
        self._cookie: bytes | None = None
        self._station: Station | None = None
        """The instance that has the whole host."""
        self._forwarded_for: bytes | None = None
        self._forwarded_proto: bytes | None = None

    def judge(self, head: Head, now: float) -> Verdict:
        """What becomes of a request. `now` is steady seconds. Nothing is awaited, and nothing changes but limits."""
        noted, target = head.noted, head.target
        try:
            if (
                noted.get("cookie") != self._cookie
                or noted.get("host") != self._host
                or self.gate.world is not self._world
                or self.principal.ended
                or self.trusted
            ):
                unsettled = self._settle(noted)
                if unsettled is not None:
                    return unsettled
            if target[0] != _SLASH or _HASH in target:
                target = origin_form(target, noted["host"])
            station = self._station
            if station is None or target[:3] == b"/-/":
                return self._elsewhere(head, target, now)
            return self._at(station, head, target, now)
        except BadTarget as error:
            return Refusal(Reason.BAD_TARGET, 400, error.args[0])

    def _settle(self, noted: dict[str, bytes]) -> "Refusal | Missing | None":
        """Match and recognise anew, since something is not as it was for the last request."""
        host, cookie = noted.get("host"), noted.get("cookie")
        if host != self._host or self.gate.world is not self._world or self.trusted:
            refused = self._match(host, noted)
            if refused is not None:
                return refused
        return self._recall(cookie) if cookie != self._cookie or self.principal.ended else None

    def _elsewhere(self, head: Head, target: bytes, now: float) -> Verdict:
        """What is not simply an instance's whole host: pages of ours, mounts, nothing."""
        site, world = self.site, self._world
        if target[:3] == b"/-/" or site is None or world is None:
            return self._local(target)
        station = world.station(site, target)
        if station is None:
            return LOCAL if site.home else Refusal(Reason.NOT_FOUND, 404)
        if station.prefix and target.partition(b"?")[0] == station.prefix and head.method in (b"GET", b"HEAD"):
            return Refusal(Reason.MOVED, 308, location=station.prefix + b"/" + target[len(station.prefix) :])
        return self._at(station, head, _below(station.prefix, target) if station.prefix else target, now)

    # -- match

    def _match(self, host: bytes | None, noted: dict[str, bytes]) -> Refusal | None:
        """RFC 9112 section 3.2: a request without exactly one valid Host is answered with 400."""
        if host is None or _HOST.fullmatch(host) is None:
            return Refusal(Reason.BAD_REQUEST, 400, "a request names exactly one valid Host")
        forwarded_for, proto = noted.get("x-forwarded-for"), noted.get("x-forwarded-proto")
        world = self.gate.world
        if (host, forwarded_for, proto) == (
            self._host,
            self._forwarded_for,
            self._forwarded_proto,
        ) and world is self._world:
            return None
        self._world, self._forwarded_for, self._forwarded_proto = world, forwarded_for, proto
        if host != self._host:  # a cookie opens one host: look at it again
            self._host, self._cookie, self.principal = host, None, self.gate.nobody
            self._passed_cookie, self.presented = b"", False
        self.site = site = world.sites.find(host)
        self.frames = b"\r\nContent-Security-Policy: " + site.frame_policy.encode() if site and site.framed_by else b""
        whole = site is not None and len(site.mounts) == 1 and not site.mounts[0].prefix
        self._station = world.stations.get(site.mounts[0].resource.id) if site is not None and whole else None
        if self.trusted:
            self.address = client_address(self._peer, forwarded_for, self.gate.trusted)
            self.address_bytes, self.subject = self.address.encode(), subject(self.address)
            self.secure = self._tls if proto is None else proto.lower().strip() == b"https"
        self._forwarded = forwarded(self.address, host, b"https" if self.secure else b"http")
        return None

    def _local(self, target: bytes) -> Verdict:
        if self.site is not None or target.partition(b"?")[0] == JWKS or host_name(self._host or b"") in LOOPBACK:
            return LOCAL
        return Refusal(Reason.UNKNOWN_HOST, 404)

    # -- recognise

    def _recall(self, cookie: bytes | None) -> Missing | None:
        """Find our cookies among the others, and whom one stands for; the rest is what the instance gets to see."""
        principal, presented, rest, name = self.gate.nobody, 0, [], self.gate.cookie
        missing = Missing()
        for part in cookie.split(b";") if cookie else ():
            pair = part.strip(b" \t")
            if not pair.startswith(name):
                if pair and not pair.startswith(_OURS):
                    rest.append(pair)
                continue
            presented += 1
            if principal is not self.gate.nobody or presented > _COOKIES_TRIED:
                continue
            found = self.gate.session(sha256(pair[len(name) :]).digest())
            if isinstance(found, Missing):
                missing.facts += found.facts
            elif found is not None and self.site is not None and found[1] == self.site.name and not found[0].ended:
                principal = found[0]
        if missing.facts:
            return missing
        self._cookie, self.principal, self.presented = cookie, principal, presented > 0
        self._passed_cookie = b"\r\nCookie: " + b"; ".join(rest) if rest else b""
        return None

    # -- judge

    def _at(self, station: Station, head: Head, path: bytes, now: float) -> Verdict:
        surface = station.layout.surface(head.method, path)
        if surface is _PREFLIGHT and not ("origin" in head.noted and from_here(head, self.site, station)):
            surface = Surface.ENDPOINT  # an OPTIONS like any other
        principal, noted = self.principal, head.noted
        acting = head.method not in SAFE or surface is _SOCKET or "upgrade" in noted or self.frames
        shown = "authorization" in noted or (self._asks and self._credentials.carried(noted))
        if shown or (acting and principal is not self.gate.nobody):
            who = self._who(head, station, surface, shown=shown)
            if not isinstance(who, Principal):
                return who
            principal = who
        return self._judged(principal, station, surface, head, path, now)

    def _judged(
        self, principal: Principal, station: Station, surface: Surface, head: Head, path: bytes, now: float
    ) -> Verdict:
        lease = principal.leases.get(station.number + surface)
        if (
            lease is None
            or lease.until <= now
            or lease.world is not self._world
            or (lease.address is not None and lease.address != self.address)
        ):
            made = self.gate.lease(principal, station, surface, now, self.address)
            if isinstance(made, Missing):
                return made
            lease = made
        if lease.allowed:
            return self._allowed(head, path, lease, principal, now)
        if lease.decision.reason is Reason.SESSION_ENDED:  # what is open to anybody is open to who was logged in once
            return self._judged(self.gate.nobody, station, surface, head, path, now)
        if principal.token is not None:
            return self._refused_token(principal.token, head, path, lease, now)
        if principal.recognised is not None and is_open(station, surface):
            return self._judged(self.gate.nobody, station, surface, head, path, now)
        return self._refused(head, lease, lease.decision)

    def credential(self, head: Head) -> Principal | Missing | Refusal | None:
        """Whom plugins take this request for, where it is one to the gateway itself; None where it shows them nothing.

        Nor are they asked while an admin looks on as somebody: what their browser sends by itself says who they are.
        """
        if not self._asks or not self._credentials.carried(head.noted) or self.principal.viewer is not None:
            return None
        return self._credentials.shown(head, None, None, self.address)

    def _who(self, head: Head, station: Station, surface: Surface, *, shown: bool) -> Principal | Missing | Refusal:
        """Who acts, where that is more than the cookie says: credentials on the request, and somebody else's script."""
        authorization, principal = head.noted.get("authorization"), self.principal
        found: Principal | Missing | Refusal = principal
        if shown and principal.viewer is not None:
            # What a browser sends by itself would make an admin who looks on as somebody themselves again, unseen.
            found = self._credentials.bearer_of(authorization, station, surface, self.address) or principal
            self._consumed = self._asks  # nobody was asked whose it is, so no instance gets to see it
        elif shown and (authorization, station, surface) == self._credentials.opened:
            found = self.gate.instance_password
        elif shown:
            found = self._credentials.of(head, station, surface, self.address) or principal
            self._consumed = isinstance(found, Principal) and found.consumes
        if not isinstance(found, Principal):
            return found
        principal = found
        if not sent_by_itself(principal, authorization):
            return principal
        acting = acts(head, surface) or (self.frames and pulled_in(head))
        if principal is self.gate.nobody or not acting or from_here(head, self.site, station):
            return principal
        # A public path stays public, but nobody's script speaks in somebody's name.
        return self.gate.nobody if is_open(station, surface) else self._foreign(station, surface)

    def _allowed(self, head: Head, path: bytes, lease: Lease, principal: Principal, now: float) -> Verdict:
        if lease.partial:
            beyond = self._beyond(head, path, lease, now)
            if beyond is not None:
                return beyond
        if (lease.reads_query and b"?" in path) or "service-worker" in head.noted:
            stopped = self._stopped(head, path, lease, principal)
            if stopped is not None:
                return stopped
        if lease.inspected and not self.inspects:
            return Pass(lease, principal, [])
        # charged last: a request that waits for facts is judged again
        if lease.fees and not self.paid and (late := charge_request(lease, self.subject)):
            return late
        station, surface = lease.station, lease.surface
        parts = inject(head, path, station, surface)
        parts += (self._passed_cookie, self._forwarded, lease.block)
        authorization = head.noted.get("authorization")
        if authorization is not None and self._passes_on(authorization, station, surface):
            parts.append(b"\r\nAuthorization: " + authorization)
        return Pass(lease, principal, parts)

    def _beyond(self, head: Head, path: bytes, lease: Lease, now: float) -> Verdict | None:
        """What stops a request that goes beyond the limits of a lease, or is for what is not theirs to see."""
        if lease.limits is not None:
            exceeded = lease.limits.exceeded_by(head, path, lease.surface, self.address)
            if exceeded is not None:
                return self._exceeded(exceeded, head, path, lease, now)
        return self._hidden(head, path, lease, lease.view) if lease.view is not None else None

    def _hidden(self, head: Head, path: bytes, lease: Lease, view: PageView) -> Refusal | None:
        """What stops a request for a page, or for an endpoint of one, that is not theirs."""
        decision, parts = lease.decision, lease.station.parts
        if parts is None or not isinstance(decision, PageDecision):
            return None
        part, writes = parts.of(path), head.method not in SAFE or "upgrade" in head.noted
        if not shows(view, part, writes=writes):
            return self._refused(head, lease, decision.beyond)
        if not writes or takes(view, part):
            return None
        detail = "what this endpoint belongs to is there to be looked at; members may also write to it"
        return Refusal(Reason.ROLE_TOO_LOW, 403, detail, lease.station, lease.surface, lease)

    def _passes_on(self, authorization: bytes, station: Station, surface: Surface) -> bool:
        """Whether an instance gets to see the field: where nobody is asked for one, and it was none of ours."""
        return is_open(station, surface) and not self._consumed and not reveals(authorization)

    def _stopped(self, head: Head, path: bytes, lease: Lease, principal: Principal) -> "Refusal | Missing | None":
        """What stops a request that its lease allows."""
        station, surface = lease.station, lease.surface
        found = refusal(head, path, surface, station)
        if found is not None:
            return Refusal(*found, station, surface, lease)
        sid = sid_of(path) if surface is _SOCKET else None
        if sid is None:
            return None
        owner = self.gate.sid_owner(station, sid, principal)
        if isinstance(owner, Missing):
            return charge_sid(self.gate, self.address, station, lease, principal) or owner
        if owner == principal.key:
            return None
        detail = "this engine.io session belongs to another login"
        return Refusal(Reason.FOREIGN_SID, 403, detail, station, surface, lease)

    def _exceeded(self, exceeded: Exceeded, head: Head, path: bytes, lease: Lease, now: float) -> Verdict:
        """What goes beyond the limits is refused; where anybody may go, a token does not count."""
        reason, detail = exceeded
        station, surface = lease.station, lease.surface
        if reason is not Reason.VIEWING_AS and is_open(station, surface):
            return self._judged(self.gate.nobody, station, surface, head, path, now)
        return Refusal(reason, 403, detail, station, surface, lease)

    def _refused_token(self, token: Token, head: Head, path: bytes, lease: Lease, now: float) -> Verdict:
        """A token that opens nothing here; where anybody may go, it does not count."""
        decision, station, surface = lease.decision, lease.station, lease.surface
        if is_open(station, surface):
            return self._judged(self.gate.nobody, station, surface, head, path, now)
        return Refusal(decision.reason, decision.status, detail_of(token, decision, station), station, surface, lease)

    def _refused(self, head: Head, lease: Lease, decision: Decision) -> Refusal:
        station, surface, reason = lease.station, lease.surface, decision.reason
        if reason is Reason.LOGIN_REQUIRED and head.method == b"OPTIONS" and RULES[surface].admin:
            detail = "preflights of the admin API are refused"
            return Refusal(Reason.PREFLIGHT_REFUSED, 403, detail, station, surface, lease)
        if reason is Reason.LOGIN_REQUIRED:
            late = None if self.paid else charge_address(self.gate, self.address, station, surface, lease)
            if late is not None:
                return late
            if self.presented:
                reason = Reason.SESSION_ENDED
        asks = station.settings.http_auth is HttpAuth.BASIC and RULES[surface].permission is Permission.HTTP
        realm = station.name if asks else realm_for(self.gate, head)
        if decision.status != 401:
            realm = None
        return Refusal(reason, decision.status, "", station, surface, lease, realm=realm)

    def _foreign(self, station: Station, surface: Surface) -> Refusal:
        own = self.site.origin if self.site else ""
        detail = f"this request does not come from a page of {own}; list its origin in the instance's `origins`"
        return Refusal(Reason.FOREIGN_ORIGIN, 403, detail, station, surface)


def _below(prefix: bytes, target: bytes) -> bytes:
    """The target as an instance mounted at a prefix knows it."""
    rest = target[len(prefix) :]
    return rest if rest[:1] == b"/" else b"/" + rest
