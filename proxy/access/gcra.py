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


class Buckets:
    """For each subject the time (seconds, any steady clock) at which its allowance is whole again.

    Bounded: the fullest are forgotten first, since they remember nothing.
    """

    __slots__ = ("_interval", "_limit", "_most", "_tolerance", "_whole_at")

    def __init__(self, rate: Rate, limit: int = 100_000) -> None:
        self._interval, self._tolerance = rate.interval, rate.tolerance
        self._most = self._tolerance + self._interval * SLACK
        self._limit = limit
        self._whole_at: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._whole_at)

    def admit(self, subject: str, now: float) -> float:
        """Take one if there is one; seconds to wait where there is none, else 0."""
        whole_at = self._whole_at.get(subject)
        if whole_at is None and len(self._whole_at) >= self._limit:
            self._forget(now)
        after = (now if whole_at is None or whole_at < now else whole_at) + self._interval
        ahead = after - now
        if ahead > self._most:
            return ahead - self._tolerance
        self._whole_at[subject] = after
        return 0.0

    def ahead(self, subject: str, now: float) -> float:
        """Seconds until the allowance of a subject is whole again; nobody is remembered for being asked about."""
        return max(0.0, self._whole_at.get(subject, now) - now)

    def give_back(self, subject: str) -> None:
        """What was taken last was not used."""
        if subject in self._whole_at:
            self._whole_at[subject] -= self._interval

    def reset(self, subject: str) -> None:
        """All of the allowance is there again."""
        self._whole_at.pop(subject, None)

    def delay(self, subject: str, until: float, now: float) -> None:
        """The allowance is not whole before then."""
        if subject not in self._whole_at and len(self._whole_at) >= self._limit:
            self._forget(now)
        self._whole_at[subject] = max(self._whole_at.get(subject, until), until)

    def _forget(self, now: float) -> None:
        kept = {subject: whole_at for subject, whole_at in self._whole_at.items() if whole_at > now}
        if len(kept) >= self._limit:  # all in use: forgetting the least used half costs them the least
            ranked = sorted(kept.items(), key=lambda item: -item[1])
            kept = dict(ranked[: self._limit // 2])
        self._whole_at = kept
