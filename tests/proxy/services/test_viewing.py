"""C-19: looking on as somebody, as sessions know it: one login gives way to another, and comes back."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.model.identity import Session
from proxy.services import viewing
from proxy.services.sealing import Seal
from proxy.services.sessions import Sessions, Visit
from proxy.services.viewing import Looking
from proxy.store import PutPerson
from proxy.store.sql import Store
from tests.peers.state import open_store
from tests.proxy.web.house import PEOPLE

HOME = "gate.example"
LINE_3 = "line-3.example"
ADA = Visit(user_id="u-ada", provider="local", amr=("pwd", "otp"), host=HOME, factor=7.0)
DAN = Looking(user_id="u-dan", host=HOME, address="192.0.2.1", agent="curl/8")


class Time:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path) as opened:
        people = [PutPerson(person=replace(person, memberships={})) for person in PEOPLE[:2]]
        await opened.database.edit(people, [])
        yield opened


@pytest.fixture
def sessions(store: Store, time: Time) -> Sessions:
    return Sessions(
        store.shared,
        now=time,
        absolute=10_000.0,
        idle=5_000.0,
        seal=Seal(b"k" * 32),
        forget=lambda _: None,
        wake=lambda: None,
    )


async def looking(sessions: Sessions) -> tuple[Session, str]:
    own, _ = await sessions.start(ADA)
    return await viewing.begin(sessions, own, DAN)


async def test_the_session_is_the_users_and_names_who_looks_on(sessions: Sessions, time: Time) -> None:
    session, value = await looking(sessions)
    assert (session.user_id, session.viewer) == ("u-dan", "u-ada")
    assert (session.amr, session.factor, session.vouched) == (("pwd", "otp"), 7.0, True)
    assert session.expires == time.now + viewing.LASTS
    assert await sessions.open(value, HOME) == session
    time.now += viewing.LASTS
    assert await sessions.open(value, HOME) is None


async def test_no_cookie_of_the_admins_opens_anything_meanwhile(sessions: Sessions) -> None:
    own, home = await sessions.start(ADA)
    there = await sessions.add_host(own.id, LINE_3)
    await viewing.begin(sessions, own, DAN)
    assert await sessions.open(home, HOME) is None
    assert await sessions.open(there, LINE_3) is None
    assert len(await sessions.of("u-ada")) == 1


async def test_ending_it_brings_the_admins_login_back_as_it_was(sessions: Sessions) -> None:
    own, _ = await sessions.start(ADA)
    session, value = await viewing.begin(sessions, own, DAN)
    there = await sessions.add_host(session.id, LINE_3)
    back = await viewing.end(sessions, session, HOME)
    assert back is not None
    again = await sessions.open(back[1], HOME)
    assert again is not None
    assert again.id != own.id
    assert replace(again, id=own.id) == own
    assert await sessions.open(value, HOME) is None
    assert await sessions.open(there, LINE_3) is None


async def test_it_ends_with_the_admins_login(sessions: Sessions) -> None:
    session, value = await looking(sessions)
    await sessions.end_all("u-ada")
    assert await sessions.open(value, HOME) is None
    assert await viewing.end(sessions, session, HOME) is None


async def test_it_lasts_no_longer_than_the_admins_login(sessions: Sessions, time: Time) -> None:
    own, _ = await sessions.start(replace(ADA, absolute=600.0))
    session, _ = await viewing.begin(sessions, own, DAN)
    assert session.expires == time.now + 600.0


async def test_it_is_none_of_the_users_own_sessions(sessions: Sessions) -> None:
    await sessions.start(replace(ADA, user_id="u-dan"))
    await looking(sessions)
    assert [session.viewer for session in await sessions.of("u-dan")] == [""]


async def test_what_ends_all_of_the_users_sessions_ends_it_too(sessions: Sessions) -> None:
    _, value = await looking(sessions)
    await sessions.end_all("u-dan")
    assert await sessions.open(value, HOME) is None
