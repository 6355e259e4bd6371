"""Mails on their way: kept, tried again, given up, each by one process."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from config.mail_schema import Mail
from proxy.model.audit import AuditQuery, Event
from proxy.model.identity import Person, User
from proxy.services.clock import Clock
from proxy.services.letters import Letter, Letterhead, plain
from proxy.services.lockout import Locked
from proxy.services.mail import Mailer
from proxy.services.outbox import KEPT, Outbox, Outgoing
from proxy.services.sealing import Seal
from proxy.store import PutPerson, Store
from tests.peers.smtp import Sink, sink
from tests.peers.state import open_store

HEAD = Letterhead(product="Plant", home="https://gate.example", contact="it@plant.example")
ADA = User(id="u-ada", username="ada", email="ada@acme.example")
SECRET = "https://gate.example/-/reset/very-secret"
TRIES = 12


@dataclass
class House:
    store: Store
    sink: Sink
    settings: Mail | None
    now: float = 1000.0
    ids: "count[int]" = field(default_factory=lambda: count(1))

    def outbox(self, key: bytes = b"k" * 32) -> Outbox:
        """As another process has it, or this one after a restart."""
        clock = Clock(wall=lambda: self.now, steady=lambda: self.now)
        return Outbox(
            database=self.store.database,
            mailer=Mailer(lambda: self.settings, clock, host="gate.example"),
            seal=Seal(key),
            now=clock.wall,
            new_id=lambda: f"l{next(self.ids)}",
            letterhead=lambda: HEAD,
        )

    async def post(self, *to: str, lasts: float = KEPT) -> None:
        letter = Letter(kind="reset-link", subject="Choose", text=f"Here:\n{SECRET}\n")
        await self.outbox().post(
            [Outgoing(to=each, written=letter, until=self.now + lasts, user="u-ada") for each in to]
        )

    async def failures(self) -> list[Event]:
        found = await self.store.database.events(AuditQuery(events=("platform.mail.failed",)))
        return [each.event for each in found.items]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with sink(tmp_path) as server, open_store(tmp_path) as store:
        settings = await asyncio.to_thread(Mail.model_validate, server.settings)
        await store.database.edit([PutPerson(person=Person(user=ADA, memberships={}))], [])
        yield House(store, server, settings)


async def test_what_was_promised_is_sent_after_a_restart(house: House) -> None:
    await house.post("ada@acme.example")
    assert house.sink.mails == []
    await house.outbox().round()
    (mail,) = house.sink.mails
    assert SECRET in mail.text
    await house.outbox().round()
    assert len(house.sink.mails) == 1


async def test_a_link_cannot_be_read_from_the_database(house: House) -> None:
    await house.post("ada@acme.example")
    (kept,) = await house.store.database.letters(house.now, 10)
    assert b"secret" not in kept.sealed
    assert b"ada@acme" not in kept.sealed


async def test_a_server_that_is_away_is_tried_again_and_again_and_nothing_is_lost(house: House) -> None:
    house.sink.answer = "451 come back later"
    await house.post("ada@acme.example")
    tries = []
    for _ in range(TRIES):
        before = house.sink.connections
        await house.outbox().round()
        if house.sink.connections > before:
            tries.append(house.now - 1000)
        house.now += 60
    assert tries == [0, 60, 180, 420], "after one minute, two, four, ..."
    house.sink.answer = "250 taken"
    house.now += 3600
    await house.outbox().round()
    assert len(house.sink.mails) == 1
    assert await house.failures() == []


async def test_what_is_of_no_use_any_more_is_given_up_and_on_record(house: House) -> None:
    house.sink.answer = "451 come back later"
    await house.post("ada@acme.example", lasts=100)
    await house.outbox().round()
    house.now += 101
    await house.outbox().round()
    (failed,) = await house.failures()
    assert (failed.user, failed.body["kind"], failed.body["attempts"]) == ("u-ada", "reset-link", 1)
    assert SECRET not in repr(failed)
    assert await house.store.database.letters(house.now + 1e6, 10) == []


async def test_what_the_server_never_takes_is_given_up_at_once(house: House) -> None:
    house.sink.receiver_answer = "550 no such user"
    await house.post("ada@acme.example")
    await house.outbox().round()
    (failed,) = await house.failures()
    assert "no such user" in str(failed.body["reason"])


async def test_a_mail_that_was_sealed_with_another_secret_is_given_up(house: House) -> None:
    await house.post("ada@acme.example")
    await house.outbox(key=b"x" * 32).round()
    assert len(await house.failures()) == 1


async def test_of_two_processes_one_sends_each(house: House) -> None:
    await house.post(*(f"u{number}@acme.example" for number in range(8)))
    processes = [house.outbox(), house.outbox()]
    for _ in range(4):
        await asyncio.gather(*(process.round() for process in processes))
    assert sorted(mail.receivers[0] for mail in house.sink.mails) == [f"u{number}@acme.example" for number in range(8)]


async def test_one_that_is_not_taken_holds_up_no_other(house: House) -> None:
    await house.post("no address", "ada@acme.example")
    await house.outbox().round()
    assert [mail.receivers for mail in house.sink.mails] == [("ada@acme.example",)]


async def test_a_running_outbox_sends_at_once_and_tells_of_locks(house: House) -> None:
    outbox = house.outbox()
    task = asyncio.create_task(outbox.run())
    outbox.note(Locked(user="u-ada", address="192.0.2.7", until=4000.0))
    outbox.note(Locked(user="u-gone", address="192.0.2.7", until=4000.0))
    (mail,) = await house.sink.mails_to("ada@acme.example")
    assert "192.0.2.7" in mail.text
    assert "1970-01-01 01:06 UTC" in mail.text
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_without_a_mail_server_nothing_is_kept_for_later(house: House) -> None:
    house.settings = None
    outbox = house.outbox()
    outbox.note(Locked(user="u-ada", address="192.0.2.7", until=4000.0))
    await outbox.notify(ADA, HEAD.locked("ada", address="", until=0.0))
    assert not outbox.locked
    assert await house.store.database.letters(house.now, 10) == []


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ada", "Ada"),
        ("Ada\r\nBcc: eve", "Ada Bcc: eve"),
        ("see https://evil.example now", "see https:/ evil.example now"),
        ("www.evil.example", "www evil.example"),
        ("x" * 100, "x" * 80 + "…"),
    ],
)
def test_a_name_in_a_mail_is_a_name_and_nothing_else(name: str, shown: str) -> None:
    assert plain(name) == shown
    assert shown in HEAD.invitation(name, "Acme", sign_up=False).text
