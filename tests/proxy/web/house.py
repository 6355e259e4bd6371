"""The gateway's own pages served for real, and browsers that visit them."""

import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from http.cookies import SimpleCookie
from pathlib import Path
from typing import ParamSpec, TypeVar, cast
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from aiohttp import ClientSession, DummyCookieJar, web
from typing_extensions import override
from yarl import URL

from auth_plugins.local import Local, LocalSettings
from auth_plugins.registry import Provider
from auth_plugins.testkit import kit
from config import schema
from config.addresses import parse_origin
from config.auth_schema import AuthEntry
from config.mfa_schema import Mfa
from proxy.access.passwords import hash_password
from proxy.model.access import Role
from proxy.model.audit import Event
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import InstanceSettings, Resource, ResourceKind
from proxy.model.identity import Membership, Person, User, UserState
from proxy.services.accounts import Accounts
from proxy.services.allowances import Allowances
from proxy.services.branding import Pictures
from proxy.services.clock import Clock
from proxy.services.cookies import Cookies
from proxy.services.devices import Devices
from proxy.services.factors import factors_of
from proxy.services.flows import Flows
from proxy.services.linking import Linking
from proxy.services.lockout import Lockout
from proxy.services.login import Logins
from proxy.services.offload import Offload
from proxy.services.sealing import Seal
from proxy.services.self_help import outbox_of, self_help_of
from proxy.services.sessions import Sessions
from proxy.services.sites import Sites, sites_of
from proxy.services.snapshot import Snapshot
from proxy.services.writer import Writer
from proxy.store import Database, PutPerson, Shared, StoreUnavailable
from proxy.web.answers import see_other
from proxy.web.guards import cookie_field
from proxy.web.keys import ADDRESS, SECURE, SITE, Desk
from proxy.web.routes import routes
from proxy.web.visitors import visitor
from tests.peers.state import open_store, put_in_state

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

P = ParamSpec("P")
T = TypeVar("T")
HOME = "https://gate.example"
LINE_3 = "https://line-3.example"
LINE_4 = "https://line-4.example"
PASSWORD = "correct horse battery"
ABSOLUTE, IDLE = 7 * 86400.0, 32 * 3600.0


@dataclass(slots=True)
class Time:
    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def _person(name: str, role: Role | None, **more: object) -> Person:
    user = replace(User(id=f"u-{name}", username=name, email=f"{name}@acme.example", name=name.title()), **more)
    memberships = {"s-acme": Membership(space="s-acme", role=role)} if role else {}
    return Person(user=user, memberships=memberships)


def _instance(slug: str, domain: str) -> Resource:
    settings = InstanceSettings(upstream="http://127.0.0.1:1", hosts=(f"{slug}.{domain}",), admin_root="/admin")
    return Resource(
        id=f"r-{slug}",
        kind=ResourceKind.INSTANCE,
        slug=slug,
        name=slug.replace("-", " ").title(),
        parent="r-plant",
        instance=settings,
    )


PEOPLE = (
    _person("ada", Role.OWNER),
    _person("dan", Role.DASHBOARD),
    _person("nora", None),
    _person("sue", Role.MEMBER, state=UserState.SUSPENDED),
    _person("pia", Role.MEMBER, state=UserState.PENDING),
    _person("leo", Role.MEMBER, provider="corp"),
)


class Outage:
    """Stands before a store; while it is away, whatever is asked of it fails as the real one's would."""

    def __init__(self, store: object) -> None:
        self.store = store
        self.away = False

    def __getattr__(self, name: str) -> object:
        if self.away:
            raise StoreUnavailable("away")
        return getattr(self.store, name)


@dataclass(slots=True)
class Rule:
    """The setting of second factors, which a reload may change."""

    now: Mfa = field(default_factory=Mfa)


class Counted(Offload):
    """How often a password was hashed or checked."""

    times = 0

    @override
    async def __call__(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        self.times += 1
        return await super().__call__(work, *args, **kwargs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    set_cookies: tuple[str, ...]
    text: str

    @property
    def location(self) -> str:
        return self.headers["Location"]

    def hidden(self, name: str) -> str:
        found = re.search(rf'name="{name}" value="([^"]*)"', self.text)
        assert found, f"the page has no hidden field {name}:\n{self.text}"
        return found[1]

    def directive(self, name: str) -> str:
        """What the Content-Security-Policy says about one thing."""
        policy = self.headers["Content-Security-Policy"].split("; ")
        return next(each.removeprefix(f"{name} ") for each in policy if each.startswith(f"{name} "))


@dataclass(slots=True, kw_only=True)
class Browser:
    """Keeps cookies per host as browsers do, says where its requests come from, follows redirects only when told."""

    port: int
    client: ClientSession
    address: str = "192.0.2.1"
    jars: dict[str, dict[str, str]] = field(default_factory=dict)
    blocks_cookies_of: frozenset[str] = frozenset()

    async def get(self, url: str, **headers: str) -> Answer:
        return await self._send("GET", url, headers, None)

    async def post(self, url: str, fields: Mapping[str, str], **headers: str) -> Answer:
        parts = urlsplit(url)
        return await self._send("POST", url, {"Origin": f"{parts.scheme}://{parts.netloc}", **headers}, fields)

    async def _send(self, method: str, url: str, more: Mapping[str, str], fields: Mapping[str, str] | None) -> Answer:
        parts = urlsplit(url)
        jar = self.jars.setdefault(parts.netloc, {})
        headers = {
            "Host": parts.netloc,
            "Accept": "text/html",
            "Sec-Fetch-Mode": "navigate",
            "X-Test-Address": self.address,
            "Cookie": "; ".join(f"{name}={value}" for name, value in jar.items()),
            **{name.replace("_", "-"): value for name, value in more.items()},
        }
        target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        address = URL(f"http://127.0.0.1:{self.port}{target}", encoded=True)
        sent = {name: value for name, value in headers.items() if value}
        async with self.client.request(method, address, headers=sent, data=fields, allow_redirects=False) as response:
            cookies = tuple(response.headers.getall("Set-Cookie", ()))
            if parts.netloc not in self.blocks_cookies_of:
                self._keep(jar, cookies)
            text = await response.text()
            return Answer(status=response.status, headers=response.headers, set_cookies=cookies, text=text)

    @staticmethod
    def _keep(jar: dict[str, str], cookies: tuple[str, ...]) -> None:
        for cookie in cookies:
            for name, morsel in SimpleCookie(cookie).items():
                if morsel["max-age"] == "0":
                    jar.pop(name, None)
                else:
                    jar[name] = morsel.value

    async def follow(self, answer: Answer, base: str = HOME) -> tuple[str, Answer]:
        """Go where redirects lead; the address of the last answer, and the answer."""
        url = base
        for _ in range(20):
            if answer.status not in {301, 302, 303, 307, 308}:
                return url, answer
            there = answer.location
            url = there if "://" in there else "/".join(url.split("/")[:3]) + there
            answer = await self.get(url)
        raise AssertionError("redirected without end")

    async def log_in(self, username: str = "ada", password: str = PASSWORD, to: str = "") -> Answer:
        page = await self.get(f"{HOME}/-/login" + (f"?to={to}" if to else ""))
        return await self.submit(page, username, password)

    async def submit(self, page: Answer, username: str = "ada", password: str = PASSWORD, **headers: str) -> Answer:
        fields = {name: page.hidden(name) for name in ("to", "csrf", "with")}
        return await self.post(f"{HOME}/-/login", {**fields, "username": username, "password": password}, **headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Home and two instances, with people in them."""

    desk: Desk
    time: Time
    port: int
    client: ClientSession
    sites: Sites
    outages: tuple[Outage, Outage]
    offload: Counted
    mfa: Rule

    def store_goes_away(self) -> None:
        for outage in self.outages:
            outage.away = True

    def browser(self, **more: object) -> Browser:
        return Browser(port=self.port, client=self.client, **more)  # type: ignore[arg-type]

    async def suspend(self, user_id: str) -> None:
        event = Event(event="user.suspended", at=self.time())
        await put_in_state(self.desk.database, user_id, UserState.SUSPENDED, event)


def query(url: str, name: str) -> str:
    return parse_qs(urlsplit(url).query)[name][0]


@asynccontextmanager
async def house(
    directory: Path,
    public_url: str = HOME,
    *,
    more: tuple[Provider, ...] = (),
    local: bool = True,
) -> AsyncIterator[House]:
    """`public_url` may hold `{port}`; instances are its host's siblings. `more` are further ways in."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        async with _house(directory, public_url, listening, more, local=local) as made:
            yield made


@asynccontextmanager
async def _house(
    directory: Path, public_url: str, listening: socket.socket, more: tuple[Provider, ...], *, local: bool
) -> AsyncIterator[House]:
    time, mfa = Time(), Rule()
    public_url = public_url.format(port=listening.getsockname()[1])
    domain = (urlsplit(public_url).hostname or "").partition(".")[2]
    async with open_store(directory, time) as store, ClientSession(cookie_jar=DummyCookieJar()) as client:
        team = Space(id="s-acme", kind=SpaceKind.TEAM, slug="acme")
        plant = Resource(id="r-plant", kind=ResourceKind.APPLICATION, slug="plant", owner="s-acme")
        kept = hash_password(PASSWORD)
        people = [PutPerson(person=person, password_hash=kept) for person in PEOPLE]
        await store.database.edit([team, plant, _instance("line-3", domain), _instance("line-4", domain), *people], [])
        estate = await store.database.estate()
        sites = sites_of(estate, public_url)
        outages = (Outage(store.database), Outage(store.shared))
        database, shared = cast("Database", outages[0]), cast("Shared", outages[1])
        offload = Counted()
        sessions = Sessions(
            shared,
            now=time,
            absolute=ABSOLUTE,
            idle=IDLE,
            seal=Seal(_subkey("sessions")),
            forget=lambda _: None,
            wake=lambda: None,
        )
        accounts = Accounts(database=database, shared=shared, offload=offload, now=time, end_sessions=sessions.end_all)
        own = Provider(
            entry=AuthEntry(name="local", plugin="local"),
            plugin=Local(LocalSettings(), kit(now=time, accounts=accounts)),
        )
        ways = (*([own] if local else []), *more)
        snapshot = Snapshot(database, estate)
        writer = Writer(database=database, shared=shared, snapshot=snapshot, now=time, wake=lambda: None)
        settings = schema.Settings(server=schema.Server(public_url=parse_origin(public_url)))
        clock = Clock(wall=time, steady=time)
        outbox = outbox_of(database, lambda: settings, _subkey, clock, _new_id, product=str)
        lockout = Lockout(database, shared, schema.Lockout, time)
        desk = Desk(
            sites=lambda: sites,
            estate=lambda: estate,
            person=database.person,
            jwks=lambda: {"keys": []},
            providers=ways,
            local=own,
            flows=Flows(shared, time, Seal(_subkey("flows"))),
            factors=factors_of(
                database,
                shared,
                offload,
                home=public_url,
                subkey=_subkey,
                settings=lambda: mfa.now,
                now=time,
                new_id=_new_id,
            ),
            devices=Devices(shared, time),
            database=database,
            sessions=sessions,
            accounts=accounts,
            linking=Linking(
                writer=writer,
                shared=shared,
                providers=lambda: ways,
                new_id=_new_id,
                end_sessions=sessions.end_all,
            ),
            logins=Logins(shared, key=b"k" * 32, cookies=Cookies.of(public_url), now=time),
            allowances=Allowances(shared, schema.Limits, time),
            lockout=lockout,
            self_help=self_help_of(outbox, accounts, lockout, writer, frozenset, _subkey, _new_id),
            pictures=Pictures(database),
            now=time,
        )
        async with _served(desk, sites, listening) as port:
            yield House(
                desk=desk,
                time=time,
                port=port,
                client=client,
                sites=sites,
                outages=outages,
                offload=offload,
                mfa=mfa,
            )
        offload.close()


def _subkey(purpose: str) -> bytes:
    return purpose.encode().ljust(32, b".")


def _new_id() -> str:
    return uuid4().hex


@asynccontextmanager
async def _served(desk: Desk, sites: Sites, listening: socket.socket) -> AsyncIterator[int]:
    """The pages, and in front of them what stands for the gate: it lets sessions through and leads others to the login."""

    @web.middleware
    async def front(request: web.Request, handler: Handler) -> web.StreamResponse:
        site = sites.find(request.headers["Host"].encode())
        if site is not None:
            request[SITE] = site
        request[ADDRESS] = request.headers.get("X-Test-Address", "192.0.2.1")
        request[SECURE] = True
        if site is None or site.home or request.path.startswith("/-/"):
            return await handler(request)
        somebody = await visitor(desk, request)
        if somebody is not None:
            return web.Response(text=f"<h1>Hello {somebody.name}</h1>", content_type="text/html")
        step = desk.logins.begin(sites, site, request.raw_path, cookie_field(request))
        return see_other(step.location, step.cookies)

    application = web.Application(middlewares=[front])
    application.add_routes(routes(desk))
    runner = web.AppRunner(application)
    await runner.setup()
    await web.SockSite(runner, listening).start()
    try:
        yield listening.getsockname()[1]
    finally:
        await runner.cleanup()
