"""A dashboard that is shared page by page: who gets to see and press what, on real Node-RED, every byte looked at."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from tests.peers.browser import Chromium
from tests.peers.browser import Visitor as Browser
from tests.peers.gateway import visitor as as_visitor
from tests.peers.nodered import Programs
from tests.real.governed import HOST, Field, field, foreign, page_of
from tests.real.place import fill_in
from tests.real.socketio import SocketIo

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

AT_ONCE = 1.0
"""Seconds within which an open page hears of what is no longer its visitor's."""
TRANSPORTS = pytest.mark.parametrize("upgrade", [True, False], ids=["websocket", "polling"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(node_red_programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Field]:
    """The oilfield is amy's, the gasworks ben's, tips are for both to look at."""
    async with field(node_red_programs, tmp_path_factory.mktemp("field"), io_middleware=True) as found:
        await found.share("oil", "amber")
        await found.share("gas", "beryl")
        await found.share("tips", "amber", "beryl", readonly=True)
        await found.settle()
        yield found


def assert_unheard(page: SocketIo, *pages: str) -> None:
    """Nothing that came in says anything of these pages."""
    for name in pages:
        for word in foreign(name):
            assert not [payload for payload in page.raw if word in payload]


@TRANSPORTS
async def test_g_01_nobody_receives_a_byte_of_anybody_elses_page(place: Field, upgrade: bool) -> None:
    """G-01: ids, names and paths, at the start and while both pages are in use."""
    async with page_of(place, "amy", upgrade=upgrade) as amy, page_of(place, "ben", upgrade=upgrade) as ben:
        for to in ("tx-oil-7", "tx-gas-7"):
            await place.tell(to, payload=f"news of {to}")
        await place.tell("tx-tips-7", payload="for both")
        for page, own, other in ((amy, "oil", "gas"), (ben, "gas", "oil")):
            await page.until("msg-input:tx-tips-7")
            assert [msg["payload"] for [msg] in page.of(f"msg-input:tx-{own}-7")] == [f"news of tx-{own}-7"]  # type: ignore[index]
            config = page.of("ui-config")[-1][1]
            assert set(config["pages"]) == {f"pg-{own}-7", "pg-tips-7"}  # type: ignore[index]
            assert_unheard(page, other)


@TRANSPORTS
async def test_g_01_what_is_sent_to_anybody_elses_widget_never_reaches_the_flow(place: Field, upgrade: bool) -> None:
    """G-01."""
    async with page_of(place, "amy", upgrade=upgrade) as amy:
        await place.heard()
        for event in ("widget-action", "widget-send", "widget-change"):
            await amy.say(event, "sl-gas-7", {"payload": 66})
        await amy.say("widget-load", "tx-gas-7")
        await amy.say("widget-load", "tx-oil-7")
        await amy.say(
            "ui-event", "all", {"topic": "$pageview", "payload": {"page": {"id": "pg-gas-7", "name": "gas page 7"}}}
        )
        await amy.say("ui-control", "control-7", "change", {"page": 1, "name": "gas page 7"})
        await amy.say("widget-change", "sl-oil-7", 7)
        await amy.say(
            "ui-event", "all", {"topic": "$pageview", "payload": {"page": {"id": "pg-oil-7", "path": "/oil-7"}}}
        )
        heard = await place.until_heard("event")
        assert [one for one in heard if one[0] != "event"] == [("oil", 7)]
        assert len([one for one in heard if one[0] == "event"]) == 1
        assert_unheard(amy, "gas")


@TRANSPORTS
async def test_g_03_a_page_that_is_only_looked_at_lets_nothing_in(place: Field, upgrade: bool) -> None:
    """G-03."""
    async with page_of(place, "ben", upgrade=upgrade) as ben:
        await place.heard()
        for event in ("widget-action", "widget-send", "widget-change"):
            await ben.say(event, "sl-tips-7", {"payload": 66})
        await ben.say("ui-event", "all", {"topic": "$pageview", "payload": {"page": {"id": "pg-tips-7"}}})
        assert [one[0] for one in await place.until_heard("event")] == ["event"]


async def test_who_has_a_role_on_the_instance_sees_the_pages_of_its_team(place: Field) -> None:
    """Spec 3.2: pages without an owner of their own inherit the instance."""
    async with page_of(place, "vic", upgrade=True) as vic:
        assert set(vic.of("ui-config")[-1][1]["pages"]) == {f"pg-{name}-7" for name in ("oil", "gas", "tips")}  # type: ignore[index]


async def test_controls_and_notifications_name_nobody_elses_page(place: Field) -> None:
    """G-01."""
    async with page_of(place, "amy", upgrade=True) as amy, page_of(place, "ben", upgrade=True) as ben:
        await place.tell("control-7", payload={"pages": {"show": ["oil page 7", "gas page 7"]}})
        await place.tell("control-7", payload={"page": "gas page 7"})
        await place.tell("notice-7", payload="pg-gas-7")
        await place.tell("notice-7", payload="for both")
        for page, own in ((amy, "oil"), (ben, "gas")):
            await page.changes.until(lambda page=page: "for both" in str(page.of("msg-input:notice-7")))  # type: ignore[misc]
            shown = page.of("ui-control:control-7")[0][0]["payload"]["pages"]["show"]  # type: ignore[index]
            assert shown == [f"pg-{own}-7"]
        assert_unheard(amy, "gas")
        assert "pg-gas-7" in str(ben.of("msg-input:notice-7"))


async def test_d_06_add_ons_that_believe_the_page_are_told_who_is_really_there(place: Field) -> None:
    """D-06, on polls and on a websocket that begins without any."""
    root = {"user": {"userId": "root", "username": "root"}, "token": "x"}
    async with page_of(place, "amy", upgrade=True, auth=root):
        assert [list(auth) for auth in (await place.asked())["auths"][-1:]] == [["user"]]
        [user] = [auth["user"] for auth in (await place.asked())["auths"][-1:]]
        assert user["username"] == "amy"  # type: ignore[index]
    async with as_visitor(place.site, "ben", HOST) as ben:
        address = f"http://127.0.0.1:{place.site.port}/dashboard/socket.io/?EIO=4&transport=websocket"
        headers = {"Host": f"{HOST}:{place.site.port}", "Origin": place.origin, "Cookie": ben.cookie(HOST)}
        async with ben.session.ws_connect(address, headers=headers) as socket:
            assert (await socket.receive_str(timeout=10)).startswith("0{")
            await socket.send_str("40" + json.dumps(root))
            assert (await socket.receive_str(timeout=10)).startswith("40{")
            config = await socket.receive_str(timeout=10)
            assert "pg-gas-7" in config
            assert "pg-oil-7" not in config
        assert [auth["user"]["username"] for auth in (await place.asked())["auths"][-1:]] == ["ben"]  # type: ignore[index]


@TRANSPORTS
async def test_a_page_that_is_taken_away_leaves_the_open_dashboard_within_a_second(place: Field, upgrade: bool) -> None:
    """G-01: the socket ends, and the page comes back to less."""
    await place.share("gas", "amber")
    await place.settle()
    async with page_of(place, "amy", upgrade=upgrade) as amy:
        assert "pg-gas-7" in str(amy.raw)
        await place.take_away("gas", "amber")
        async with asyncio.timeout(AT_ONCE):
            await amy.changes.until(lambda: amy.ended)
    async with page_of(place, "amy", upgrade=upgrade) as amy:
        assert_unheard(amy, "gas")


async def test_a_browser_shows_ones_own_pages_alone_and_takes_part(place: Field, chromium: Chromium) -> None:
    """G-01, G-03, in Chromium: the page works on what is left of its configuration."""
    async with AsyncExitStack() as stack:
        amy, ben = [await stack.enter_async_context(chromium.visitor()) for _ in range(2)]
        await at_page(place, amy, "amy", "oil")
        await at_page(place, ben, "ben", "tips")
        await place.heard()
        await slide(amy, "sl-oil-7")
        await slide(ben, "sl-tips-7")
        await place.tell("tx-oil-7", payload="to amy")
        await place.tell("tx-tips-7", payload="to both")
        await amy.page.get_by_text("to amy").wait_for()
        await ben.page.get_by_text("to both").wait_for()
        assert {one[0] for one in await place.until_heard("oil")} - {"event"} == {"oil"}
        for browser, own, other in ((amy, "oil", "gas"), (ben, "tips", "oil")):
            got = "".join(str(frame.payload) for frame in browser.frames if frame.way == "got")
            assert f"tx-{own}-7" in got or own == "gas"
            for word in foreign(other):
                assert word not in got
            assert other not in (await browser.page.content())
            assert not [line for line in browser.errors if "Failed to load resource" not in line]


async def at_page(place: Field, browser: Browser, username: str, page: str) -> None:
    await browser.page.goto(f"{place.origin}/dashboard/{page}-7")
    await fill_in(browser, username)
    await browser.page.get_by_text(f"{page} page text").wait_for()
    await browser.until(lambda: any(frame.payload == "5" for frame in browser.frames))


async def slide(browser: Browser, slider: str) -> None:
    """Move a slider by a step."""
    thumb = browser.page.locator(f"#nrdb-ui-widget-{slider} [role=slider]")
    before = int(await thumb.get_attribute("aria-valuenow") or 0)
    await thumb.focus()
    await thumb.press("ArrowRight")
    assert await thumb.get_attribute("aria-valuenow") == str(before + 1)
