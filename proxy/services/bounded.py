"""What has a bound: memory for keys that clients choose, and the pauses between attempts."""

from collections.abc import Iterator
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Bounded(dict[K, V]):
    """A dict that forgets its oldest tenth when it is full. Look-ups cost what a dict's cost."""

    __slots__ = ("_limit",)

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def keep(self, key: K, value: V) -> V:
        """Remember a value under a key, making room first if there is none."""
        if len(self) >= self._limit and key not in self:
            for oldest in list(self)[: max(1, self._limit // 10)]:
                del self[oldest]
        self[key] = value
        return value


def backoff(first: float = 0.2, longest: float = 30.0) -> Iterator[float]:
    """Pauses between attempts at what keeps failing, in seconds: each twice as long as the one before, up to the longest."""
    pause = first
    while True:
        yield pause
        pause = min(pause * 2, longest)
