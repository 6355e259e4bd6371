"""A gate over facts in memory, and callers that speak to it as the lanes do: heads in, verdicts out."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from ipaddress import ip_network
from typing import TypeVar

from proxy.access.gcra import Rate
from proxy.gate.caller import Caller
from proxy.gate.gate import Gate
from proxy.gate.verdict import Head, Missing, Pass, Refusal, Verdict
from proxy.gate.world import Ground, World, world_of
from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, HttpAuth, InstanceSettings, PlatformSettings, Resource, ResourceKind
from proxy.model.identity import Membership, Person, Session, Token, User
from proxy.services.clock import Clock
from proxy.services.tokens import digest, new_value
from proxy.services.traffic import Traffic
from proxy.store.memory import LocalLimits
from proxy.wire.headers import JOINABLE, REQUEST, Treatments

T = TypeVar("T")
HOME = "https://gate.example"
GROUND = Ground(public_url=HOME)
LINE_3 = "line-3.example"
LINE_4 = "line-4.example"
SHARED = "shared.example"
WALL = 1_800_000_000.0
STEADY = 5000.0
PROXIES = (ip_network("10.0.0.0/8"),)

SPACES = (
    Space(id="s-acme", kind=SpaceKind.TEAM, slug="acme"),
    Space(id="s-customer", kind=SpaceKind.CUSTOMER, slug="customer-a", parent="s-acme"),
    Space(id="s-crew", kind=SpaceKind.GROUP, slug="crew", parent="s-acme"),
)


def instance(slug: str, host: str, **settings: object) -> Resource:
    ready = InstanceSettings(upstream="http://127.0.0.1:1880", hosts=(host,), **settings)  # type: ignore[arg-type]
    return Resource(id=f"r-{slug}", kind=ResourceKind.INSTANCE, slug=slug, parent="r-plant", owner=None, instance=ready)


def person(name: str, role: Role | None, **more: object) -> Person:
    user = User(id=f"u-{name}", username=name, email=f"{name}@acme.example", name=name.title(), **more)  # type: ignore[arg-type]
    memberships = {"s-acme": Membership(space="s-acme", role=role)} if role is not None else {}
    return Person(user=user, memberships=memberships)


@dataclass
class Facts:
    """What a store would answer; `pause` is awaited before each answer, after it was read."""

    people: dict[str, Person] = field(default_factory=dict)
    sessions: dict[bytes, tuple[Session, str]] = field(default_factory=dict)
    tokens: dict[bytes, Token] = field(default_factory=dict)
    used: dict[str, float] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    pause: Callable[[], Awaitable[None]] | None = None
    failing: Exception | None = None

    async def person(self, user_id: str) -> Person | None:
        return await self._answer(f"person {user_id}", self.people.get(user_id))

    async def session(self, cookie: bytes) -> tuple[Session, str] | None:
        return await self._answer("session", self.sessions.get(cookie))

    async def sessions_of(self, user_id: str) -> list[Session]:
        return [session for session, _ in self.sessions.values() if session.user_id == user_id]

    async def token(self, hash_: bytes) -> Token | None:
        return await self._answer("token", self.tokens.get(hash_))

    async def touch_tokens(self, used: Iterable[tuple[str, float]]) -> None:
        self.used |= dict(await self._answer("touch tokens", used))

    async def get(self, key: str, now: float) -> str | None:
        return self.kept.get(key)

    async def put_new(self, key: str, value: str, until: float, now: float) -> str:
        return await self._answer(f"put {key}", self.kept.setdefault(key, value))

    async def _answer(self, question: str, answer: T) -> T:
        self.asked.append(question)
        if self.pause is not None:
            await self.pause()
        if self.failing is not None:
            raise self.failing
        return answer


@dataclass
class House:
    """Everything round a gate that a test may turn."""

    facts: Facts = field(default_factory=Facts)
    steady: float = STEADY
    wall: float = WALL
    claims: list[dict[str, object]] = field(default_factory=list)
    passwords: list[str] = field(default_factory=list)
    verify: Callable[[str, str], Awaitable[bool]] | None = None
    traffic: Traffic = field(default_factory=Traffic)
    gate: Gate = field(init=False)

    def open(
        self,
        instances: Iterable[Resource] | None = None,
        *,
        anonymous: int = 1000,
        trusted: bool = False,
        cookie: bytes = b"__Host-flowward",
    ) -> "House":
        self.gate = Gate(
            world=self.world(instances),
            database=self.facts,  # type: ignore[arg-type]
            shared=self.facts,  # type: ignore[arg-type]
            traffic=self.traffic,
            clock=Clock(wall=lambda: self.wall, steady=lambda: self.steady),
            sign=self._sign,
            issuer=HOME,
            cookie=cookie,
            limits=LocalLimits(lambda: self.steady),
            anonymous=Rate(count=anonymous, period=60.0),
            verify=self.verify or self._verify,
            trusted=PROXIES if trusted else (),
        )
        return self

    def world(self, instances: Iterable[Resource] | None = None, settings: PlatformSettings | None = None) -> World:
        """A world of these instances; like an operator's change, it is another one each time."""
        found = tuple(instances) if instances is not None else (instance("line-3", LINE_3), instance("line-4", LINE_4))
        plant = Resource(id="r-plant", kind=ResourceKind.APPLICATION, slug="plant", owner="s-acme")
        estate = Estate(
            spaces={at.id: at for at in SPACES},
            resources={at.id: at for at in (plant, *found)},
            settings=settings or PlatformSettings(),
        )
        return world_of(estate, GROUND)

    def _sign(self, claims: dict[str, object]) -> bytes:
        self.claims.append(claims)
        return b"assertion-%d" % len(self.claims)

    async def _verify(self, kept: str, password: str) -> bool:
        self.passwords.append(password)
        return kept == f"hash of {password}"

    def login(self, who: Person, host: str = LINE_3, value: str | None = None, **more: object) -> str:
        """A session of somebody's, open on one host; the Cookie field that carries it."""
        name = who.user.username
        session = Session(
            id=f"session-{name}",
            user_id=who.user.id,
            provider="local",
            amr=("pwd",),
            created=self.wall,
            seen=self.wall,
            expires=self.wall + 7 * 86400,
            idle=3600.0,
        )
        value = value or f"{name}@{host}"
        self.facts.people[who.user.id] = who
        self.facts.sessions[sha256(value.encode()).digest()] = (replace(session, **more), host)  # type: ignore[arg-type]
        return f"__Host-flowward={value}"

    def look_on(self, viewer: Person, who: Person, host: str = LINE_3) -> str:
        """An admin's login, and a session that hangs on it by which they look on as somebody; the Cookie field of that."""
        self.login(viewer, "home.example")
        more = {"id": f"as-{who.user.username}", "viewer": viewer.user.id, "vouched": True}
        own = f"session-{viewer.user.username}"
        return self.login(who, host, f"{viewer.user.username} as {who.user.username}", provider_session=own, **more)

    def give(self, token: Token, who: Person | None = None) -> dict[str, str]:
        """A token is made; the field that carries it."""
        if who is not None:
            self.facts.people[who.user.id] = who
        value = new_value(token.kind, lambda size: sha256(token.id.encode()).digest()[:size])
        self.facts.tokens[digest(value.encode())] = token
        return {"Authorization": f"Bearer {value}"}

    def caller(
        self, peer: str = "203.0.113.7", *, secure: bool = True, inspects: bool = False, certificate: bytes = b""
    ) -> Caller:
        return Caller(self.gate, peer, secure=secure, inspects=inspects, certificate=certificate)

    async def ask(self, caller: Caller, head: Head, rounds: int = 5) -> Verdict:
        """Judge, learn what is missing, judge again."""
        for _ in range(rounds):
            verdict = caller.judge(head, self.steady)
            if not isinstance(verdict, Missing):
                return verdict
            await self.gate.learn(verdict)
        raise AssertionError("the gate never had facts enough")

    async def passed(self, caller: Caller, head: Head) -> Pass:
        verdict = await self.ask(caller, head)
        assert isinstance(verdict, Pass), verdict
        return verdict

    async def refused(self, caller: Caller, head: Head) -> Refusal:
        verdict = await self.ask(caller, head)
        assert isinstance(verdict, Refusal), verdict
        return verdict


def head(
    target: str | bytes = "/",
    fields: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    *,
    method: str = "GET",
    host: str | None = LINE_3,
    cookie: str | None = None,
    treatments: Treatments = REQUEST,
) -> Head:
    """A head as a lane hands it in, from what a client sends; `treatments` are the gate's `fields`."""
    lines: list[bytes] = []
    noted: dict[str, bytes] = {}
    sent = list(fields.items() if isinstance(fields, Mapping) else fields)
    sent += [("Host", host)] if host is not None else []
    sent += [("Cookie", cookie)] if cookie is not None else []
    for name, value in sent:
        treatment = treatments[name.encode("latin-1")]
        if isinstance(treatment, bytes):
            lines += [treatment, value.encode()]
        elif treatment is not None:
            known = noted.get(treatment)
            noted[treatment] = value.encode() if known is None else known + JOINABLE[treatment] + value.encode()
    return Head(method.encode(), target if isinstance(target, bytes) else target.encode(), lines, noted, old=False)


def told(passed: Pass) -> dict[str, list[str]]:
    """What the instance is told, by lower-case name; the request line under the empty name."""
    first, *rest = b"".join(passed.parts).decode("latin-1").split("\r\n")
    fields: dict[str, list[str]] = {"": [first]}
    for line in rest:
        name, _, value = line.partition(": ")
        fields.setdefault(name.lower(), []).append(value)
    return fields


BASIC = {"http_auth": HttpAuth.BASIC, "basic_username": "wall", "basic_password_hash": "hash of opensesame"}
