"""Rate limits: a burst, then one per interval, in bounded memory."""

from math import ulp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.access.gcra import Buckets, Rate

COUNTS = st.integers(1, 50)
PERIODS = st.floats(0.01, 1000)


@pytest.mark.parametrize(("count", "period"), [(0, 1.0), (-1, 1.0), (1, 0.0), (1, -1.0)])
def test_a_rate_that_lets_nobody_in_cannot_exist(count: int, period: float) -> None:
    with pytest.raises(ValueError, match="a rate needs"):
        Rate(count=count, period=period)


@given(COUNTS, PERIODS, st.floats(0, 1e6))
def test_all_of_a_rate_may_come_at_once_and_no_more(count: int, period: float, now: float) -> None:
    buckets = Buckets(Rate(count=count, period=period))
    assert [buckets.admit("a", now) for _ in range(count)] == [0.0] * count
    assert buckets.admit("a", now) > 0


@pytest.mark.parametrize("burst", [0, -1, 6])
def test_a_burst_is_part_of_its_rate(burst: int) -> None:
    with pytest.raises(ValueError, match="needs a burst of 1 to 5"):
        Rate(count=5, period=1.0, burst=burst)


@given(COUNTS, PERIODS, st.data())
def test_so_many_as_the_burst_may_come_at_once_and_then_one_per_interval(
    count: int, period: float, data: st.DataObject
) -> None:
    burst = data.draw(st.integers(1, count))
    buckets = Buckets(Rate(count=count, period=period, burst=burst))
    assert [buckets.admit("a", 0.0) > 0 for _ in range(burst + 1)] == [False] * burst + [True]
    assert buckets.admit("a", period / count) == 0
    assert buckets.admit("a", period / count) > 0


@given(COUNTS, PERIODS, st.integers(0, 60))
def test_how_long_to_wait_follows_from_when_an_allowance_is_whole(count: int, period: float, taken: int) -> None:
    rate = Rate(count=count, period=period)
    buckets = Buckets(rate)
    for _ in range(taken):
        buckets.admit("a", 5.0)
    expected = rate.wait(buckets.ahead("a", 5.0))
    assert buckets.admit("a", 5.0) == pytest.approx(expected, abs=1e-6)


@given(st.integers(1, 10**9), st.floats(1e-3, 1e6), st.floats(0, 4e9))
def test_who_is_admitted_is_counted_however_short_the_interval_and_large_the_clock(
    count: int, period: float, now: float
) -> None:
    """A wait that came out as 0 would let somebody pass whom nothing counts."""
    rate = Rate(count=count, period=period, burst=1)
    buckets = Buckets(rate)
    for _ in range(5):
        before = buckets.ahead("a", now)
        if buckets.admit("a", now) == 0:
            assert buckets.ahead("a", now) == pytest.approx(before + rate.interval, rel=0, abs=4 * ulp(now + period))


def test_a_rate_says_how_long_an_allowance_that_is_not_whole_makes_one_wait() -> None:
    rate = Rate(count=10, period=60.0, burst=2)
    assert [rate.wait(ahead) for ahead in (0.0, 6.0, 12.0, 60.0)] == [0.0, 0.0, 6.0, 54.0]


def test_nobody_is_remembered_for_being_asked_about() -> None:
    buckets = Buckets(Rate(count=1, period=10.0))
    assert buckets.ahead("a", 0.0) == 0.0
    assert len(buckets) == 0


def test_after_a_burst_one_is_given_back_per_interval() -> None:
    buckets = Buckets(Rate(count=4, period=8.0))
    assert [buckets.admit("a", 100.0) for _ in range(4)] == [0.0] * 4
    assert buckets.admit("a", 100.0) == pytest.approx(2.0)
    assert buckets.admit("a", 101.9) == pytest.approx(0.1)
    assert buckets.admit("a", 102.0) == 0
    assert buckets.admit("a", 102.0) > 0


@given(COUNTS, st.floats(0.1, 100), st.lists(st.floats(0, 5), max_size=120))
def test_no_window_of_one_period_admits_more_than_twice_the_count(count: int, period: float, gaps: list[float]) -> None:
    """GCRA's bound: the burst, and what came back during the window."""
    buckets, now, admitted = Buckets(Rate(count=count, period=period)), 0.0, []
    for gap in gaps:
        now += gap
        if buckets.admit("a", now) == 0:
            admitted.append(now)
    for start in admitted:
        assert sum(start <= at < start + period for at in admitted) <= 2 * count


@given(COUNTS, st.floats(0.1, 100), st.lists(st.floats(0, 5), max_size=60))
def test_who_waits_as_long_as_told_is_admitted(count: int, period: float, gaps: list[float]) -> None:
    buckets, now = Buckets(Rate(count=count, period=period)), 0.0
    for gap in gaps:
        now += gap
        if (wait := buckets.admit("a", now)) > 0:
            now += wait
            assert buckets.admit("a", now) == 0


def test_what_is_given_back_can_be_taken_again_and_only_by_who_took_it() -> None:
    buckets = Buckets(Rate(count=1, period=10.0))
    assert buckets.admit("a", 0.0) == 0
    buckets.give_back("a")
    buckets.give_back("b")
    assert [buckets.admit("a", 0.0), buckets.admit("b", 0.0)] == [0.0, 0.0]
    assert [buckets.admit("a", 0.0), buckets.admit("b", 0.0)] == [10.0, 10.0]
    buckets.reset("a")
    assert buckets.admit("a", 0.0) == 0


def test_an_allowance_that_others_used_up_is_whole_when_they_say_and_never_sooner_than_it_was() -> None:
    buckets = Buckets(Rate(count=2, period=10.0))
    buckets.delay("a", 10.0, 0.0)
    buckets.delay("a", 7.0, 0.0)
    assert buckets.ahead("a", 0.0) == 10.0
    assert buckets.admit("a", 0.0) == pytest.approx(5.0)


def test_subjects_do_not_share_an_allowance() -> None:
    buckets = Buckets(Rate(count=1, period=10.0))
    assert buckets.admit("a", 0.0) == 0
    assert buckets.admit("a", 0.0) > 0
    assert buckets.admit("b", 0.0) == 0


def test_who_has_used_nothing_up_is_forgotten_first() -> None:
    buckets = Buckets(Rate(count=1, period=10.0), limit=3)
    for subject, at in (("a", 0.0), ("b", 5.0), ("c", 5.0)):
        buckets.admit(subject, at)
    buckets.admit("d", 11.0)
    assert len(buckets) == 3
    assert [buckets.ahead(subject, 11.0) for subject in "abcd"] == [0.0, 4.0, 4.0, 10.0]


@pytest.mark.parametrize("told", [False, True])
def test_when_all_are_in_use_those_who_used_most_are_remembered(told: bool) -> None:
    """A flood of new addresses does not set the worst one free, whether it comes here or elsewhere."""
    buckets = Buckets(Rate(count=4, period=100.0), limit=4)
    for _ in range(4):
        assert buckets.admit("worst", 0.0) == 0
    for number in range(50):
        if told:
            buckets.delay(f"flood {number}", 25.0, 0.0)
        else:
            buckets.admit(f"flood {number}", 0.0)
    assert buckets.admit("worst", 0.0) > 0
    assert len(buckets) <= 4
