"""The editor's socket: what passes, what does not, and how it ends."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

from proxy.model.access import Reason, Role
from proxy.model.audit import Event, Phase
from proxy.model.identity import UserState
from tests.peers.answers import by_path, drop, echo, plain
from tests.peers.changes import DEADLINE, promised
from tests.peers.frames import CLOSE, TEXT, Frame, accept_key, read_frame
from tests.peers.state import put_in_state
from tests.peers.upstream import Exchange, upstream
from tests.proxy.inspection.house import INSTANCE, House, house
from tests.proxy.inspection.test_writes import events, locked, recorded

AT_ONCE = 1.0
"""Seconds within which an open editor hears of what ends."""
COMMS = by_path({"/admin/comms": echo(), "*": plain(b"ok")})
"""Says back what it hears, so that a test sees what passed and in which order."""

Ends = Callable[[House, str], Awaitable[object]]


async def talk(socket: ClientWebSocketResponse, *texts: str) -> list[str]:
    """What comes back for these, up to the answer to one that surely passes."""
    for text in (*texts, '{"subscribe":"done"}'):
        await socket.send_str(text)
    heard = []
    while (text := await socket.receive_str(timeout=DEADLINE)) != '{"subscribe":"done"}':
        heard.append(text)
    return heard


async def test_an_editor_hears_and_says_what_editors_do(tmp_path: Path) -> None:
    async with upstream(COMMS) as instance, house(tmp_path, instance.url) as gate:
        socket = await gate.open_socket("/admin/comms", await gate.log_in("vic"))
        said = ['{"subscribe":"debug"}', '{"topic":"multiplayer/connect","data":{"session":"x"}}']
        assert await talk(socket, *said) == said
        [asked] = instance.requests
        assert asked.value(b"X-Flowward-User") == b"vic"
        assert asked.value(b"Origin") == gate.origin.encode()
        assert asked.value(b"Sec-WebSocket-Extensions") is None
        assert b"flowward=" not in asked.head
        await socket.close()


@pytest.mark.parametrize("name", ["vic", "mia"])
async def test_messages_to_nodes_are_for_those_who_may_write(tmp_path: Path, name: str) -> None:
    async with upstream(COMMS) as instance, house(tmp_path, instance.url) as gate:
        socket = await gate.open_socket("/admin/comms", await gate.log_in(name))
        message = '{"topic":"my-node/do","data":{"a":1}}'
        assert await talk(socket, message) == ([message] if name == "mia" else [])
        await socket.close()


async def test_messages_to_nodes_are_on_record_without_what_they_say(tmp_path: Path) -> None:
    """There is no write without a record."""
    async with upstream(COMMS) as instance, house(tmp_path, instance.url) as gate:
        socket = await gate.open_socket("/admin/comms", await gate.log_in("mia"))
        message = '{"topic":"my-plugin/run","data":{"password":"hunter2"}}'
        assert await talk(socket, message, '{"topic":"multiplayer/connect","data":{}}')
        intent, done = await recorded(gate, 2, "admin.request")
        assert (intent.phase, done.phase, done.error) == (Phase.INTENT, Phase.OUTCOME, "")
        assert intent.body == done.body == {"path": "/admin/comms", "topic": "my-plugin/run"}
        assert (done.actor, done.actor_name, done.source, done.scope_id) == ("u-mia", "mia", "instance", INSTANCE)
        await socket.close()


async def test_a_message_that_cannot_be_put_on_record_is_not_sent(tmp_path: Path) -> None:
    """The editor comes again, as it does after any trouble."""
    async with upstream(COMMS) as instance, house(tmp_path, instance.url, patience=3.0) as gate:
        socket = await gate.open_socket("/admin/comms", await gate.log_in("mia"))
        with locked(tmp_path):
            await socket.send_str('{"topic":"my-plugin/run","data":{}}')
            assert (await socket.receive(timeout=DEADLINE)).type is WSMsgType.CLOSE
        assert socket.close_code == 1012
        await instance.until(lambda: not instance.open_connections)
        assert [frame.payload for frame in instance.frames if frame.opcode == TEXT] == []
        assert await events(gate, "admin.request") == []


async def test_nobody_writes_to_a_protected_instance(tmp_path: Path) -> None:
    async with upstream(COMMS) as instance, house(tmp_path, instance.url, protected=True) as gate:
        socket = await gate.open_socket("/admin/comms", await gate.log_in("ada"))
        assert await talk(socket, '{"topic":"my-node/do","data":{}}') == []
        await socket.close()


async def test_a_left_over_token_is_answered_here_and_never_reaches_the_instance(tmp_path: Path) -> None:
    """The editor sends what it finds in the browser's storage; the instance would call it wrong and hang up."""
    async with upstream(COMMS) as instance, house(tmp_path, instance.url) as gate:
        socket = await gate.open_socket("/admin/comms", await gate.log_in("vic"))
        assert await talk(socket, '{"auth":"stale"}') == ['{"auth":"ok"}']
        assert [frame.payload for frame in instance.frames] == [b'{"subscribe":"done"}']
        await socket.close()


async def test_what_is_no_message_of_an_editor_is_dropped(tmp_path: Path) -> None:
    async with upstream(COMMS) as instance, house(tmp_path, instance.url) as gate:
        socket = await gate.open_socket("/admin/comms", await gate.log_in("mia"))
        await socket.send_bytes(b'{"subscribe":"debug"}')
        assert await talk(socket, "hello", "[]", '{"subscribe":1}') == []
        await socket.close()


async def test_a_message_too_long_for_an_editor_ends_its_socket(tmp_path: Path) -> None:
    async with upstream(COMMS) as instance, house(tmp_path, instance.url) as gate:
        socket = await gate.open_socket("/admin/comms", await gate.log_in("mia"))
        await socket.send_str('{"subscribe":"' + "a" * 2**20 + '"}')
        assert (await socket.receive(timeout=DEADLINE)).type is WSMsgType.CLOSE
        assert socket.close_code == 1009
        await instance.until(lambda: not instance.open_connections)
        assert not len(gate.gateway.live)


@pytest.mark.parametrize("size", [10, 70_000, 8 * 2**20])
async def test_messages_of_the_instance_pass_whole(tmp_path: Path, size: int) -> None:
    async with upstream(COMMS) as instance, house(tmp_path, instance.url) as gate:
        socket = await gate.open_socket("/admin/comms", await gate.log_in("vic"))
        for opcode, payload in ((TEXT, b"a" * size), (2, bytes(size))):
            instance.writers[-1].write(Frame(opcode=opcode, payload=payload).encode())
            message = await socket.receive(timeout=DEADLINE)
            assert (message.data.encode() if opcode == TEXT else message.data) == payload
        await socket.close()


# -- how it ends


async def ended(socket: ClientWebSocketResponse) -> tuple[list[str], int | None]:
    """What is said before the end, and the code of it."""
    said = []
    async with promised(AT_ONCE):
        while (message := await socket.receive()).type is WSMsgType.TEXT:
            said.append(message.data)
    return said, socket.close_code


async def _end_session(gate: House, _: str) -> None:
    [session] = await gate.store.shared.sessions_of("u-mia")
    await gate.store.shared.end_session(session.id)


async def _suspend(gate: House, _: str) -> None:
    await put_in_state(gate.store.database, "u-mia", UserState.SUSPENDED, Event(event="user.suspended", at=0.0))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_end_session, 4401),
        (_suspend, 4401),
        (lambda gate, _: gate.change("mia", Role.VIEWER), 1012),
        (lambda gate, _: gate.change("mia", Role.DASHBOARD), 4403),
        (lambda gate, _: gate.change("mia", None), 4403),
    ],
)
async def test_an_open_editor_is_sent_to_the_login_within_a_second(tmp_path: Path, change: Ends, code: int) -> None:
    """With `auth: fail` the editor asks for the login, which leads it to what it may see now."""
    async with upstream(COMMS) as instance, house(tmp_path, instance.url) as gate:
        cookie = await gate.log_in("mia")
        socket = await gate.open_socket("/admin/comms", cookie)
        assert await talk(socket) == []
        await change(gate, cookie)
        assert await ended(socket) == (['{"auth":"fail"}'], code)
        await instance.until(lambda: not instance.open_connections)
        assert not len(gate.gateway.live)


async def test_rights_that_stay_the_same_leave_the_socket_alone(tmp_path: Path) -> None:
    async with upstream(COMMS) as instance, house(tmp_path, instance.url) as gate:
        socket = await gate.open_socket("/admin/comms", await gate.log_in("mia"))
        await gate.change("mia", Role.OWNER)
        await gate.gateway.watch.look()
        assert await talk(socket) == []
        await socket.close()


async def _drain(gate: House, _: str) -> None:
    gate.gateway.live.end_all(Reason.DRAINING)


async def _log_out(gate: House, cookie: str) -> None:
    await gate.ask("/admin/auth/revoke", cookie, method="POST", Origin=gate.origin)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (_drain, 1012),  # a restart: the editor finds the next one by itself
        (_log_out, 1012),  # the page that logs out goes to the goodbye, not to the login
        (lambda gate, _: gate.remove_instance(), 4403),  # there is no login to be found any more
    ],
)
async def test_an_editor_that_finds_no_login_is_let_go_quietly(tmp_path: Path, change: Ends, code: int) -> None:
    async with upstream(COMMS) as instance, house(tmp_path, instance.url) as gate:
        cookie = await gate.log_in("mia")
        socket = await gate.open_socket("/admin/comms", cookie)
        await change(gate, cookie)
        assert await ended(socket) == ([], code)


async def test_an_instance_that_goes_away_makes_the_editor_try_again(tmp_path: Path) -> None:
    async with upstream(COMMS) as instance, house(tmp_path, instance.url) as gate:
        cookie = await gate.log_in("mia")
        socket = await gate.open_socket("/admin/comms", cookie)
        instance.close_idle()
        assert await ended(socket) == ([], 1012)
        again = await gate.open_socket("/admin/comms", cookie)
        assert await talk(again) == []
        await again.close()


async def test_an_editor_that_goes_away_leaves_nothing_behind(tmp_path: Path) -> None:
    async with upstream(COMMS) as instance, house(tmp_path, instance.url) as gate:
        socket = await gate.open_socket("/admin/comms", await gate.log_in("mia"))
        assert len(gate.gateway.live) == 1
        await socket.close()
        await instance.until(lambda: not instance.open_connections)
        assert instance.frames[-1].opcode == CLOSE


async def test_a_session_that_ends_while_the_socket_is_made_ends_the_socket(tmp_path: Path) -> None:
    async def after_the_end(exchange: Exchange) -> None:
        await _end_session(gate, "")
        await gate.gateway.watch.look()
        await echo()(exchange)

    async with upstream(by_path({"/admin/comms": after_the_end})) as instance, house(tmp_path, instance.url) as gate:
        socket = await gate.open_socket("/admin/comms", await gate.log_in("mia"))
        assert await ended(socket) == (['{"auth":"fail"}'], 4401)


# -- who gets none


@pytest.mark.parametrize("name", ["", "dan"])
async def test_a_refused_editor_is_told_so_on_its_socket(tmp_path: Path, name: str) -> None:
    """On an HTTP refusal it would try again without end."""
    async with upstream(COMMS) as instance, house(tmp_path, instance.url) as gate:
        socket = await gate.open_socket("/admin/comms", await gate.log_in(name) if name else "")
        said, code = await ended(socket)
        assert said == ['{"auth":"fail"}']
        assert code in (4401, 4403)
        assert instance.requests == []


async def test_a_foreign_page_gets_no_socket_at_all(tmp_path: Path) -> None:
    async with upstream(COMMS) as instance, house(tmp_path, instance.url) as gate:
        with pytest.raises(WSServerHandshakeError, match="403"):
            await gate.open_socket("/admin/comms", await gate.log_in("mia"), Origin="http://line-4.localhost")
        assert instance.requests == []


@pytest.mark.parametrize("upstream_answer", [drop, plain(b"no", status=404)])
async def test_an_instance_that_does_not_answer_is_a_bad_gateway(tmp_path: Path, upstream_answer: object) -> None:
    async with upstream(upstream_answer) as instance, house(tmp_path, instance.url) as gate:  # type: ignore[arg-type]
        with pytest.raises(WSServerHandshakeError, match="502"):
            await gate.open_socket("/admin/comms", await gate.log_in("mia"))
        assert not len(gate.gateway.live)


async def test_what_is_no_upgrade_is_carried_as_any_other_request(tmp_path: Path) -> None:
    async with upstream(by_path({"/admin/comms": plain(b"Cannot GET", status=404)})) as instance:
        async with house(tmp_path, instance.url) as gate:
            answer = await gate.ask("/admin/comms", await gate.log_in("mia"))
            assert (answer.status, answer.body) == (404, b"Cannot GET")


# -- instances with accounts of their own


def keeps_accounts(accepts: bool) -> Callable[[Exchange], Awaitable[None]]:
    """Node-RED's /comms where adminAuth knows nothing of the gateway: the first message must be a token."""

    async def answer(exchange: Exchange) -> None:
        key = exchange.request.value(b"Sec-WebSocket-Key") or b""
        switch = b"HTTP/1.1 101 Said\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        await exchange.send(switch + accept_key(key) + b"\r\n\r\n")
        first = await read_frame(exchange.reader)
        right = accepts and first.payload == b'{"auth":"fws_gateway"}'
        await exchange.send(Frame(opcode=TEXT, payload=b'{"auth":"ok"}' if right else b'{"auth":"fail"}').encode())
        while right and (frame := await read_frame(exchange.reader)).opcode == TEXT:
            await exchange.send(frame.encode())
        exchange.close()

    return answer


async def test_the_gateway_says_its_own_token_where_an_instance_asks_for_one(tmp_path: Path) -> None:
    async with upstream(by_path({"/admin/comms": keeps_accounts(True)})) as instance:
        async with house(tmp_path, instance.url, admin_token="fws_gateway") as gate:
            socket = await gate.open_socket("/admin/comms", await gate.log_in("mia"))
            assert await talk(socket, '{"auth":"mine"}', '{"subscribe":"debug"}') == [
                '{"auth":"ok"}',
                '{"subscribe":"debug"}',
            ]
            await socket.close()


async def test_a_token_of_the_gateway_that_is_not_accepted_does_not_send_visitors_in_circles(tmp_path: Path) -> None:
    """Told `auth: fail` the editor would reload, be told so again, and so on."""
    async with upstream(by_path({"/admin/comms": keeps_accounts(False)})) as instance:
        async with house(tmp_path, instance.url, admin_token="fws_gateway") as gate:
            with pytest.raises(WSServerHandshakeError, match="502"):
                await gate.open_socket("/admin/comms", await gate.log_in("mia"))


async def test_an_editor_that_reads_slowly_holds_the_instance_back(tmp_path: Path) -> None:
    async with upstream(COMMS) as instance, house(tmp_path, instance.url) as gate:
        socket = await gate.open_socket("/admin/comms", await gate.log_in("vic"))
        transport = socket.get_extra_info("socket")
        assert transport is not None
        frame, sent = Frame(opcode=TEXT, payload=b"a" * 100_000).encode(), 0
        writer = instance.writers[-1]
        async with asyncio.timeout(DEADLINE):
            try:
                while sent < 200 * 2**20:
                    writer.write(frame)
                    async with asyncio.timeout(1):
                        await writer.drain()
                    sent += len(frame)
            except TimeoutError:
                pass
        assert sent < 64 * 2**20
        for _ in range(sent // len(frame)):
            assert len((await socket.receive(timeout=DEADLINE)).data) == 100_000
        await socket.close()
