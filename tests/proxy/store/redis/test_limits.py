"""Limits that hold across processes: the arithmetic of one process in Redis, and the data path's, which never waits."""

import asyncio
from itertools import accumulate

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.stores import RedisAddress
from proxy.access.gcra import SLACK, Buckets, Rate
from proxy.store.redis import InRedis
from proxy.store.redis.scripts import RULE
from tests.conftest import Needs
from tests.peers.changes import DEADLINE, promised
from tests.peers.redis import RedisServer, address_of, single
from tests.peers.state import open_redis
from tests.proxy.store.redis.conftest import Published, eventually

MANY_TIMES = f"""{RULE}
local whole_at, answers = 0, {{}}
for number = 4, #ARGV do
  local now = tonumber(ARGV[number])
  local after, wait = admit(whole_at, now, tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]))
  whole_at = after or whole_at
  answers[#answers + 1] = string.format('%.17g %.17g', math.max(0, whole_at - now), wait)
end
return answers
"""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.integers(1, 200),
    period=st.floats(0.01, 1e5),
    start=st.floats(1e9, 2e9),
    gaps=st.lists(st.floats(0, 100) | st.just(0.0), min_size=1, max_size=200),
)
def test_redis_admits_to_the_last_digit_what_a_process_by_itself_admits(
    server: RedisServer, count: int, period: float, start: float, gaps: list[float]
) -> None:
    rate = Rate(count=count, period=period)
    buckets, times = Buckets(rate), list(accumulate(gaps, initial=start))
    expected = [(buckets.ahead("ada", now), wait) for now in times for wait in [buckets.admit("ada", now)]]
    given_ = [repr(rate.interval), repr(rate.tolerance), repr(SLACK), *map(repr, times)]
    with redis.Redis(port=server.port) as client:
        answers = client.eval(MANY_TIMES, 0, *given_)
    assert [tuple(map(float, answer.split())) for answer in answers] == expected


async def test_a_burst_is_admitted_whoever_asks_and_then_each_has_to_wait(address: RedisAddress) -> None:
    rate = Rate(count=6, period=60.0)
    async with open_redis(address, Published()) as one, open_redis(address, Published()) as other:
        waits = await asyncio.gather(*((one, other)[n % 2].shared.admit("ada", rate) for n in range(8)))
        assert sorted(waits)[:6] == [0.0] * 6
        assert all(5.0 < wait <= 10.0 for wait in sorted(waits)[6:])
        assert await other.shared.admit("vic", rate) == 0.0


async def test_what_is_given_back_can_be_taken_again(opened: InRedis) -> None:
    rate = Rate(count=1, period=60.0)
    assert await opened.shared.admit("ada", rate) == 0.0
    assert await opened.shared.admit("ada", rate) > 50
    await opened.shared.give_back("ada", rate)
    await opened.shared.give_back("unknown", rate)
    assert await opened.shared.admit("ada", rate) == 0.0
    assert await opened.shared.admit("ada", rate) > 50


def set_the_clock_back(server: RedisServer, seconds: float) -> None:
    """What was kept lies so much further ahead then; to Redis' clock itself nobody but the machine has a right."""
    with redis.Redis(port=server.port) as client:
        for key in client.keys("flowward:*"):
            client.set(key, repr(float(client.get(key)) + seconds), px=round(seconds * 2000))


async def test_a_clock_set_back_shuts_nobody_out_for_longer_than_an_allowance_takes(
    opened: InRedis, server: RedisServer
) -> None:
    rate = Rate(count=6, period=60.0)
    assert await opened.shared.admit("ada", rate) == 0.0
    await asyncio.to_thread(set_the_clock_back, server, 3600.0)
    assert 0 < await opened.shared.admit("ada", rate) <= 11.0
    await opened.shared.give_back("ada", rate)
    assert await opened.shared.admit("ada", rate) == 0.0
    assert 0 < await opened.shared.admit("ada", rate) <= 11.0


async def test_a_clock_set_back_delays_the_data_path_by_no_more_than_debt_may(
    opened: InRedis, server: RedisServer
) -> None:
    limit = opened.limits.limit("http", Rate(count=60, period=60.0))
    assert limit.admit("ada") == 0.0
    with redis.Redis(port=server.port) as client:
        await eventually(lambda: client.keys("flowward:pace:*") != [])
    await asyncio.to_thread(set_the_clock_back, server, 3600.0)

    def told() -> bool:
        """Each time it is asked it reports, and learns what Redis has."""
        return limit.admit("ada") > 0

    await eventually(told)
    assert limit.ahead("ada") <= 2 * 60.0 + DEADLINE


async def test_of_very_many_limits_those_alone_report_that_were_asked(opened: InRedis) -> None:
    rate = Rate(count=60, period=60.0)
    idle = [opened.limits.limit(f"page {number}", rate) for number in range(20_000)]
    asked = opened.limits.limit("http", rate)
    assert asked.admit("ada") == idle[7].admit("ada") == 0.0
    assert opened.limits.due.limits == {asked, idle[7]}
    await eventually(lambda: not opened.limits.due.limits)


async def test_what_one_process_admits_on_the_data_path_another_one_counts(address: RedisAddress) -> None:
    rate = Rate(count=16, period=1e6)
    async with open_redis(address, Published()) as one, open_redis(address, Published()) as other:
        assert other.limits.limit("http", rate).admit("ada") == 0.0
        for _ in range(14):
            assert one.limits.limit("http", rate).admit("ada") == 0.0
        first, second = (parts.limits.limit("http", rate) for parts in (one, other))
        await eventually(lambda: first.admit("ada") > 0)
        await eventually(lambda: second.admit("ada") > 0)
        assert one.limits.limit("http", rate).admit("vic") == 0.0


async def test_what_several_processes_admit_at_once_is_waited_for_later(address: RedisAddress) -> None:
    rate = Rate(count=4, period=400.0)
    async with open_redis(address, Published()) as one, open_redis(address, Published()) as other:
        limits = [parts.limits.limit("http", rate) for parts in (one, other)]
        assert [limit.admit("ada") for limit in limits for _ in range(4)] == [0.0] * 8
        await eventually(lambda: any(490 < limit.admit("ada") <= 500 for limit in limits))


async def test_what_is_given_back_on_the_data_path_is_reported_to_nobody(address: RedisAddress) -> None:
    rate = Rate(count=4, period=1e6)
    async with open_redis(address, Published()) as one, open_redis(address, Published()) as other:
        limit = one.limits.limit("http", rate)
        assert limit.admit("ada") == 0.0
        for _ in range(9):
            assert limit.admit("ada") == 0.0
            limit.give_back("ada")
        assert limit.admit("vic") == 0.0
        limit.give_back("vic")
        there = other.limits.limit("http", rate)
        assert there.admit("ada") == 0.0
        two = 2 * rate.interval
        await eventually(lambda: limit.ahead("ada") > 1.5 * rate.interval or there.ahead("ada") > 1.5 * rate.interval)
        assert max(limit.ahead("ada"), there.ahead("ada")) <= two
        assert limit.ahead("vic") == 0.0


async def test_a_limit_asked_for_again_goes_on_and_with_another_rate_begins_anew(opened: InRedis) -> None:
    limit = opened.limits.limit("http", Rate(count=1, period=60.0))
    assert opened.limits.limit("http", Rate(count=1, period=60.0)) is limit
    assert opened.limits.limit("http", Rate(count=2, period=60.0)) is not limit


async def test_while_redis_is_away_a_process_counts_alone_and_afterwards_with_the_others(
    needs: Needs, tmp_path_factory: pytest.TempPathFactory
) -> None:
    needs("redis-server")
    rate = Rate(count=4, period=1e6)
    with single(tmp_path_factory.mktemp("redis")) as server:
        async with (
            open_redis(address_of(server), Published()) as one,
            open_redis(address_of(server), Published()) as other,
        ):
            await asyncio.to_thread(server.kill)
            limit = one.limits.limit("http", rate)
            assert [limit.admit("ada") == 0.0 for _ in range(5)] == [True] * 4 + [False]
            await asyncio.to_thread(server.start)
            limits = [parts.limits.limit("again", rate) for parts in (one, other)]
            async with promised(5):
                assert [limit.admit("vic") for limit in limits for _ in range(3)] == [0.0] * 6
                await eventually(lambda: any(limit.admit("vic") > 0 for limit in limits))


async def test_what_was_admitted_while_redis_was_away_is_not_charged_at_once_when_it_is_back(
    needs: Needs, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """By then most of it has been given back again, so that an honest visitor would wait for what they never used up."""
    needs("redis-server")
    with single(tmp_path_factory.mktemp("redis")) as server:
        async with open_redis(address_of(server), Published()) as opened:
            await asyncio.to_thread(server.kill)
            limits = [opened.limits.limit(f"http {n}", Rate(count=9, period=1e6)) for n in range(9)]
            assert [limit.admit("ada") for limit in limits] == [0.0] * 9
            await eventually(lambda: not opened.limits.due.limits)
            await asyncio.to_thread(server.start)
            with redis.Redis(port=server.port) as client:
                await eventually(lambda: limits[0].admit("vic") == 0.0 and client.keys("flowward:pace:*") != [])
                await eventually(lambda: not opened.limits.due.limits)
                assert len(client.keys("flowward:pace:*")) == 1


async def test_a_loosened_limit_keeps_nobody_out_for_the_time_of_the_old_one(
    opened: InRedis, server: RedisServer
) -> None:
    strict = opened.limits.limit("http", Rate(count=2, period=86400.0))
    assert [strict.admit("ada") for _ in range(2)] == [0.0] * 2
    with redis.Redis(port=server.port) as client:
        await eventually(lambda: len(client.keys("flowward:pace:*")) == 1)
        loose = opened.limits.limit("http", Rate(count=600, period=60.0))
        assert loose.admit("ada") == 0.0
        await eventually(lambda: len(client.keys("flowward:pace:*")) == 2 and not opened.limits.due.limits)
    assert loose.ahead("ada") <= 1.0
