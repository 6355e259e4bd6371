"""The whole gateway in front of one instance, with somebody of each role; either lane may be tried."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import jwt
from aiohttp import ClientSession, ClientWebSocketResponse, DummyCookieJar
from yarl import URL

from config.keys import load_or_create
from config.load import load
from proxy.app.gateway import Gateway, assemble
from proxy.model.access import Role
from proxy.model.audit import Event
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import InstanceSettings, Resource, ResourceKind
from proxy.model.identity import Membership, Person, User
from proxy.services.sessions import Visit
from proxy.services.traffic import AccessLog
from proxy.store import PutPerson, Remove
from proxy.store.opening import open_state
from proxy.store.sql import Store
from tests.peers.state import PATIENCE

HOST = "line-3.localhost"
INSTANCE = "r-line-3"
ROLES = {
    "dan": Role.DASHBOARD,
    "vic": Role.VIEWER,
    "mia": Role.MEMBER,
    "ada": Role.OWNER,
}


def person(name: str, role: Role | None, **more: object) -> Person:
    user = User(id=f"u-{name}", username=name, email=f"{name}@acme.example", name=name.title())
    memberships = {"s-acme": Membership(space="s-acme", role=role)} if role is not None else {}
    return Person(user=replace(user, **more), memberships=memberships)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        return json.loads(self.body)


@dataclass(slots=True, kw_only=True)
class House:
    """A running gateway, and what a test does to it."""

    gateway: Gateway
    store: Store
    port: int
    client: ClientSession

    @property
    def origin(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def home(self) -> str:
        return f"http://gate.localhost:{self.port}"

    async def log_in(self, name: str, groups: tuple[str, ...] = ()) -> str:
        """The Cookie field of a new session of somebody's on the instance's host."""
        visit = Visit(user_id=f"u-{name}", provider="local", amr=("pwd",), host=HOST, groups=groups)
        _, value = await self.gateway.sessions.start(visit)
        return f"flowward={value}"

    async def ask(self, path: str, cookie: str = "", *, method: str = "GET", **fields: str) -> Answer:
        headers = {"Host": f"{HOST}:{self.port}", **_fields(cookie, fields)}
        url = URL(f"http://127.0.0.1:{self.port}{path}", encoded=True)
        async with self.client.request(method, url, headers=headers, allow_redirects=False) as response:
            return Answer(status=response.status, headers=response.headers, body=await response.read())

    async def open_socket(self, path: str, cookie: str = "", **fields: str) -> ClientWebSocketResponse:
        """A websocket as a page of the instance's opens it."""
        headers = {"Host": f"{HOST}:{self.port}", "Origin": self.origin, **_fields(cookie, fields)}
        return await self.client.ws_connect(f"http://127.0.0.1:{self.port}{path}", headers=headers, max_msg_size=2**25)

    async def change(self, name: str, role: Role | None, **more: object) -> None:
        """As another process would: nobody is told but the store."""
        await self.store.database.edit(
            [PutPerson(person=person(name, role, **more))], [Event(event="user.updated-user", at=0.0)]
        )

    async def protect(self, *, on: bool = True) -> None:
        """As the console does, in another process."""
        resource = (await self.store.database.estate()).resources[INSTANCE]
        assert resource.instance is not None
        changed = replace(resource, instance=replace(resource.instance, protected=on))
        await self.store.database.edit([changed], [])

    def claims(self, assertion: str) -> dict[str, object]:
        """What an assertion of this gateway's says."""
        key = self.gateway.signer.keys.current(time.time()).private_key.public_key()
        found: dict[str, object] = jwt.decode(assertion, key, algorithms=["ES256"], audience=INSTANCE)
        return found

    async def remove_instance(self) -> None:
        removed = Remove(kind=Resource, id=INSTANCE)
        await self.store.database.edit([removed], [Event(event="project.deleted", at=0.0)])


def _fields(cookie: str, fields: Mapping[str, str]) -> dict[str, str]:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return {"Cookie": cookie, **named} if cookie else named


@asynccontextmanager
async def house(
    directory: Path, upstream: str, *, fast_lane: bool = True, patience: float = PATIENCE, **settings: object
) -> AsyncIterator[House]:
    """`settings` are the instance's own; its editor is below /admin unless they say otherwise. `patience`: seconds for the
    state to answer.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        async with _house(directory, upstream, listening, settings, fast_lane=fast_lane, patience=patience) as made:
            yield made


@asynccontextmanager
async def _house(
    directory: Path,
    upstream: str,
    listening: socket.socket,
    settings: dict[str, object],
    *,
    fast_lane: bool,
    patience: float,
) -> AsyncIterator[House]:
    port = listening.getsockname()[1]
    written = directory / "flowward.yaml"
    written.write_text(
        f"server: {{public_url: 'http://gate.localhost:{port}', operations: null, allow_public_http: true,\n"
        f"  fast_lane: {str(fast_lane).lower()}, trusted_proxies: [127.0.0.1/32]}}\n"
        f"state: {{directory: {directory / 'var'}, timeout: {patience}}}\n"
        "log: {access: false}\n"
    )
    config = await asyncio.to_thread(load, written, {})
    keys = await asyncio.to_thread(load_or_create, config.settings.state.directory, 0.0)
    async with open_state(config.settings.state) as store:
        await _furnish(store, upstream, settings)
        gateway = await assemble(config, keys, store, AccessLog(None))
        await gateway.lane.start(gateway.plane.timeouts)
        factory = gateway.plane if fast_lane else gateway.lane.protocol
        server = await asyncio.get_running_loop().create_server(factory, sock=listening)
        tasks = [asyncio.create_task(work) for work in (gateway.watch.run(), gateway.plane.sweep())]
        try:
            async with ClientSession(cookie_jar=DummyCookieJar()) as client:
                yield House(gateway=gateway, store=store, port=port, client=client)
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            gateway.plane.close()
            await gateway.lane.stop()
            await gateway.close()


async def _furnish(store: Store, upstream: str, settings: Mapping[str, object]) -> None:
    known: dict[str, object] = {
        "upstream": upstream,
        "hosts": (HOST,),
        "admin_root": "/admin",
        "identity": ("flowward",),
    }
    instance = InstanceSettings(**{**known, **settings})  # type: ignore[arg-type]
    team = Space(id="s-acme", kind=SpaceKind.TEAM, slug="acme")
    plant = Resource(id="r-plant", kind=ResourceKind.APPLICATION, slug="plant", owner="s-acme")
    line = Resource(
        id=INSTANCE,
        kind=ResourceKind.INSTANCE,
        slug="line-3",
        parent="r-plant",
        instance=instance,
        declared="estate.yaml",  # a file may name an upstream on this machine
    )
    people = [PutPerson(person=person(name, role)) for name, role in ROLES.items()]
    await store.database.edit([team, plant, line, *people], [])
