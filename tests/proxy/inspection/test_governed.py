"""A governed Dashboard's socket: what is understood, what is not passed on unread, and how it ends."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Grant, HttpAuth, Resource, ResourceKind, RowKind, RowPolicy
from tests.peers.changes import DEADLINE, promised
from tests.peers.dashboard import PATH, Dashboard, dashboard
from tests.proxy.inspection.house import INSTANCE, Answer, House, house
from tests.proxy.nodered.dashboards import BASE, config

AT_ONCE = 1.0
ASKED = f"{PATH}?EIO=4&transport="
CONFIG = "42" + json.dumps(["ui-config", BASE, config({"oil": ["pump"], "gas": ["valve"]})])


@dataclass(slots=True)
class Page:
    """A page's socket, by polls."""

    gate: House
    instance: Dashboard
    cookie: str
    sid: str = ""

    async def begin(self) -> None:
        """Open a session, and another after that."""
        opened = await self.gate.ask(f"{ASKED}polling", self.cookie)
        self.sid = json.loads(opened.body[1:])["sid"]
        await self.post("40")
        assert await self.hears('40{"sid":"socket-1"}') == '40{"sid":"socket-1"}'
        assert "valve" not in await self.hears(CONFIG)

    async def get(self) -> Answer:
        return await self.gate.ask(f"{ASKED}polling&sid={self.sid}", self.cookie)

    async def post(self, body: str | bytes, sid: str = "") -> Answer:
        url = f"http://127.0.0.1:{self.gate.port}{ASKED}polling&sid={sid or self.sid}"
        headers = {"Host": self.gate.origin[7:], "Origin": self.gate.origin, "Cookie": self.cookie}
        async with self.gate.client.post(url, headers=headers, data=body) as response:
            return Answer(status=response.status, headers=response.headers, body=await response.read())

    async def hears(self, *packets: str | bytes) -> str:
        """What comes of what the instance says in one poll after the other."""
        came = []
        for packet in packets:
            self.instance.say(packet)
            came.append((await self.get()).body.decode())
        return came[-1]

    async def socket(self, sid: str = "") -> ClientWebSocketResponse:
        return await self.gate.open_socket(f"{ASKED}websocket&sid={sid or self.sid}", self.cookie)


@asynccontextmanager
async def page(directory: Path, name: str = "mia", **settings: object) -> AsyncIterator[Page]:
    """Somebody's page of an instance of which only `oil` is theirs: mia owns nothing else of it."""
    async with dashboard() as instance, house(directory, instance.url, **settings) as gate:
        await paged(gate)
        found = Page(gate, instance, await gate.log_in(name))
        await found.begin()
        yield found


async def paged(gate: House) -> None:
    """Gas is another team's."""
    other = Resource(
        id="r-gas", kind=ResourceKind.PAGE, slug="gas", parent=INSTANCE, owner="s-else", attributes={"match": "/gas"}
    )
    await gate.store.database.edit([Space(id="s-else", kind=SpaceKind.TEAM, slug="else"), other], [])
    await gate.gateway.watch.look()


# -- what is understood


@pytest.mark.parametrize("fast_lane", [True, False])
@pytest.mark.parametrize("query", ["EIO=3&transport=polling", "transport=polling", "EIO=4&EIO=3&transport=polling"])
async def test_g_01_another_version_of_the_protocol_is_refused_with_the_reason(
    tmp_path: Path, query: str, fast_lane: bool
) -> None:
    """G-01: what is not understood is not passed on unread."""
    async with dashboard() as instance:
        async with house(tmp_path, instance.url, fast_lane=fast_lane, enforce_client_constraint=True) as gate:
            refused = await gate.ask(f"{PATH}?{query}", await gate.log_in("mia"))
            assert refused.status == 400
            assert "only version 4 of engine.io is understood" in refused.json()["detail"]  # type: ignore[index]
            assert instance.asked == []


async def test_another_version_is_none_of_our_business_where_nothing_is_governed(tmp_path: Path) -> None:
    async with dashboard() as instance, house(tmp_path, instance.url) as gate:
        assert (await gate.ask(f"{PATH}?EIO=3&transport=polling", await gate.log_in("mia"))).status == 200


async def test_answers_in_scripts_and_other_methods_are_refused(tmp_path: Path) -> None:
    async with page(tmp_path) as mia:
        before = list(mia.instance.asked)
        assert (await mia.gate.ask(f"{ASKED}polling&j=0", mia.cookie)).status == 400
        for method in ("POST", "PUT"):
            answer = await mia.gate.ask(f"{ASKED}polling", mia.cookie, method=method, Origin=mia.gate.origin)
            assert answer.status == 400
        assert mia.instance.asked == before


@pytest.mark.parametrize("how", ["GET", "POST", "websocket"])
async def test_a_session_that_began_unseen_has_to_begin_anew(tmp_path: Path, how: str) -> None:
    """Its page may hold what it should not: engine.io's own words make it come back."""
    async with page(tmp_path) as mia:
        before, mia.sid = list(mia.instance.asked), "began-elsewhere"
        if how == "websocket":
            with pytest.raises(WSServerHandshakeError) as refused:
                await mia.socket()
            assert refused.value.status == 400
        else:
            answer = await (mia.get() if how == "GET" else mia.post("2"))
            assert (answer.status, answer.json()) == (400, {"code": 1, "message": "Session ID unknown"})
        assert mia.instance.asked == before


async def test_an_upgrade_that_is_none_and_a_version_that_is_foreign_open_no_websocket(tmp_path: Path) -> None:
    async with page(tmp_path) as mia:
        before = list(mia.instance.asked)
        fields = {"Connection": "Upgrade", "Upgrade": "websocket", "Origin": mia.gate.origin}
        for query in ("EIO=3&transport=websocket", f"EIO=4&transport=websocket&sid={mia.sid}"):
            answer = await mia.gate.ask(f"{PATH}?{query}", mia.cookie, **fields)
            assert answer.status == 400
        assert mia.instance.asked == before


async def test_a_session_begins_by_websocket_as_well(tmp_path: Path) -> None:
    async with page(tmp_path) as mia:
        socket = await mia.gate.open_socket(f"{ASKED}websocket", mia.cookie)
        assert (await socket.receive_str(timeout=DEADLINE)).startswith("0{")
        await socket.send_str('40{"user":{"userId":"root"}}')
        mia.instance.say(CONFIG)
        assert "valve" not in await socket.receive_str(timeout=DEADLINE)
        assert '"userId":"u-mia"' in str(mia.instance.heard[-1])
        assert "root" not in str(mia.instance.heard[-1])
        await socket.close()


async def test_an_instance_that_opens_nothing_is_none(tmp_path: Path) -> None:
    async with dashboard() as instance, house(tmp_path, instance.url, enforce_client_constraint=True) as gate:
        cookie = await gate.log_in("mia")
        for instance.opening in ("40", "0", '0{"sid":1}', '0{"sid":"a"}', "hello"):
            assert (await gate.ask(f"{ASKED}polling", cookie)).status == 502
            socket = await gate.open_socket(f"{ASKED}websocket", cookie)
            assert (await socket.receive(timeout=DEADLINE)).type is WSMsgType.CLOSE
            assert socket.close_code == 1002


async def test_what_an_instance_refuses_is_told_and_ends_the_session(tmp_path: Path) -> None:
    async with page(tmp_path) as mia:
        mia.instance.status = 400
        mia.instance.say('{"code":1}')
        assert (await mia.get()).status == 400
        mia.instance.status, before = 200, len(mia.instance.asked)
        assert (await mia.get()).json() == {"code": 1, "message": "Session ID unknown"}
        assert len(mia.instance.asked) == before
        mia.instance.status = 404
        assert (await mia.gate.ask(f"{ASKED}polling", mia.cookie)).status == 404


# -- what passes


async def test_polls_that_are_left_with_nothing_say_so(tmp_path: Path) -> None:
    async with page(tmp_path) as mia:
        assert await mia.hears('42["msg-input:valve",{"payload":1}]') == "6"
        before = len(mia.instance.asked)
        answer = await mia.post('42["widget-change","valve",1]')
        assert (answer.status, answer.body) == (200, b"ok")
        assert len(mia.instance.asked) == before


async def test_of_several_packets_those_pass_that_may(tmp_path: Path) -> None:
    async with page(tmp_path) as mia:
        both = '42["msg-input:valve",1]\x1e2\x1e42["msg-input:pump",2]'
        assert await mia.hears(both) == '2\x1e42["msg-input:pump",2]'
        await mia.post('3\x1e42["widget-change","valve",1]\x1e42["widget-change","pump",2]')
        assert mia.instance.heard[-1] == '3\x1e42["widget-change","pump",2]'


@pytest.mark.parametrize("fast_lane", [True, False])
async def test_attachments_pass_or_go_with_their_packet(tmp_path: Path, fast_lane: bool) -> None:
    hidden, shown = (f'451-["msg-input:{name}",{{"_placeholder":true,"num":0}}]' for name in ("valve", "pump"))
    async with page(tmp_path, fast_lane=fast_lane) as mia:
        assert await mia.hears(f"{hidden}\x1ebAAEC\x1e{shown}\x1ebAwQF") == f"{shown}\x1ebAwQF"
        assert await mia.hears(hidden, "bAAEC") == "6"
        assert await mia.hears(shown, "bAwQF") == "bAwQF"
        typed, other = (f'451-["widget-send","{name}",{{"_placeholder":true,"num":0}}]' for name in ("pump", "valve"))
        await mia.post(f"{other}\x1ebAAEC\x1e{typed}\x1ebAwQF")
        assert mia.instance.heard[-1] == f"{typed}\x1ebAwQF"
        socket = await mia.socket()
        mia.instance.say(hidden, b"\x00\x01\x02", shown, b"\x03\x04\x05")
        assert await socket.receive_str(timeout=DEADLINE) == shown
        assert await socket.receive_bytes(timeout=DEADLINE) == b"\x03\x04\x05"
        for said in (other, b"\x00", typed, b"\x01"):
            await (socket.send_str(said) if isinstance(said, str) else socket.send_bytes(said))
        await mia.instance.until_heard(typed, b"\x01")
        await socket.close()


async def test_what_belongs_to_no_widget_does_not_pass(tmp_path: Path) -> None:
    async with page(tmp_path) as mia:
        for packet in ('42/admin,["msg-input:pump",1]', "41/admin,", '431["valve"]', '42["their-own",{"id":"valve"}]'):
            assert await mia.hears(packet) == "6"


async def test_a_page_neither_answers_nor_enters_elsewhere(tmp_path: Path) -> None:
    async with page(tmp_path) as mia:
        before = list(mia.instance.heard)
        for packet in ('431["x"]', '40/admin,{"user":1}', '42/admin,["widget-change","pump",1]', '44{"message":"x"}'):
            assert (await mia.post(packet)).body == b"ok"
        assert mia.instance.heard == before
        await mia.post("41")
        assert mia.instance.heard[-1] == "41"


# -- what is no protocol

MALFORMED = [
    "hello",
    "0{}",
    "6",
    "4",
    "47",
    '42["connect"]',
    "42{}",
    "bAA==",
    '451-["widget-send","pump",1]\x1e42["a"]',
]


async def test_a_page_that_speaks_otherwise_is_sent_off(tmp_path: Path) -> None:
    async with page(tmp_path) as mia:
        for body in (*MALFORMED, "", b"\xff"):
            before = list(mia.instance.heard)
            refused = await mia.post(body)
            assert (refused.status, refused.json()["code"]) == (400, "bad_request")  # type: ignore[index]
            assert (await mia.get()).json() == {"code": 1, "message": "Session ID unknown"}
            assert mia.instance.heard == before
            await mia.begin()


async def test_an_instance_that_speaks_otherwise_is_not_believed(tmp_path: Path) -> None:
    async with page(tmp_path) as mia:
        for body in (MALFORMED[0], "5", "3", '42["connect"]', "bAA=="):
            mia.instance.say(body)
            assert (await mia.get()).status == 502
            assert (await mia.get()).json() == {"code": 1, "message": "Session ID unknown"}
            await mia.begin()
            socket = await mia.socket()
            mia.instance.say(body)
            assert (await socket.receive(timeout=DEADLINE)).type is WSMsgType.CLOSE
            assert socket.close_code == 1002
            await mia.begin()


async def test_a_websocket_that_speaks_otherwise_is_closed_with_the_reason(tmp_path: Path) -> None:
    async with page(tmp_path) as mia:
        for packet in MALFORMED[:-1]:
            socket = await mia.socket()
            await socket.send_str(packet)
            closing = await socket.receive(timeout=DEADLINE)
            assert (closing.type, closing.data) == (WSMsgType.CLOSE, 1002)
            assert closing.extra
            await mia.instance.changes.until(lambda: str(mia.instance.heard[-1]).startswith("closed"))
            assert not len(mia.gate.gateway.live)
            await mia.begin()


async def test_what_is_longer_than_the_instance_takes_is_refused(tmp_path: Path) -> None:
    async with dashboard(most=1000) as instance:
        async with house(tmp_path, instance.url, enforce_client_constraint=True) as gate:
            cookie = await gate.log_in("mia")
            sid = json.loads((await gate.ask(f"{ASKED}polling", cookie)).body[1:])["sid"]
            mia = Page(gate, instance, cookie, sid)
            refused = await mia.post('42["a","' + "x" * 1000 + '"]')
            assert refused.status == 413
            assert "1000 bytes" in refused.json()["detail"]  # type: ignore[index]
            socket = await mia.socket()
            await socket.send_str('42["a","' + "x" * 1000 + '"]')
            assert (await socket.receive(timeout=DEADLINE)).data == 1009
            assert not [packet for packet in instance.heard if not str(packet).startswith("closed")]


@pytest.mark.parametrize("network", ["192.0.2.1", "2001:db8::{:x}"], ids=["an address", "a network of IPv6"])
async def test_strangers_begin_so_many_sessions_and_no_more(tmp_path: Path, network: str) -> None:
    """Each is written down, and anybody could fill the store with them."""
    async with dashboard() as instance:
        settings = {"http_auth": HttpAuth.NONE, "enforce_client_constraint": True}
        async with house(tmp_path, instance.url, **settings) as gate:
            for number in range(1000):
                answer = await gate.ask(f"{ASKED}polling", X_Forwarded_For=network.format(number))
                if answer.status != 200:
                    break
            assert answer.status == 429
            assert len(instance.asked) >= 120


async def test_a_page_that_reads_slowly_holds_the_instance_back(tmp_path: Path) -> None:
    said, many = '42["msg-input:pump","' + "a" * 100_000 + '"]', 400
    async with page(tmp_path) as mia:
        socket = await mia.socket()
        mia.instance.say(*[said] * many)
        stalled = -1
        while stalled != mia.instance.told:  # until a second passes in which nothing goes out
            stalled = mia.instance.told
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await mia.instance.changes.until(lambda before=stalled: mia.instance.told > before)  # type: ignore[misc]
        assert mia.instance.told < many
        for _ in range(many):
            assert await socket.receive_str(timeout=DEADLINE) == said
        await socket.close()


# -- how it ends


async def test_a_poll_that_waits_hears_that_its_session_is_over(tmp_path: Path) -> None:
    async with page(tmp_path) as mia:
        waiting = await _waiting(mia)
        [session] = await mia.gate.store.shared.sessions_of("u-mia")
        await mia.gate.store.shared.end_session(session.id)
        async with promised(AT_ONCE):
            answer = await waiting
        assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, "text/html")


async def test_g_01_a_poll_that_waits_begins_anew_when_other_pages_are_shown(tmp_path: Path) -> None:
    """G-01."""
    async with page(tmp_path) as mia:
        waiting = await _waiting(mia)
        await _share_gas(mia)
        async with promised(AT_ONCE):
            answer = await waiting
        assert answer.json() == {"code": 1, "message": "Session ID unknown"}
        assert (await mia.post("3")).status == 400


async def test_g_01_between_two_polls_as_well(tmp_path: Path) -> None:
    """G-01."""
    async with page(tmp_path) as mia:
        await _share_gas(mia)
        await mia.gate.gateway.watch.look()
        assert (await mia.post("3")).json() == {"code": 1, "message": "Session ID unknown"}


@pytest.mark.parametrize(("change", "code"), [("session", 4401), ("pages", 1012)])
async def test_a_websocket_ends_with_what_it_was_opened_for(tmp_path: Path, change: str, code: int) -> None:
    async with page(tmp_path) as mia:
        socket = await mia.socket()
        if change == "session":
            [session] = await mia.gate.store.shared.sessions_of("u-mia")
            await mia.gate.store.shared.end_session(session.id)
        else:
            await _share_gas(mia)
        async with promised(AT_ONCE):
            assert (await socket.receive()).data == code
        await mia.instance.changes.until(lambda: str(mia.instance.heard[-1]).startswith("closed"))


async def test_t_10_rows_follow_a_visitors_tags_while_a_socket_is_open(tmp_path: Path) -> None:
    """T-10: who gets another value sees other rows at once; nothing has to be opened anew."""
    policy = RowPolicy(name="sites", kind=RowKind.SOCKET, tag="site", field="site")
    rows = [{"site": site} for site in ("north", "south")]
    said = "42" + json.dumps(["msg-input:pump", {"payload": rows}])
    async with page(tmp_path, rows=(policy,)) as mia:
        await mia.gate.change("mia", Role.MEMBER, tags={"site": "north"})
        await mia.gate.gateway.watch.look()
        socket = await mia.socket()
        for site in ("north", "south"):
            await mia.gate.change("mia", Role.MEMBER, tags={"site": site})
            await mia.gate.gateway.watch.look()
            mia.instance.say(said)
            told = json.loads((await socket.receive_str(timeout=DEADLINE))[2:])
            assert told == ["msg-input:pump", {"payload": [{"site": site}]}]
        await socket.close()


async def test_an_instance_that_falls_silent_is_taken_for_gone(tmp_path: Path) -> None:
    async with page(tmp_path) as mia:
        patience = mia.gate.gateway.inspection.carrier.patience
        mia.gate.gateway.inspection.carrier.patience = type(patience)(stream=2.0)  # type: ignore[call-arg]
        socket = await mia.socket()
        mia.instance.say("2")
        assert await socket.receive_str(timeout=DEADLINE) == "2"
        assert (await socket.receive(timeout=DEADLINE)).data == 1012


async def test_who_leaves_ends_the_instances_side_too(tmp_path: Path) -> None:
    async with page(tmp_path) as mia:
        socket = await mia.socket()
        await socket.close()
        await mia.instance.changes.until(lambda: str(mia.instance.heard[-1]).startswith("closed"))


async def _waiting(mia: Page) -> "asyncio.Task[Answer]":
    """A poll that the instance holds."""
    before = len(mia.instance.asked)
    waiting = asyncio.create_task(mia.get())
    await mia.instance.changes.until(lambda: len(mia.instance.asked) > before)
    return waiting


async def _share_gas(mia: Page) -> None:
    await mia.gate.store.database.edit([Grant(target="r-gas", space="s-acme", role=Role.DASHBOARD)], [])
