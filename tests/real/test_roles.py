"""What each role may do on every admin route of a real Node-RED, in both layouts of its roots (P-01..P-05)."""

import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from proxy.nodered.surfaces import Surface
from tests.peers.gateway import Visitor, visitor
from tests.peers.nodered import Programs
from tests.proxy.nodered.admin_routes import ROUTES
from tests.real.place import HOST, Place, place

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

PEOPLE = ("dora", "vic", "max", "olga", "ada")
"""Dashboard, viewer, member, owner, admin."""
PASSES = 0
EDITS, READS, NOBODY, ALL = (403, 403, PASSES, PASSES, PASSES), (403, *4 * (PASSES,)), 5 * (404,), 5 * (PASSES,)
# fmt: off
MAY = {
    Surface.EDITOR: READS, Surface.READ: READS, Surface.SETTINGS: READS, Surface.COMMS: READS,
    Surface.CONTEXT: EDITS, Surface.PREFS: EDITS, Surface.OTHER: EDITS, Surface.TRIGGER: EDITS, Surface.DEPLOY: EDITS,
    Surface.AUTH: NOBODY, Surface.AUTH_LOGIN: ALL, Surface.AUTH_REVOKE: ALL,
}
# fmt: on
BODIES: dict[tuple[str, str], object] = {
    ("POST", "flows/state"): {"state": "start"},
    ("PUT", "nodes/node-red/inject"): {"enabled": True},
    ("POST", "library/local/flows/x.json"): [],
    ("POST", "settings/user"): {"editor": {"view": {}}},
    ("POST", "inject/inj1"): {},
}
OURS = (Surface.SETTINGS, Surface.AUTH_LOGIN, Surface.AUTH_REVOKE)
"""Answered or rewritten by the gateway, so that the status need not be Node-RED's."""


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=[("/", "/"), ("/admin", "/n")], ids=["shared", "apart"]
)
async def layout(
    request: pytest.FixtureRequest, node_red_programs: Programs, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Place]:
    admin_root, node_root = request.param
    folder = tmp_path_factory.mktemp("layout")
    async with place(node_red_programs, folder, admin_root=admin_root, node_root=node_root) as where:
        yield where


def said(method: str, path: str) -> tuple[dict[str, str], str | None]:
    """Fields and body of a request to a route: harmless, and with the same answer however often it is sent."""
    if method in ("GET", "DELETE"):
        return {}, None
    return {"Content-Type": "application/json"}, json.dumps(BODIES.get((method, path), {}))


async def through(where: Place, somebody: Visitor, method: str, path: str) -> tuple[int, bool]:
    """Status of a route through the gateway, and whether it is a refusal of the gateway's own."""
    headers, body = said(method, path)
    origin = {} if method == "GET" else {"Origin": where.origin}
    answer = await somebody.request(method, where.admin + path, headers={**headers, **origin}, data=body)
    return answer.status, answer.content_type == "application/problem+json"


@pytest.mark.parametrize("name", PEOPLE)
async def test_every_admin_route_gives_a_role_what_it_may_have(layout: Place, name: str) -> None:
    """Refusals are the gateway's; what passes gets the status that Node-RED gives the same request directly."""
    permissions = ["read"] if name == "vic" else ["*"]
    direct_headers = {"X-Flowward-Assertion": layout.assertion(name, use="editor", permissions=permissions)}
    wrong: list[object] = []
    async with visitor(layout.site, name, HOST) as somebody, aiohttp.ClientSession(headers=direct_headers) as direct:
        for method, path, surface in sorted(ROUTES, key=lambda route: route[2] is Surface.AUTH_REVOKE):
            status, refused = await through(layout, somebody, method, path)
            expected = MAY[surface][PEOPLE.index(name)]
            if expected == PASSES and surface not in OURS:
                headers, body = said(method, path)
                url = layout.node.url + layout.admin_root.rstrip("/") + "/" + path
                async with direct.request(method, url, headers=headers, data=body, allow_redirects=False) as answer:
                    expected = answer.status
            elif expected == PASSES:
                expected = 200
            if status != expected or refused != (MAY[surface][PEOPLE.index(name)] != PASSES):
                wrong.append((method, path, status, expected, refused))
    assert wrong == []


async def test_who_has_no_role_finds_nothing_and_who_is_nobody_is_asked_to_log_in(layout: Place) -> None:
    async with visitor(layout.site, "nora", HOST) as nora, visitor(layout.site) as nobody:
        for method, path, surface in ROUTES:
            if surface not in (Surface.AUTH_LOGIN, Surface.AUTH_REVOKE):
                assert await through(layout, nora, method, path) == (404, True), path
                status = 404 if surface is Surface.AUTH else 401
                assert await through(layout, nobody, method, path) == (status, True), path


async def test_a_member_deploys_and_a_viewer_does_not(layout: Place) -> None:
    """P-02, P-03: what is deployed is there, and what is refused never reached Node-RED."""
    version = {"Node-RED-API-Version": "v2"}
    send = {**version, "Content-Type": "application/json", "Origin": layout.origin, "Node-RED-Deployment-Type": "flows"}
    async with visitor(layout.site, "max", HOST) as member, visitor(layout.site, "vic", HOST) as viewer:
        flows = await (await member.request("GET", layout.admin + "flows", headers=version)).json()
        added = {"id": "added", "type": "comment", "z": "tab", "name": "by a viewer"}
        body = json.dumps({**flows, "flows": [*flows["flows"], added]})
        refused = await viewer.request("POST", layout.admin + "flows", headers=send, data=body)
        assert refused.status == 403
        same = await (await viewer.request("GET", layout.admin + "flows", headers=version)).json()
        assert same["rev"] == flows["rev"]
        deployed = await member.request("POST", layout.admin + "flows", headers=send, data=body)
        assert deployed.status == 200
        now = await (await viewer.request("GET", layout.admin + "flows", headers=version)).json()
        assert now["rev"] == (await deployed.json())["rev"] != flows["rev"]
        stale = await member.request("POST", layout.admin + "flows", headers=send, data=body)
        assert stale.status == 409
        restored = json.dumps({"flows": flows["flows"], "rev": now["rev"]})
        assert (await member.request("POST", layout.admin + "flows", headers=send, data=restored)).status == 200


async def test_the_dashboard_role_has_dashboard_and_endpoints_and_no_look_behind_them(layout: Place) -> None:
    """P-04, R-51. What Dashboard keeps of widgets' last messages, other visitors' data included, is for viewers."""
    debug = layout.pages + "/dashboard/_debug/datastore/answer"
    post = {"Origin": layout.origin, "Content-Type": "application/octet-stream"}
    async with visitor(layout.site, "dora", HOST) as dora, visitor(layout.site, "vic", HOST) as vic:
        assert (await dora.request("GET", layout.page)).status == 200
        assert (await dora.request("GET", layout.pages + "/api/headers")).status == 200
        assert (await dora.request("POST", layout.pages + "/api/upload", headers=post, data=b"x")).status == 200
        assert (await dora.request("GET", debug)).status == 403
        assert (await vic.request("GET", debug)).status == 200
