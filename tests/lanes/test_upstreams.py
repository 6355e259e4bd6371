"""Instances behind unix sockets and behind TLS, instances that come back, and instances that move."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from proxy.model.estate import PlatformSettings, Resource
from proxy.store import Edit
from tests.lanes.stage import Stage, stage, standing
from tests.lanes.test_websockets import opened
from tests.peers.answers import by_path, echo, head, plain
from tests.peers.frames import TEXT
from tests.peers.upstream import Exchange, Upstream, upstream

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


AT_ONCE = 1.0
"""Seconds within which nothing goes on to where an instance is no more."""


async def _endless(exchange: Exchange) -> None:
    await exchange.send(head(200, (b"Content-Type", b"text/event-stream")), b"data: 1\n\n")
    await exchange.gone()


@asynccontextmanager
async def busy(folder: Path, *, fast_lane: bool) -> AsyncIterator[tuple[Stage, Upstream, Resource]]:
    """An instance as if made through the API, with a socket, a stream and an idle connection to it."""
    answers = by_path({"/ws": echo(), "/events": _endless, "*": plain(b"ok")})
    async with (
        stage(folder, answers, fast_lane=fast_lane) as (gate, instance),
        gate.line() as socket,
        gate.line() as stream,
        gate.line() as line,
    ):
        (made,) = (each for each in gate.gate.world.estate.resources.values() if each.instance is not None)
        made = replace(made, declared=None)
        await edit(gate, PlatformSettings(upstream_allow=("127.0.0.0/8", "10.0.0.0/8")), made)
        await opened(gate, socket)
        await stream.send(gate.head(b"GET /events"))
        await stream.until(b"data: 1\n\n")
        await line.send(gate.head(b"GET /"))
        assert (await line.response()).status == 200
        assert instance.open_connections == 3
        yield gate, instance, made


async def edit(gate: Stage, *edits: Edit) -> None:
    """As another process would: nobody is told."""
    await gate.running.store.database.edit(edits, [])
    await gate.running.gateway.watch.look()


async def test_an_instance_that_moves_takes_its_sockets_streams_and_idle_connections_along(
    tmp_path: Path, fast_lane: bool
) -> None:
    async with busy(tmp_path, fast_lane=fast_lane) as (gate, instance, made), upstream(ANSWERS) as elsewhere:
        assert made.instance is not None
        moved = replace(made, instance=replace(made.instance, upstream=elsewhere.url))
        await edit(gate, moved)
        await instance.until(lambda: instance.open_connections == 0, seconds=AT_ONCE)
        async with gate.line() as line:
            await line.send(gate.head(b"GET /"))
            assert (await line.response()).status == 200
        assert len(elsewhere.requests) == 1


async def test_what_upstream_allow_no_longer_admits_is_left_at_once(tmp_path: Path, fast_lane: bool) -> None:
    async with busy(tmp_path, fast_lane=fast_lane) as (gate, instance, _):
        asked = len(instance.requests)
        await edit(gate, PlatformSettings(upstream_allow=("10.0.0.0/8",)))
        await instance.until(lambda: instance.open_connections == 0, seconds=AT_ONCE)
        async with gate.line() as line:
            await line.send(gate.head(b"GET /"))
            assert (await line.response()).status == 502
        assert len(instance.requests) == asked


async def test_r_70_an_instance_that_restarts_is_reached_again(tmp_path: Path, fast_lane: bool) -> None:
    """502 while it is away, and no more than that."""
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
