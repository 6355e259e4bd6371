"""Three browsers of two people at one dashboard, and every text that each of them gets."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Literal

from playwright.async_api import Error, Response

from tests.peers.browser import Chromium, Visitor
from tests.peers.gateway import HASH
from tests.real.place import Place, fill_in

Transport = Literal["websocket", "polling"]

PEOPLE: Final = {"emma": "north", "emil": "north", "jack": "south"}
"""Who is at which customer."""
DECLARED: Final[dict[str, object]] = {
    "spaces": [
        {"slug": "acme", "kind": "team", "title": "Acme"},
        {"slug": "north", "kind": "customer", "parent": "acme", "title": "North"},
        {"slug": "south", "kind": "customer", "parent": "acme", "title": "South"},
        {"slug": "early", "kind": "group", "parent": "north", "title": "Early shift"},
    ],
    "users": [
        {
            "username": name,
            "name": name.title(),
            "email": f"{name}@{customer}.example",
            "password_hash": HASH,
            "memberships": {customer: "member"} | ({"early": "member"} if name == "emma" else {}),
        }
        for name, customer in PEOPLE.items()
    ],
    "grants": [{"target": "acme/plant/line-3", "space": space, "role": "dashboard"} for space in ("north", "south")],
}
"""Two customers with whom the team shares its one instance."""

FORGED: Final = {
    "Cf-Access-Authenticated-User-Email": "root@acme.example",
    "Cf-Connecting-Ip": "203.0.113.7",
    "X-Flowward-User": "root",
    "X_Flowward_User": "root",
    "X-Flowward-Assertion": "e30.e30.e30",
    "Remote-User": "root",
    "X-Forwarded-User": "root",
    "X-authentik-uid": "root",
}
PROGRAM: Final = 200_000
"""Characters of the Dashboard's own programs, at least: what is as long is the same for everybody."""
_NO_WEBSOCKET: Final = "window.WebSocket = class { constructor () { throw new Error('there is none') } }"


@dataclass(kw_only=True)
class Persona:
    """Somebody at the dashboard."""

    name: str
    browser: Visitor
    bodies: list[str] = field(default_factory=list)
    """What came over HTTP."""
    reading: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def got(self) -> Iterator[str]:
        """Every text so far, of answers and of sockets."""
        yield from self.bodies
        yield from (str(frame.payload) for frame in self.browser.frames if frame.way == "got")

    def told(self, widget: str) -> int:
        """How many messages a widget got."""
        return sum(text.count(f'"msg-input:{widget}"') for text in self.got)

    async def slide(self, slider: str) -> None:
        """Move a slider by a step."""
        thumb = self.browser.page.locator(f"#nrdb-ui-widget-{slider} [role=slider]")
        await thumb.focus()
        await thumb.press("ArrowRight")

    def hear(self) -> None:
        """From now on every answer is kept."""
        self.browser.context.on("response", self._noted)

    def _noted(self, answer: Response) -> None:
        task = asyncio.ensure_future(self._read(answer))
        self.reading.add(task)
        task.add_done_callback(self.reading.discard)

    async def _read(self, answer: Response) -> None:
        try:
            body = await answer.body()
        except Error:  # redirects have none, and pages that were left have lost theirs
            return
        self.bodies.append(body.decode("latin-1"))
        self.browser.changes.told()


@asynccontextmanager
async def at_browser(chromium: Chromium, name: str, transport: Transport = "websocket") -> AsyncIterator[Persona]:
    """Somebody in a browser of their own, in which nothing is open yet; all that comes to it is heard."""
    async with chromium.visitor() as browser:
        if transport == "polling":
            await browser.context.add_init_script(_NO_WEBSOCKET)
        made = Persona(name=name, browser=browser)
        made.hear()
        yield made


@asynccontextmanager
async def at_dashboard(
    where: Place, chromium: Chromium, *names: str, transport: Transport = "websocket"
) -> AsyncIterator[Sequence[Persona]]:
    """Each in a browser of their own; all claim to be somebody else in every header they can set."""
    async with AsyncExitStack() as stack:
        present = []
        for name in names:
            somebody = await stack.enter_async_context(at_browser(chromium, name, transport))
            await somebody.browser.context.set_extra_http_headers(FORGED)
            await somebody.browser.page.goto(where.page)
            await fill_in(somebody.browser, name)
            await arrived(somebody, transport)
            present.append(somebody)
        yield present


async def arrived(persona: Persona, transport: Transport = "websocket") -> None:
    """The page greets its visitor, and its socket has said what it has to say at its start."""
    browser = persona.browser
    await browser.page.get_by_text(f"Hello {persona.name.title()}").wait_for()
    if transport == "websocket":
        await browser.until(lambda: any(frame.payload == "5" for frame in browser.frames))
    await browser.until(lambda: any('"ui-config"' in text for text in persona.got))


async def receivers(present: Sequence[Persona], sender: Persona, slider: str) -> list[int]:
    """How many messages each gets when the sender moves a slider; all have then heard all there is to hear."""
    before = [persona.told(f"chart-{slider}") for persona in present]
    mark = [persona.told("chart-everyone") for persona in present]
    await sender.slide(slider)
    await sender.browser.until(lambda: sender.told(f"chart-{slider}") > before[present.index(sender)])
    if slider != "everyone":  # what goes to everyone comes after what was meant for some
        await sender.slide("everyone")
    for persona, heard in zip(present, mark, strict=True):
        await persona.browser.until(lambda persona=persona, heard=heard: persona.told("chart-everyone") > heard)  # type: ignore[misc]
    return [persona.told(f"chart-{slider}") - heard for persona, heard in zip(present, before, strict=True)]
