"""Counting and the access log: integers and bytes on the hot path, formatting and writing elsewhere."""

import queue
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

BUCKETS: Final = 32
"""Latency buckets: powers of two of a microsecond, so that an index is one bit_length()."""


class Tally:
    """What happened on one surface of one instance: outcomes by status class, and latencies."""

    __slots__ = ("buckets", "instance", "micros", "outcomes", "surface")

    def __init__(self, instance: str, surface: str) -> None:
        self.instance, self.surface = instance, surface
        self.outcomes = [0] * 6
        self.buckets = [0] * BUCKETS
        self.micros = 0

    def count(self, status: int, micros: int) -> None:
        self.outcomes[status // 100 if status < 600 else 5] += 1  # an instance may answer 799
        bits = micros.bit_length()
        self.buckets[bits if bits < BUCKETS else -1] += 1
        self.micros += micros


@dataclass(slots=True)
class Traffic:
    """Every counter of the data plane."""

    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)
    refusals: dict[tuple[str, str], int] = field(default_factory=dict)
    """(instance, reason) -> how often."""
    credentials: dict[tuple[str, str], int] = field(default_factory=dict)
    """(login provider, its code) -> how often it refused what came with a request."""
    upstream_failures: dict[tuple[str, str], int] = field(default_factory=dict)
    """(instance, reason) -> how often."""
    upstream_up: dict[str, bool] = field(default_factory=dict)
    """Instance -> whether its last connection attempt succeeded."""

    def tally(self, instance: str, surface: str) -> Tally:
        found = self.tallies.get((instance, surface))
        if found is None:
            found = self.tallies[instance, surface] = Tally(instance, surface)
        return found

    def refused(self, instance: str, reason: str) -> None:
        key = (instance, reason)
        self.refusals[key] = self.refusals.get(key, 0) + 1

    def credential_refused(self, provider: str, code: str) -> None:
        key = (provider, code)
        self.credentials[key] = self.credentials.get(key, 0) + 1

    def upstream(self, instance: str, reason: str | None) -> None:
        """Note how reaching an instance went; None is success."""
        self.upstream_up[instance] = reason is None
        if reason is not None:
            key = (instance, reason)
            self.upstream_failures[key] = self.upstream_failures.get(key, 0) + 1

    def keep_only(self, instances: Mapping[str, object]) -> None:
        """Forget what belongs to instances that are gone, so that labels stay bounded by the estate."""
        for name in [name for name in self.upstream_up if name not in instances]:
            del self.upstream_up[name]
        for pairs in (self.refusals, self.upstream_failures):
            for pair in [pair for pair in pairs if pair[0] and pair[0] not in instances]:
                del pairs[pair]
        for pair in [pair for pair in self.tallies if pair[0] not in instances]:
            del self.tallies[pair]


class Sink(Protocol):
    """Where finished log lines go; written from a thread."""

    def write(self, data: bytes, /) -> object:
        """Write all of it. Raises OSError."""
        ...


class AccessLog:
    """Lines gather on the loop, are handed over on its tick and written by a thread; a slow disk drops, never blocks.

    The event log goes the same way, line by line.
    """

    _QUEUED: Final = 256

    def __init__(self, sink: Sink | None, *, requests: bool = True) -> None:
        """Without a sink nothing is written; without `requests` only events are."""
        self.lines: list[bytes] = []
        self.enabled = requests and sink is not None
        """Whether requests are to be logged."""
        self.dropped = 0
        self._queue: queue.Queue[list[bytes] | None] = queue.Queue(self._QUEUED)
        self._thread: threading.Thread | None = None
        if sink is not None:
            self._thread = threading.Thread(target=self._write, args=(sink,), daemon=True, name="access-log")
            self._thread.start()

    def flush(self) -> None:
        """Hand over what has gathered; called from the loop."""
        if not self.lines:
            return
        lines, self.lines = self.lines, []
        self._put(lines)

    def say(self, line: bytes) -> None:
        """Write an event; may be called from any thread."""
        self._put([line])

    def _put(self, lines: list[bytes]) -> None:
        try:
            self._queue.put_nowait(lines)
        except queue.Full:
            self.dropped += len(lines)

    def close(self) -> None:
        self.flush()
        if self._thread is None:
            return
        try:
            self._queue.put(None, timeout=2)
        except queue.Full:  # the disk hangs: what waits for it is lost
            return
        self._thread.join(timeout=2)

    def _batches(self) -> Iterator[list[bytes]]:
        while (lines := self._queue.get()) is not None:
            yield lines

    def _write(self, sink: Sink) -> None:
        for lines in self._batches():
            try:
                sink.write(b"".join(lines))
            except OSError:
                self.dropped += len(lines)


WALL: Final = time.time() - time.monotonic()
"""What turns a steady time of this process into one since the epoch, for log lines."""
