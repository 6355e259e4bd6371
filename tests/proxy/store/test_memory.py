"""What one process keeps together by itself."""

import asyncio

import pytest

from proxy.access.gcra import Rate
from proxy.store.memory import LocalBus, LocalLimits


async def test_who_tells_is_heard_once_however_often_it_was_told() -> None:
    bus = LocalBus()
    steps = bus.heard()
    bus.tell()
    bus.tell()
    await anext(steps)
    hearing = asyncio.ensure_future(anext(steps))
    await asyncio.sleep(0)
    assert not hearing.done()
    bus.tell()
    await hearing


def test_a_limit_admits_a_burst_per_subject_and_then_says_how_long_to_wait() -> None:
    now = 50.0
    limit = LocalLimits(lambda: now).limit("http", Rate(count=2, period=10.0))
    assert [limit.admit("ada"), limit.admit("ada"), limit.admit("vic")] == [0.0] * 3
    assert limit.admit("ada") == pytest.approx(5.0)
    now = 55.0
    assert limit.admit("ada") == 0.0


def test_a_limit_goes_on_with_the_same_rate_and_begins_anew_with_another() -> None:
    limits = LocalLimits(lambda: 0.0)
    limit = limits.limit("http", Rate(count=1, period=10.0))
    assert limits.limit("http", Rate(count=1, period=10.0)) is limit
    assert limits.limit("api", Rate(count=1, period=10.0)) is not limit
    assert limits.limit("http", Rate(count=2, period=10.0)) is not limit


def test_a_limit_can_be_asked_without_taking_and_be_forgotten() -> None:
    limits = LocalLimits(lambda: 0.0)
    limit = limits.limit("http", Rate(count=2, period=10.0))
    limit.admit("ada")
    assert (limit.ahead("ada"), limit.ahead("ada"), limit.ahead("vic")) == (5.0, 5.0, 0.0)
    limits.forget("http")
    limits.forget("unknown")
    assert limits.limit("http", Rate(count=2, period=10.0)) is not limit


def test_what_is_given_back_can_be_taken_again() -> None:
    limit = LocalLimits(lambda: 0.0).limit("http", Rate(count=1, period=10.0))
    for _ in range(3):
        assert limit.admit("ada") == 0.0
        limit.give_back("ada")
    assert [limit.admit("ada"), limit.admit("ada")] == [0.0, 10.0]
