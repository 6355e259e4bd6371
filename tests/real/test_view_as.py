"""C-19: an admin looks on as Emma on the real thing: exactly her launcher and pages, and nothing of theirs gets in."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from tests.peers.browser import Chromium
from tests.peers.browser import Visitor as Browser
from tests.peers.gateway import HASH, visitor
from tests.peers.nodered import Programs
from tests.proxy.web.api.house import Client
from tests.real.place import HOST, Place, at_dashboard, fill_in, place, sees_dashboard

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

SAID = "You are looking on as Emma. Nothing you do changes anything."


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def where(node_red_programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """Emma, of Customer A, has the dashboard of line-3, and nothing of line-4."""
    customer = {"slug": "customer-a", "kind": "customer", "parent": "acme", "title": "Customer A"}
    declared = {
        "spaces": [{"slug": "acme", "kind": "team", "title": "Acme"}, customer],
        "users": [
            {"username": "ada", "name": "Ada", "admin": True, "password_hash": HASH},
            {"username": "emma", "name": "Emma", "password_hash": HASH, "memberships": {"customer-a": "dashboard"}},
        ],
        "grants": [{"target": "acme/plant/line-3", "space": "customer-a", "role": "dashboard"}],
    }
    further = [{"slug": "line-4", "hosts": ["line-4.localhost"], "application": "acme/plant"}]
    folder = tmp_path_factory.mktemp("line")
    async with place(node_red_programs, folder, declared=declared, further=further) as made:
        yield made


async def tiles(browser: Browser) -> list[str]:
    return await browser.page.locator("ul.tiles li").all_inner_texts()


async def said(browser: Browser, where: str = "p.viewing") -> str:
    """The line that says that somebody looks on."""
    return " ".join((await browser.page.locator(where).inner_text()).split())


async def looks_on(where: Place, browser: Browser, *, logged_in: bool = False) -> None:
    """Ada logs in, names Emma, and is at the launcher."""
    if not logged_in:
        await browser.page.goto(where.site.home)
        await fill_in(browser, "ada")
        await browser.page.get_by_text("Your instances").first.wait_for()
    await browser.page.goto(f"{where.site.home}/-/view-as")
    await browser.page.get_by_label("Username or mail address").fill("emma")
    await browser.page.get_by_role("button", name="Look on").click()
    await browser.page.get_by_text("Your instances").first.wait_for()


async def test_c_19_an_admin_sees_exactly_what_emma_sees(where: Place, chromium: Chromium, tmp_path: Path) -> None:
    async with chromium.visitor() as emma, chromium.visitor() as ada:
        await emma.page.goto(where.site.home)
        await fill_in(emma, "emma")
        await emma.page.get_by_text("Your instances").first.wait_for()
        await at_dashboard(where, ada, "ada")  # with a cookie of her own on the instance's host
        await looks_on(where, ada, logged_in=True)
        assert await said(ada) == f"{SAID} End"
        (tile,) = await tiles(emma)
        await ada.page.get_by_text(tile.splitlines()[0]).first.wait_for()
        assert await tiles(ada) == [tile]
        await ada.page.screenshot(path=tmp_path / "launcher.png")
        await ada.page.goto(where.page)
        await sees_dashboard(ada, "emma")
        assert await said(ada, "[data-flowward-viewing]") == f"{SAID} End"
        await ada.page.screenshot(path=tmp_path / "dashboard.png")
        hidden = await ada.page.goto(where.site.origin("line-4.localhost") + "/dashboard/line")
        assert hidden is not None
        assert hidden.status == 404
        assert await said(ada) == f"{SAID} End"
        await emma.page.goto(where.page)
        await sees_dashboard(emma, "emma")
        assert await emma.page.locator("[data-flowward-viewing]").count() == 0


async def test_c_19_nothing_that_is_pressed_or_sent_gets_to_the_flow(where: Place, chromium: Chromium) -> None:
    async with chromium.visitor() as ada, chromium.visitor() as emma:
        await looks_on(where, ada)
        await ada.page.goto(where.page)
        await sees_dashboard(ada, "emma")
        await where.seen()
        await ada.page.get_by_role("button", name="Press").click()
        await ada.page.get_by_role("button", name="Say").click()
        statuses = [
            await ada.page.evaluate("async ([m, p]) => (await fetch(p, { method: m })).status", [method, path])
            for method, path in (("POST", "/api/echo"), ("DELETE", "/api/echo"), ("POST", "/admin/flows"))
        ]
        assert statuses == [403, 403, 403]
        await at_dashboard(where, emma, "emma")
        await emma.page.get_by_role("button", name="Press").click()
        await emma.page.get_by_text("pressed").first.wait_for()
        presses = [each for each in await where.seen() if each["from"] == "button"]
        assert len(presses) == 1, "Emma's own, and not the admin's before it"


async def test_c_19_it_ends_where_the_dashboard_says_and_two_events_name_both(where: Place, chromium: Chromium) -> None:
    async with chromium.visitor() as ada:
        await looks_on(where, ada)
        await ada.page.goto(where.page)
        await sees_dashboard(ada, "emma")
        await ada.page.locator("[data-flowward-viewing] a").click()
        await ada.page.get_by_role("button", name="End it, and be myself again").click()
        await ada.page.get_by_role("heading", name="Look on as somebody").wait_for()
        await ada.page.goto(where.page)
        await sees_dashboard(ada, "ada")
        assert await ada.page.locator("[data-flowward-viewing]").count() == 0
        hosts = {host for host, _ in await ada.cookies()}
        assert hosts == {"localhost", urlsplit(where.origin).hostname}
    async with visitor(where.site) as somebody:
        client = Client(somebody)
        logged_in = await client.post("/auth/login", {"username": "ada", "password": "correct horse battery"})
        client.csrf = str(logged_in.json["csrf"])
        for what in ("started", "ended"):
            latest = (await client.get(f"/audit?event=platform.view-as.{what}")).items[0]
            assert latest["trigger"]["name"] == "ada"  # type: ignore[index]
            assert latest["body"]["username"] == "emma"  # type: ignore[index]


async def test_c_19_an_open_dashboard_ends_with_it(where: Place, chromium: Chromium) -> None:
    async with chromium.visitor() as ada:
        await looks_on(where, ada)
        await ada.page.goto(where.page)
        await sees_dashboard(ada, "emma")
        tab = await ada.new_tab()
        await tab.goto(f"{where.site.home}/-/view-as")
        await tab.get_by_role("button", name="End it, and be myself again").click()
        await ada.until(lambda: any(HOST in address for address in ada.closed_sockets))
        await ada.page.get_by_text("Hello Ada").wait_for()
