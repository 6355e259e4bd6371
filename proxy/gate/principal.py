"""Who acts, and what has been decided about it so far."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from proxy.access.pages import PageView
from proxy.model.access import Decision, Role
from proxy.model.estate import InstanceSettings
from proxy.model.identity import Person, Session, Token
from proxy.nodered.surfaces import RULES, Surface
from proxy.services.identifying import Recognised
from proxy.services.traffic import Tally

if TYPE_CHECKING:
    from proxy.access.tags import Tags
    from proxy.gate.fees import Fee
    from proxy.gate.limits import Limits, LookingOn
    from proxy.gate.world import Station, World


class Kind(StrEnum):
    SESSION = "session"
    TOKEN = "token"  # noqa: S105 - a kind of principal
    CREDENTIAL = "credential"
    """Something that a plugin took for somebody's: a password, a token of another issuer, a certificate."""
    INSTANCE_PASSWORD = "instance_password"  # noqa: S105 - a kind of principal
    NOBODY = "nobody"


class Lease:
    """Everything decided about one principal, instance and surface; good until `until` and for one world."""

    __slots__ = (
        "address",
        "allowed",
        "block",
        "decision",
        "fees",
        "inspected",
        "limits",
        "log",
        "partial",
        "reads_query",
        "station",
        "surface",
        "tags",
        "tally",
        "until",
        "view",
        "world",
    )

    def __init__(
        self,
        *,
        until: float,
        world: "World",
        station: "Station",
        surface: Surface,
        decision: Decision,
        block: bytes,
        address: str | None,
        inspected: bool,
        tally: Tally,
        log: bytes,
        limits: "Limits | LookingOn | None" = None,
        fees: "tuple[Fee, ...]" = (),
        view: PageView | None = None,
    ) -> None:
        self.until = until
        """Steady seconds."""
        self.world, self.station, self.surface, self.decision = world, station, surface, decision
        self.allowed = decision.allowed
        self.block = block
        """The identity lines for the instance, each starting with CRLF."""
        self.address = address
        """The client address the block speaks of; None where it speaks of none."""
        self.inspected, self.tally, self.log = inspected, tally, log
        self.limits = limits
        """What a token, or looking on as somebody, is limited to beyond what is decided here, request by request."""
        self.fees = fees
        """What each request is charged to."""
        self.view = view
        """What of the instance may be seen; None where it is not shared page by page."""
        self.partial = limits is not None or view is not None
        """Whether it is for some requests alone, so that each has to be looked at."""
        self.tags: Tags | None = None
        """The visitor's, from when they are first asked for."""
        self.reads_query = RULES[surface].admin or surface is Surface.SOCKET
        """Whether the gate looks at queries here."""


@dataclass(slots=True)
class Block:
    """Minted identity lines, and what they were minted from."""

    until: float
    world: "World"
    person: Person
    role: int
    address: str
    lines: bytes


class Principal:
    """A session, a token, a credential, an instance's password, or nobody. Ending it forgets every lease, so the next request is judged anew."""

    __slots__ = (
        "__weakref__",
        "blocks",
        "consumes",
        "cookies",
        "ended",
        "expires",
        "hash",
        "idle",
        "key",
        "kind",
        "leases",
        "recognised",
        "seen",
        "session",
        "token",
        "user_id",
    )

    def __init__(
        self,
        kind: Kind,
        key: str,
        *,
        session: Session | None = None,
        token: Token | None = None,
        recognised: Recognised | None = None,
        expires: float,
        idle: float,
        seen: float,
    ) -> None:
        self.kind = kind
        self.key = key
        """What an engine.io sid is bound to: the session's id, the token's, a provider and user, or the kind."""
        self.session, self.token, self.recognised = session, token, recognised
        self.user_id = session.user_id if session else token.user if token else None
        if recognised is not None:
            self.user_id = recognised.user_id
        self.consumes = False
        """Whether the Authorization field is the credential by which it was recognised."""
        self.hash = b""
        """Of a token: sha256 of its value."""
        self.expires, self.idle, self.seen = expires, idle, seen
        """Steady seconds: the absolute end, the idle time, the last activity."""
        self.ended = False
        self.leases: dict[int, Lease] = {}
        self.blocks: dict[tuple[str, str], Block] = {}
        self.cookies: set[bytes] = set()
        """Hashes of the cookies, or of the credentials, by which it is recalled."""

    @property
    def viewer(self) -> str | None:
        """User id of the admin who looks on as this user."""
        return (self.session.viewer or None) if self.session is not None else None

    @property
    def login(self) -> str:
        """Of a session that looks on as somebody: the id of the admin's own, with which it ends."""
        return self.session.provider_session if self.session is not None and self.session.viewer else ""

    def reach(self, role: Role) -> Role:
        """How far an editor is told that it goes: who looks on as somebody has one to read in."""
        return min(role, Role.VIEWER) if self.viewer is not None else role

    def end(self) -> None:
        self.ended = True
        self.doubt()

    def doubt(self) -> None:
        """Forget what was decided, also for what goes on under it: all of it is judged anew."""
        for lease in self.leases.values():
            lease.until = 0.0
        self.leases.clear()
        self.blocks.clear()

    def ends(self, settings: InstanceSettings | None = None) -> float:
        """When it ends by itself (steady seconds), on an instance that may have times of its own; tokens heed none."""
        idle, end = self.idle, self.expires
        if settings is not None and (self.session is not None or self.recognised is not None):
            if settings.session_idle is not None:
                idle = settings.session_idle
            if settings.session_absolute is not None and self.session is not None:
                end = min(end, self.expires - self.session.expires + self.session.created + settings.session_absolute)
        return min(end, self.seen + idle)

    def alive(self, now: float, settings: InstanceSettings | None = None) -> bool:
        """Whether it may still act."""
        return not self.ended and now < self.ends(settings)


def nobody() -> Principal:
    forever = float("inf")
    return Principal(Kind.NOBODY, "nobody", expires=forever, idle=forever, seen=0.0)
