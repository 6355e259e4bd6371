"""Bytes that are no UTF-8 make no field another one on its way, in either direction."""

from pathlib import Path

import pytest

from proxy.model.access import Reason
from tests.lanes.stage import stage
from tests.peers.answers import plain

ODD = [b"\x80", b"\x85", b"\xa0", b"\xc3", b"\xff"]


@pytest.mark.parametrize("byte", ODD)
async def test_what_is_nearly_a_cookie_of_the_gateways_does_not_become_one(
    tmp_path: Path, fast_lane: bool, byte: bytes
) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        near = byte + gate.cookie + b"; flow" + byte + b"ward=x; a=b" + byte
        await line.send(gate.head(b"GET /api", b"Cookie: " + near))
        assert (await line.response()).status == 200
        [asked] = instance.requests
        passed = [pair.strip() for value in asked.values(b"Cookie") for pair in value.split(b";")]
        assert len(passed) == 3
        assert not [pair for pair in passed if pair.startswith(b"flowward=")]
        assert b"a=b" not in passed, "no byte is lost"


@pytest.mark.parametrize("byte", ODD)
async def test_an_instance_cannot_set_a_cookie_of_the_gateways_by_one_that_is_nearly_it(
    tmp_path: Path, fast_lane: bool, byte: bytes
) -> None:
    fields = [(b"Set-Cookie", byte + b"flowward=stolen; Path=/"), (b"X-Odd", b"a" + byte + b"b")]
    async with stage(tmp_path, plain(b"ok", *fields), fast_lane=fast_lane) as (gate, _), gate.line() as line:
        await line.send(gate.head(b"GET /api"))
        answer = await line.response()
        assert answer.status == 200
        assert [value for value in answer.values(b"Set-Cookie") if value.startswith(b"flowward")] == []
        assert answer.value(b"X-Odd") != b"ab"


@pytest.mark.parametrize("byte", ODD)
async def test_an_expectation_that_is_none_is_no_defect(tmp_path: Path, fast_lane: bool, byte: bytes) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, _), gate.line() as line:
        await line.send(gate.head(b"GET /api", b"Expect: 100-con" + byte + b"tinue"))
        assert (await line.response()).status < 500
        assert gate.running.gateway.traffic.refusals.get(("", Reason.DEFECT)) is None
