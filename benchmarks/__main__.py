"""Measures Flowward and its peers side by side and prints the table: python -m benchmarks --help."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Collection
from pathlib import Path

from benchmarks import report
from benchmarks.harness import (
    LOAD_CORE,
    PROXY_CORE,
    Failed,
    Missing,
    raise_open_files,
    stay_on_load_core,
    stop_on_signals,
)
from benchmarks.report import COLUMNS, UPSTREAM, Results
from benchmarks.rounds import FLOWWARD, STARTS, TITLES, Plan, Run
from benchmarks.subject import upstreams


def arguments() -> tuple[Plan, Path | None]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Flowward beside its peers.")
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured, in turns (default: 5)")
    parser.add_argument("--quick", action="store_true", help="one short round, to see that it runs")
    parser.add_argument("--only", type=_names(COLUMNS), default=COLUMNS, help=f"of {','.join(COLUMNS)}")
    parser.add_argument("--peers", type=_names(STARTS), default=tuple(STARTS), help=f"of {','.join(STARTS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every single measurement there")
    given = parser.parse_args()
    plan = Plan(
        rounds=1 if given.quick else given.rounds,
        seconds=1 if given.quick else 3,
        idle=500 if given.quick else min(5000, (raise_open_files() - 1000) // 3),
        columns=frozenset(given.only),
        peers=given.peers,
    )
    return plan, given.json


def _names(known: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    def names(text: str) -> tuple[str, ...]:
        chosen = tuple(text.split(","))
        unknown = [name for name in chosen if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]} is none of {', '.join(known)}")
        return chosen

    return names


def run(plan: Plan, results: Results, folder: Path) -> None:
    with upstreams(folder) as behind:
        this = Run(plan=plan, results=results, behind=behind, folder=folder)
        if "idle" in plan.columns:
            this.idle()
        if plan.columns - {"idle"}:
            this.rounds()


def main() -> int:
    """0 where everything that was asked for was measured, whether or not the bars hold."""
    stop_on_signals()
    stay_on_load_core()
    plan, file = arguments()
    results = Results(titles={name: title for name, title in TITLES.items() if name in (UPSTREAM, *plan.peers)})
    print(f"Load and upstreams on core {LOAD_CORE}, the proxy under test on core {PROXY_CORE}.", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="flowward-bench-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        try:
            run(plan, results, folder)
        except (Failed, Missing) as problem:
            print(f"Stopped: {problem}", file=sys.stderr)
            return 1
    print(f"\n{report.table(results)}\n\n{report.verdict(results)}")
    if file:
        file.write_text(json.dumps(results.as_json(), indent=1))
    return 1 if any(name in FLOWWARD for name, _ in results.problems) else 0


if __name__ == "__main__":
    sys.exit(main())
