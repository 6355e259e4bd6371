"""What the gate answers to a head: pass, refuse, answer yourself, or learn a fact first."""

from dataclasses import dataclass, field

from proxy.gate.principal import Lease, Principal
from proxy.gate.readers import Carried, Reader
from proxy.gate.world import Station
from proxy.model.access import Reason
from proxy.nodered.surfaces import Surface
from proxy.services.ratelimit import Late


class Head:
    """The head of a request as both lanes hand it in: treated fields, and the ones the gate looks at."""

    __slots__ = ("lines", "method", "noted", "old", "target")

    def __init__(self, method: bytes, target: bytes, lines: list[bytes], noted: dict[str, bytes], *, old: bool) -> None:
        self.method, self.target = method, target
        self.lines = lines
        """Passed-on fields: start of line, value, start of line, value, ..."""
        self.noted = noted
        self.old = old
        """HTTP/1.0."""


class Pass:
    """The request may go on, with this head (no framing, no end) and under this lease."""

    __slots__ = ("lease", "parts", "principal")

    def __init__(self, lease: Lease, principal: Principal, parts: list[bytes]) -> None:
        self.lease, self.principal, self.parts = lease, principal, parts


class Local:
    """The gateway answers this itself: a page of its own, or its home."""

    __slots__ = ()


LOCAL = Local()


@dataclass(slots=True)
class Refusal:
    """The request does not pass."""

    reason: Reason
    status: int
    detail: str = ""
    station: Station | None = None
    surface: Surface | None = None
    lease: Lease | None = None
    retry_after: int | None = None
    """Seconds."""
    limit: Late | None = None
    """The limit that is used up."""
    location: bytes = b""
    """Where to go instead, with status 308."""
    realm: str | None = None
    """Ask for a user name and password of this realm (RFC 7617)."""


@dataclass(frozen=True, slots=True)
class SessionFact:
    cookie: bytes
    """sha256 of a cookie's value."""


@dataclass(frozen=True, slots=True)
class PersonFact:
    user_id: str


@dataclass(frozen=True, slots=True)
class TokenFact:
    hash: bytes
    """sha256 of a token's value."""


@dataclass(frozen=True, slots=True)
class PasswordFact:
    """Whether an Authorization field opens an instance that asks for its own password."""

    resource_id: str
    authorization: bytes


@dataclass(frozen=True, slots=True)
class SidFact:
    """Which principal an engine.io session belongs to; ours if it is new."""

    key: str
    principal: str


@dataclass(frozen=True, slots=True)
class CredentialFact:
    """Whose a credential is that a plugin has to look at."""

    key: bytes
    """What stands for all that was sent."""
    reader: Reader = field(compare=False)
    carried: Carried = field(compare=False)
    address: str = field(compare=False)


Fact = SessionFact | TokenFact | PersonFact | PasswordFact | SidFact | CredentialFact


@dataclass(slots=True)
class Missing:
    """Facts to learn before judging again."""

    facts: list[Fact] = field(default_factory=list)


Verdict = Pass | Local | Refusal | Missing
