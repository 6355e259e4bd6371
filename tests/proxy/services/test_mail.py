"""Handing mail in: by verified TLS, to one address, within its time."""

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from auth_plugins import Unavailable
from config.mail_schema import Mail, is_mailbox
from proxy.services.clock import SYSTEM, Clock
from proxy.services.mail import Mailer, MailGone, MailRefused, Message
from tests.peers.changes import promised
from tests.peers.ports import free_port
from tests.peers.smtp import SECRET, USER, Sink, sink

ADA = Message(id="m1", to="ada@acme.example", subject="Grüße", text="Hallo Äda,\n\n.\nhttps://gate.example/x\n")


async def mailer(settings: dict[str, object], *, clock: Clock = SYSTEM) -> Mailer:
    mail = await asyncio.to_thread(Mail.model_validate, settings)
    return Mailer(lambda: mail, clock, host="gate.example")


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_a_mail_goes_by_tls_and_arrives_as_it_was_written(tmp_path: Path, scheme: str) -> None:
    async with sink(tmp_path, scheme=scheme) as server:
        await (await mailer(server.settings)).send(ADA)
    (mail,) = server.mails
    assert (mail.encrypted, mail.sender, mail.receivers) == (True, "gate@plant.example", ("ada@acme.example",))
    assert mail.message["From"] == "Plant <gate@plant.example>"
    assert (mail.message["Subject"], mail.message["Auto-Submitted"]) == ("Grüße", "auto-generated")
    assert mail.message["Message-ID"] == "<m1@gate.example>"
    assert mail.message.get_content_type() == "text/plain"
    assert mail.text.splitlines() == ADA.text.splitlines()


async def test_a_server_with_a_password_is_given_it_after_tls_alone(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / "other").write_text("wrong")
    async with sink(tmp_path, authenticated=True) as server:
        named = {**server.settings, "username": USER, "password": {"file": str(tmp_path / "secret")}}
        await (await mailer(named)).send(ADA)
        assert server.mails[0].authenticated
        wrong = await mailer({**named, "password": {"file": str(tmp_path / "other")}})
        with pytest.raises(Unavailable):
            await wrong.reach()


async def test_a_server_that_offers_no_start_tls_gets_nothing(tmp_path: Path) -> None:
    """Whoever sits in between would only have to hide the offer."""
    async with sink(tmp_path, start_tls=False) as server:
        with pytest.raises(MailGone):
            await (await mailer(server.settings)).send(ADA)
        await (await mailer({**server.settings, "starttls": False})).send(ADA)
    assert [mail.encrypted for mail in server.mails] == [False], "on loopback it may be so, if it is written down"


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
async def test_a_certificate_of_somebody_else_gets_nothing(tmp_path: Path, scheme: str) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ours.pem"))
    async with sink(tmp_path / "theirs", scheme=scheme) as server:
        for trusted in ({**server.settings, "ca": str(tmp_path / "ours.pem")}, {**server.settings, "ca": None}):
            with pytest.raises(MailGone, match=r"(?i)certificate"):
                await (await mailer(trusted)).send(ADA)
        name = {**server.settings, "server": f"{scheme}://127.0.0.1:{server.port}"}
        with pytest.raises(MailGone, match=r"(?i)certificate|IP address mismatch"):
            await (await mailer(name)).send(ADA)
    assert server.mails == []


async def _gone(_: Sink) -> int:
    return free_port()


async def _silent(server: Sink) -> int:
    server.greets = False
    return server.port


@pytest.mark.parametrize("how", [_gone, _silent])
async def test_a_server_that_is_gone_or_silent_is_known_within_three_seconds(
    tmp_path: Path, how: Callable[[Sink], asyncio.Future[int]]
) -> None:
    async with sink(tmp_path) as server:
        settings = {**server.settings, "server": f"smtp://localhost:{await how(server)}"}
        async with promised(3):
            with pytest.raises(Unavailable) as told:
                await (await mailer(settings)).reach()
    assert told.value.code == "mail_unreachable"


async def test_what_is_no_mail_server_is_not_one(tmp_path: Path) -> None:
    async def nonsense(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            await writer.drain()

    port = free_port()
    async with await asyncio.start_server(nonsense, "127.0.0.1", port), sink(tmp_path) as server:
        with pytest.raises(Unavailable):
            await (await mailer({**server.settings, "server": f"smtp://localhost:{port}"})).reach()


async def test_a_server_that_was_there_just_now_is_not_asked_again(tmp_path: Path) -> None:
    times = [100.0]
    async with sink(tmp_path) as server:
        reached = await mailer(server.settings, clock=Clock(steady=lambda: times[0]))
        await reached.reach()
        await reached.reach()
        assert server.connections == 1
        times[0] += 11
        await reached.reach()
        assert server.connections == 2


@pytest.mark.parametrize(
    ("where", "answer", "raised"),
    [
        ("receiver_answer", "550 no such user", MailRefused),
        ("receiver_answer", "451 come back later", MailGone),
        ("answer", "552 too big", MailRefused),
        ("answer", "452 disk full", MailGone),
    ],
)
async def test_what_is_refused_for_good_is_told_from_what_is_not(
    tmp_path: Path, where: str, answer: str, raised: type[Exception]
) -> None:
    async with sink(tmp_path) as server:
        setattr(server, where, answer)
        with pytest.raises(raised, match=answer[4:]):
            await (await mailer(server.settings)).send(ADA)


@pytest.mark.parametrize(
    "to",
    ["ada@acme.example\r\nBcc: eve@evil.example", "ada@acme.example>", "a,b@acme.example", '"a b"@acme.example', "ada",
     "ada@acme.example NOTIFY=NEVER", "<ada@acme.example>", "ä@acme.example", "@acme.example", "ada@", "a..b@acme.example"],
)  # fmt: skip
async def test_what_is_not_one_address_is_not_sent_to(tmp_path: Path, to: str) -> None:
    async with sink(tmp_path) as server:
        with pytest.raises(MailRefused):
            await (await mailer(server.settings)).send(Message(id="m1", to=to, subject="x", text="x"))
    assert server.connections == 0


async def test_a_subject_with_line_ends_is_no_further_header(tmp_path: Path) -> None:
    async with sink(tmp_path) as server:
        odd = Message(id="m1", to="ada@acme.example", subject="x\r\nBcc: eve@evil.example", text="x")
        with pytest.raises(MailRefused):
            await (await mailer(server.settings)).send(odd)
    assert server.mails == []


@given(st.text(max_size=60))
def test_an_address_is_one_word_of_plain_characters(text: str) -> None:
    if is_mailbox(text):
        assert text.isascii()
        assert text.count("@") == 1
        assert not set(text) & set(' \t\r\n<>(),:;"\\[]')


async def test_without_a_server_nothing_is_promised() -> None:
    nothing = Mailer(lambda: None, SYSTEM, host="gate.example")
    assert not nothing.configured
    with pytest.raises(Unavailable):
        await nothing.reach()
    with pytest.raises(MailGone):
        await nothing.send(ADA)
