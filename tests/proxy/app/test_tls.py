"""TLS as visitors meet it: the right certificate, nothing old, and a host that is never spoken to in the clear again."""

import ssl
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from proxy.app import Running
from tests.peers.answers import by_path, echo, plain
from tests.peers.frames import CLOSE, TEXT
from tests.peers.gateway import NAVIGATION, Site, visitor
from tests.peers.talk import dial, request
from tests.peers.upstream import upstream
from tests.proxy.app.house import HOST, UPGRADE, certificate, names, shown_certificate, site

YEAR = "max-age=31536000"
ANSWERS = by_path({"/dashboard/": plain(b"hello"), "/dashboard/socket.io/": echo(), "*": plain(b"no", status=404)})


@asynccontextmanager
async def secured(folder: Path, authority: trustme.CA, **server: object) -> AsyncIterator[tuple[Site, Running]]:
    """A gateway on TLS: a certificate for home, one for the instance's host."""
    tls = certificate(authority, folder, "localhost")
    tls["hosts"] = {HOST: certificate(authority, folder, HOST)}
    async with upstream(ANSWERS) as instance:
        made = site(folder, instance.url, tls=tls, **server)
        made.scheme = "https"
        async with made.running() as running:
            yield made, running


@pytest.mark.parametrize(
    ("name", "shown"), [(HOST, HOST), ("localhost", "localhost"), ("other.localhost", "localhost")]
)
async def test_each_host_shows_its_own_certificate_and_others_the_first(
    tmp_path: Path, authority: trustme.CA, name: str, shown: str
) -> None:
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    trusting.check_hostname = False
    async with secured(tmp_path, authority) as (made, _), dial(made.port, tls=trusting, name=name) as line:
        assert names(shown_certificate(line)) == [shown]


async def test_a_client_that_names_no_host_gets_the_first_certificate(tmp_path: Path, authority: trustme.CA) -> None:
    blind = ssl.create_default_context()
    authority.configure_trust(blind)
    blind.check_hostname = False
    async with secured(tmp_path, authority) as (made, _), dial(made.port, tls=blind, name="127.0.0.1") as line:
        assert names(shown_certificate(line)) == ["localhost"]


@pytest.mark.parametrize(
    ("newest", "works"), [("TLSv1", False), ("TLSv1_1", False), ("TLSv1_2", True), ("TLSv1_3", True)]
)
async def test_nothing_older_than_tls_1_2_is_spoken(
    tmp_path: Path, authority: trustme.CA, newest: str, works: bool
) -> None:
    """S-01."""
    client = ssl.create_default_context()
    authority.configure_trust(client)
    client.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.minimum_version = min(ssl.TLSVersion[newest], ssl.TLSVersion.TLSv1_2)
        client.maximum_version = ssl.TLSVersion[newest]
    async with secured(tmp_path, authority) as (made, _):
        if works:
            async with dial(made.port, tls=client, name="localhost") as line:
                await line.send(request("GET", "/-/jwks.json", host=f"localhost:{made.port}"))
                assert (await line.response()).status == 200
        else:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                async with dial(made.port, tls=client, name="localhost"):
                    pass


@pytest.mark.parametrize("fast_lane", [True, False])
async def test_every_kind_of_answer_says_never_to_come_in_the_clear(
    tmp_path: Path, authority: trustme.CA, fast_lane: bool
) -> None:
    """S-01."""
    async with secured(tmp_path, authority, fast_lane=fast_lane) as (made, _), visitor(made, "max", HOST) as max_:
        base = made.origin(HOST)
        async with visitor(made) as nobody:
            answers = {
                "login page": await nobody.navigate(f"{base}/dashboard/"),
                "to login": await nobody.request("GET", f"{base}/dashboard/", headers=NAVIGATION),
                "no session": await nobody.request("GET", f"{base}/dashboard/"),
                "unknown host": await nobody.request("GET", made.origin("other.localhost")),
                "carried": await max_.request("GET", f"{base}/dashboard/"),
                "instance's 404": await max_.request("GET", f"{base}/dashboard/none"),
                "not allowed": await max_.request("GET", f"{base}/admin/../x"),
                "no such page": await max_.request("GET", f"{made.home}/-/none"),
            }
        for kind, answer in answers.items():
            assert answer.headers.getall("Strict-Transport-Security", []) == [YEAR], (kind, answer.status)
        assert [answers["carried"].status, answers["no session"].status, answers["unknown host"].status] == [
            200,
            401,
            404,
        ]


async def test_s_01_the_cookies_are_bound_to_host_and_tls(tmp_path: Path, authority: trustme.CA) -> None:
    async with secured(tmp_path, authority) as (made, _), visitor(made) as max_:
        answer = await max_.request("GET", f"{made.origin(HOST)}/dashboard/", headers=NAVIGATION)
        [hop] = answer.headers.getall("Set-Cookie")
        assert hop.startswith("__Host-flowward-hop=")
        assert {"secure", "httponly", "samesite=lax", "path=/"} <= {part.strip().lower() for part in hop.split(";")}
        assert (await max_.log_in("max", f"{made.origin(HOST)}/dashboard/")).status == 200
        assert set(max_.cookies[HOST]) >= {"__Host-flowward"}
        assert set(max_.cookies["localhost"]) >= {"__Host-flowward"}


@pytest.mark.parametrize("fast_lane", [True, False])
async def test_s_01_a_websocket_goes_through_tls_frame_by_frame(
    tmp_path: Path, authority: trustme.CA, client_tls: ssl.SSLContext, fast_lane: bool
) -> None:
    async with secured(tmp_path, authority, fast_lane=fast_lane) as (made, _), visitor(made, "dora", HOST) as dora:
        fields = (*UPGRADE, ("Origin", made.origin(HOST)), ("Cookie", dora.cookie(HOST)))
        async with dial(made.port, tls=client_tls, name=HOST) as line:
            target = "/dashboard/socket.io/?EIO=4&transport=websocket"
            await line.send(request("GET", target, *fields, host=f"{HOST}:{made.port}"))
            assert (await line.response()).status == 101
            for message in (b"", b"hello", b"x" * 70_000):
                await line.say(TEXT, message)
                assert (await line.hear()).payload == message
            await line.say(CLOSE, b"\x03\xe8")
            assert (await line.hear()).opcode == CLOSE
