"""Real Node-RED behind the gateway as an operator would set both up: `flowward serve`, and the snippet in settings.js."""

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp

from config.keys import load_or_create
from proxy.cli.nodered_setup import OWN_PLUGIN, NodeRed
from proxy.services.assertions import Signer
from tests.peers.browser import Visitor as Browser
from tests.peers.gateway import PASSWORD, Site, environment, estate
from tests.peers.nodered import Programs, nodered
from tests.peers.ports import free_port
from tests.real.flows import PAGE, write_flows

HOST = "line-3.localhost"
INSTANCE = "acme/plant/line-3"
PLENTY = "10000/1s"


@dataclass(slots=True, kw_only=True)
class Place:
    """A gateway of its own process, and the Node-RED behind it."""

    site: Site
    node: NodeRed
    gateway: asyncio.subprocess.Process
    start_node: Callable[[], AbstractAsyncContextManager[NodeRed]]
    """Start Node-RED once more, where it was."""
    signer: Signer
    trust: Mapping[str, str]
    """Whose assertions the instance takes, and for whom."""
    admin_root: str
    node_root: str
    host: str

    @property
    def origin(self) -> str:
        return self.site.origin(self.host)

    @property
    def admin(self) -> str:
        """The address of the editor, with its slash."""
        return self.origin + self.admin_root.rstrip("/") + "/"

    @property
    def pages(self) -> str:
        """What dashboards and endpoints begin with."""
        return self.origin + self.node_root.rstrip("/")

    @property
    def page(self) -> str:
        """The dashboard's one page."""
        return self.pages + PAGE

    async def seen(self) -> list[dict[str, object]]:
        """What flows got from pages since this was asked last, read behind the gateway's back."""
        path = self.node_root.rstrip("/") + "/api/seen?forget"
        async with aiohttp.ClientSession() as session, session.get(self.node.url + path) as answer:
            found: list[dict[str, object]] = await answer.json()
            return found

    async def flowward(self, *words: str) -> str:
        """Run a command of the gateway's in this place; its standard output."""
        return await flowward(self.site, *words)

    def assertion(self, username: str, **claims: object) -> str:
        """An assertion as the gateway signs it, for what is said to Node-RED without the gateway in between."""
        now = int(time.time())
        usual = {
            "iss": self.trust["issuer"],
            "aud": self.trust["audience"],
            "sub": username,
            "username": username,
            "use": "http",
            "iat": now,
            "exp": now + 60,
        }
        return self.signer.sign({**usual, **claims}).decode()


async def flowward(site: Site, *words: str) -> str:
    """Run a command of the gateway's; its standard output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "proxy.cli",
        *words,
        "-c",
        str(site.path),
        stdout=asyncio.subprocess.PIPE,
        env=environment(),
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode()


@asynccontextmanager
async def place(
    programs: Programs,
    folder: Path,
    *,
    plugin: str = OWN_PLUGIN,
    home: str = "localhost",
    host: str = HOST,
    admin_root: str = "/admin",
    node_root: str = "/",
    flows: Path | None = None,
    instance: Mapping[str, object] | None = None,
    declared: Mapping[str, object] | None = None,
    further: Sequence[Mapping[str, object]] = (),
    settings: Mapping[str, Mapping[str, object]] | None = None,
) -> AsyncIterator[Place]:
    """`instance` adds to what the estate says of the one instance; `further` are whole ones on the same Node-RED.

    `declared` replaces whole sections of the estate.
    """
    upstream = free_port()
    said = {
        "upstream": f"http://127.0.0.1:{upstream}",
        "admin_root": admin_root,
        "node_root": node_root,
        "endpoints": [f"{node_root.rstrip('/')}/api/*"],
    }
    instances = [{"slug": "line-3", "hosts": [host], **said, **(instance or {})}]
    instances += [{**said, **one} for one in further]
    site = Site(folder, estate(instances, **(declared or {})), name=home)
    site.settings = {"limits": {"login": PLENTY, "anonymous": PLENTY}}
    site.settings |= {section: dict(values) for section, values in (settings or {}).items()}
    written = flows or write_flows(folder / "the-flows.json")
    async with site.process() as gateway:
        module = await _trust(site)
        keys = await asyncio.to_thread(load_or_create, folder / "var", time.time())
        start_node = partial(
            nodered,
            programs,
            folder / "node-red",
            flows=written,
            plugin=plugin,
            modules=[module] if plugin == OWN_PLUGIN else [],
            admin_root=admin_root,
            node_root=node_root,
            port=upstream,
        )
        async with start_node() as node:
            yield Place(
                site=site,
                node=node,
                gateway=gateway,
                start_node=start_node,
                signer=Signer(keys, time.time),
                trust=_told(module.read_text()),
                admin_root=admin_root,
                node_root=node_root,
                host=host,
            )


async def _trust(site: Site) -> Path:
    module = site.folder / "flowward.settings.js"
    module.write_text(await flowward(site, "nodered", "snippet", INSTANCE))
    return module


def _told(snippet: str) -> dict[str, str]:
    return dict(re.findall(r'(issuer|audience): "([^"]*)"', snippet))


async def fill_in(browser: Browser, username: str) -> None:
    """Log in with the form that is shown."""
    await browser.page.get_by_label("Username").fill(username)
    await browser.page.get_by_label("Password").fill(PASSWORD)
    await browser.page.get_by_role("button", name="Log in", exact=True).click()


async def at_dashboard(where: Place, browser: Browser, username: str) -> None:
    """Go to the dashboard, log in on the way, and see it."""
    await browser.page.goto(where.page)
    await fill_in(browser, username)
    await sees_dashboard(browser, username)


async def sees_dashboard(browser: Browser, username: str) -> None:
    """The page greets, and its socket is a websocket that has said what it has to say at its start."""
    await browser.page.get_by_text(f"Hello {username.title()}").wait_for()
    await browser.until(lambda: any(frame.payload == "5" for frame in browser.frames))
