"""One running gateway for many tests: each makes teams and people of its own in it, so that none sees another's."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from proxy.model.access import Role
from proxy.model.audit import AuditQuery, Event
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, InstanceSettings, PlatformSettings, Resource, ResourceKind
from proxy.model.identity import Membership, Person, User
from proxy.services.sessions import Visit
from proxy.store import Edit, PutPerson
from tests.peers.gateway import HASH, visitor
from tests.proxy.web.api.house import API, Answer, Client, House, house

NONE, DASHBOARD, VIEWER, MEMBER, OWNER = (Role.NONE, Role.DASHBOARD, Role.VIEWER, Role.MEMBER, Role.OWNER)
UPSTREAM = "http://192.0.2.1:1880"


@dataclass(frozen=True, slots=True, kw_only=True)
class Someone:
    """A logged-in user."""

    id: str
    username: str
    client: Client

    async def get(self, path: str) -> Answer:
        return await self.client.get(path)

    async def post(self, path: str, body: object = None, **headers: str) -> Answer:
        return await self.client.post(path, body, **headers)

    async def put(self, path: str, body: object, **headers: str) -> Answer:
        return await self.client.put(path, body, **headers)

    async def delete(self, path: str, **headers: str) -> Answer:
        return await self.client.delete(path, **headers)

    async def ids(self, path: str) -> list[str]:
        """Ids of all items of a list, through every page of it; `total` has to be their number."""
        found: list[str] = []
        mark = "&" if "?" in path else "?"
        cursor: object = None
        while True:
            answer = await self.get(f"{path}{mark}limit=2" + (f"&cursor={cursor}" if cursor else ""))
            assert answer.status == 200, answer.text
            found += [str(item["id"]) for item in answer.items]
            cursor = answer.onward
            if not cursor:
                assert answer.total == len(found)
                return found
            assert len(answer.items) == 2, "a page is short only if it is the last"


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """A team with a customer or so, and applications p1 and p2 of one instance and two devices each."""

    id: str
    slug: str

    def at(self, *way: str) -> str:
        """The id of something in it: `at("p1", "line")`; devices are `at("p1", "gauge")`, `at("p1", "line", "probe")`."""
        return "-".join((self.id, *way))


@dataclass(slots=True)
class Yard:
    """The gateway and whatever tests put into it."""

    house: House
    stack: AsyncExitStack
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    async def estate(self) -> Estate:
        """As it is now."""
        return await self.house.running.store.database.estate()

    async def put(self, *edits: Edit) -> None:
        """Write past the API."""
        await self.house.running.store.database.edit(edits, [])
        await self.house.running.gateway.watch.look()

    def name(self, of: str = "x") -> str:
        return f"{of}{next(self.numbers)}"

    async def team(self, *applications: str) -> Team:
        """A team of its own with these applications; p1 and p2 where none is named."""
        id_ = self.name("team")
        edits: list[Edit] = [Space(id=id_, kind=SpaceKind.TEAM, slug=id_, title=id_.title())]
        for slug in applications or ("p1", "p2"):
            edits += _application(id_, slug)
        await self.put(*edits)
        return Team(id=id_, slug=id_)

    async def below(self, parent: str, kind: SpaceKind = SpaceKind.CUSTOMER, of: str = "customer") -> Space:
        """A customer or group of its own."""
        slug = self.name(of)
        made = Space(id=slug, kind=kind, slug=slug, title=slug.title(), parent=parent)
        await self.put(made)
        return made

    async def someone(
        self,
        roles: Mapping[str, Role] | None = None,
        overrides: Mapping[str, Mapping[str, Role]] | None = None,
        *,
        admin: bool = False,
        **user: object,
    ) -> Someone:
        """A user with these roles by space and overrides by space and resource, logged in just now."""
        name = self.name("user")
        said = overrides or {}
        held = {at: Membership(space=at, role=role, overrides=said.get(at, {})) for at, role in (roles or {}).items()}
        row = User(id=name, username=name, name=name.title(), email=f"{name}@plant.example", admin=admin)
        person = Person(user=replace(row, **user), memberships=held)  # type: ignore[arg-type]
        await self.put(PutPerson(person=person, password_hash=HASH))
        return Someone(id=name, username=name, client=await self.logged_in(name))

    async def logged_in(self, user: str) -> Client:
        client = await self.entered(user, self.house.site.name)
        client.csrf = str((await client.get("/me")).json["csrf"])
        return client

    async def entered(self, user: str, host: str) -> Client:
        """A new session of a user's on a host of their choice."""
        site, gateway = self.house.site, self.house.running.gateway
        visit = Visit(user_id=user, provider="local", amr=("pwd",), host=host)
        _, value = await gateway.sessions.start(visit)
        somebody = await self.stack.enter_async_context(visitor(site))
        somebody.cookies[host] = {"flowward": value}
        return Client(somebody)

    async def person(self, user: str) -> Person:
        found = await self.house.running.store.database.person(user)
        assert found is not None
        return found

    async def events(self, scope: str, *names: str) -> Sequence[Event]:
        """What is on record of something, oldest first."""
        query = AuditQuery(scope=scope, events=names, limit=200)
        found = await self.house.running.store.database.events(query)
        return [each.event for each in reversed(found.items)]

    async def settings(self, **changed: object) -> None:
        await self.put(replace(PlatformSettings(), **changed))  # type: ignore[arg-type]

    @asynccontextmanager
    async def set_to(self, **changed: object) -> AsyncIterator[None]:
        """With these settings for a while, whatever happens meanwhile: others use the same yard afterwards."""
        try:
            await self.settings(**changed)
            yield
        finally:
            await self.settings()


def _application(team: str, slug: str) -> Sequence[Edit]:
    app = f"{team}-{slug}"
    settings = InstanceSettings(upstream=UPSTREAM, hosts=(f"line.{slug}.{team}.localhost",))
    return (
        Resource(id=app, kind=ResourceKind.APPLICATION, slug=slug, name=slug.title(), owner=team),
        Resource(id=f"{app}-line", kind=ResourceKind.INSTANCE, slug="line", parent=app, instance=settings),
        Resource(id=f"{app}-gauge", kind=ResourceKind.DEVICE, slug="gauge", parent=app),
        Resource(id=f"{app}-line-probe", kind=ResourceKind.DEVICE, slug="probe", parent=f"{app}-line"),
    )


@asynccontextmanager
async def opened(folder: Path, **settings: dict[str, object]) -> AsyncIterator[Yard]:
    """`settings` goes into the configuration, section by section."""
    async with house(folder, **settings) as running, AsyncExitStack() as stack:
        yield Yard(running, stack)


__all__ = ["API", "Someone", "Team", "Yard", "opened"]
