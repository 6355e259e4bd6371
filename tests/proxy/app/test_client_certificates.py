"""Client certificates over real TLS, on both lanes: whom they let in, and how long."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from proxy.app import Running
from proxy.model.audit import Event, Source
from proxy.model.identity import UserState
from tests.peers.answers import by_path, echo, plain
from tests.peers.frames import CLOSE, TEXT
from tests.peers.gateway import Site, visitor
from tests.peers.state import put_in_state
from tests.peers.talk import Response, dial, request
from tests.peers.upstream import Upstream, upstream
from tests.proxy.app.house import HOST, UPGRADE, certificate, site

SOCKET = "/dashboard/socket.io/?EIO=4&transport=websocket"
ANSWERS = by_path({"/dashboard/socket.io/": echo(), "*": plain(b"ok")})
PEOPLE = {"name": "cards", "plugin": "certificate", "provision": True}


@asynccontextmanager
async def secured(
    folder: Path, authority: trustme.CA, people: trustme.CA, *, fast_lane: bool = True, **tls: object
) -> AsyncIterator[tuple[Site, Running, Upstream]]:
    """A gateway that takes certificates of `people`; its own, for home and the instance's host, are `authority`'s."""
    people.cert_pem.write_to_path(str(folder / "people.pem"))
    known = certificate(authority, folder, "localhost") | {"hosts": {HOST: certificate(authority, folder, HOST)}}
    async with upstream(ANSWERS) as instance:
        made = site(folder, instance.url, fast_lane=fast_lane, tls={**known, "client_ca": "people.pem", **tls})
        made.scheme = "https"
        made.settings["auth"] = [{"name": "local", "plugin": "local"}, PEOPLE]  # type: ignore[assignment]
        made.estate["users"] = _people(made)
        async with made.running() as running:
            yield made, running, instance


def _people(made: Site) -> list[dict[str, object]]:
    """max comes in by certificate, the others as they do."""
    users = made.estate["users"]
    assert isinstance(users, list)
    card = {"username": "max@acme.example", "provider": "cards", "memberships": {"acme": "member"}}
    return [card, *(user for user in users if user["username"] != "max")]


def client(
    authority: trustme.CA, issued: trustme.LeafCert | None = None, newest: ssl.TLSVersion | None = None
) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    if issued is not None:
        issued.configure_cert(context)
    if newest is not None:
        context.maximum_version = newest
    return context


async def asked(made: Site, tls: ssl.SSLContext, target: str = "/api", *fields: tuple[str, str]) -> Response:
    async with dial(made.port, tls=tls, name=HOST) as line:
        await line.send(request("GET", target, *fields, host=f"{HOST}:{made.port}"))
        return await line.response()


@pytest.fixture(scope="module")
def people() -> trustme.CA:
    return trustme.CA()


@pytest.mark.parametrize("fast_lane", [True, False])
@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_whom_a_certificate_names_comes_in(
    tmp_path: Path, authority: trustme.CA, people: trustme.CA, fast_lane: bool, newest: ssl.TLSVersion
) -> None:
    async with secured(tmp_path, authority, people, fast_lane=fast_lane) as (made, _, instance):
        tls = client(authority, people.issue_cert("max@acme.example"), newest)
        for target in ("/api", "/admin/flows", "/api"):
            assert (await asked(made, tls, target)).status == 200
        [first, *_] = instance.requests
        assert first.value(b"X-Flowward-User") == b"max@acme.example"


@pytest.mark.parametrize("fast_lane", [True, False])
async def test_without_a_certificate_people_log_in_as_ever(
    tmp_path: Path, authority: trustme.CA, people: trustme.CA, fast_lane: bool
) -> None:
    """And with one that is nobody's, as a proxy has, they are let be."""
    async with secured(tmp_path, authority, people, fast_lane=fast_lane) as (made, _, _i):
        assert (await asked(made, client(authority))).status == 401
        assert (await asked(made, client(authority, people.issue_cert("proxy.example")))).status == 401
        async with visitor(made, "vic", HOST) as vic:
            cookie = ("Cookie", vic.cookie(HOST))
            assert (await asked(made, client(authority), "/api", cookie)).status == 200
            assert (
                await asked(made, client(authority, people.issue_cert("proxy.example")), "/api", cookie)
            ).status == 200


async def test_a_certificate_of_anybody_elses_ends_the_handshake(
    tmp_path: Path, authority: trustme.CA, people: trustme.CA
) -> None:
    async with secured(tmp_path, authority, people) as (made, _, instance):
        for other in (trustme.CA(), authority):
            with pytest.raises((ssl.SSLError, ConnectionError, EOFError, AssertionError)):
                await asked(made, client(authority, other.issue_cert("max@acme.example")))
        assert instance.requests == []


async def test_where_one_is_required_nobody_comes_without(
    tmp_path: Path, authority: trustme.CA, people: trustme.CA
) -> None:
    async with secured(tmp_path, authority, people, client_certificate="required") as (made, _, _i):
        with pytest.raises((ssl.SSLError, ConnectionError, EOFError, AssertionError)):
            await asked(made, client(authority))
        assert (await asked(made, client(authority, people.issue_cert("max@acme.example")))).status == 200


async def test_a_revoked_certificate_ends_the_handshake(
    tmp_path: Path, authority: trustme.CA, people: trustme.CA
) -> None:
    good, bad = people.issue_cert("max@acme.example"), people.issue_cert("max@acme.example")
    (tmp_path / "revoked.pem").write_bytes(revoking(people, bad))
    async with secured(tmp_path, authority, people, client_crl="revoked.pem") as (made, _, _i):
        assert (await asked(made, client(authority, good))).status == 200
        with pytest.raises((ssl.SSLError, ConnectionError, EOFError, AssertionError)):
            await asked(made, client(authority, bad))


async def test_a_list_that_is_renewed_holds_from_then_on(
    tmp_path: Path, authority: trustme.CA, people: trustme.CA
) -> None:
    """By a reload, without a restart."""
    card = people.issue_cert("max@acme.example")
    (tmp_path / "revoked.pem").write_bytes(revoking(people))
    async with secured(tmp_path, authority, people, client_crl="revoked.pem") as (made, running, _i):
        assert (await asked(made, client(authority, card))).status == 200
        await asyncio.to_thread((tmp_path / "revoked.pem").write_bytes, revoking(people, card))
        await running.reloader.reload()
        assert running.reloader.refused == 0
        with pytest.raises((ssl.SSLError, ConnectionError, EOFError, AssertionError)):
            await asked(made, client(authority, card))


@pytest.mark.parametrize("fast_lane", [True, False])
async def test_r_19_a_socket_of_a_certificate_ends_with_its_user(
    tmp_path: Path, authority: trustme.CA, people: trustme.CA, fast_lane: bool
) -> None:
    """R-19: within a second; and the connection, though its handshake is long over, opens nothing more."""
    async with secured(tmp_path, authority, people, fast_lane=fast_lane) as (made, running, _i):
        tls = client(authority, people.issue_cert("max@acme.example"))
        fields = (*UPGRADE, ("Origin", made.origin(HOST)))
        async with dial(made.port, tls=tls, name=HOST) as line:
            await line.send(request("GET", SOCKET, *fields, host=f"{HOST}:{made.port}"))
            assert (await line.response()).status == 101
            await (
                running.gateway.watch.look()
            )  # the account was made by this very request: that is no news to end a socket for
            await line.say(TEXT, b"still here")
            assert (await line.hear()).payload == b"still here"
            account = await running.store.database.account("max@acme.example")
            assert account is not None
            event = Event(event="user.updated-user", at=time.time(), source=Source.CLI)
            await put_in_state(running.store.database, account.user.id, UserState.SUSPENDED, event)
            frame = await line.hear(seconds=1.0)
            assert (frame.opcode, int.from_bytes(frame.payload[:2])) == (CLOSE, 4401)
        assert (await asked(made, tls)).status == 401


async def test_nobodys_script_acts_by_a_certificate(tmp_path: Path, authority: trustme.CA, people: trustme.CA) -> None:
    """Browsers show it to whoever asks, so an upgrade is from the instance's own pages."""
    async with secured(tmp_path, authority, people) as (made, _, _i):
        tls = client(authority, people.issue_cert("max@acme.example"))
        answer = await asked(made, tls, SOCKET, *UPGRADE, ("Origin", "https://evil.example"))
        assert answer.status == 403


def revoking(authority: trustme.CA, *revoked: trustme.LeafCert) -> bytes:
    """A revocation list of a CA's."""
    issuer = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    now = datetime.now(UTC)
    made = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.subject)
        .last_update(now - timedelta(hours=1))
        .next_update(now + timedelta(days=1))
    )
    for each in revoked:
        serial = x509.load_pem_x509_certificate(each.cert_chain_pems[0].bytes()).serial_number
        entry = (
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - timedelta(minutes=1)).build()
        )
        made = made.add_revoked_certificate(entry)
    key = load_pem_private_key(authority.private_key_pem.bytes(), None)
    return made.sign(key, SHA256()).public_bytes(Encoding.PEM)  # type: ignore[arg-type]
