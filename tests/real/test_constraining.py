"""Scenario X-0: one person in two browsers and another in a third, and three sliders that reach all, one's own, one tab."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import pytest_asyncio

from tests.peers.browser import Chromium, Visitor
from tests.peers.gateway import visitor as as_visitor
from tests.peers.nodered import CLOUDFLARE_PLUGIN, Programs
from tests.real.place import HOST, Place, at_dashboard, place
from tests.real.socketio import connected

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

FORGED = {
    "Cf-Access-Authenticated-User-Email": "root@acme.example",
    "Cf-Connecting-Ip": "203.0.113.7",
    "X-Flowward-User": "root",
    "X_Flowward_User": "root",
    "X-Flowward-Assertion": "e30.e30.e30",
    "Remote-User": "root",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cloudflare(node_red_programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """The same with a plugin that trusts plain headers, as it comes from npm."""
    folder = tmp_path_factory.mktemp("cloudflare")
    only_headers = {"identity": ["cloudflare"]}
    async with place(node_red_programs, folder, plugin=CLOUDFLARE_PLUGIN, instance=only_headers) as where:
        yield where


@asynccontextmanager
async def three(where: Place, chromium: Chromium) -> AsyncIterator[tuple[Visitor, ...]]:
    """Dora in two browsers and vic in one, all of whom claim to be somebody else in every header they can set."""
    async with AsyncExitStack() as stack:
        browsers = [await stack.enter_async_context(chromium.visitor()) for _ in range(3)]
        for browser, name in zip(browsers, ("dora", "dora", "vic"), strict=True):
            await browser.context.set_extra_http_headers(FORGED)
            await at_dashboard(where, browser, name)
        yield tuple(browsers)


async def slide(visitor: Visitor, slider: str) -> None:
    """Move a slider by a step."""
    thumb = visitor.page.locator(f"#nrdb-ui-widget-{slider} [role=slider]")
    await thumb.focus()
    await thumb.press("ArrowRight")


def drawn(visitor: Visitor, chart: str) -> int:
    """How often a chart was told something."""
    told = f'"msg-input:{chart}"'
    return sum(told in str(frame.payload) for frame in visitor.frames if frame.way == "got")


async def receivers(visitors: Iterable[Visitor], sender: Visitor, slider: str) -> list[int]:
    """How many messages each browser gets when the sender moves a slider; all have then heard all there is to hear."""
    everybody = list(visitors)
    before = [drawn(visitor, f"chart-{slider}") for visitor in everybody]
    mark = [drawn(visitor, "chart-everyone") for visitor in everybody]
    await slide(sender, slider)
    await sender.until(lambda: drawn(sender, f"chart-{slider}") > before[everybody.index(sender)])
    if slider != "everyone":  # what goes to everyone comes after what was meant for some
        await slide(sender, "everyone")
    for visitor, heard in zip(everybody, mark, strict=True):
        await visitor.until(lambda visitor=visitor, heard=heard: drawn(visitor, "chart-everyone") > heard)  # type: ignore[misc]
    return [drawn(visitor, f"chart-{slider}") - heard for visitor, heard in zip(everybody, before, strict=True)]


async def test_each_slider_reaches_whom_it_is_meant_for(line: Place, chromium: Chromium) -> None:
    """X-0 with our plugin; D-02."""
    async with three(line, chromium) as visitors:
        await line.seen()
        assert await receivers(visitors, visitors[0], "everyone") == [1, 1, 1]
        assert await receivers(visitors, visitors[0], "mine") == [1, 1, 0]
        assert await receivers(visitors, visitors[0], "here") == [1, 0, 0]
        assert await receivers(visitors, visitors[2], "mine") == [0, 0, 1]
        assert "root" not in str([frame for visitor in visitors for frame in visitor.frames if frame.way == "got"])


async def test_what_was_meant_for_one_is_kept_for_nobody_else_to_load(line: Place, chromium: Chromium) -> None:
    """D-04: a page that is opened later asks for each widget's state, and hears nothing of what dora was told."""
    async with three(line, chromium) as visitors:
        await receivers(visitors, visitors[0], "mine")
        async with as_visitor(line.site, "vic", HOST) as vic, connected(vic, line.pages) as page:
            for widget in ("chart-mine", "chart-everyone"):
                await page.say("widget-load", widget)
                await page.until(f"widget-load:{widget}")
            assert "dora" not in str(page.events)


async def test_an_unmodified_cloudflare_plugin_answers_everyone_and_one_tab_and_believes_no_browser(
    cloudflare: Place, chromium: Chromium
) -> None:
    """X-0, steps 1 and 3. D-08, R-57: it has no say about whom a message reaches, so step 2 is not its to give."""
    async with three(cloudflare, chromium) as visitors:
        assert await receivers(visitors, visitors[0], "everyone") == [1, 1, 1]
        assert await receivers(visitors, visitors[0], "here") == [1, 0, 0]
        await cloudflare.seen()
        await visitors[0].page.get_by_role("button", name="Press").click()
        await visitors[0].page.get_by_text("pressed").first.wait_for()
        [told] = [one["_client"]["user"] for one in await cloudflare.seen() if one["from"] == "button"]  # type: ignore[index]
        assert told["email"] == told["userId"] == "dora@acme.example"
        assert told["ip"] == "127.0.0.1"
