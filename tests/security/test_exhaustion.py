"""What one address, or one login, must not use up."""

import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from proxy.gate.gate import NEW_SIDS
from proxy.services.clock import Clock
from tests.lanes.stage import stage
from tests.peers.answers import echo, plain
from tests.security.test_instances import UPGRADE


@pytest.mark.parametrize("query", [b"sid=%ff", b"%ff=1&sid=abc", b"sid=%C3%A9", b"sid=\xe9"])
async def test_no_byte_of_a_query_is_a_defect(tmp_path: Path, fast_lane: bool, query: bytes) -> None:
    async with stage(tmp_path, plain(b"x"), fast_lane=fast_lane) as (gate, _), gate.line() as line:
        await line.send(gate.head(b"GET /dashboard/socket.io/?EIO=4&transport=polling&" + query))
        assert (await line.response()).status in (200, 400)


async def test_one_login_cannot_fill_the_store_with_made_up_sids(tmp_path: Path, fast_lane: bool) -> None:
    began = time.monotonic()
    still = Clock(steady=lambda: began)  # no allowance fills up meanwhile
    async with stage(tmp_path, plain(b"x"), fast_lane=fast_lane, clock=still) as (gate, _), gate.line() as line:
        statuses = []
        for number in range(NEW_SIDS.count + 20):
            await line.send(gate.head(b"GET /dashboard/socket.io/?EIO=4&transport=polling&sid=made-up-%d" % number))
            statuses.append((await line.response()).status)
        assert statuses[: NEW_SIDS.count] == [200] * NEW_SIDS.count
        assert 429 in statuses
        await line.send(gate.head(b"GET /dashboard/socket.io/?EIO=4&transport=polling&sid=made-up-0"))
        assert (await line.response()).status == 200


async def test_websockets_do_not_slip_past_the_limit_per_address(tmp_path: Path, fast_lane: bool) -> None:
    more = {"connections_per_address": 4}
    async with stage(tmp_path, echo(), fast_lane=fast_lane, server=more) as (gate, _), AsyncExitStack() as held:
        upgrade = gate.head(b"GET /ws/x", b"Origin: " + gate.origin, *UPGRADE)
        statuses = []
        for _ in range(6):
            line = await held.enter_async_context(gate.line())
            await line.send(upgrade)
            statuses.append((await line.response()).status)
        assert statuses == [101] * 4 + [503] * 2


async def test_a_closed_websocket_makes_room_for_another(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, echo(), fast_lane=fast_lane, server={"connections_per_address": 1}) as (gate, _):
        for _ in range(3):
            async with gate.line() as line:
                await line.send(gate.head(b"GET /ws/x", b"Origin: " + gate.origin, *UPGRADE))
                assert (await line.response()).status == 101
                await line.say(8, b"\x03\xe8")
                await line.rest()
