"""A real Chromium, and what one person sees in it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.async_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Response,
    WebSocket,
    async_playwright,
)

from tests.peers.changes import DEADLINE, Changes

EXECUTABLES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One websocket message that the page sent or got, and the address of its socket."""

    url: str
    way: Literal["sent", "got"]
    payload: str | bytes


@dataclass(kw_only=True)
class Visitor:
    """One person's browser: its own cookies, one page to begin with, and everything that went wrong in any of them.

    `errors` holds console errors and uncaught exceptions, `refused` the (status, address) of each answer over 399.
    """

    context: BrowserContext
    page: Page
    errors: list[str] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    closed_sockets: list[str] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)

    def watch(self, page: Page) -> None:
        page.on("console", self._noted_line)
        page.on("pageerror", self._noted_error)
        page.on("response", self._noted_answer)
        page.on("websocket", self._watch_socket)

    async def new_tab(self) -> Page:
        page = await self.context.new_page()
        self.watch(page)
        return page

    async def cookies(self) -> dict[tuple[str, str], str]:
        """(host, name) -> value, of every cookie this browser holds."""
        held = await self.context.cookies()
        return {(cookie.get("domain", ""), cookie.get("name", "")): cookie.get("value", "") for cookie in held}

    async def until(self, holds: Callable[[], object], *, seconds: float = DEADLINE) -> None:
        """Return as soon as `holds`, asked again whenever something was recorded; TimeoutError when it never does."""
        await self.changes.until(holds, seconds=seconds)

    def _noted_line(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)
            self.changes.told()

    def _noted_error(self, error: Error) -> None:
        self.errors.append(str(error))
        self.changes.told()

    def _noted_answer(self, answer: Response) -> None:
        if answer.status > 399:
            self.refused.append((answer.status, answer.url))
            self.changes.told()

    def _watch_socket(self, socket: WebSocket) -> None:
        socket.on("framesent", lambda payload: self._noted_frame(socket, "sent", payload))
        socket.on("framereceived", lambda payload: self._noted_frame(socket, "got", payload))
        socket.on("close", self._noted_close)

    def _noted_frame(self, socket: WebSocket, way: Literal["sent", "got"], payload: str | bytes) -> None:
        self.frames.append(Frame(url=socket.url, way=way, payload=payload))
        self.changes.told()

    def _noted_close(self, socket: WebSocket) -> None:
        self.closed_sockets.append(socket.url)
        self.changes.told()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chromium:
    """A running browser; each visitor in it knows nothing of the others."""

    browser: Browser

    @asynccontextmanager
    async def visitor(self, *, java_script: bool = True) -> AsyncIterator[Visitor]:
        context = await self.browser.new_context(
            java_script_enabled=java_script, ignore_https_errors=True, viewport={"width": 1280, "height": 800}
        )
        try:
            visitor = Visitor(context=context, page=await context.new_page())
            visitor.watch(visitor.page)
            yield visitor
        finally:
            await context.close()


@asynccontextmanager
async def chromium(executable: Path) -> AsyncIterator[Chromium]:
    """Start the browser of the machine; every `*.localhost` name leads to the loopback address in it."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=FLAGS)
        try:
            yield Chromium(browser=browser)
        finally:
            await browser.close()
