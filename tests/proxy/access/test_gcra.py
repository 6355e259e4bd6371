"""Rate limits: a burst, then one per interval, in bounded memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.access.gcra import Bucket, Buckets, Rate

COUNTS = st.integers(1, 50)
PERIODS = st.floats(0.01, 1000)


@pytest.mark.parametrize(("count", "period"), [(0, 1.0), (-1, 1.0), (1, 0.0), (1, -1.0)])
def test_a_rate_that_lets_nobody_in_cannot_exist(count: int, period: float) -> None:
    with pytest.raises(ValueError, match="a rate needs"):
        Rate(count=count, period=period)


@given(COUNTS, PERIODS, st.floats(0, 1e6))
def test_all_of_a_rate_may_come_at_once_and_no_more(count: int, period: float, now: float) -> None:
    bucket = Bucket(Rate(count=count, period=period))
    assert [bucket.admit(now) for _ in range(count)] == [True] * count
    assert not bucket.admit(now)


@pytest.mark.parametrize("burst", [0, -1, 6])
def test_a_burst_is_part_of_its_rate(burst: int) -> None:
    with pytest.raises(ValueError, match="needs a burst of 1 to 5"):
        Rate(count=5, period=1.0, burst=burst)


@given(COUNTS, PERIODS, st.data())
def test_so_many_as_the_burst_may_come_at_once_and_then_one_per_interval(
    count: int, period: float, data: st.DataObject
) -> None:
    burst = data.draw(st.integers(1, count))
    bucket = Bucket(Rate(count=count, period=period, burst=burst))
    assert [bucket.admit(0.0) for _ in range(burst + 1)] == [True] * burst + [False]
    assert bucket.admit(period / count)
    assert not bucket.admit(period / count)


@given(COUNTS, PERIODS, st.integers(0, 60))
def test_how_long_to_wait_follows_from_when_an_allowance_is_whole(count: int, period: float, taken: int) -> None:
    rate = Rate(count=count, period=period)
    buckets = Buckets(rate)
    bucket = buckets.of("a", 5.0)
    for _ in range(taken):
        bucket.admit(5.0)
    assert rate.wait(buckets.ahead("a", 5.0)) == pytest.approx(bucket.wait(5.0), abs=1e-6)


def test_nobody_is_remembered_for_being_asked_about() -> None:
    buckets = Buckets(Rate(count=1, period=10.0))
    assert buckets.ahead("a", 0.0) == 0.0
    assert not buckets._by_subject


def test_after_a_burst_one_is_given_back_per_interval() -> None:
    bucket = Bucket(Rate(count=4, period=8.0))
    assert all(bucket.admit(100.0) for _ in range(4))
    assert bucket.wait(100.0) == pytest.approx(2.0)
    assert not bucket.admit(101.9)
    assert bucket.wait(101.9) == pytest.approx(0.1)
    assert bucket.admit(102.0)
    assert not bucket.admit(102.0)


def test_nobody_waits_while_something_is_left() -> None:
    bucket = Bucket(Rate(count=2, period=10.0))
    assert bucket.wait(5.0) == 0.0
    bucket.admit(5.0)
    assert bucket.wait(5.0) == 0.0
    bucket.admit(5.0)
    assert bucket.wait(5.0) == pytest.approx(5.0)


@given(COUNTS, st.floats(0.1, 100), st.lists(st.floats(0, 5), max_size=120))
def test_no_window_of_one_period_admits_more_than_twice_the_count(count: int, period: float, gaps: list[float]) -> None:
    """GCRA's bound: the burst, and what came back during the window."""
    bucket, now, admitted = Bucket(Rate(count=count, period=period)), 0.0, []
    for gap in gaps:
        now += gap
        if bucket.admit(now):
            admitted.append(now)
    for start in admitted:
        assert sum(start <= at < start + period for at in admitted) <= 2 * count


@given(COUNTS, st.floats(0.1, 100), st.lists(st.floats(0, 5), max_size=60))
def test_who_waits_as_long_as_told_is_admitted(count: int, period: float, gaps: list[float]) -> None:
    bucket, now = Bucket(Rate(count=count, period=period)), 0.0
    for gap in gaps:
        now += gap
        bucket.admit(now)
    assert bucket.admit(now + bucket.wait(now))


def test_subjects_do_not_share_an_allowance() -> None:
    buckets = Buckets(Rate(count=1, period=10.0))
    assert buckets.of("a", 0.0).admit(0.0)
    assert not buckets.of("a", 0.0).admit(0.0)
    assert buckets.of("b", 0.0).admit(0.0)


def test_who_has_used_nothing_up_is_forgotten_first() -> None:
    buckets = Buckets(Rate(count=1, period=10.0), limit=3)
    for subject in ("a", "b", "c"):
        buckets.of(subject, 0.0).admit({"a": 0.0, "b": 5.0, "c": 5.0}[subject])
    held = buckets.of("b", 11.0)
    buckets.of("d", 11.0)
    assert buckets.of("b", 11.0) is held


def test_when_all_are_in_use_those_who_used_most_are_remembered() -> None:
    """A flood of new addresses does not set the worst one free."""
    rate = Rate(count=4, period=100.0)
    buckets = Buckets(rate, limit=4)
    worst = buckets.of("worst", 0.0)
    assert all(worst.admit(0.0) for _ in range(4))
    for number in range(50):
        buckets.of(f"flood {number}", 0.0).admit(0.0)
    assert buckets.of("worst", 0.0) is worst
    assert len(buckets._by_subject) <= 4
