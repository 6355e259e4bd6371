"""X-2: one team, three real Node-RED in stages; who builds, who tests and who uses are three, and all of it is on record.

Set up and used as people do it, through pages and API. Each page is also kept as a picture, in the folder that pytest
names by `--basetemp`.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.peers.browser import Chromium
from tests.peers.browser import Visitor as Browser
from tests.peers.events import unfit
from tests.peers.gateway import PASSWORD, Visitor, visitor
from tests.peers.nodered import Programs
from tests.proxy.web.api.house import Client
from tests.real.scenario import STAGES, Plant, asked, code, log_in, plant

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

DEPLOY = "#red-ui-header-button-deploy"
READ_ONLY = ".red-ui-deploy-button-group.readOnly"
WRITABLE = ".red-ui-deploy-button-group:not(.readOnly)"
PATIENCE = 60_000.0
AT_ONCE = 1.0
"""Seconds within which an open page feels a change."""
STALE = {"flows": [], "rev": "stale"}
"""A deploy that Node-RED itself refuses with 409, so that it changes nothing where it may be sent."""
ASKED = ("instance:flows:view", "instance:flows:edit", "instance:http")
EDITS, VIEWS, USES, REFUSED, HIDDEN = (200, 409, 200), (200, 403, 200), (403, 403, 200), 3 * (403,), 3 * (404,)
REACH = {
    "bea": (EDITS, REFUSED, REFUSED),
    "tim": (REFUSED, VIEWS, REFUSED),
    "uma": (REFUSED, REFUSED, USES),
    "dan": (EDITS, HIDDEN, HIDDEN),
    "adam": (EDITS, EDITS, EDITS),
    "olga": (EDITS, EDITS, EDITS),
    "ada": (EDITS, EDITS, EDITS),
}
EDIT = """() => {
  RED.nodes.import([{ id: 'added', type: 'comment', z: 'tab', name: 'new', info: '', x: 50, y: 500, wires: [] }])
  const changed = RED.nodes.node('dbg1'); changed.name = 'renamed'; changed.changed = true; changed.dirty = true
  RED.nodes.remove('in-get-/api/large')
  RED.nodes.dirty(true)
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def acme(
    node_red_programs: Programs, chromium: Chromium, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Plant]:
    async with plant(node_red_programs, chromium, tmp_path_factory.mktemp("acme")) as made:
        yield made


async def reached(acme: Plant, name: str, stage: str) -> tuple[int, ...]:
    """Statuses of looking at flows, of deploying, and of the dashboard."""
    somebody = acme.clients[name].visitor
    await somebody.navigate(acme.dashboard(stage))
    looked = await asked(somebody, acme.admin(stage) + "flows")
    deployed = await asked(somebody, acme.admin(stage) + "flows", "POST", STALE)
    used = await asked(somebody, acme.dashboard(stage))
    return looked.status, deployed.status, used.status


@pytest.mark.parametrize("name", REACH)
async def test_r_25_r_27_r_28_everybody_reaches_each_stage_as_far_as_was_said(acme: Plant, name: str) -> None:
    """By overrides bea builds, tim tests and uma uses; by shares with their groups, dan has staging and adam everything."""
    assert tuple([await reached(acme, name, stage) for stage in STAGES]) == REACH[name]
    tiles = {tile["name"] for tile in (await acme.clients[name].get("/dashboards")).items}
    assert tiles == {stage.title() for stage, way in zip(STAGES, REACH[name], strict=True) if way[2] == 200}


@pytest.mark.parametrize("name", REACH)
async def test_what_is_explained_is_what_happens(acme: Plant, name: str) -> None:
    for stage, statuses in zip(STAGES, REACH[name], strict=True):
        for may, status in zip(ASKED, statuses, strict=True):
            path = f"/explain?user={name}&may={may}&on=acme/packaging/{stage}"
            told = (await acme.clients["ada"].get(path)).json
            expected = 200 if status == 409 else status
            assert (told["allowed"], told["status"]) == (expected == 200, expected), path
    words = ("--user", name, "--may", ASKED[1], "--on", "acme/packaging/production", "--json")
    said = json.loads(await acme.flowward("explain", *words))
    assert said["allowed"] is (REACH[name][2][1] == 409)
    by_address = await acme.flowward("explain", "--user", name, "--url", acme.admin("production") + "flows", "--json")
    assert json.loads(by_address)["allowed"] is (REACH[name][2][0] == 200)


async def test_a_02_a_06_a_09_a_builder_deploys_to_staging_by_editor_and_token_and_it_is_on_record_at_every_level(
    acme: Plant, chromium: Chromium, tmp_path: Path
) -> None:
    bea, since = acme.clients["bea"], time.time()
    async with chromium.visitor() as browser:
        await opened(acme, browser, "bea", "staging")
        await browser.page.evaluate("RED.nodes.dirty(true)")
        first = await deployed(browser)  # the editor fills in what the file leaves out
        await browser.page.evaluate(EDIT)
        second = await deployed(browser)
        await browser.page.screenshot(path=tmp_path / "editor.png")
    made = await bea.post("/me/tokens", {"name": "ci"})
    token = str(made.json["value"])
    async with visitor(acme.site) as program:
        there = await (await asked(program, acme.admin("staging") + "flows", token=token)).json()
        body = {**there, "flows": [each for each in there["flows"] if each["id"] != "added"]}
        answer = await asked(program, acme.admin("staging") + "flows", "POST", body, token=token)
        assert answer.status == 200
        third = await answer.json()
        refused = await asked(program, acme.admin("production") + "flows", "POST", STALE, token=token)
        assert (refused.status, await code(refused)) == (403, "no_access")
    levels = {
        f"/audit?scope=instance&id={acme.stages['staging']}": bea,
        "/audit?scope=application&id=acme/packaging": acme.clients["olga"],
        "/audit?scope=space&id=acme": acme.clients["olga"],
        "/audit": acme.clients["ada"],
    }
    for path, client in levels.items():
        mark = "&" if "?" in path else "?"
        answer_ = await client.get(f"{path}{mark}event=flows.set&user=bea&since={since}&limit=200")
        done = [item for item in reversed(answer_.items) if item.get("phase") == "outcome"]
        assert [_told(item) for item in done[-2:]] == [
            ("user", None, {"before": first["rev"], "after": second["rev"]}, (1, 1, 1, 0)),
            ("token", made.json["id"], {"before": second["rev"], "after": third["rev"]}, (0, 0, 1, 0)),
        ], path


SET_UP = {
    "platform.settings.updated": ["ada"],
    "team.created": ["ada"],
    "application.created": ["olga"],
    "project.created": 3 * ["olga"],
    "team.user.permissions-changed": 3 * ["olga"],
    "group.created": 2 * ["olga"],
    "share.created": 2 * ["olga"],
}
"""Event -> who did each of them."""


async def test_every_step_of_setting_it_up_is_on_record_at_its_levels(acme: Plant) -> None:
    ada, olga, staging = acme.clients["ada"], acme.clients["olga"], acme.stages["staging"]
    whole = [item for name in SET_UP for item in await log(ada, f"/audit?event={name}")]
    found = {name: [_who(item) for item in whole if item["event"] == name] for name in SET_UP}
    assert {name: who[: len(SET_UP[name])] for name, who in found.items()} == SET_UP
    [allowed] = [item["body"] for item in whole if item["event"] == "platform.settings.updated"]
    assert allowed == {"updates": [{"key": "upstream_allow", "old": [], "new": ["127.0.0.1/32"]}]}
    activated = await log(ada, "/audit?event=user.activated")
    assert sorted(map(_who, activated)) == sorted(REACH)
    of_space = {item["event"] for item in await log(olga, "/audit?scope=space&id=acme")}
    assert of_space >= SET_UP.keys() - {"platform.settings.updated"}
    of_application = {item["event"] for item in await log(olga, "/audit?scope=application&id=acme/packaging")}
    assert of_application >= {"application.created", "project.created", "share.created"}
    assert not of_application & {"team.created", "group.created"}
    of_instance = [item["event"] for item in await log(acme.clients["bea"], f"/instances/{staging}/audit?")]
    assert of_instance[:2] == ["project.created", "share.created"]


async def test_a_07_an_override_is_on_record_with_old_and_new(acme: Plant) -> None:
    since = time.time()
    async with acme.otherwise("tim"):
        await acme.override("tim", staging="viewer", acceptance="viewer", production="none")
    path = f"/audit?scope=space&id=acme&event=team.user.permissions-changed&since={since}"
    told = [item["body"] for item in await log(acme.clients["olga"], path)]
    key, user = "acme/packaging/staging", {"id": acme.users["tim"], "name": "tim"}
    assert [body["updates"] for body in told if body["user"]["id"] == user["id"]] == [  # type: ignore[call-overload, index]
        [{"key": key, "old": "none", "new": "viewer"}],
        [{"key": key, "old": "viewer", "new": "none"}],
    ]


async def test_a_01_a_05_the_log_verifies_and_every_event_fits_the_schema(acme: Plant) -> None:
    exported = [json.loads(line) for line in (await acme.flowward("audit", "export")).splitlines()]
    assert len({event["event"] for event in exported}) >= len(SET_UP)
    assert unfit(exported) == []
    await acme.flowward("audit", "verify")
    verdict = (await acme.clients["ada"].get("/audit/verify")).json
    assert (verdict["sound"], verdict["broken"]) == (True, None)
    assert PASSWORD not in json.dumps(exported)


async def log(client: Client, path: str) -> list[dict[str, object]]:
    """A log through all its pages, oldest first."""
    found: list[dict[str, object]] = []
    onward: object = ""
    while onward is not None:
        answer = await client.get(f"{path}&limit=100" + (f"&cursor={onward}" if onward else ""))
        assert answer.status == 200, answer.text
        found += answer.items
        onward = answer.onward
    return found[::-1]


def _who(item: dict[str, object]) -> str:
    trigger = item["trigger"]
    assert isinstance(trigger, dict)
    return str(trigger["name"])


def _told(item: dict[str, object]) -> tuple[object, ...]:
    """Who acted and with which token, the revisions, and how many nodes were added, changed, removed and moved."""
    trigger, body = item["trigger"], item["body"]
    assert isinstance(trigger, dict)
    assert isinstance(body, dict)
    context = item.get("sourceContext")
    token = context["tokenId"] if isinstance(context, dict) else None
    nodes = body["nodes"]
    return trigger["type"], token, body["rev"], tuple(nodes[name] for name in ("added", "changed", "removed", "moved"))


async def test_l_01_l_03_nobody_deploys_to_protected_production_until_it_is_open_again(acme: Plant) -> None:
    olga = acme.clients["olga"]
    token = str((await olga.post("/me/tokens", {"name": "ci"})).json["value"])
    url = acme.admin("production") + "flows"
    async with acme.protected("production"), visitor(acme.site) as program:
        for name in ("adam", "olga", "ada"):
            await acme.clients[name].visitor.navigate(acme.dashboard("production"))
            await soon(acme.clients[name].visitor, url, 403, "protected_instance")
        answer = await asked(program, url, "POST", STALE, token=token)
        assert (answer.status, await code(answer)) == (403, "protected_instance")
        protected = f"/instances/{acme.stages['production']}/protected"
        unprotecting = await Client(program, token=token).put(protected, {"enabled": False})
        assert (unprotecting.status, unprotecting.code) == (403, "interactive_session_required")
        path = "/explain?user=olga&may=instance:flows:edit&on=acme/packaging/production"
        told = (await acme.clients["ada"].get(path)).json
        assert (told["allowed"], told["reason"]) == (False, "protected_instance")
    await soon(olga.visitor, url, 409)


async def test_p_12_where_owners_alone_may_deploy_members_do_not(acme: Plant) -> None:
    url, security = acme.admin("acceptance") + "flows", f"/instances/{acme.stages['acceptance']}/security"
    adam, olga = acme.clients["adam"].visitor, acme.clients["olga"]
    for somebody in (adam, olga.visitor):
        await somebody.navigate(acme.dashboard("acceptance"))
    assert (await olga.put(security, {"min_edit_role": "owner"})).status == 200
    await soon(adam, url, 403, "role_too_low")
    await soon(olga.visitor, url, 409)
    assert (await olga.put(security, {"min_edit_role": "member"})).status == 200
    await soon(adam, url, 409)


async def soon(somebody: Visitor, url: str, status: int, reason: str | None = None) -> None:
    """Within a second a deploy gets this answer."""
    loop = asyncio.get_running_loop()
    until = loop.time() + AT_ONCE
    while True:
        last = loop.time() > until
        answer = await asked(somebody, url, "POST", STALE)
        told = (answer.status, await code(answer))
        if told == (status, reason):
            return
        assert not last, told


async def test_p_07_r_19_another_override_reaches_an_open_editor_and_an_open_dashboard_within_a_second(
    acme: Plant, chromium: Chromium, tmp_path: Path
) -> None:
    """Nobody logs in again: the editor comes back read-only, and where there is no role left a page says so."""
    dashboard = acme.dashboard("production")
    async with chromium.visitor() as bea, chromium.visitor() as uma:
        await opened(acme, bea, "bea", "staging")
        await uma.page.goto(dashboard)
        await log_in(uma, "uma")
        await uma.page.get_by_text("Hello Uma").wait_for()
        await uma.until(lambda: uma.frames)
        heard, closed = len(bea.frames), len(uma.closed_sockets)
        async with acme.otherwise("bea"), acme.otherwise("uma"):
            await acme.override("bea", staging="viewer", acceptance="none", production="none")
            await bea.until(lambda: '{"auth":"fail"}' in [each.payload for each in bea.frames[heard:]], seconds=AT_ONCE)
            await acme.override("uma", staging="none", acceptance="none", production="none")
            await uma.until(lambda: len(uma.closed_sockets) > closed, seconds=AT_ONCE)
            await bea.page.locator(READ_ONLY).wait_for(timeout=PATIENCE)
            await bea.page.wait_for_load_state("networkidle", timeout=PATIENCE)
            await bea.page.screenshot(path=tmp_path / "read-only.png")
            # Dashboard asks again by itself, and reloads the page.
            await uma.page.get_by_role("heading", name="You have no access here").wait_for(timeout=PATIENCE)
            await uma.page.screenshot(path=tmp_path / "refused.png")
            assert 403 in {status for status, _ in uma.refused}
        await uma.page.goto(dashboard)
        await uma.page.get_by_text("Hello Uma").wait_for()
        await bea.page.locator(WRITABLE).wait_for(timeout=PATIENCE)
        await bea.page.wait_for_load_state("networkidle", timeout=PATIENCE)
        await bea.page.goto(acme.site.home)
        await bea.page.get_by_role("heading", name="Staging").wait_for()
        assert await bea.page.get_by_role("heading", name="Production").count() == 0
        await bea.page.screenshot(path=tmp_path / "launcher.png")


async def opened(acme: Plant, browser: Browser, name: str, stage: str) -> None:
    """An editor that hears its runtime."""
    await browser.page.goto(acme.admin(stage))
    await log_in(browser, name)
    await browser.page.locator(DEPLOY).wait_for(timeout=PATIENCE)
    await browser.until(lambda: any("/admin/comms" in frame.url for frame in browser.frames), seconds=60)
    await browser.page.wait_for_load_state("networkidle", timeout=PATIENCE)


async def deployed(browser: Browser) -> dict[str, object]:
    """Press Deploy, and confirm that some nodes are unfinished; what Node-RED answered."""
    async with browser.page.expect_response(lambda answer: answer.request.method == "POST") as posted:
        await browser.page.locator(DEPLOY).click()
        await browser.page.locator(".red-ui-notification button.primary").first.click()
    answer = await posted.value
    assert answer.status == 200
    told: dict[str, object] = await answer.json()
    return told
