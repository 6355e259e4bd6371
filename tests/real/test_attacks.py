"""What a page may say to make itself somebody else, and what it may overhear: all in vain, with our plugin in real Node-RED.

The rows that need real pages are in test_scenario_x0.py (a message for one user) and test_ending.py (ended sessions).
"""

import json

import jwt
import pytest

from tests.peers.gateway import Visitor, visitor
from tests.real.place import HOST, Place
from tests.real.socketio import SocketIo, connected, open_websocket

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]

ROOT = {"userId": "u-root", "username": "root", "role": "admin", "tenant": "acme"}
CLAIMED = {"user": ROOT, "isAdmin": True, "tenant": "acme", "socketId": "somebody-else", "socketIp": "203.0.113.7"}
PRESETS = (
    "X-Flowward-User",
    "x_flowward_user",
    "Remote-User",
    "X-authentik-uid",
    "X-Forwarded-User",
    "X-Portal-User-Id",
)


async def told(where: Place, source: str) -> dict[str, object]:
    """The `_client` of the one message that a source brought."""
    [found] = [one["_client"] for one in await where.seen() if one["from"] == source]
    assert isinstance(found, dict)
    return found


async def after(client: SocketIo) -> None:
    """Everything said before has reached the flows: the widget answers in order."""
    asked = len(client.of("widget-load:button"))
    await client.say("widget-load", "button")
    await client.changes.until(lambda: len(client.of("widget-load:button")) > asked)


async def test_d_01_d_03_d_12_flows_see_the_visitor_as_the_directory_has_them(line: Place) -> None:
    async with visitor(line.site, "max", HOST) as somebody, connected(somebody, line.pages) as page:
        await line.seen()
        await page.say("ui-event", "event", {"topic": "$pageview", "payload": {"page": {"id": "page"}}})
        await after(page)
        client = await told(line, "event")
    user = client["user"]
    assert isinstance(user, dict)
    assert user.pop("userId")
    assert user == {
        "username": "max",
        "email": "max@acme.example",
        "name": "Max",
        "image": "",
        "role": "member",
        "tenant": "acme",
        "groups": [],
        "tags": {},
        "SSOGroups": [],
        "provider": "flowward",
        "ip": "127.0.0.1",
    }
    assert client["socketId"] == page.socket_id


@pytest.mark.parametrize(
    ("words", "source"),
    [
        (["widget-action", "button", {"payload": 1, "_client": CLAIMED}], "button"),
        (["widget-change", "input", {"payload": 1, "_client": CLAIMED}], "input"),
        (["widget-send", "template", {"payload": 1, "_client": CLAIMED}], "template"),
        (["widget-action", "template", {"payload": 1, "_client": CLAIMED}], "template"),
        (
            ["ui-event", "event", {"topic": "$pageview", "payload": {"page": {"id": "page"}}, "_client": CLAIMED}],
            "event",
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
async def test_r_50_what_a_page_claims_in_a_message_is_replaced(line: Place, words: list[object], source: str) -> None:
    """Row 1."""
    async with visitor(line.site, "dora", HOST) as dora, connected(dora, line.pages, auth={"user": ROOT}) as page:
        await line.seen()
        await page.say(*words)  # type: ignore[arg-type]
        await after(page)
        client = await told(line, source)
        assert client.keys() == {"user", "socketId", "socketIp"}
        assert client["socketId"] == page.socket_id
        assert client["user"]["username"] == "dora"  # type: ignore[index]


async def test_d_06_d_08_what_a_page_claims_in_its_handshake_or_its_headers_is_not_believed(line: Place) -> None:
    """Rows 3 and 8: CONNECT's auth, headers of every preset, and a made-up assertion."""
    forged = dict.fromkeys(PRESETS, "root")
    forged["X-Flowward-Assertion"] = jwt.encode({**ROOT, "aud": line.trust["audience"]}, "k" * 32, algorithm="HS256")
    async with (
        visitor(line.site, "dora", HOST) as dora,
        connected(dora, line.pages, auth={"user": ROOT}, headers=forged) as page,
    ):
        await line.seen()
        await page.say("widget-action", "button", {})
        await after(page)
        assert (await told(line, "button"))["user"]["username"] == "dora"  # type: ignore[index]
        answer = await dora.request("GET", line.pages + "/api/headers", headers=forged)
        assert "root" not in await answer.text()


async def test_nobody_hears_who_wrote_what_they_see(line: Place) -> None:
    """Rows 2, 2b and 7b: a widget's last writer is told to flows alone, not to who loads it nor to who watches it."""
    async with visitor(line.site, "dora", HOST) as dora, visitor(line.site, "vic", HOST) as vic:
        async with connected(dora, line.pages) as hers, connected(vic, line.pages) as his:
            await line.seen()
            for page, text in ((his, "by vic"), (hers, "by dora")):
                await page.say("widget-change", "input", text)
                await after(page)
            seen = [(one["payload"], one["_client"]["user"]["username"]) for one in await line.seen()]  # type: ignore[index]
            assert seen == [("by vic", "vic"), ("by dora", "dora")]
            [synced] = await his.until("widget-sync:input")
            assert isinstance(synced, dict)
            assert synced["payload"] == "by dora"
            await his.say("widget-load", "input")
            loaded, *_ = await his.until("widget-load:input")
            assert isinstance(loaded, dict)
            assert loaded["payload"] == "by dora"
            for page in (his, hers):
                heard = str([event for event in page.events if event[0] != "ui-config"])
                assert "_client" not in heard
                assert "dora@" not in heard


async def test_a_sid_is_worth_nothing_to_another_session(line: Place) -> None:
    """Row 4: not on a poll, not on a POST, not on an upgrade; nor to the same person's other login."""
    async with visitor(line.site, "vic", HOST) as vic, connected(vic, line.pages) as his:
        for name in ("dora", "vic"):
            async with visitor(line.site, name, HOST) as thief:
                await line.seen()
                theirs = SocketIo(visitor=thief, url=his.url, headers={})
                assert (await theirs.poll(his.sid)).status == 403
                said = '42["widget-action","button",{}]'
                assert (await theirs.post(said, his.sid)).status == 403
                assert await _upgrade_status(thief, f"{his.url}?EIO=4&transport=websocket&sid={his.sid}") == 403
                assert await line.seen() == []
        await his.say("widget-action", "button", {})
        await after(his)
        assert (await told(line, "button"))["user"]["username"] == "vic"  # type: ignore[index]


async def _upgrade_status(who: Visitor, url: str, **headers: str) -> int:
    """101, or what an upgrade is refused with."""
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    fields = {**upgrade, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": f"http://{HOST}:{who.site.port}"}
    return (await who.request("GET", url, headers={**fields, **headers})).status


@pytest.mark.parametrize("path", ["/dashboard/socket.io/?EIO=4&transport=websocket", "/ws/echo", "/admin/comms"])
async def test_r_62_a_foreign_page_opens_no_socket(line: Place, path: str) -> None:
    """Node-RED itself looks at no Origin."""
    async with visitor(line.site, "max", HOST) as somebody:
        for origin in ("https://evil.example", line.site.origin("line-4.localhost"), line.site.home, "null"):
            assert await _upgrade_status(somebody, line.origin + path, Origin=origin) == 403


async def test_a_poll_of_a_foreign_page_is_refused_and_an_own_origin_does_not_end_the_session(line: Place) -> None:
    """Dashboard drops a session whose first poll names any Origin, so the gateway checks it and takes it away."""
    async with visitor(line.site, "dora", HOST) as dora:
        foreign = SocketIo(visitor=dora, url=line.pages + "/dashboard/socket.io/", headers={"Origin": line.site.home})
        assert (await foreign.handshake()).status == 403
        async with connected(dora, line.pages, headers={"Origin": line.origin}) as page:
            assert page.socket_id


async def test_nobody_reaches_sockets_without_a_login(line: Place) -> None:
    """Node-RED's own middleware protects neither socket.io nor websocket nodes."""
    async with visitor(line.site) as nobody:
        page = SocketIo(visitor=nobody, url=line.pages + "/dashboard/socket.io/", headers={})
        answer = await page.poll()
        assert (answer.status, answer.content_type) == (200, "text/html"), "makes an open page reload itself"
        assert (await page.post("40", "a-sid")).status == 401
        assert await _upgrade_status(nobody, line.pages + "/ws/echo") == 401


async def test_no_request_of_a_visitor_disconnects_others(line: Place) -> None:
    """Row 10."""
    async with visitor(line.site, "dora", HOST) as dora, visitor(line.site, "vic", HOST) as vic:
        async with connected(vic, line.pages) as his:
            body = json.dumps({"target": {"userId": "u-vic"}})
            fields = {"Origin": line.origin, "Content-Type": "application/json"}
            answer = await dora.request("POST", line.pages + "/_flowward/disconnect", headers=fields, data=body)
            assert answer.status == 404
            await after(his)
            assert not his.ended


async def test_d_13_endpoints_can_verify_who_asks(line: Place) -> None:
    """The assertion a flow gets is signed by a key at /-/jwks.json, for this instance and a minute."""
    async with visitor(line.site, "dora", HOST) as dora:
        fields = await (await dora.request("GET", line.pages + "/api/headers")).json()
        keys = jwt.PyJWKSet.from_dict(await (await dora.request("GET", line.origin + "/-/jwks.json")).json())
        token = fields["x-flowward-assertion"]
        key = keys[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(token, key, algorithms=["ES256"], audience=line.trust["audience"], issuer=line.site.home)
    assert (claims["username"], claims["role"], claims["use"]) == ("dora", "dashboard", "http")
    assert claims["exp"] - claims["iat"] <= 60
    assert "permissions" not in claims
    assert (fields["x-flowward-user"], fields["x-flowward-role"]) == ("dora", "dashboard")
    assert "cookie" not in fields, "the gateway's own never gets there"


async def test_r_69_a_page_in_one_hundred_sockets_is_told_apart(line: Place) -> None:
    """What each of many sockets says is told as its own visitor's."""
    async with visitor(line.site, "dora", HOST) as dora:
        sockets = [await open_websocket(dora, dora.session, line.pages + "/ws/echo", {}) for _ in range(100)]
        for number, socket in enumerate(sockets):
            await socket.send_str(f"number {number}")
        for number, socket in enumerate(sockets):
            assert await socket.receive_str(timeout=10) == f"number {number}"
        for socket in sockets:
            await socket.close()
