"""Keep-alive HTTP clients of which each has a host and a cookie of its own, as browsers do. Prints JSON.

Usage: python -m benchmarks.clients FILE, where FILE holds a `Plan` as JSON.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import cast

import uvloop
from typing_extensions import override

from benchmarks.load import QUERY


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to ask. One connection per head; with `rotate`, every connection takes the next head on every request."""

    port: int
    heads: Sequence[str]
    seconds: float
    interval: float = 0.0
    """Seconds between the requests of one connection; 0 asks again as soon as it is answered."""
    rotate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What came back; times in milliseconds."""

    count: int
    seconds: float
    p50: float
    p99: float
    longest: float


class Client(asyncio.Protocol):
    """One connection that asks until the time is over."""

    def __init__(self, plan: Plan, first: int) -> None:
        self.latencies: list[float] = []
        self.problem = ""
        self._heads = [head.encode().split(QUERY.encode()) for head in plan.heads]
        self._next, self._step = first, int(plan.rotate)
        self._interval = plan.interval
        self._end = self._due = 0.0
        self._buffer, self._awaited = b"", 0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    @override
    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._awaited and not self._read_head():
            return
        if len(self._buffer) >= self._awaited:
            self._answered()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if time.perf_counter() < self._end:
            self.problem = self.problem or f"closed early: {exc}"

    def begin(self, end: float) -> None:
        self._end = end
        self._due = time.perf_counter() + random.random() * self._interval
        self._later()

    def close(self) -> None:
        self._end = 0.0
        self._transport.abort()

    def _later(self) -> None:
        delay = self._due - time.perf_counter()
        asyncio.get_running_loop().call_later(max(0.0, delay), self._ask)

    def _ask(self) -> None:
        if not self._interval:
            self._due = time.perf_counter()
        before, after = self._heads[self._next]
        self._next = (self._next + self._step) % len(self._heads)
        self._transport.write(before + b"%08x" % random.getrandbits(32) + after)

    def _read_head(self) -> bool:
        head, end, _ = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return False
        lower = head.lower()
        if b" 200 " not in head[:16] or b"content-length: " not in lower:
            self.problem = head[:300].decode(errors="replace")
            self._transport.abort()
            return False
        length = int(lower.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        self._awaited = len(head) + len(end) + length
        return True

    def _answered(self) -> None:
        """The time counts from when the request was due, so that a slow answer does not hide those behind it."""
        self._buffer, self._awaited = b"", 0
        now = time.perf_counter()
        self.latencies.append(now - self._due)
        if now >= self._end:
            return
        if self._interval:
            self._due += self._interval
            self._later()
        else:
            self._ask()


async def ask(plan: Plan) -> Answers:
    """Runs the plan; RuntimeError where an answer was no 200."""
    loop = asyncio.get_running_loop()
    clients = []
    for number in range(len(plan.heads)):
        _, client = await loop.create_connection(partial(Client, plan, number), "127.0.0.1", plan.port)
        clients.append(client)
    begun = time.perf_counter()
    for client in clients:
        client.begin(begun + plan.seconds)
    await asyncio.sleep(plan.seconds)
    took = time.perf_counter() - begun
    problems = [client.problem for client in clients if client.problem]
    for client in clients:
        client.close()
    if problems:
        raise RuntimeError(f"{len(problems)} clients were not served, the first: {problems[0]}")
    latencies = sorted(each * 1000 for client in clients for each in client.latencies)
    p99 = latencies[int(len(latencies) * 0.99)]
    return Answers(count=len(latencies), seconds=took, p50=statistics.median(latencies), p99=p99, longest=latencies[-1])


if __name__ == "__main__":
    written = json.loads(Path(sys.argv[1]).read_text())
    print(json.dumps(asdict(uvloop.run(ask(Plan(**written))))))
