"""What Redis adds to the promises of every Shared, which tests/conformance holds."""

import time
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

import orjson
import pytest
import redis

from config.stores import RedisAddress
from proxy.access.gcra import Rate
from proxy.model.identity import Session
from proxy.store import StoreUnavailable, Subject
from proxy.store.redis import InRedis, open_redis
from tests.conformance.things import session
from tests.peers.redis import RedisServer
from tests.proxy.store.redis.conftest import Published

RATE = Rate(count=5, period=30.0)
COOKIE = sha256(b"the cookie's value").digest()


@pytest.fixture
def client(server: RedisServer) -> redis.Redis:
    return redis.Redis(port=server.port)


def current(name: str) -> Session:
    now = time.time()
    return replace(session(name), created=now, seen=now, expires=now + 3600)


async def test_no_key_holds_a_secret_and_every_key_ends_by_itself(opened: InRedis, client: redis.Redis) -> None:
    until = time.time() + 60
    await opened.shared.create_session(current("s1"), COOKIE, "home.example")
    await opened.shared.put("code:the-secret", "value", until)
    await opened.shared.put_new("sid:the-secret", "value", until, time.time())
    opened.limits.limit("login", RATE).admit("the-secret")
    await opened.shared.admit("login the-secret", RATE)
    keys = client.keys("*")
    assert len(keys) >= 6
    for key in keys:
        assert key.startswith(b"flowward:")
        assert b"the-secret" not in key
        assert 0 < client.pttl(key) <= 3_700_000


async def test_the_end_of_a_session_that_could_not_be_told_is_told_when_it_is_ended_again(
    address: RedisAddress, published: Published
) -> None:
    """Until then it opens nothing, in this process or any other."""

    async def fails(_subject: Subject, _ids: Sequence[str]) -> int:
        raise StoreUnavailable("The database did not answer in time.")

    async with open_redis(address, fails) as cut_off, open_redis(address, published) as whole:
        await whole.shared.create_session(current("s1"), COOKIE, "home.example")
        with pytest.raises(StoreUnavailable):
            await cut_off.shared.end_session("s1")
        assert await whole.shared.session(COOKIE) is None
        assert await whole.shared.sessions_of("ada") == []
        await whole.shared.end_session("s1")
        assert published.ids == ["s1"]
        await whole.shared.end_session("s1")
        assert published.ids == ["s1"]


async def test_all_sessions_of_a_user_are_published_in_one_go_and_nothing_of_them_is_left(
    opened: InRedis, published: Published, client: redis.Redis
) -> None:
    for name in ("s1", "s2"):
        await opened.shared.create_session(current(name), sha256(name.encode()).digest(), "home.example")
    await opened.shared.end_sessions_of("ada")
    assert sorted(published.ids) == ["s1", "s2"]
    assert [key for key in client.keys("*") if b"cookie" not in key] == []


async def test_a_user_s_list_forgets_sessions_past_their_end(opened: InRedis, client: redis.Redis) -> None:
    await opened.shared.create_session(replace(current("old"), expires=time.time() - 1), COOKIE, "home.example")
    await opened.shared.create_session(current("new"), COOKIE, "home.example")
    assert client.zrange("flowward:sessions-of:ada", 0, -1) == [b"new"]


async def test_a_session_that_another_version_wrote_is_read_as_far_as_it_is_known(
    opened: InRedis, client: redis.Redis
) -> None:
    await opened.shared.create_session(current("s1"), COOKIE, "home.example")
    record = orjson.loads(client.hget("flowward:session:s1", "record") or b"")
    del record["agent"]
    client.hset("flowward:session:s1", "record", orjson.dumps({**record, "later": [1]}))
    found = await opened.shared.session(COOKIE)
    assert found is not None
    assert found[0].id == "s1"


async def test_a_proof_is_kept_and_published(opened: InRedis, published: Published) -> None:
    await opened.shared.create_session(current("s1"), COOKIE, "home.example")
    await opened.shared.prove("s1", 123.5)
    await opened.shared.prove("unknown", 123.5)
    (found,) = await opened.shared.sessions_of("ada")
    assert found.proved == 123.5
    assert published.ids == ["s1"]


async def test_redis_forgets_by_itself_what_nobody_takes(opened: InRedis, client: redis.Redis) -> None:
    """A minute later than its time, since clocks differ; nobody gets it after its time."""
    await opened.shared.put("code", "value", time.time() + 30)
    (key,) = client.keys("*")
    assert 60_000 < client.pttl(key) <= 90_000
    assert await opened.shared.take("code", time.time() + 30.1) is None


async def test_values_keep_every_character(opened: InRedis) -> None:
    value = 'a b\n\x00"ü€'
    await opened.shared.put("key ü", value, time.time() + 30)
    assert await opened.shared.put_new("key ü", "other", time.time() + 30, time.time()) == value
    assert await opened.shared.take("key ü", time.time()) == value
