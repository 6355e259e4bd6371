"""The gateway itself, in this process or one of its own, in front of whatever a test puts behind it."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import yaml
from aiohttp import ClientResponse, ClientSession, DummyCookieJar, TCPConnector
from yarl import URL

from config.load import load
from proxy.access.passwords import hash_password
from proxy.app import Running, opened
from proxy.services.clock import SYSTEM, Clock
from proxy.services.cookies import Cookies
from tests.peers.ports import free_port
from tests.peers.state import PATIENCE

PASSWORD = "correct horse battery"
HASH = hash_password(PASSWORD)
ROLES = {"dora": "dashboard", "vic": "viewer", "max": "member", "olga": "owner"}


def estate(instances: Sequence[Mapping[str, object]], **more: object) -> dict[str, object]:
    """A team acme with a user of each role (dora, vic, max, olga; ada is admin, nora nobody) and these instances."""
    people: list[dict[str, object]] = [
        {"username": name, "email": f"{name}@acme.example", "name": name.title(), "memberships": {"acme": role}}
        for name, role in ROLES.items()
    ]
    people += [{"username": "ada", "name": "Ada", "admin": True}, {"username": "nora", "name": "Nora"}]
    return {
        "spaces": [{"slug": "acme", "kind": "team", "title": "Acme"}],
        "users": [{**person, "password_hash": HASH} for person in people],
        "applications": [{"slug": "plant", "space": "acme", "title": "Plant"}],
        "instances": [{"application": "acme/plant", **instance} for instance in instances],
        **more,
    }


def environment() -> dict[str, str]:
    """That of this process, but with bytecode kept, as an installed gateway has it: it halves the time to start."""
    kept = Path(__file__).parents[2] / ".cache" / "bytecode"
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(kept)}


@dataclass(slots=True)
class Site:
    """A configuration in a folder. `settings` may be changed before it is written."""

    folder: Path
    estate: dict[str, object]
    port: int = field(default_factory=free_port)
    operations: int = field(default_factory=free_port)
    settings: dict[str, dict[str, object]] = field(default_factory=dict)
    scheme: str = "http"
    name: str = "localhost"
    """The host of home."""

    @property
    def path(self) -> Path:
        return self.folder / "flowward.yaml"

    @property
    def home(self) -> str:
        return f"{self.scheme}://{self.name}:{self.port}"

    def origin(self, host: str) -> str:
        return f"{self.scheme}://{host}:{self.port}"

    def write(self) -> None:
        """Write both files; again to change what a running gateway reloads."""
        server = {
            "listen": [f"127.0.0.1:{self.port}"],
            "public_url": self.home,
            "operations": f"127.0.0.1:{self.operations}",
            **self.settings.get("server", {}),
        }
        state = {"timeout": PATIENCE, **self.settings.get("state", {})}
        quiet = {"level": "warning", "access": False}
        content = {"log": quiet, **self.settings, "server": server, "state": state, "estate": ["estate.yaml"]}
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "estate.yaml").write_text(yaml.safe_dump(self.estate))
        self.path.write_text(yaml.safe_dump(content))

    @asynccontextmanager
    async def running(self, clock: Clock = SYSTEM) -> AsyncIterator[Running]:
        """The gateway in this very loop."""
        self.write()
        config = await asyncio.to_thread(load, self.path, os.environ)
        async with opened(self.path, config, clock) as running:
            yield running

    @asynccontextmanager
    async def process(
        self,
        *,
        stop: signal.Signals | None = signal.SIGTERM,
        stdout: int = asyncio.subprocess.DEVNULL,
        stderr: int | None = None,
        before: Sequence[str] = (),
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        """`flowward serve` as an operator starts it, ready; stopped at the end unless it ended by itself.

        `before` is a command that ends by becoming what follows it.
        """
        self.write()
        command = (*before, sys.executable, "-m", "proxy.cli", "serve", "-c", str(self.path))
        process = await asyncio.create_subprocess_exec(*command, stdout=stdout, stderr=stderr, env=environment())
        try:
            await self._ready(process)
            yield process
        finally:
            if process.returncode is None and stop is not None:
                process.send_signal(stop)
            async with asyncio.timeout(60):
                await process.wait()

    async def _ready(self, process: asyncio.subprocess.Process) -> None:
        async with asyncio.timeout(60), ClientSession() as session:
            while process.returncode is None:
                try:
                    async with session.get(f"http://127.0.0.1:{self.operations}/readyz") as answer:
                        if answer.status == 200:
                            return
                except OSError:
                    await asyncio.sleep(0.02)  # there is nothing to wait on before it listens
        raise AssertionError(f"the gateway ended with exit code {process.returncode}")


@dataclass(slots=True)
class Visitor:
    """A browser without a screen: cookies per host, redirects followed by hand, every name on loopback."""

    site: Site
    session: ClientSession
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    doors: tuple[int, ...] = ()
    """Ports that requests come in at by turns, as a load balancer spreads them; none for that of the address."""
    asked: list[str] = field(default_factory=list)
    """The path of every request so far."""

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, data: bytes | str | None = None
    ) -> ClientResponse:
        """One request, its body read, redirects not followed."""
        address = URL(url, encoded=True)
        self.asked.append(address.raw_path)
        host = address.host or ""
        sent = {"Host": f"{host}:{address.port}", **(headers or {})}
        if held := self.cookies.get(host):
            sent.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in held.items()))
        door, *others = self.doors or (address.port,)
        self.doors = (*others, door) if self.doors else ()
        on_loopback = f"{self.site.scheme}://127.0.0.1:{door}{address.raw_path_qs}"
        response = await self.session.request(
            method, URL(on_loopback, encoded=True), headers=sent, data=data, allow_redirects=False, server_hostname=host
        )
        await response.read()
        for line in response.headers.getall("Set-Cookie", ()):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies.setdefault(host, {})[name] = value
        return response

    async def navigate(self, url: str) -> ClientResponse:
        """Go to an address as the address bar does, through every redirect."""
        for _ in range(10):
            response = await self.request("GET", url, headers=NAVIGATION)
            if response.status not in (301, 302, 303, 307, 308):
                return response
            url = str(URL(url, encoded=True).join(URL(response.headers["Location"], encoded=True)))
        raise AssertionError(f"going in circles at {url}")

    async def log_in(self, username: str, url: str, password: str = PASSWORD) -> ClientResponse:
        """Go to an address, fill in the form that comes, and return what is shown in the end."""
        page = await self.navigate(url)
        return await self.fill_in(await page.text(), username=username, password=password)

    async def fill_in(self, page: str, **typed: str) -> ClientResponse:
        """Fill in the login form of a page, and return what is shown in the end."""
        fields = {
            name: value.replace("&amp;", "&")
            for name, value in re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page)
        }
        home = urlsplit(self.site.home)
        answer = await self.request(
            "POST",
            f"{self.site.home}/-/login",
            headers={
                **NAVIGATION,
                "Origin": self.site.home,
                "Content-Type": "application/x-www-form-urlencoded",
            },
            data=urlencode(fields | typed),
        )
        if answer.status != 303:
            return answer
        return await self.navigate(
            str(URL(f"{home.scheme}://{home.netloc}/").join(URL(answer.headers["Location"], encoded=True)))
        )

    async def logged_in(self, username: str, host: str = "") -> None:
        """Log in at a host, or at home."""
        shown = await self.log_in(username, f"{self.site.origin(host)}/" if host else f"{self.site.home}/")
        session = Cookies.of(self.site.home).session
        assert session in self.cookies.get(self.site.name, {}), f"{shown.status} {await shown.text()}"

    def cookie(self, host: str) -> str:
        """The Cookie field for a host."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies[host].items())


NAVIGATION = {
    "Accept": "text/html,application/xhtml+xml",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Site": "none",
}


@asynccontextmanager
async def visitor(site: Site, username: str | None = None, host: str = "") -> AsyncIterator[Visitor]:
    """Somebody at the gateway; logged in at a host where a user is named."""
    connector = TCPConnector(limit=0, ssl=False)
    async with ClientSession(connector=connector, cookie_jar=DummyCookieJar(), auto_decompress=False) as session:
        somebody = Visitor(site, session)
        if username is not None:
            await somebody.logged_in(username, host)
        yield somebody
