"""The run itself: idle memory first, then rounds in which every subject has its turn at every column."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import gateway, load
from benchmarks.harness import Failed, Missing
from benchmarks.load import LARGE, SMALL, Address, Cost
from benchmarks.peers import PEERS
from benchmarks.report import COLUMNS, UPSTREAM, Results
from benchmarks.subject import Subject, Upstreams

Start = Callable[[Upstreams, Path], AbstractContextManager[Subject]]

FLOWWARD: dict[str, tuple[str, Start]] = {
    "flowward": ("Flowward, session cookie, everything on", partial(gateway.subject, fast_lane=True)),
    "flowward-fields": (
        "Flowward, cookie, fields that differ every time",
        partial(gateway.subject, fast_lane=True, fields_differ=True),
    ),
    "flowward-basic": ("Flowward, cached basic", partial(gateway.subject, fast_lane=True, basic=True)),
    "flowward-aiohttp": ("Flowward, all in the aiohttp lane", partial(gateway.subject, fast_lane=False)),
}
STARTS: dict[str, tuple[str, Start]] = {**{name: (peer.title, peer.run) for name, peer in PEERS.items()}, **FLOWWARD}
TITLES = {UPSTREAM: "bare upstream", **{name: title for name, (title, _) in STARTS.items()}}
CONNECTIONS, SOCKETS = 64, 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to measure and for how long each."""

    rounds: int
    seconds: int
    idle: int
    """Idle websockets per proxy."""
    columns: frozenset[str]
    peers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a plan, in a folder of its own."""

    plan: Plan
    results: Results
    behind: Upstreams
    folder: Path

    def idle(self) -> None:
        """Memory of idle websockets, each proxy freshly started and alone, so that nothing freed earlier is used again."""
        for name in self.plan.peers:
            with self._may_fail(name, "idle"), STARTS[name][1](self.behind, self.folder / f"{name}-idle") as subject:
                self.results.idle[name] = _idle_memory(subject, self.plan.idle)
                _say(f"idle     {name:18} {self.results.idle[name]:.1f} KiB")

    def rounds(self) -> None:
        """Every subject in turn for each column, and another one first in each round."""
        columns = [column for column in COLUMNS if column in self.plan.columns and column != "idle"]
        with ExitStack() as stack:
            subjects = self._start_all(stack)
            names = list(subjects)
            for number in range(self.plan.rounds):
                first = number * 3 % len(names)
                for column in columns:
                    for name in names[first:] + names[:first]:
                        self._measure(column, name, subjects[name])

    def _start_all(self, stack: ExitStack) -> dict[str, Subject]:
        subjects = {UPSTREAM: _bare(self.behind)}
        for name in self.plan.peers:
            with self._may_fail(name, "start"):
                subjects[name] = stack.enter_context(STARTS[name][1](self.behind, self.folder / name))
                _measure("http", subjects[name], 1, self.folder)
        return subjects

    def _measure(self, column: str, name: str, subject: Subject) -> None:
        if (name, column) in self.results.problems:
            return
        with self._may_fail(name, column):
            cost = _measure(column, subject, self.plan.seconds, self.folder)
            self.results.add(column, name, cost)
            _say(f"{column:8} {name:18} {cost.rate:10,.0f}/s  {cost.per_10k:.3f} CPU s/10k  p50 {cost.p50:.3f} ms")

    @contextmanager
    def _may_fail(self, name: str, column: str) -> Iterator[None]:
        """What one subject cannot do is noted and reported, and does not take the others' figures with it."""
        try:
            yield
        except (Failed, Missing) as problem:
            self.results.problems[name, column] = str(problem)
            _say(f"{column:8} {name:18} {str(problem).splitlines()[0]}")


def _idle_memory(subject: Subject, connections: int) -> float:
    assert subject.running is not None
    load.sockets(subject.sockets, proxy=subject.running, connections=SOCKETS, seconds=0.5)
    return load.idle_memory(subject.sockets, proxy=subject.running, connections=connections)


def _bare(behind: Upstreams) -> Subject:
    http, sockets = (Address(port=port, host="upstream") for port in (behind.http, behind.sockets))
    return Subject(running=None, http=http, sockets=sockets)


def _measure(column: str, subject: Subject, seconds: int, folder: Path) -> Cost:
    ask = partial(load.http, subject.http, proxy=subject.running, folder=folder)
    match column:
        case "http":
            return ask(SMALL, connections=CONNECTIONS, seconds=seconds)
        case "large":
            return ask(LARGE, connections=CONNECTIONS, seconds=seconds)
        case "latency":
            return ask(SMALL, connections=1, seconds=max(1, seconds // 2))
        case _:
            return load.sockets(subject.sockets, proxy=subject.running, connections=SOCKETS, seconds=seconds)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
