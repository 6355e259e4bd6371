"""Logging in by the form, on the way to the dashboard and the editor of a real Node-RED, in Chromium.

Each page is also kept as a picture, in the folder that pytest names by `--basetemp`.
"""

from pathlib import Path

import pytest

from tests.peers.browser import Chromium, Visitor
from tests.real.place import Place, at_dashboard, fill_in, sees_dashboard
from tests.real.test_deploys import is_deploy

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

DEPLOY = "#red-ui-header-button-deploy"
READ_ONLY = ".red-ui-deploy-button-group.readOnly"
PATIENCE = 60_000.0
"""Milliseconds for an editor to load on a machine that is busy."""
LISTED = "RED.plugins.getPlugin('node-red-dashboard-2-flowward')?.auth"


async def keep(visitor: Visitor, folder: Path, name: str) -> None:
    await visitor.page.screenshot(path=folder / f"{name}.png")


async def test_the_form_leads_to_where_one_was_going_and_the_launcher_to_everything_else(
    line: Place, chromium: Chromium, tmp_path: Path
) -> None:
    going = line.page + "?shift=night"
    async with chromium.visitor() as dora:
        await dora.page.goto(going)
        await keep(dora, tmp_path, "login")
        await fill_in(dora, "dora")
        await sees_dashboard(dora, "dora")
        assert dora.page.url == going
        await keep(dora, tmp_path, "dashboard")
        await dora.page.goto(line.site.home)
        await dora.page.get_by_role("heading", name="Your instances").wait_for()
        await keep(dora, tmp_path, "launcher")
        assert await dora.page.get_by_role("link", name="Editor").count() == 0
        await dora.page.get_by_role("link", name="Dashboard").click()
        await sees_dashboard(dora, "dora")
        assert dora.errors == []


async def test_the_dashboard_role_sees_what_it_may_open_instead_of_the_editor(
    line: Place, chromium: Chromium, tmp_path: Path
) -> None:
    """P-04."""
    async with chromium.visitor() as dora:
        await at_dashboard(line, dora, "dora")
        answer = await dora.page.goto(line.admin)
        assert answer is not None
        assert answer.status == 403
        await keep(dora, tmp_path, "forbidden")
        text = await dora.page.locator("main").inner_text()
        for word in ("viewer", "dashboard", "Dora"):
            assert word in text
        await dora.page.get_by_role("link", name="Dashboard of line-3").click()
        await sees_dashboard(dora, "dora")


async def test_p_03_d_09_a_viewer_who_logs_in_sees_an_editor_that_deploys_nothing(
    line: Place, chromium: Chromium, tmp_path: Path
) -> None:
    """No login dialog, no failed request, and our plugin is listed under Client Data."""
    async with chromium.visitor() as vic:
        await vic.page.goto(line.admin)
        await fill_in(vic, "vic")
        await vic.page.locator(DEPLOY).wait_for(timeout=PATIENCE)
        await vic.until(lambda: any("/admin/comms" in frame.url for frame in vic.frames), seconds=30)
        await keep(vic, tmp_path, "editor")
        assert vic.page.url.partition("#")[0] == line.admin
        assert await vic.page.locator(READ_ONLY).count() == 1
        assert await vic.page.locator("#node-dialog-login").count() == 0
        assert await vic.page.evaluate(LISTED) is True
        assert vic.refused == []
        assert vic.errors == []


async def test_a_member_deploys_in_the_editor_and_leaves_by_its_menu(line: Place, chromium: Chromium) -> None:
    """P-02."""
    async with chromium.visitor() as max_:
        page = max_.page
        await page.goto(line.admin)
        await fill_in(max_, "max")
        await page.locator(DEPLOY).wait_for(timeout=PATIENCE)
        await max_.until(lambda: any("/admin/comms" in frame.url for frame in max_.frames), seconds=30)
        assert await page.locator(READ_ONLY).count() == 0
        await page.evaluate("RED.nodes.dirty(true)")
        async with page.expect_response(is_deploy) as deployed:
            await page.locator(DEPLOY).click()
            await page.locator(".red-ui-notification button.primary").click()  # though some nodes are unfinished
        assert (await deployed.value).status == 200
        assert (await deployed.value).url == line.admin + "flows"
        await page.locator("#red-ui-header-button-user").click()
        await page.get_by_text("Logout").click()
        await page.get_by_role("heading", name="You are logged out").wait_for()
        await page.goto(line.page)
        await page.get_by_role("heading", name="Log in").wait_for()
