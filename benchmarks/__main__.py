"""Measures Flowward and its peers side by side and prints the table: python -m benchmarks --help."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks import gateway, load, report
from benchmarks.harness import (
    LOAD_CORE,
    PROXY_CORE,
    Failed,
    Missing,
    raise_open_files,
    stay_on_load_core,
    stop_on_signals,
)
from benchmarks.load import LARGE, SMALL, Address
from benchmarks.peers import PEERS
from benchmarks.report import COLUMNS, Results
from benchmarks.subject import Subject, Upstreams, upstreams

Start = Callable[[Upstreams, Path], AbstractContextManager[Subject]]

FLOWWARD: dict[str, tuple[str, Start]] = {
    "flowward": ("Flowward, session cookie, everything on", partial(gateway.subject, fast_lane=True)),
    "flowward-basic": ("Flowward, cached basic", partial(gateway.subject, fast_lane=True, basic=True)),
    "flowward-aiohttp": ("Flowward, all in the aiohttp lane", partial(gateway.subject, fast_lane=False)),
}
STARTS: dict[str, tuple[str, Start]] = {**{name: (peer.title, peer.run) for name, peer in PEERS.items()}, **FLOWWARD}
TITLES = {"upstream": "bare upstream", **{name: title for name, (title, _) in STARTS.items()}}
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


def arguments() -> tuple[Plan, Path | None]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Flowward beside its peers.")
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured, in turns (default: 5)")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that it runs")
    parser.add_argument("--only", default=",".join(COLUMNS), help=f"of {','.join(COLUMNS)}")
    parser.add_argument("--peers", default=",".join(STARTS), help=f"of {','.join(STARTS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every single measurement there")
    given = parser.parse_args()
    columns, peers = given.only.split(","), given.peers.split(",")
    for name in [*columns, *peers]:
        if name not in (*COLUMNS, *STARTS):
            parser.error(f"{name} is neither one of {', '.join(COLUMNS)} nor of {', '.join(STARTS)}")
    return Plan(
        rounds=1 if given.quick else given.rounds,
        seconds=1 if given.quick else 3,
        idle=500 if given.quick else min(5000, (raise_open_files() - 1000) // 3),
        columns=frozenset(columns),
        peers=tuple(peers),
    ), given.json


def measure_idle(plan: Plan, results: Results, behind: Upstreams, folder: Path) -> None:
    """Memory first, each proxy freshly started and alone, so that nothing freed earlier is used again."""
    for name in plan.peers:
        try:
            with STARTS[name][1](behind, folder / f"{name}-idle") as subject:
                assert subject.running is not None
                load.sockets(subject.sockets, proxy=subject.running, connections=SOCKETS, seconds=0.5)
                results.idle[name] = load.idle_memory(subject.sockets, proxy=subject.running, connections=plan.idle)
                say(f"idle     {name:18} {results.idle[name]:.1f} KiB")
        except Missing as missing:
            results.missing[name] = str(missing)


def start_all(plan: Plan, results: Results, behind: Upstreams, folder: Path, stack: ExitStack) -> dict[str, Subject]:
    bare = {
        "http": Address(port=behind.http, host="upstream"),
        "sockets": Address(port=behind.sockets, host="upstream"),
    }
    subjects = {"upstream": Subject(running=None, **bare)}
    for name in plan.peers:
        try:
            subjects[name] = stack.enter_context(STARTS[name][1](behind, folder / name))
        except Missing as missing:
            results.missing[name] = str(missing)
    return subjects


def measure(column: str, subject: Subject, seconds: int, folder: Path) -> load.Cost:
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


def measure_rounds(plan: Plan, results: Results, subjects: dict[str, Subject], folder: Path) -> None:
    """Every subject in turn for each column, and another one first in each round."""
    columns = [column for column in COLUMNS if column in plan.columns and column != "idle"]
    names = list(subjects)
    for name in names:
        measure("http", subjects[name], 1, folder)
    for number in range(plan.rounds):
        first = number * 3 % len(names)
        for column in columns:
            for name in names[first:] + names[:first]:
                cost = measure(column, subjects[name], plan.seconds, folder)
                results.add(column, name, cost)
                say(f"{column:8} {name:18} {cost.rate:10,.0f}/s  {cost.per_10k:.3f} CPU s/10k  p50 {cost.p50:.3f} ms")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> int:
    stop_on_signals()
    stay_on_load_core()
    plan, file = arguments()
    raise_open_files()
    results = Results(titles={name: title for name, title in TITLES.items() if name in ("upstream", *plan.peers)})
    say(f"Load and upstreams on core {LOAD_CORE}, the proxy under test on core {PROXY_CORE}.")
    with tempfile.TemporaryDirectory(prefix="flowward-bench-") as temporary, ExitStack() as stack:
        folder = Path(temporary)
        folder.chmod(0o755)
        try:
            behind = stack.enter_context(upstreams(folder))
            if "idle" in plan.columns:
                measure_idle(plan, results, behind, folder)
            if plan.columns - {"idle"}:
                measure_rounds(plan, results, start_all(plan, results, behind, folder, stack), folder)
        except (Failed, Missing) as problem:
            say(f"Stopped: {problem}")
            return 1
    print(f"\n{report.table(results)}\n\n{report.verdict(results)}")
    if file:
        file.write_text(json.dumps(results.as_json(), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
