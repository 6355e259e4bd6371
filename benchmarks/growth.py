"""Does a request cost the same with many instances and many users? How long does such a gateway take to start?

python -m benchmarks.growth --help
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.browsers import browse
from benchmarks.clients import Plan
from benchmarks.gateway import Gateway, Size, serving
from benchmarks.harness import Failed, Missing, raise_open_files, stay_on_load_core, stop_on_signals
from benchmarks.load import SMALL, Address, head
from benchmarks.report import spread
from benchmarks.subject import upstreams
from benchmarks.visitor import Visitor

CONNECTIONS = 64
GROWTH_LIMIT = 1.15
"""CPU per request of the large by the small, median of the rounds."""
START_LIMIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """A gateway of some size and the heads of those who use it."""

    gateway: Gateway
    heads: tuple[str, ...]


def enter_all(gateway: Gateway, size: Size) -> Crowd:
    """One visitor per connection or per user, whichever are fewer, spread over the instances; all log in for real."""
    users = min(size.users, CONNECTIONS)
    visitors = [Visitor(gateway.port) for _ in range(users)]
    addresses: list[Address] = []
    for number in range(CONNECTIONS):
        instance = number * size.instances // CONNECTIONS
        user = number % users
        name = f"user-{user * size.users // users}"
        addresses.append(gateway.enter(visitors[user], 0 if instance == 1 else instance, name))
    return Crowd(gateway=gateway, heads=tuple(head(address, SMALL).decode() for address in addresses))


def per_10k(crowd: Crowd, *, seconds: float, rotate: bool, folder: Path) -> float:
    """CPU seconds of the gateway for 10,000 requests."""
    running = crowd.gateway.running
    before = running.cpu()
    plan = Plan(port=crowd.gateway.port, heads=crowd.heads, seconds=seconds, rotate=rotate)
    answers = browse(plan, folder)
    return (running.cpu() - before) / answers.count * 10_000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--instances", type=int, default=10_000)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=3.0, help="per gateway and round")
    return parser.parse_args()


def start_crowds(sizes: dict[str, Size], folder: Path, stack: ExitStack) -> dict[str, Crowd]:
    """Starts each three times: with its estate to be applied, with it applied already, and with what it keeps alone."""
    behind = stack.enter_context(upstreams(folder))
    crowds = {}
    for name, size in sizes.items():
        own = folder / name
        declared = []
        for _ in range(2):
            with serving(own, behind, size=size) as gateway:
                declared.append(gateway.started_in)
        gateway = stack.enter_context(serving(own, behind, size=size, declared=False))
        crowds[name] = enter_all(gateway, size)
        held = "holds" if gateway.started_in <= START_LIMIT_SECONDS else "MISSED"
        print(
            f"{name:10} {size.instances:,} instances, {size.users:,} users: first start with the file {declared[0]:.1f} s, "
            f"again {declared[1]:.1f} s, "
            f"from what it keeps {gateway.started_in:.1f} s ({held}: <= {START_LIMIT_SECONDS:g} s), "
            f"{gateway.running.memory() / 1024:.0f} MiB",
            flush=True,
        )
    return crowds


def compare(crowds: dict[str, Crowd], options: argparse.Namespace, *, rotate: bool, folder: Path) -> None:
    costs: dict[str, list[float]] = {name: [] for name in crowds}
    for _ in range(options.rounds):
        for name, crowd in crowds.items():
            costs[name].append(per_10k(crowd, seconds=options.seconds, rotate=rotate, folder=folder))
    print("\nhost and cookie change on every request:" if rotate else "\nclients keep their host and cookie:")
    for name, values in costs.items():
        ratios = [mine / small for mine, small in zip(values, costs["small"], strict=True)]
        median = statistics.median(ratios)
        bar = (
            ""
            if rotate or name == "small"
            else f"  {'holds' if median <= GROWTH_LIMIT else 'MISSED'}: <= {GROWTH_LIMIT}"
        )
        print(f"{name:10} {spread(values, 3)} CPU s / 10k, {spread(ratios)} x small{bar}", flush=True)


def main() -> int:
    stop_on_signals()
    stay_on_load_core()
    raise_open_files()
    options = arguments()
    sizes = {
        "small": Size(instances=1, users=10),
        "instances": Size(instances=options.instances, users=10),
        "users": Size(instances=1, users=options.users),
        "both": Size(instances=options.instances, users=options.users),
    }
    with tempfile.TemporaryDirectory(prefix="flowward-growth-") as temporary, ExitStack() as stack:
        folder = Path(temporary)
        folder.chmod(0o755)
        try:
            crowds = start_crowds(sizes, folder, stack)
            compare(crowds, options, rotate=False, folder=folder)
            compare(crowds, options, rotate=True, folder=folder)
        except (Failed, Missing) as problem:
            print(f"Stopped: {problem}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
