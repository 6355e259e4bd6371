"""Sessions, and the cookies that open them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from auth_plugins import Unavailable
from proxy.services.sealing import Seal
from proxy.services.sessions import Sessions, Visit, digest
from proxy.store import PutPerson, Shared, StoreUnavailable
from proxy.store.sql import Store
from tests.peers.state import at_rest, open_store
from tests.proxy.web.house import PEOPLE, Outage

SEAL = Seal(b"k" * 32)
VISIT = Visit(user_id="u-ada", provider="local", amr=("pwd",), host="gate.example", agent="x" * 1000)


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
        await opened.database.edit([PutPerson(person=replace(PEOPLE[0], memberships={}))], [])
        yield opened


@pytest.fixture
def told() -> list[str]:
    """What was forgotten and woken, in its order."""
    return []


@pytest.fixture
def sessions(store: Store, time: Time, told: list[str]) -> Sessions:
    return Sessions(
        store.shared,
        now=time,
        absolute=1000.0,
        idle=100.0,
        seal=SEAL,
        forget=told.append,
        wake=lambda: told.append("woken"),
    )


async def test_a_cookie_opens_its_session_on_its_host_alone(sessions: Sessions) -> None:
    session, value = await sessions.start(VISIT)
    opened = await sessions.open(value, "gate.example")
    assert opened is not None
    assert opened.id == session.id
    assert await sessions.open(value, "line-3.example") is None
    there = await sessions.add_host(session.id, "line-3.example")
    assert there != value
    assert await sessions.open(there, "line-3.example") is not None
    assert await sessions.open(there, "gate.example") is None


async def test_s_12_a_session_ends_after_its_idle_time_and_at_its_absolute_end(sessions: Sessions, time: Time) -> None:
    session, value = await sessions.start(VISIT)
    for _ in range(10):
        time.now += 99
        assert await sessions.open(value, "gate.example") is not None
        sessions.touch(session.id)
        await sessions.flush()
    time.now += 10
    assert await sessions.open(value, "gate.example") is None
    _, idle = await sessions.start(VISIT)
    time.now += 100
    assert await sessions.open(idle, "gate.example") is None


async def test_ending_closes_every_host(sessions: Sessions) -> None:
    session, value = await sessions.start(VISIT)
    there = await sessions.add_host(session.id, "line-3.example")
    await sessions.end(session.id)
    assert await sessions.open(value, "gate.example") is None
    assert await sessions.open(there, "line-3.example") is None
    late = await sessions.add_host(session.id, "line-4.example")
    assert await sessions.open(late, "line-4.example") is None


async def test_what_ends_and_what_is_proved_is_told_at_once(sessions: Sessions, told: list[str]) -> None:
    session, value = await sessions.start(VISIT)
    assert told == []
    await sessions.prove(session.id)
    assert told == ["woken"]
    assert await sessions.open(value, "gate.example") is not None
    await sessions.end_all(session.user_id)
    assert told == ["woken", session.id, "woken"]


async def test_a_login_replaces_the_session_before(sessions: Sessions) -> None:
    before, old = await sessions.start(VISIT)
    after, new = await sessions.start(VISIT, replaces=before)
    assert after.id != before.id
    assert await sessions.open(old, "gate.example") is None
    assert await sessions.open(new, "gate.example") is not None


async def test_the_handle_of_a_session_opens_nothing_and_a_long_agent_is_cut(sessions: Sessions) -> None:
    session, value = await sessions.start(VISIT)
    assert value not in (session.id, digest(value).hex())
    assert await sessions.open(session.id, "gate.example") is None
    assert len(session.agent) == 256


@pytest.mark.parametrize("value", ["", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "é", "A" * 42 + "\n"])
async def test_what_cannot_be_a_cookie_of_ours_is_not_looked_up(sessions: Sessions, value: str) -> None:
    assert await sessions.open(value, "gate.example") is None


async def test_activity_that_could_not_be_written_is_kept(store: Store, time: Time) -> None:
    outage = Outage(store.shared)
    sessions = Sessions(
        cast("Shared", outage),
        now=time,
        absolute=1000.0,
        idle=100.0,
        seal=SEAL,
        forget=lambda _: None,
        wake=lambda: None,
    )
    session, value = await sessions.start(VISIT)
    time.now += 99
    sessions.touch(session.id)
    outage.away = True
    with pytest.raises(StoreUnavailable):
        await sessions.flush()
    outage.away = False
    await sessions.flush()
    time.now += 99
    assert await sessions.open(value, "gate.example") is not None


async def test_s_12_a_way_in_has_times_of_its_own_and_its_provider_may_end_a_session_earlier(
    sessions: Sessions, time: Time
) -> None:
    """S-12."""
    own, _ = await sessions.start(replace(VISIT, absolute=50.0, idle=5.0))
    assert (own.expires, own.idle) == (time.now + 50, 5.0)
    sooner, _ = await sessions.start(replace(VISIT, ends=time.now + 20))
    assert sooner.expires == time.now + 20
    later, _ = await sessions.start(replace(VISIT, ends=time.now + 9999))
    assert later.expires == time.now + 1000, "the gateway's own end holds besides"
    _, value = await sessions.start(replace(VISIT, ends=time.now - 1))
    assert await sessions.open(value, "gate.example") is None


async def test_what_a_way_in_says_of_a_session_is_kept_with_it(sessions: Sessions) -> None:
    said = replace(VISIT, groups=("a", "b"), provider_session="sid", keep="é" * 16384, factor=7.0, vouched=True)
    await sessions.start(said)
    (kept,) = await sessions.of("u-ada")
    assert (kept.groups, kept.provider_session, sessions.kept(kept)) == (("a", "b"), "sid", "é" * 16384)
    assert (kept.factor, kept.vouched) == (7.0, True)


async def test_what_a_plugin_wants_back_is_sealed_before_it_reaches_the_store(
    sessions: Sessions, tmp_path: Path
) -> None:
    """A-10: it may be a refresh token."""
    began, _ = await sessions.start(replace(VISIT, keep="Canary-of-the-mine"))
    proven, _ = await sessions.reissue(began, "gate.example", amr=("otp",), factor=7.0)
    (kept,) = await sessions.of("u-ada")
    assert sessions.kept(kept) == sessions.kept(proven) == "Canary-of-the-mine", "it goes on under another id"
    copied = at_rest(tmp_path)
    assert kept.keep.encode() in copied
    assert b"Canary-of-the-mine" not in copied


async def test_what_a_plugin_wants_back_opens_for_nobody_else(sessions: Sessions) -> None:
    session, _ = await sessions.start(replace(VISIT, keep="a token"))
    for other in (replace(session, user_id="u-eve"), replace(session, keep='{"refresh_token": "in clear"}')):
        with pytest.raises(Unavailable, match="secret_unreadable"):
            sessions.kept(other)


async def test_where_a_plugin_wants_nothing_back_nothing_is_sealed(sessions: Sessions) -> None:
    session, _ = await sessions.start(VISIT)
    assert (session.keep, sessions.kept(session)) == ("", "")


async def test_s_20_sessions_end_by_what_their_provider_calls_them(sessions: Sessions, told: list[str]) -> None:
    """S-20."""
    for provider, there in (("corp", "one"), ("corp", "one"), ("corp", "two"), ("other", "one"), ("local", "")):
        await sessions.start(replace(VISIT, provider=provider, provider_session=there))
    assert await sessions.user_at("corp", "one") == "u-ada"
    assert await sessions.user_at("elsewhere", "one") is None
    told.clear()
    ended = await sessions.end_by_provider("u-ada", "corp", "one")
    assert told == [ended[0].id, "woken", ended[1].id, "woken"]
    left = {(session.provider, session.provider_session) for session in await sessions.of("u-ada")}
    assert left == {("corp", "two"), ("other", "one"), ("local", "")}
    await sessions.end_by_provider("u-ada", "corp")
    assert {session.provider for session in await sessions.of("u-ada")} == {"other", "local"}
