"""What answers say about limits."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.access.gcra import Buckets, Rate
from proxy.services.ratelimit import Late, TooOften, standing

FIVE = Rate(count=5, period=30.0)
BURST = Rate(count=60, period=60.0, burst=10)


@pytest.mark.parametrize(
    ("rate", "ahead", "policy", "left"),
    [
        (FIVE, 0.0, '"x";q=5;w=30', '"x";r=5;t=0'),
        (FIVE, 6.0, '"x";q=5;w=30', '"x";r=4;t=6'),
        (FIVE, 24.0, '"x";q=5;w=30', '"x";r=1;t=24'),
        (FIVE, 30.0, '"x";q=5;w=30', '"x";r=0;t=6'),
        (FIVE, 90.0, '"x";q=5;w=30', '"x";r=0;t=66'),
        (BURST, 1.0, '"x";q=10;w=10', '"x";r=9;t=1'),
        (BURST, 10.0, '"x";q=10;w=10', '"x";r=0;t=1'),
    ],
)
def test_the_fields_tell_quota_window_what_is_left_and_until_when(
    rate: Rate, ahead: float, policy: str, left: str
) -> None:
    assert standing("x", rate, ahead) == {"RateLimit-Policy": policy, "RateLimit": left}


def test_who_is_late_hears_when_one_more_is_admitted() -> None:
    late = Late(policy="login", rate=FIVE, wait=5.2)
    assert late.fields == {
        "Retry-After": "6",
        "RateLimit-Policy": '"login";q=5;w=30',
        "RateLimit": '"login";r=0;t=6',
    }
    assert Late(policy="login", rate=FIVE, wait=0.001).retry_after == 1
    assert TooOften(late, "Too many.").detail == "Too many. Try again in 6 seconds."


@given(
    count=st.integers(1, 50),
    period=st.floats(0.1, 1000),
    share=st.floats(0.01, 1),
    gaps=st.lists(st.floats(0, 50), min_size=1, max_size=40),
)
def test_what_is_said_to_be_left_can_be_taken(count: int, period: float, share: float, gaps: list[float]) -> None:
    rate = Rate(count=count, period=period, burst=max(1, int(count * share)))
    buckets, now = Buckets(rate), 0.0
    for gap in gaps:
        now += gap
        buckets.admit("a", now)
        ahead = buckets.ahead("a", now)
        again = Buckets(rate)
        again.delay("a", now + ahead, now)
        left = _left(standing("x", rate, ahead))
        assert [again.admit("a", now) for _ in range(left)] == [0.0] * left


def _left(fields: Mapping[str, str]) -> int:
    return int(fields["RateLimit"].partition("r=")[2].partition(";")[0])
