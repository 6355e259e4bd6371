"""Durations and rates, as operators write them."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import PlainSerializer, PlainValidator
from typing_extensions import override

from config.base import schema_of, wrong

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
_NAMES = {"ms": "millisecond", "s": "second", "m": "minute", "h": "hour", "d": "day", "y": "year"}
_LONGEST = 10 * _UNITS["y"]
_DURATION = re.compile(r"(\d{1,12})(ms|s|m|h|d|w|y)", re.ASCII)
_RATE = re.compile(r"(\d{1,9})/(\d*(?:ms|s|m|h|d|w|y))", re.ASCII)


def parse_duration(value: object) -> float:
    """Seconds, from `5m`, `1h30m`, `7d` or a plain number of seconds; at most ten years."""
    remedy = "Write for example 30s, 5m, 12h or 7d."
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    elif isinstance(value, str) and (parts := _DURATION.findall(value)) and "".join(map("".join, parts)) == value:
        seconds = sum(int(number) * _UNITS[unit] for number, unit in parts)
    else:
        raise wrong("must be a duration", remedy)
    if not 0 <= seconds <= _LONGEST:
        raise wrong("must be a duration between 0 and 10y", remedy)
    return seconds


def parse_positive_duration(value: object) -> float:
    """As `parse_duration`, but zero is refused: a deadline of nothing fails every request."""
    seconds = parse_duration(value)
    if seconds == 0:
        raise wrong("must be longer than 0", "Write for example 30s, 5m, 12h or 7d.")
    return seconds


def duration_text(seconds: float) -> str:
    """A duration as an operator would write it, in the largest unit that holds it exactly."""
    for unit, size in reversed(_UNITS.items()):
        if unit != "w" and seconds and (seconds / size).is_integer():
            return f"{int(seconds / size)}{unit}"
    return f"{seconds:g}s"


def duration_words(seconds: float) -> str:
    """The same for people who read it in a sentence: `30 minutes`."""
    number, unit = _DURATION.findall(duration_text(seconds))[0]
    return f"{number} {_NAMES[unit]}{'' if number == '1' else 's'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many times in so many seconds."""

    count: int
    seconds: float

    @override
    def __str__(self) -> str:
        return f"{self.count}/{duration_text(self.seconds).removeprefix('1')}"


def parse_rate(value: object) -> Rate:
    """A rate from `5/30s` or `100/m`."""
    if isinstance(value, Rate):
        return value
    found = _RATE.fullmatch(value) if isinstance(value, str) else None
    if found is None or not int(found[1]):
        raise wrong("must be a count per duration", "Write for example 5/30s or 100/m.")
    period = found[2] if found[2][0].isdigit() else f"1{found[2]}"
    return Rate(count=int(found[1]), seconds=parse_positive_duration(period))


_PATTERN = r"^(\d+|(\d+(ms|s|m|h|d|w|y))+)$"
_DURATION_SCHEMA = schema_of("duration", pattern=_PATTERN, numbers=True)

Duration = Annotated[float, PlainValidator(parse_duration), PlainSerializer(duration_text), _DURATION_SCHEMA]
PositiveDuration = Annotated[
    float, PlainValidator(parse_positive_duration), PlainSerializer(duration_text), _DURATION_SCHEMA
]
RateSetting = Annotated[
    Rate, PlainValidator(parse_rate), PlainSerializer(str), schema_of("rate", pattern=r"^\d+/\d*[a-z]+$")
]
