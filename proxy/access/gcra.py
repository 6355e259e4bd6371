"""Rate limits by the generic cell rate algorithm (ITU-T I.371): one number per subject."""

from dataclasses import dataclass
from typing import Final

SLACK: Final = 0.01
"""Share of an interval that one may come early: after weeks a clock's last digits are worth more than a nanosecond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """`count` requests per `period` seconds, `burst` of which may come at once."""

    count: int
    period: float
    burst: int | None = None
    """None for all of them."""

    def __post_init__(self) -> None:
        if self.count < 1 or self.period <= 0:
            raise ValueError(f"a rate needs a count of at least 1 and a period above 0, not {self.count}/{self.period}")
        if self.burst is not None and not 1 <= self.burst <= self.count:
            raise ValueError(f"a rate of {self.count} needs a burst of 1 to {self.count}, not {self.burst}")

    @property
    def interval(self) -> float:
        """Seconds after which one more may come."""
        return self.period / self.count

    @property
    def tolerance(self) -> float:
        """Seconds after which an allowance that was used up is whole again."""
        return self.period if self.burst is None else self.burst * self.interval

    def wait(self, ahead: float) -> float:
        """Seconds until one can be taken from an allowance that is whole `ahead` seconds from now."""
        return max(0.0, ahead + self.interval - self.tolerance)


class Bucket:
    """The state of one subject: the time (seconds, any steady clock) at which its allowance is whole again."""

    __slots__ = ("interval", "tolerance", "whole_at")

    def __init__(self, rate: Rate) -> None:
        self.interval, self.tolerance = rate.interval, rate.tolerance
        self.whole_at = 0.0

    def admit(self, now: float) -> bool:
        """Take one if there is one."""
        whole_at = max(self.whole_at, now) + self.interval
        if whole_at - now > self.tolerance + self.interval * SLACK:
            return False
        self.whole_at = whole_at
        return True

    def wait(self, now: float) -> float:
        """Seconds until one can be taken."""
        return max(0.0, max(self.whole_at, now) + self.interval - self.tolerance - now)


class Buckets:
    """A bounded set of buckets by subject; the fullest are forgotten first, since they remember nothing."""

    __slots__ = ("_by_subject", "_limit", "_rate")

    def __init__(self, rate: Rate, limit: int = 100_000) -> None:
        self._rate, self._limit = rate, limit
        self._by_subject: dict[str, Bucket] = {}

    def of(self, subject: str, now: float) -> Bucket:
        found = self._by_subject.get(subject)
        if found is None:
            if len(self._by_subject) >= self._limit:
                self._forget(now)
            found = self._by_subject[subject] = Bucket(self._rate)
        return found

    def ahead(self, subject: str, now: float) -> float:
        """Seconds until the allowance of a subject is whole again; nobody is remembered for being asked about."""
        found = self._by_subject.get(subject)
        return 0.0 if found is None else max(0.0, found.whole_at - now)

    def _forget(self, now: float) -> None:
        kept = {subject: bucket for subject, bucket in self._by_subject.items() if bucket.whole_at > now}
        if len(kept) >= self._limit:  # all in use: forgetting the least used half costs them the least
            ranked = sorted(kept.items(), key=lambda item: -item[1].whole_at)
            kept = dict(ranked[: self._limit // 2])
        self._by_subject = kept
