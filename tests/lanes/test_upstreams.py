"""Instances behind unix sockets and behind TLS, and instances that come back."""

import ssl
from pathlib import Path

import pytest
import trustme

from tests.lanes.stage import standing
from tests.lanes.test_websockets import opened
from tests.peers.answers import by_path, echo, plain
from tests.peers.frames import TEXT
from tests.peers.upstream import upstream

ANSWERS = by_path({"/ws": echo(), "*": plain(b"ok")})


async def test_an_instance_behind_a_unix_socket(tmp_path: Path, fast_lane: bool) -> None:
    async with upstream(ANSWERS, unix=tmp_path / "instance.sock") as instance:
        async with standing(tmp_path, instance.url, fast_lane=fast_lane) as gate, gate.line() as line:
            await line.send(gate.head(b"GET /x?y"))
            assert (await line.response()).body == b"ok"
            assert instance.requests[0].target == b"/x?y"
            assert instance.requests[0].value(b"Host") == gate.host
            await opened(gate, line)
            await line.say(TEXT, b"hello")
            assert (await line.hear()).payload == b"hello"


async def test_an_instance_with_a_certificate_of_a_private_ca(
    tmp_path: Path, fast_lane: bool, authority: trustme.CA, server_tls: ssl.SSLContext
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    trusting = {"ca": str(tmp_path / "ca.pem")}
    async with upstream(ANSWERS, tls=server_tls) as instance:
        arranged = standing(tmp_path, instance.url, fast_lane=fast_lane, upstream_tls=trusting)
        async with arranged as gate, gate.line() as line:
            await line.send(gate.head(b"GET /"))
            assert (await line.response()).body == b"ok"
            await opened(gate, line)
            await line.say(TEXT, b"hello")
            assert (await line.hear()).payload == b"hello"


@pytest.mark.parametrize("case", ["another CA", "the system's CAs", "another name"])
async def test_an_instance_that_cannot_prove_who_it_is_gets_no_request(
    tmp_path: Path, fast_lane: bool, case: str, authority: trustme.CA, server_tls: ssl.SSLContext
) -> None:
    ca = trustme.CA() if case == "another CA" else authority
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    trusting: dict[str, object] = {} if case == "the system's CAs" else {"ca": str(tmp_path / "ca.pem")}
    if case == "another name":
        trusting["server_name"] = "other.example"
    async with upstream(ANSWERS, tls=server_tls) as instance:
        arranged = standing(tmp_path, instance.url, fast_lane=fast_lane, upstream_tls=trusting)
        async with arranged as gate, gate.line() as line:
            await line.send(gate.head(b"GET /"))
            assert (await line.response()).status == 502
            assert instance.requests == []


async def test_an_instance_that_restarts_is_reached_again(tmp_path: Path, fast_lane: bool) -> None:
    """R-70: 502 while it is away, and no more than that."""
    async with upstream(ANSWERS) as instance:
        port = instance.port
        async with standing(tmp_path, instance.url, fast_lane=fast_lane) as gate, gate.line() as line:
            await line.send(gate.head(b"GET /"))
            assert (await line.response()).status == 200
            instance.close_idle()
            await line.send(gate.head(b"GET /"))
            assert (await line.response()).status == 200
    async with standing(tmp_path / "away", f"http://127.0.0.1:{port}", fast_lane=fast_lane) as gate:
        async with gate.line() as line:
            await line.send(gate.head(b"GET /"))
            assert (await line.response()).status == 502
            async with upstream(ANSWERS, port=port):
                await line.send(gate.head(b"GET /"))
                assert (await line.response()).status == 200
