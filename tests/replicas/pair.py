"""Two gateways on the same state, each under its own port, and people who come in by either."""

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from proxy.app import Running
from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Grant, InstanceSettings, PlatformSettings, Resource, ResourceKind
from proxy.model.identity import Membership, Person, User
from proxy.services.sessions import Visit
from proxy.store import Edit, PutPerson
from tests.peers.answers import echo, plain
from tests.peers.changes import promised
from tests.peers.frames import CLOSE
from tests.peers.gateway import HASH, Site, visitor
from tests.peers.talk import Line, dial, request
from tests.peers.upstream import Exchange, upstream
from tests.proxy.web.api.house import Client

AT_ONCE = 1.0
"""Seconds within which what one replica does holds on the other."""
HOST = "line-3.localhost"
DASHBOARD = "/dashboard/socket.io/?EIO=4&transport=websocket"
COMMS = "/admin/comms"
ADMIN = {"username": "root", "name": "Root", "admin": True, "password_hash": HASH}


async def _echo_or_hello(exchange: Exchange) -> None:
    """Sockets come in by the address at which others poll."""
    upgrade = exchange.request.value(b"Upgrade") is not None
    await (echo() if upgrade else plain(b"hello"))(exchange)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One of the gateways."""

    running: Running
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Someone:
    """A user with one session, which one cookie opens at home and another one on the instance's host."""

    id: str
    session: str
    client: Client
    cookie: str


@dataclass(slots=True, kw_only=True)
class Pair:
    """Both gateways, before one instance that echoes on its sockets and says hello otherwise."""

    site: Site
    """What both have in common: home, as browsers know it."""
    first: Replica
    second: Replica
    stack: AsyncExitStack
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    @property
    def host(self) -> str:
        return f"{HOST}:{self.site.port}"

    async def put(self, *edits: Edit) -> None:
        """Write past the API of the first, and wait until both have seen it."""
        version = await self.first.running.store.database.edit(edits, [])
        for replica in (self.first, self.second):
            await replica.running.gateway.watch.look()
            assert replica.running.gateway.watch.version >= version

    async def someone(self, role: Role | None = None, space: str = "acme", *, admin: bool = False) -> Someone:
        """Somebody new who is logged in, at the first."""
        name = f"user{next(self.numbers)}"
        held = {space: Membership(space=space, role=role)} if role is not None else {}
        await self.put(PutPerson(person=Person(user=User(id=name, username=name, admin=admin), memberships=held)))
        return await self.log_in(name)

    async def log_in(self, name: str) -> Someone:
        sessions = self.first.running.gateway.sessions
        visit = Visit(user_id=name, provider="local", amr=("pwd",), host=self.site.name)
        session, value = await sessions.start(visit)
        there = await sessions.add_host(session.id, HOST)
        somebody = await self.stack.enter_async_context(visitor(self.site))
        somebody.doors = (self.first.port,)
        somebody.cookies[self.site.name] = {"flowward": value}
        client = Client(somebody)
        client.csrf = str((await client.get("/me")).json["csrf"])
        return Someone(id=name, session=session.id, client=client, cookie=f"flowward={there}")

    async def status(self, replica: Replica, *fields: tuple[str, str], method: str = "GET", path: str = "/api") -> int:
        """How a replica answers a request to the instance."""
        body = b"{}" if method != "GET" else b""
        sent = (*fields, ("Origin", self.site.origin(HOST)), ("Content-Type", "application/json"))
        async with dial(replica.port) as line:
            await line.send(request(method, path, *sent, host=self.host, body=body))
            return (await line.response()).status

    async def refuses(self, replica: Replica, *fields: tuple[str, str], method: str = "GET", path: str = "/api") -> int:
        """Wait until a replica refuses, as promised at once; how it does."""
        async with promised(AT_ONCE):
            while (status := await self.status(replica, *fields, method=method, path=path)) < 400:
                pass
        return status

    @asynccontextmanager
    async def socket(self, replica: Replica, path: str, *fields: tuple[str, str]) -> AsyncIterator[Line]:
        """An open websocket to the instance."""
        upgrade = (("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"))
        key = ("Sec-WebSocket-Key", base64.b64encode(bytes(16)).decode())
        async with dial(replica.port) as line:
            sent = (*upgrade, key, ("Origin", self.site.origin(HOST)), *fields)
            await line.send(request("GET", path, *sent, host=self.host))
            assert (await line.response()).status == 101
            yield line


def cookie(somebody: Someone) -> tuple[str, str]:
    return ("Cookie", somebody.cookie)


async def closed(line: Line) -> int:
    """The code with which a socket is closed, at once."""
    async with promised(AT_ONCE):
        while (frame := await line.hear()).opcode != CLOSE:
            pass
    return int.from_bytes(frame.payload[:2])


def estate(url: str) -> Sequence[Edit]:
    """A team acme with the instance line-3, shared with the customer a, who sees its dashboard."""
    settings = InstanceSettings(upstream=url, hosts=(HOST,), admin_root="/admin")
    return (
        PlatformSettings(upstream_allow=("127.0.0.0/8",)),
        Space(id="acme", kind=SpaceKind.TEAM, slug="acme"),
        Space(id="a", kind=SpaceKind.CUSTOMER, slug="a", parent="acme"),
        Resource(id="plant", kind=ResourceKind.APPLICATION, slug="plant", owner="acme"),
        Resource(id="line-3", kind=ResourceKind.INSTANCE, slug="line-3", parent="plant", instance=settings),
        Grant(target="line-3", space="a", role=Role.VIEWER),
    )


def site(folder: Path, states: Mapping[str, object], **settings: dict[str, object]) -> Site:
    """A configuration in which nobody but root is declared."""
    made = Site(folder, {"users": [ADMIN]})
    made.settings = {"state": {"directory": str(folder.parent / "var"), **states}, **settings}
    return made


@asynccontextmanager
async def pair(
    folder: Path, *states: Mapping[str, object], trusting: Sequence[str] = (), **settings: dict[str, object]
) -> AsyncIterator[Pair]:
    """Two gateways; `states` is each one's section `state`, or that of both; `trusting` are proxies they believe."""
    first, second = (site(folder / name, state, **settings) for name, state in zip("ab", states * 2, strict=False))
    first.settings["server"] = {"trusted_proxies": list(trusting)}
    second.settings["server"] = {"trusted_proxies": list(trusting), "public_url": first.home}
    async with AsyncExitStack() as stack:
        instance = await stack.enter_async_context(upstream(_echo_or_hello))
        running = [await stack.enter_async_context(each.running()) for each in (first, second)]
        one, other = (
            Replica(running=each, port=made.port) for each, made in zip(running, (first, second), strict=True)
        )
        both = Pair(site=first, first=one, second=other, stack=stack)
        await both.put(*estate(instance.url))
        yield both
