import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from config.times import Rate, duration_text, duration_words, parse_duration, parse_positive_duration, parse_rate


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("1h", 3600),
        ("7d", 604800),
        ("2w", 1209600),
        ("1y", 31536000),
        ("250ms", 0.25),
        ("1h30m", 5400),
        (75, 75),
        (0.5, 0.5),
        ("75", 75),
        (0, 0),
    ],
)
def test_a_duration_is_seconds(written: object, seconds: float) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize(
    "written",
    ["", "m", "5 m", "5M", "-5m", "1.5h", "5m5", "\u0665m", "11y", -1, True, None, [], "99999999999999d", "1e3"],
)
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(PydanticCustomError, match="must be a duration"):
        parse_duration(written)


def test_a_deadline_is_longer_than_nothing() -> None:
    with pytest.raises(PydanticCustomError, match="must be longer than 0"):
        parse_positive_duration("0s")


@given(st.integers(min_value=0, max_value=315_360_000))
def test_a_duration_is_written_as_it_is_read(seconds: int) -> None:
    assert parse_duration(duration_text(float(seconds))) == seconds


@pytest.mark.parametrize(("seconds", "words"), [(86400.0, "1 day"), (1800.0, "30 minutes"), (5400.0, "90 minutes")])
def test_a_duration_reads_as_part_of_a_sentence(seconds: float, words: str) -> None:
    assert duration_words(seconds) == words


@pytest.mark.parametrize(
    ("written", "rate"),
    [
        ("5/30s", Rate(count=5, seconds=30)),
        ("100/m", Rate(count=100, seconds=60)),
        ("1/2h", Rate(count=1, seconds=7200)),
    ],
)
def test_a_rate_is_a_count_per_duration_and_written_as_it_is_read(written: str, rate: Rate) -> None:
    assert parse_rate(written) == rate
    assert str(rate) == written


@pytest.mark.parametrize("written", ["5", 5, "5/", "/m", "0/m", "5/x", "5/30", "-5/m", None, "5/m/m"])
def test_what_is_no_rate_is_refused(written: object) -> None:
    with pytest.raises(PydanticCustomError, match="must be a count per duration"):
        parse_rate(written)
