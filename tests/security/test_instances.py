"""What an instance, and the script in its pages, must not do to the gateway, to its visitors and to its siblings."""

from contextlib import suppress
from pathlib import Path

import pytest

from tests.lanes.stage import stage
from tests.peers.answers import head, plain, raw
from tests.peers.upstream import Exchange, upstream

UPGRADE = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
NAVIGATION = (
    b"Accept: text/html",
    b"Sec-Fetch-Mode: navigate",
    b"Sec-Fetch-Dest: iframe",
    b"Sec-Fetch-Site: same-origin",
)
ENDLESS = 64 * 1024 * 1024


async def test_an_instance_does_not_send_the_gateway_elsewhere(tmp_path: Path, fast_lane: bool) -> None:
    """Not even in answer to a websocket's handshake, with the visitor's identity on it."""
    async with upstream(plain(b"internal")) as other:
        elsewhere = head(302, (b"Location", other.url.encode() + b"/admin/flows"), (b"Content-Length", b"0"))
        async with stage(tmp_path, raw(elsewhere), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
            await line.send(gate.head(b"GET /admin/comms", b"Origin: " + gate.origin, *UPGRADE))
            assert (await line.response()).status == 502
            assert len(instance.requests) == 1
        assert other.requests == []


@pytest.mark.parametrize("name", [b"Clear-Site-Data", b"Service-Worker-Allowed"])
async def test_an_instance_has_no_power_over_its_host_or_siblings(tmp_path: Path, fast_lane: bool, name: bytes) -> None:
    async with (
        stage(tmp_path, plain(b"x", (name, b'"cookies"')), fast_lane=fast_lane) as (gate, _),
        gate.line() as line,
    ):
        await line.send(gate.head(b"GET /x"))
        assert (await line.response()).values(name) == []


async def test_an_instance_cannot_fill_the_memory_with_an_endless_head(tmp_path: Path, fast_lane: bool) -> None:
    sent = 0

    async def endless(exchange: Exchange) -> None:
        nonlocal sent
        with suppress(ConnectionError):
            await exchange.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while sent < ENDLESS:
                await exchange.send(b"a" * 65536)
                sent += 65536
        exchange.close()

    async with stage(tmp_path, endless, fast_lane=fast_lane) as (gate, _), gate.line() as line:
        await line.send(gate.head(b"GET /x"))
        assert (await line.response()).status == 502
    assert sent < ENDLESS


async def test_a_script_does_not_read_on_a_refusal_what_else_its_visitor_may_open(
    tmp_path: Path, fast_lane: bool
) -> None:
    """It may frame the page, or fetch it from a worker: both are navigations."""
    other = {"slug": "secret-line", "hosts": ["secret.localhost"], "upstream": "http://127.0.0.1:9"}
    async with stage(tmp_path, plain(b"x"), fast_lane=fast_lane, others=(other,)) as (gate, _), gate.line() as line:
        await line.send(gate.head(b"GET /admin/", *NAVIGATION, cookie=await gate.log_in("dora")))
        page = await line.response()
        assert (page.status, b"secret" in page.body) == (403, False)
