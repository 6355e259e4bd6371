"""S-01: an instance in a frame of another site's page, by those that are listed and by nobody else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from playwright.async_api import expect

from tests.peers.answers import by_path, echo, plain
from tests.peers.browser import Chromium
from tests.peers.browser import Visitor as Browser
from tests.peers.gateway import NAVIGATION, PASSWORD, Site, visitor
from tests.peers.upstream import Upstream, upstream
from tests.proxy.app.house import HOST, UPGRADE, certificate, declare, line, site

PORTAL, STRANGER = "portal.localhost", "stranger.localhost"
SOCKET = "/dashboard/socket.io/?EIO=4&transport=websocket"
HTML = (b"Content-Type", b"text/html")
FRAMED = {**NAVIGATION, "Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "cross-site"}
PULLED = {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image", "Sec-Fetch-Site": "cross-site"}


@asynccontextmanager
async def portal(folder: Path, *, fast_lane: bool = True) -> AsyncIterator[tuple[Site, Upstream]]:
    """line-3 may be shown by the portal's pages; stranger.localhost shows it without being asked. All over https."""
    authority = trustme.CA()
    hosts = {name: certificate(authority, folder, name) for name in (HOST, PORTAL, STRANGER)}
    answers: dict[str, object] = {"/dashboard/socket.io/": echo(), "*": plain(b"<h1>Boiler</h1>", HTML)}
    async with upstream(by_path(answers)) as instance:  # type: ignore[arg-type]
        made = site(folder, instance.url, fast_lane=fast_lane, tls=certificate(authority, folder, "localhost"))
        made.settings["server"]["tls"] = {**certificate(authority, folder, "localhost"), "hosts": hosts}
        made.scheme = "https"
        frame = f'<iframe src="{made.origin(HOST)}/dashboard/" width="600" height="400"></iframe>'.encode()
        async with upstream(plain(frame, HTML)) as showing:
            shown = {**line("line-3", instance.url), "framed_by": [made.origin(PORTAL)]}
            others = [{**line(name, showing.url), "hosts": [f"{name}.localhost"]} for name in ("portal", "stranger")]
            declare(made, shown, *others)
            async with made.running():
                yield made, instance


async def set_cookies(made: Site, host: str) -> list[str]:
    async with visitor(made) as vic:
        await vic.log_in("vic", f"{made.home}/")
        cookies, url = [], f"{made.origin(host)}/dashboard/"
        for _ in range(8):
            answer = await vic.request("GET", url, headers=NAVIGATION)
            cookies += answer.headers.getall("Set-Cookie", [])
            if answer.status not in (302, 303):
                return [each for each in cookies if each.startswith("__Host-flowward=")]
            url = (
                answer.headers["Location"]
                if "://" in answer.headers["Location"]
                else made.origin(host) + answer.headers["Location"]
            )
        raise AssertionError(f"going in circles at {url}")


async def test_s_01_only_the_cookie_of_a_framed_host_comes_along_from_other_sites(tmp_path: Path) -> None:
    async with portal(tmp_path) as (made, _):
        (framed,) = [each for each in await set_cookies(made, HOST) if "Max-Age=0" not in each]
        assert framed.endswith("HttpOnly; SameSite=None; Secure")
        (usual,) = [each for each in await set_cookies(made, PORTAL) if "Max-Age=0" not in each]
        assert usual.endswith("HttpOnly; SameSite=Lax; Secure")


@pytest.mark.parametrize("fast_lane", [True, False])
async def test_s_01_every_answer_says_who_may_frame_it(tmp_path: Path, fast_lane: bool) -> None:
    async with portal(tmp_path, fast_lane=fast_lane) as (made, _), visitor(made, "vic", HOST) as vic:
        policy = f"frame-ancestors 'self' {made.origin(PORTAL)}"
        shown = await vic.request("GET", f"{made.origin(HOST)}/dashboard/", headers=FRAMED)
        assert (shown.status, shown.headers.getall("Content-Security-Policy")) == (200, [policy])
        refused = await vic.request("GET", f"{made.origin(HOST)}/admin/settings/user/keys", headers=NAVIGATION)
        assert refused.status == 403
        assert refused.headers["Content-Security-Policy"].endswith(policy)
        assert "X-Frame-Options" not in refused.headers
        await vic.navigate(f"{made.origin(PORTAL)}/")
        beside = await vic.request("GET", f"{made.origin(PORTAL)}/dashboard/", headers=NAVIGATION)
        assert "Content-Security-Policy" not in beside.headers
        login = await vic.request("GET", f"{made.home}/-/login?local=1", headers=NAVIGATION)
        assert "frame-ancestors" not in login.headers.get("Content-Security-Policy", "") or login.headers[
            "Content-Security-Policy"
        ].endswith("frame-ancestors 'none'")


@pytest.mark.parametrize("fast_lane", [True, False])
async def test_s_01_what_other_sites_pull_in_acts_for_nobody(tmp_path: Path, fast_lane: bool) -> None:
    """Neither pictures and scripts, nor posts and sockets: the cookie comes along, but it is no page of this host's."""
    async with portal(tmp_path, fast_lane=fast_lane) as (made, instance), visitor(made, "vic", HOST) as vic:
        url, before = f"{made.origin(HOST)}/api/start", len(instance.requests)
        foreign = {"Origin": made.origin(STRANGER), "Sec-Fetch-Site": "cross-site"}
        listed = {"Origin": made.origin(PORTAL), "Sec-Fetch-Site": "cross-site"}
        for headers in (PULLED, {**PULLED, **foreign}, {**PULLED, **listed}):
            assert (await vic.request("GET", url, headers=headers)).status == 403
        for headers in (foreign, listed, {**FRAMED, **foreign}):
            assert (await vic.request("POST", url, headers=headers)).status == 403
        upgrade = await vic.request("GET", made.origin(HOST) + SOCKET, headers={**dict(UPGRADE), **foreign})
        assert upgrade.status == 403
        assert len(instance.requests) == before
        own = {"Origin": made.origin(HOST), "Sec-Fetch-Site": "same-origin"}
        assert (await vic.request("POST", url, headers=own)).status == 200


async def test_s_01_a_frame_never_shows_a_login(tmp_path: Path) -> None:
    async with portal(tmp_path) as (made, _), visitor(made) as nobody:
        answer = await nobody.request("GET", f"{made.origin(HOST)}/dashboard/?a=1", headers=FRAMED)
        text = await answer.text()
        assert answer.status == 401
        assert 'href="/dashboard/?a=1" target="_blank"' in text
        assert "<form" not in text
        plain_ = await nobody.request("GET", f"{made.origin(PORTAL)}/dashboard/", headers=FRAMED)
        assert "Content-Security-Policy" in plain_.headers
        assert plain_.headers["Content-Security-Policy"].endswith("frame-ancestors 'self'")


async def let_frames_keep_cookies(chromium: Chromium, vic: Browser, made: Site) -> None:
    """Answer beforehand what a browser without a screen cannot ask: may line-3 use its cookie in frames of the portal?"""
    page, browser = await vic.context.new_cdp_session(vic.page), await chromium.browser.new_browser_cdp_session()
    target = (await page.send("Target.getTargetInfo"))["targetInfo"]
    asked = {"permission": {"name": "storage-access"}, "setting": "granted", "origin": made.origin(PORTAL)}
    context = {"embeddedOrigin": made.origin(HOST), "browserContextId": target["browserContextId"]}
    await browser.send("Browser.setPermission", {**asked, **context})


async def test_s_01_the_portal_shows_the_dashboard_in_chromium_and_a_stranger_does_not(
    tmp_path: Path, chromium: Chromium
) -> None:
    """In a window where cookies of framed pages are kept apart until the visitor lets them be used."""
    async with portal(tmp_path) as (made, _), chromium.visitor() as vic:
        await let_frames_keep_cookies(chromium, vic, made)
        await vic.page.goto(f"{made.origin(PORTAL)}/")
        await vic.page.get_by_label("Username or e-mail").fill("vic")
        await vic.page.get_by_label("Password").fill(PASSWORD)
        await vic.page.get_by_role("button", name="Log in", exact=True).click()
        frame = vic.page.frame_locator("iframe")
        await frame.get_by_role("heading", name="Log in to see this").wait_for()
        async with vic.context.expect_page() as opened:
            await frame.get_by_role("link", name="Log in").click()
        beside = await opened.value
        await beside.get_by_role("heading", name="Boiler").click()  # where nobody ever was, browsers let nobody ask
        await vic.page.screenshot(path=tmp_path / "log-in-beside.png")
        await frame.get_by_role("button", name="show it here").click()
        await frame.get_by_role("heading", name="Boiler").wait_for()
        await vic.page.screenshot(path=tmp_path / "framed.png")
        await vic.page.goto(f"{made.origin(STRANGER)}/")
        await vic.until(lambda: any("frame-ancestors" in error for error in vic.errors))
        await expect(vic.page.frame_locator("iframe").get_by_role("heading", name="Boiler")).to_have_count(0)
