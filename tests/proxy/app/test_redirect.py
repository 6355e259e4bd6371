"""Plain http beside TLS leads to https, and only to hosts that are known."""

from pathlib import Path

import pytest
import trustme
from aiohttp import ClientSession

from tests.peers.ports import free_port
from tests.peers.talk import dial, request
from tests.proxy.app.house import HOST, certificate, site


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_whatever_comes_in_the_clear_is_sent_to_the_same_address_on_https(
    tmp_path: Path, authority: trustme.CA, method: str
) -> None:
    """S-01."""
    port = free_port()
    tls = certificate(authority, tmp_path, "localhost")
    made = site(tmp_path, "http://127.0.0.1:9", tls=tls, redirect_http=[f"127.0.0.1:{port}"])
    made.scheme = "https"
    async with made.running(), dial(port) as line:
        await line.send(request(method, "/a%2Fb/?x=%20&y", host=f"{HOST}:{port}"))
        answer = await line.response(to=method.encode())
        assert answer.status == 308
        assert answer.value(b"Location") == f"{made.origin(HOST)}/a%2Fb/?x=%20&y".encode()
        assert answer.value(b"Strict-Transport-Security") is None  # RFC 6797 section 7.2: not in the clear


@pytest.mark.parametrize("host", ["evil.example", "line-3.localhost.evil.example", "evil.example@localhost", "a b"])
async def test_nobody_is_sent_to_a_host_that_is_not_ours(tmp_path: Path, authority: trustme.CA, host: str) -> None:
    port = free_port()
    tls = certificate(authority, tmp_path, "localhost")
    made = site(tmp_path, "http://127.0.0.1:9", tls=tls, redirect_http=[f"127.0.0.1:{port}"])
    made.scheme = "https"
    async with made.running(), ClientSession() as session:
        address = f"http://127.0.0.1:{port}/"
        async with session.get(address, headers={"Host": host}, allow_redirects=False) as answer:
            assert answer.status in (400, 404)
            assert "Location" not in answer.headers


@pytest.mark.parametrize("said", [b"", b"GET / HT"])
async def test_nobody_holds_a_connection_in_the_clear_without_saying_anything(
    tmp_path: Path, authority: trustme.CA, said: bytes
) -> None:
    port = free_port()
    tls = certificate(authority, tmp_path, "localhost")
    more = {"redirect_http": [f"127.0.0.1:{port}"], "timeouts": {"head": "300ms"}}
    made = site(tmp_path, "http://127.0.0.1:9", tls=tls, **more)
    made.scheme = "https"
    async with made.running(), dial(port) as line:
        await line.send(said)
        assert (await line.rest(seconds=3)).startswith(b"HTTP/1.1 408" if said else b"")


async def test_connections_in_the_clear_count_against_their_address(tmp_path: Path, authority: trustme.CA) -> None:
    port = free_port()
    tls = certificate(authority, tmp_path, "localhost")
    more = {"redirect_http": [f"127.0.0.1:{port}"], "connections_per_address": 1}
    made = site(tmp_path, "http://127.0.0.1:9", tls=tls, **more)
    made.scheme = "https"
    async with made.running(), dial(port), dial(port) as second:
        assert (await second.response()).status == 503
