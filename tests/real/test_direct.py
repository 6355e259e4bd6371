"""Node-RED reached without the gateway in between, past a firewall that should not have a hole: it believes nobody."""

import json

import aiohttp
import pytest

from tests.peers.gateway import visitor
from tests.real.place import HOST, Place

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

DEPLOY = {"Node-RED-API-Version": "v2", "Node-RED-Deployment-Type": "reload", "Content-Type": "application/json"}


async def deploy(where: Place, **headers: str) -> int:
    """The status Node-RED gives a reload of its flows."""
    fields = {**DEPLOY, **{name.replace("_", "-"): value for name, value in headers.items()}}
    url = where.node.url + "/admin/flows"
    async with aiohttp.ClientSession() as session, session.post(url, headers=fields, data="{}") as answer:
        return answer.status


async def test_without_an_assertion_the_admin_api_is_closed(line: Place) -> None:
    async with aiohttp.ClientSession() as session:
        for path in ("settings", "flows", "nodes", "credentials/x/y", "diagnostics"):
            async with session.get(f"{line.node.url}/admin/{path}") as answer:
                assert answer.status == 401, path
    assert await deploy(line) == 401
    assert await deploy(line, X_Flowward_User="ada", X_Flowward_Role="admin") == 401


async def test_the_assertion_a_flow_receives_deploys_nothing(line: Place) -> None:
    """A flow's author gets every visitor's: it is for dashboards and endpoints, not for the editor."""
    async with visitor(line.site, "ada", HOST) as ada:
        fields = await (await ada.request("GET", line.pages + "/api/headers")).json()
    assert await deploy(line, X_Flowward_Assertion=fields["x-flowward-assertion"]) == 401
    forged = line.assertion("ada", permissions=["*"])
    assert await deploy(line, X_Flowward_Assertion=forged) == 401, "not even with permissions in it"
    assert await deploy(line, Authorization=f"Bearer {line.assertion('ada', use='editor', permissions=['*'])}") == 401


async def test_what_is_signed_for_the_editor_deploys_by_its_permissions(line: Place) -> None:
    for permissions, status in ((["*"], 200), (["read"], 401), (["flows.read", "inject.write"], 401)):
        token = line.assertion("max", use="editor", permissions=permissions)
        assert await deploy(line, X_Flowward_Assertion=token) == status, permissions
    other = line.assertion("max", use="editor", permissions=["*"], aud="another-instance")
    assert await deploy(line, X_Flowward_Assertion=other) == 401


async def test_a_dashboard_reached_directly_has_no_user(line: Place) -> None:
    headers = {"X-Flowward-User": "ada", "Cf-Access-Authenticated-User-Email": "ada@acme.example"}
    url = f"{line.node.url}/dashboard/socket.io/?EIO=4&transport=polling"
    async with aiohttp.ClientSession(headers=headers) as session:
        await line.seen()
        sid = json.loads((await (await session.get(url)).text())[1:])["sid"]
        for packet in (
            '40{"user":{"userId":"u-ada"}}',
            '42["widget-action","button",{"_client":{"user":{"userId":"u-ada"}}}]',
        ):
            assert (await session.post(f"{url}&sid={sid}", data=packet)).status == 200
            await (await session.get(f"{url}&sid={sid}")).text()
        [told] = [one["_client"] for one in await line.seen() if one["from"] == "button"]
    assert isinstance(told, dict)
    assert "user" not in told
