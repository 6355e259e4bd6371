"""What is done at a real Node-RED is on record: who, what, when, and what of it changed (A-06)."""

import json

import pytest
from playwright.async_api import Response

from tests.peers.browser import Chromium
from tests.peers.gateway import Visitor, visitor
from tests.proxy.app.house import until
from tests.real.audited import events, outcomes
from tests.real.place import HOST, Place, fill_in

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

DEPLOY = "#red-ui-header-button-deploy"
PATIENCE = 60_000.0
EDIT = """() => {
  RED.nodes.import([{ id: 'added', type: 'comment', z: 'tab', name: 'new', info: '', x: 50, y: 500, wires: [] }])
  const moved = RED.nodes.node('inj1'); moved.x += 40; moved.moved = true; moved.dirty = true
  const changed = RED.nodes.node('dbg1'); changed.name = 'renamed'; changed.changed = true; changed.dirty = true
  RED.nodes.remove('in-get-/api/large')
  RED.nodes.dirty(true)
}"""
V2 = {"Node-RED-API-Version": "v2"}


def is_deploy(answer: Response) -> bool:
    """Not what the editor writes of itself, such as the settings of its user."""
    return answer.request.method == "POST" and answer.url.endswith("/flows")


async def deploy(page: object) -> dict[str, object]:
    """Press Deploy, and confirm that some nodes are unfinished; what Node-RED answered."""
    async with page.expect_response(is_deploy) as deployed:  # type: ignore[attr-defined]
        await page.locator(DEPLOY).click()  # type: ignore[attr-defined]
        await page.locator(".red-ui-notification button.primary").first.click()  # type: ignore[attr-defined]
    answer = await deployed.value
    assert answer.status == 200
    told: dict[str, object] = await answer.json()
    return told


async def test_a_deploy_from_the_editor_is_on_record_with_exactly_what_changed(line: Place, chromium: Chromium) -> None:
    before = len(await outcomes(line, "flows.set"))
    async with chromium.visitor() as max_:
        page = max_.page
        await page.goto(line.admin)
        await fill_in(max_, "max")
        await page.locator(DEPLOY).wait_for(timeout=PATIENCE)
        await max_.until(lambda: any("/admin/comms" in frame.url for frame in max_.frames), seconds=30)
        await page.evaluate("RED.nodes.dirty(true)")
        first = await deploy(page)  # the editor fills in what the file leaves out
        await page.evaluate(EDIT)
        second = await deploy(page)
    [_, done] = (await outcomes(line, "flows.set"))[before:]
    assert (done.actor_name, done.source, done.error, done.address) == ("max", "instance", "", "127.0.0.1")
    assert done.body["nodes"] == {"added": 1, "changed": 1, "removed": 1, "moved": 1}
    assert done.body["rev"] == {"before": first["rev"], "after": second["rev"]}
    assert (done.body["api"], done.body["type"], done.body["status"]) == ("v2", "full", 200)

    async def noted() -> bool:
        """Nobody waits for these to be written."""
        found = [await events(line, name) for name in ("editor.opened", "editor.closed")]
        return all("max" in {each.actor_name for each in some} for some in found)

    await until(noted)


async def sent(somebody: Visitor, line: Place, method: str, path: str, body: object = None, **fields: str) -> int:
    headers = {"Origin": line.origin, **{name.replace("_", "-"): value for name, value in fields.items()}}
    if body is not None:
        headers["Content-Type"] = "application/json"
    data = json.dumps(body) if body is not None else None
    return (await somebody.request(method, line.admin + path, headers=headers, data=data)).status


async def test_other_writes_are_on_record_with_how_they_went(line: Place) -> None:
    before = len(await events(line))
    async with visitor(line.site, "max", HOST) as max_:
        flow = {"label": "More", "nodes": [{"id": "n1", "type": "comment", "x": 1, "y": 1, "wires": []}], "configs": []}
        made = await max_.request(
            "POST",
            line.admin + "flow",
            headers={"Origin": line.origin, "Content-Type": "application/json"},
            data=json.dumps(flow),
        )
        assert made.status == 200
        key = (await made.json())["id"]
        there = await (await max_.request("GET", f"{line.admin}flow/{key}")).json()
        there["nodes"][0]["x"] = 100
        assert await sent(max_, line, "PUT", f"flow/{key}", {**there, "label": "Less"}) == 200
        assert await sent(max_, line, "DELETE", f"flow/{key}") == 204
        assert await sent(max_, line, "DELETE", "flow/none") == 404
        assert await sent(max_, line, "POST", "inject/inj1", {}) == 200
        assert await sent(max_, line, "POST", "debug/dbg1/disable", {}) == 201
        assert await sent(max_, line, "POST", "library/local/functions/f.js", []) == 204
        assert await sent(max_, line, "DELETE", "context/global/seen") == 204
        assert await sent(max_, line, "POST", "settings/user", {"editor": {"view": {}}}) == 204
        assert await sent(max_, line, "PUT", "nodes/node-red/inject", {"enabled": True}) == 200
        assert await sent(max_, line, "DELETE", "nodes/none") == 404
        assert await sent(max_, line, "POST", "flows", None, Node_RED_Deployment_Type="reload", **_v2()) == 200
        stale = {"flows": [], "rev": "stale"}
        assert await sent(max_, line, "POST", "flows", stale, **_v2()) == 409
    done = [event for event in (await events(line))[before:] if event.phase == "outcome"]
    told = [(event.event, event.error, {**event.body}) for event in done]
    revision = told[-2][2].pop("rev")
    assert set(revision) == {"after"}  # type: ignore[call-overload]
    counted = {"added": 0, "changed": 0, "removed": 0, "moved": 0}
    assert told == [
        ("flow.add", "", {"flow": key, "status": 200, "nodes": {**counted, "added": 2}}),
        ("flow.update", "", {"flow": key, "status": 200, "nodes": {**counted, "changed": 1, "moved": 1}}),
        ("flow.remove", "", {"flow": key, "status": 204, "nodes": {**counted, "removed": 2}}),
        ("flow.remove", "not_found", {"flow": "none", "status": 404}),
        ("inject", "", {"node": "inj1", "status": 200}),
        ("debug", "", {"node": "dbg1", "state": "disable", "status": 201}),
        ("library.set", "", {"library": "local", "type": "functions", "path": "f.js", "status": 204}),
        ("context.delete", "", {"scope": "global", "path": "seen", "status": 204}),
        ("settings.update", "", {"status": 204}),
        ("nodes.update", "", {"module": "node-red", "set": "inject", "enabled": True, "status": 200}),
        ("nodes.remove", "not_found", {"module": "none", "status": 404}),
        ("flows.reloaded", "", {"api": "v2", "status": 200}),
        ("flows.set", "version_mismatch", {"api": "v2", "type": "full", "status": 409}),
    ]
    assert {event.actor_name for event in done} == {"max"}


def _v2() -> dict[str, str]:
    return {"Node_RED_API_Version": "v2"}


async def test_no_credential_that_is_deployed_is_kept_by_the_gateway(line: Place) -> None:
    """R-72: not in its database, not in its logs."""
    canary = "canary-0c9f31"
    async with visitor(line.site, "max", HOST) as max_:
        there = await (await max_.request("GET", line.admin + "flows", headers=V2)).json()
        secret = {"id": "broker", "type": "mqtt-broker", "name": "b", "broker": "localhost"}
        secret["credentials"] = {"user": canary, "password": canary}  # type: ignore[assignment]
        body = {"flows": [*there["flows"], secret], "rev": there["rev"]}
        assert await sent(max_, line, "POST", "flows", body, Node_RED_Deployment_Type="nodes", **_v2()) == 200
    done = (await outcomes(line, "flows.set"))[-1]
    assert done.body["nodes"] == {"added": 1, "changed": 0, "removed": 0, "moved": 0}
    kept = b"".join(each.read_bytes() for each in (line.site.folder / "var").rglob("*") if each.is_file())
    assert canary.encode() not in kept
