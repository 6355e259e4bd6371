"""Protecting a real Node-RED: nobody changes it, open editors learn it at once, and looking goes on (L-01..L-05, P-12).

Each page is also kept as a picture, in the folder that pytest names by `--basetemp`.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientResponse

from proxy.model.access import Role
from proxy.nodered.surfaces import Surface
from tests.peers.browser import Chromium
from tests.peers.browser import Visitor as Browser
from tests.peers.gateway import Visitor, visitor
from tests.peers.nodered import Programs
from tests.proxy.nodered.admin_routes import ROUTES
from tests.real.audited import change, outcomes
from tests.real.place import HOST, Place, fill_in, flowward, place

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

OTHER_HOST = "line-4.localhost"
BLOCKED = (Surface.DEPLOY, Surface.TRIGGER, Surface.OTHER)
WRITES = [(method, path) for method, path, surface in ROUTES if surface in BLOCKED]
READS = [path for method, path, surface in ROUTES if method == "GET" and surface is Surface.READ]
DEPLOY = "#red-ui-header-button-deploy"
READ_ONLY = ".red-ui-deploy-button-group.readOnly"
PATIENCE = 60_000.0
AT_ONCE = 1.0
"""Seconds within which an open editor hears of it."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(node_red_programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """Two instances of the gateway's on one Node-RED, so that one can be protected alone."""
    further = [{"slug": "line-4", "hosts": [OTHER_HOST]}]
    async with place(node_red_programs, tmp_path_factory.mktemp("two"), further=further) as where:
        yield where


@pytest_asyncio.fixture(loop_scope="module")
async def protected(two: Place) -> AsyncIterator[Place]:
    await change(two, protected=True)
    yield two
    await change(two, protected=False)


async def asked(somebody: Visitor, where: Place, method: str, path: str, body: object = None) -> ClientResponse:
    headers = {"Origin": where.origin} if method != "GET" else {}
    if body is not None:
        headers["Content-Type"] = "application/json"
    data = json.dumps(body) if body is not None else None
    return await somebody.request(method, where.admin + path, headers=headers, data=data)


async def told(answer: ClientResponse) -> tuple[int, object]:
    """Status and, of a refusal of the gateway's, its code."""
    if answer.content_type != "application/problem+json":
        return answer.status, None
    return answer.status, json.loads(await answer.read())["code"]


async def until(where: Place, somebody: Visitor, *, protected: bool) -> None:
    """Wait until the gateway knows what was changed."""
    refused = (403, "protected_instance")
    async with asyncio.timeout(AT_ONCE):
        while (await told(await asked(somebody, where, "POST", "inject/none")) == refused) is not protected:
            pass


@pytest.mark.parametrize("name", ["max", "olga", "ada"])
async def test_l_01_l_04_l_05_nobody_writes_to_a_protected_instance_whatever_the_role(
    protected: Place, name: str
) -> None:
    """Member, owner and admin; every row of DEPLOY, TRIGGER and OTHER."""
    async with visitor(protected.site, name, HOST) as somebody:
        await until(protected, somebody, protected=True)
        before = await outcomes(protected, "flows.set")
        for method, path in WRITES:
            answer = await asked(somebody, protected, method, path, {} if method in ("POST", "PUT", "PATCH") else None)
            assert await told(answer) == (403, "protected_instance"), (method, path)
        for path in READS:
            assert (await told(await asked(somebody, protected, "GET", path)))[1] is None, path
        assert (await asked(somebody, protected, "GET", "flows")).status == 200
        assert (await asked(somebody, protected, "POST", "settings/user", {"editor": {"view": {}}})).status == 204
    done = (await outcomes(protected, "settings.update"))[-1]
    assert (done.actor_name, done.body) == (name, {"status": 204})
    assert await outcomes(protected, "flows.set") == before


async def test_l_04_no_token_writes_to_a_protected_instance(protected: Place) -> None:
    made = await flowward(protected.site, "token", "create", "--user", "olga", "--name", "ci")
    value = next(word for word in made.split() if word.startswith("fwp_"))
    async with visitor(protected.site, "max", HOST) as somebody:
        await until(protected, somebody, protected=True)
    async with visitor(protected.site) as nobody:
        headers = {"Authorization": f"Bearer {value}", "Content-Type": "application/json"}
        for method, path in WRITES:
            answer = await nobody.request(method, protected.admin + path, headers=headers, data="{}")
            assert await told(answer) == (403, "protected_instance"), (method, path)
        assert (await nobody.request("GET", protected.admin + "flows", headers=headers)).status == 200


async def test_l_03_what_was_protected_can_be_changed_again(two: Place) -> None:
    async with visitor(two.site, "max", HOST) as somebody:
        await change(two, protected=True)
        await until(two, somebody, protected=True)
        await change(two, protected=False)
        await until(two, somebody, protected=False)
        assert (await asked(somebody, two, "POST", "inject/inj1", {})).status == 200


async def opened(where: Place, browser: Browser, name: str) -> None:
    await browser.page.goto(where.admin)
    await fill_in(browser, name)
    await loaded(browser, 0)


async def loaded(browser: Browser, heard: int) -> None:
    """The editor is there, hears its runtime, and has come to rest."""
    await browser.page.locator(DEPLOY).wait_for(timeout=PATIENCE)
    await browser.until(lambda: any("/admin/comms" in frame.url for frame in browser.frames[heard:]), seconds=60)
    await browser.page.wait_for_load_state("networkidle", timeout=PATIENCE)


async def reloads(browser: Browser, heard: int) -> None:
    """Told at once that its rights are others, it comes back with those."""
    fails = '{"auth":"fail"}'
    async with browser.page.expect_event("load", timeout=PATIENCE):
        await browser.until(lambda: fails in [frame.payload for frame in browser.frames[heard:]], seconds=AT_ONCE)
        again = len(browser.frames)
    await loaded(browser, again)


async def pressed(browser: Browser, node: str) -> int:
    """Press the button of a node as a click on it does; the status of what that asks the instance."""
    async with browser.page.expect_response(lambda answer: answer.request.method == "POST") as posted:
        await browser.page.evaluate(
            "key => { const node = RED.nodes.node(key); node._def.button.onclick.call(node) }", node
        )
    return (await posted.value).status


async def test_an_open_editor_is_locked_within_a_second_and_gets_its_rights_back(
    two: Place, chromium: Chromium, tmp_path: Path
) -> None:
    """L-01, L-05: an owner's. The buttons of inject and debug nodes do nothing meanwhile."""
    async with chromium.visitor() as olga:
        await opened(two, olga, "olga")
        page = olga.page
        assert await page.locator(READ_ONLY).count() == 0
        assert await pressed(olga, "inj1") == 200
        await page.screenshot(path=tmp_path / "before.png")
        heard = len(olga.frames)
        await change(two, protected=True)
        await reloads(olga, heard)
        assert await page.locator(READ_ONLY).count() == 1
        assert await page.locator("#node-dialog-login").count() == 0
        await page.screenshot(path=tmp_path / "protected.png")
        assert await pressed(olga, "inj1") == 403
        assert await pressed(olga, "dbg1") == 403
        await page.screenshot(path=tmp_path / "pressed.png")
        heard = len(olga.frames)
        await change(two, protected=False)
        await reloads(olga, heard)
        assert await page.locator(READ_ONLY).count() == 0
        assert await pressed(olga, "inj1") == 200
        await page.screenshot(path=tmp_path / "after.png")


async def test_p_12_only_owners_change_the_instance_that_says_so(
    two: Place, chromium: Chromium, tmp_path: Path
) -> None:
    async with chromium.visitor() as max_:
        await opened(two, max_, "max")
        assert await max_.page.locator(READ_ONLY).count() == 0
        heard = len(max_.frames)
        await change(two, min_edit_role=Role.OWNER)
        await reloads(max_, heard)
        assert await max_.page.locator(READ_ONLY).count() == 1
        await max_.page.screenshot(path=tmp_path / "members.png")
    async with visitor(two.site, "max", HOST) as max_:
        await max_.navigate(two.site.origin(OTHER_HOST) + "/")
        body = await (await asked(max_, two, "GET", "flows")).json()
        assert await told(await asked(max_, two, "POST", "flows", body)) == (403, "role_too_low")
        assert (await asked(max_, two, "POST", "inject/inj1", {})).status == 200
        elsewhere = two.site.origin(OTHER_HOST)
        headers = {"Origin": elsewhere, "Content-Type": "application/json"}
        answer = await max_.request("POST", elsewhere + "/admin/flows", headers=headers, data=json.dumps(body))
        assert (await told(answer))[1] is None  # it reached Node-RED, which is the other one's and says so
    async with visitor(two.site, "olga", HOST) as olga:
        assert (await asked(olga, two, "POST", "flows", body)).status == 204
    await change(two, min_edit_role=Role.MEMBER)
