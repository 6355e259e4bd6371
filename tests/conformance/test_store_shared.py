"""What every Shared promises."""

import asyncio
from dataclasses import replace
from functools import partial

import pytest

from proxy.access.gcra import Rate
from proxy.store import Shared, Store, Subject
from tests.conformance.conftest import Opener, opened_with_redis, place_of
from tests.conformance.things import cookie, opened, session
from tests.peers.redis import RedisServer


@pytest.fixture(params=["sqlite", "postgresql", "redis", "redis+cluster"], scope="module")
def kind(request: pytest.FixtureRequest) -> str:
    """Where sessions are kept; with Redis, the database beside it is SQLite."""
    return str(request.param)


@pytest.fixture
def opener(kind: str, request: pytest.FixtureRequest) -> Opener:
    if not kind.startswith("redis"):
        return partial(opened, place_of(kind, request))
    servers: tuple[RedisServer, ...] = request.getfixturevalue("redis_servers")
    for server in servers:
        server.says("FLUSHALL")
    return partial(opened_with_redis, place_of("sqlite", request), servers)


async def test_a_cookie_opens_its_session_on_its_host(shared: Shared) -> None:
    ada = replace(session("s1"), address="192.0.2.7", agent="Firefox", amr=("pwd", "otp"))
    await shared.create_session(ada, cookie("home"), "home.example")
    await shared.add_cookie("s1", cookie("line"), "line.example")
    assert await shared.session(cookie("home")) == (ada, "home.example")
    assert await shared.session(cookie("line")) == (ada, "line.example")


async def test_an_unknown_cookie_opens_nothing(shared: Shared) -> None:
    assert await shared.session(cookie("unknown")) is None


async def test_an_ended_session_has_no_cookie_and_says_so(store: Store) -> None:
    await store.shared.create_session(session("s1"), cookie("home"), "home.example")
    await store.shared.add_cookie("s1", cookie("line"), "line.example")
    before = await store.database.version()
    await store.shared.end_session("s1")
    assert await store.shared.session(cookie("home")) is None
    assert await store.shared.session(cookie("line")) is None
    assert await store.shared.sessions_of("ada") == []
    assert [(change.subject, change.id) for change in await store.database.changes(before)] == [(Subject.SESSION, "s1")]


async def test_a_session_that_ended_meanwhile_gets_no_further_cookie(shared: Shared) -> None:
    await shared.create_session(session("s1"), cookie("home"), "home.example")
    await shared.end_session("s1")
    await shared.add_cookie("s1", cookie("line"), "line.example")
    assert await shared.session(cookie("line")) is None


async def test_ending_an_unknown_session_changes_nothing(store: Store) -> None:
    await store.shared.end_session("unknown")
    assert await store.database.version() == 0


async def test_all_sessions_of_one_user_end_and_each_is_told(store: Store) -> None:
    for name, of in (("s1", "ada"), ("s2", "ada"), ("s3", "vic")):
        await store.shared.create_session(session(name, of), cookie(name), "home.example")
    await store.shared.end_sessions_of("ada")
    assert await store.shared.sessions_of("ada") == []
    assert await store.shared.session(cookie("s3")) == (session("s3", "vic"), "home.example")
    changes = await store.database.changes(0)
    assert {(change.subject, change.id) for change in changes} == {(Subject.SESSION, "s1"), (Subject.SESSION, "s2")}


async def test_what_a_provider_says_anew_is_kept_with_the_session_and_told(store: Store) -> None:
    before = replace(session("s1"), groups=("old",), keep="token 1")
    await store.shared.create_session(before, cookie("home"), "home.example")
    version = await store.database.version()
    await store.shared.renew("s1", groups=("new", "more"), keep="token 2")
    found = await store.shared.session(cookie("home"))
    assert found is not None
    assert found[0] == replace(before, groups=("new", "more"), keep="token 2")
    assert [(each.subject, each.id) for each in await store.database.changes(version)] == [(Subject.PROOF, "s1")]


async def test_a_session_that_ended_is_not_renewed(store: Store) -> None:
    await store.shared.create_session(session("s1"), cookie("home"), "home.example")
    await store.shared.end_session("s1")
    version = await store.database.version()
    await store.shared.renew("s1", groups=("new",), keep="")
    assert await store.shared.session(cookie("home")) is None
    assert await store.database.version() == version


async def test_sessions_of_a_user_are_listed_oldest_first(shared: Shared) -> None:
    for name, created in (("s1", 3.0), ("s2", 1.0), ("s3", 2.0)):
        await shared.create_session(replace(session(name), created=created), cookie(name), "home.example")
    assert [each.id for each in await shared.sessions_of("ada")] == ["s2", "s3", "s1"]


async def test_seen_moves_forward_only(shared: Shared) -> None:
    for name in ("s1", "s2", "s3"):
        await shared.create_session(session(name, seen=200.0), cookie(name), "home.example")
    await shared.touch([("s1", 300.0), ("s2", 150.0), ("unknown", 300.0)])
    await shared.touch([])
    assert {each.id: each.seen for each in await shared.sessions_of("ada")} == {"s1": 300.0, "s2": 200.0, "s3": 200.0}


async def test_a_restart_loses_no_session_and_no_flow(opener: Opener) -> None:
    async with opener() as before:
        await before.shared.create_session(session("s1"), cookie("home"), "home.example")
        await before.shared.put("flow", "half-done", until=500.0)
    async with opener() as after:
        assert await after.shared.session(cookie("home")) == (session("s1"), "home.example")
        assert await after.shared.get("flow", now=100.0) == "half-done"


async def test_a_kept_value_is_there_until_its_time(shared: Shared) -> None:
    await shared.put("key", "first", until=100.0)
    await shared.put("key", "second", until=200.0)
    assert await shared.get("key", now=199.9) == "second"
    assert await shared.get("key", now=200.0) is None
    assert await shared.get("other", now=0.0) is None


async def test_what_is_taken_is_gone(shared: Shared) -> None:
    await shared.put("code", "value", until=200.0)
    assert await shared.take("code", now=100.0) == "value"
    assert await shared.take("code", now=100.0) is None


async def test_what_is_past_its_time_cannot_be_taken(shared: Shared) -> None:
    await shared.put("code", "value", until=200.0)
    assert await shared.take("code", now=200.0) is None


async def test_only_the_first_is_kept_as_new(shared: Shared) -> None:
    assert await shared.put_new("sid", "first", until=200.0, now=100.0) == "first"
    assert await shared.put_new("sid", "second", until=200.0, now=100.0) == "first"
    assert await shared.get("sid", now=100.0) == "first"


@pytest.mark.parametrize("tasks", [20])
async def test_of_many_who_take_exactly_one_gets_it(store: Store, other: Store, tasks: int) -> None:
    await store.shared.put("code", "value", until=200.0)
    taken = await asyncio.gather(*((store, other)[n % 2].shared.take("code", now=100.0) for n in range(tasks)))
    assert sorted(taken, key=str) == [None] * (tasks - 1) + ["value"]


@pytest.mark.parametrize("tasks", [20])
async def test_of_many_who_come_first_all_hear_of_the_same(store: Store, other: Store, tasks: int) -> None:
    kept = await asyncio.gather(
        *((store, other)[n % 2].shared.put_new("sid", f"value {n}", until=200.0, now=100.0) for n in range(tasks))
    )
    assert len(set(kept)) == 1


async def test_one_past_its_time_gives_way_to_exactly_one_of_many(store: Store, other: Store) -> None:
    await store.shared.put("sid", "old", until=100.0)
    kept = await asyncio.gather(
        *((store, other)[n % 2].shared.put_new("sid", f"value {n}", until=200.0, now=100.0) for n in range(20))
    )
    assert len(set(kept)) == 1
    assert kept[0] != "old"


async def test_a_session_idle_for_an_instant_is_not_swept_since_activity_is_written_late(shared: Shared) -> None:
    await shared.create_session(session("s1", seen=100.0), cookie("s1"), "home.example")
    await shared.sweep(1_101.0)
    assert await shared.session(cookie("s1")) is not None


async def test_a_proof_is_kept_with_the_session_and_told(store: Store) -> None:
    await store.shared.create_session(session("s1"), cookie("home"), "home.example")
    await store.shared.prove("s1", at=150.0)
    await store.shared.prove("unknown", at=150.0)
    assert await store.shared.session(cookie("home")) == (replace(session("s1"), proved=150.0), "home.example")
    assert [(change.subject, change.id) for change in await store.database.changes(0)] == [(Subject.PROOF, "s1")]


async def test_a_limit_admits_a_burst_and_then_says_how_long_to_wait(shared: Shared) -> None:
    rate = Rate(count=3, period=300.0)
    assert [await shared.admit("login ada", rate) for _ in range(3)] == [0.0] * 3
    assert 50.0 < await shared.admit("login ada", rate) <= 100.0
    assert await shared.admit("login vic", rate) == 0.0


async def test_a_limit_may_admit_less_at_once_than_in_a_period(shared: Shared) -> None:
    rate = Rate(count=300, period=300_000.0, burst=2)
    assert [await shared.admit("login ada", rate) for _ in range(2)] == [0.0] * 2
    assert 0.0 < await shared.admit("login ada", rate) <= 1000.0


async def test_a_limit_that_is_reset_is_whole_again_for_that_key_alone(shared: Shared) -> None:
    rate = Rate(count=1, period=300.0)
    for who in ("ada", "vic"):
        assert await shared.admit(who, rate) == 0.0
    await shared.reset("ada", rate)
    await shared.reset("unknown", rate)
    assert await shared.admit("ada", rate) == 0.0
    assert await shared.admit("vic", rate) > 0.0


async def test_what_is_given_back_to_a_limit_can_be_taken_again(shared: Shared) -> None:
    rate = Rate(count=1, period=300.0)
    assert await shared.admit("login ada", rate) == 0.0
    await shared.give_back("login ada", rate)
    assert await shared.admit("login ada", rate) == 0.0
    assert await shared.admit("login ada", rate) > 0.0


@pytest.mark.parametrize("odd", ["a\0b", "half \ud800"])
async def test_a_key_that_no_database_can_hold_is_merely_unknown(shared: Shared, odd: str) -> None:
    assert await shared.get(odd, now=0.0) is None
    assert await shared.take(odd, now=0.0) is None


async def test_what_is_listed_can_be_gone_through_until_it_is_past_its_time(shared: Shared, other: Store) -> None:
    for item, until in (("short", 150.0), ("long ü", 300.0), ("middle", 200.0)):
        await shared.enlist("bans", item, until)
    await shared.enlist("others", "short", 900.0)
    assert await other.shared.listed("bans", 100.0, 10) == [("long ü", 300.0), ("middle", 200.0), ("short", 150.0)]
    assert await shared.listed("bans", 150.0, 10) == [("long ü", 300.0), ("middle", 200.0)]
    assert await shared.listed("bans", 100.0, 1) == [("long ü", 300.0)]
    assert await shared.listed("nothing", 100.0, 10) == []


async def test_what_is_listed_again_has_its_new_time_and_what_is_struck_off_is_gone(shared: Shared) -> None:
    for item, until in (("a", 150.0), ("b", 160.0), ("a", 170.0)):
        await shared.enlist("bans", item, until)
    await shared.delist("bans", ["b", "never there"])
    await shared.delist("bans", [])
    assert await shared.listed("bans", 100.0, 10) == [("a", 170.0)]
    await shared.sweep(171.0)
    assert await shared.listed("bans", 0.0, 10) in ([], [("a", 170.0)]), "a sweep may leave it to who asks later"


@pytest.mark.parametrize("tasks", [20])
async def test_many_who_put_things_on_one_listing_lose_none(store: Store, other: Store, tasks: int) -> None:
    calls = ((store, other)[n % 2].shared.enlist("bans", f"{n:02}", 200.0) for n in range(tasks))
    await asyncio.gather(*calls)
    assert sorted(item for item, _ in await store.shared.listed("bans", 100.0, 100)) == [
        f"{n:02}" for n in range(tasks)
    ]
