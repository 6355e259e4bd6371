"""A running gateway, and people and programs who call its API."""

import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path

from proxy.app import Running
from proxy.model.access import Role
from proxy.model.identity import Membership, Person, User
from proxy.services.clock import Clock
from proxy.store import PutPerson
from tests.peers.gateway import HASH, PASSWORD, Site, Visitor, estate, visitor

API = "/-/api/v1"
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> dict[str, object]:
        found = json.loads(self.text)
        assert isinstance(found, dict)
        return found

    @property
    def code(self) -> object:
        return self.json["code"]

    @property
    def items(self) -> list[dict[str, object]]:
        found = self.json["items"]
        assert isinstance(found, list)
        return found

    @property
    def total(self) -> object:
        meta = self.json["meta"]
        assert isinstance(meta, dict)
        return meta["total"]

    @property
    def onward(self) -> object:
        meta = self.json["meta"]
        assert isinstance(meta, dict)
        return meta["next_cursor"]

    @property
    def faults(self) -> dict[str, str]:
        """Pointer -> message."""
        errors = self.json.get("errors", [])
        assert isinstance(errors, list)
        return {each["pointer"]: each["message"] for each in errors}


@dataclass(slots=True)
class Client:
    """A browser that is logged in, or a program with a token."""

    visitor: Visitor
    csrf: str = ""
    token: str = ""

    async def call(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """One request; names of headers have `_` for `-`."""
        sent = {"X-Flowward-CSRF": self.csrf} if self.csrf else {}
        sent |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        sent |= JSON if body is not None else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body)
        response = await self.visitor.request(method, self.visitor.site.home + API + path, headers=sent, data=raw)
        return Answer(status=response.status, headers=response.headers, text=await response.text())

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.call("GET", path, **headers)

    async def post(self, path: str, body: object = None, **headers: str) -> Answer:
        return await self.call("POST", path, body, **headers)

    async def put(self, path: str, body: object, **headers: str) -> Answer:
        """Whatever is there is overwritten, unless a header says otherwise."""
        return await self.call("PUT", path, body, **{"If_Match": "*", **headers})

    async def delete(self, path: str, **headers: str) -> Answer:
        return await self.call("DELETE", path, **{"If_Match": "*", **headers})


@dataclass(slots=True)
class House:
    """The gateway with a team acme of one user per role (dora, vic, max, olga), ada the admin, and nora of no team.

    They are made by hand, not declared, but for the admin `root`.
    """

    site: Site
    running: Running
    clients: dict[str, Client] = field(default_factory=dict)
    ahead: float = 0.0
    """Seconds by which the clock runs ahead."""
    stopped: dict[Callable[[], float], float] = field(default_factory=dict)
    """What each of the machine's clocks showed when it was stopped."""

    def pass_(self, seconds: float) -> None:
        self.ahead += seconds

    def stop(self) -> None:
        """No time passes but what the test lets pass: no allowance fills up while passwords are hashed.

        It is a full second then, so that what is left of others is told as one counts.
        """
        self.stopped = {clock: float(ceil(clock())) for clock in (time.time, time.monotonic)}

    @contextmanager
    def still(self) -> Iterator[None]:
        """The same for a while; then the clock catches up."""
        self.stop()
        try:
            yield
        finally:
            self.stopped = {}

    def told(self, clock: Callable[[], float]) -> float:
        """What the gateway is told of one of the machine's clocks."""
        return self.stopped.get(clock, clock()) + self.ahead

    @asynccontextmanager
    async def nobody(self) -> AsyncIterator[Client]:
        async with visitor(self.site) as somebody:
            yield Client(somebody)

    @asynccontextmanager
    async def user(self, name: str, password: str = PASSWORD) -> AsyncIterator[Client]:
        """Somebody logged in through the API."""
        async with self.nobody() as client:
            answer = await client.post("/auth/login", {"username": name, "password": password})
            assert answer.status == 200, answer.text
            client.csrf = str(answer.json["csrf"])
            yield client

    @asynccontextmanager
    async def program(self, owner: Client, **wanted: object) -> AsyncIterator[Client]:
        """A program with a new personal token of somebody's."""
        made = await owner.post("/me/tokens", {"name": "test", **wanted})
        assert made.status == 201, made.text
        async with self.nobody() as client:
            client.token = str(made.json["value"])
            yield client

    async def person(self, name: str) -> Person:
        account = await self.running.store.database.account(name)
        assert account is not None
        found = await self.running.store.database.person(account.user.id)
        assert found is not None
        return found

    async def alter(self, name: str, **changed: object) -> None:
        """Write a user's row past the API, as another process would."""
        person = await self.person(name)
        put = PutPerson(person=replace(person, user=replace(person.user, **changed)))  # type: ignore[arg-type]
        await self.running.store.database.edit([put], [])
        await self.running.gateway.watch.look()


@asynccontextmanager
async def house(folder: Path, **settings: dict[str, object]) -> AsyncIterator[House]:
    """`settings` goes into the configuration, section by section."""
    line = {"slug": "line-3", "hosts": ["line-3.localhost"], "upstream": "http://127.0.0.1:1"}
    declared = estate([line])
    declared["users"] = [{"username": "root", "name": "Root", "admin": True, "password_hash": HASH}]
    site = Site(folder, declared, settings=settings)
    opened: list[House] = []

    def told(clock: Callable[[], float]) -> Callable[[], float]:
        return lambda: opened[0].told(clock) if opened else clock()

    clock = Clock(wall=told(time.time), steady=told(time.monotonic))
    async with site.running(clock) as running:
        opened.append(House(site, running))
        await _people(running)
        yield opened[0]


async def _people(running: Running) -> None:
    spaces = (await running.store.database.estate()).spaces.values()
    acme = next(space.id for space in spaces if space.slug == "acme")
    roles = {"dora": Role.DASHBOARD, "vic": Role.VIEWER, "max": Role.MEMBER, "olga": Role.OWNER}
    people = [_person(name, {acme: Membership(space=acme, role=role)}) for name, role in roles.items()]
    people += [_person("ada", {}, admin=True), _person("nora", {})]
    await running.store.database.edit([PutPerson(person=each, password_hash=HASH) for each in people], [])
    await running.gateway.watch.look()


def _person(name: str, memberships: Mapping[str, Membership], *, admin: bool = False) -> Person:
    user = User(id=f"u-{name}", username=name, name=name.title(), email=f"{name}@acme.example", admin=admin)
    return Person(user=user, memberships=memberships)
