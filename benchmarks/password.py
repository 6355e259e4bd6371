"""Do logins delay anybody else? Response times of other requests with and without five logins a second.

python -m benchmarks.password --help
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from benchmarks.browsers import browse
from benchmarks.clients import Answers, Plan
from benchmarks.gateway import Gateway, Size, serving
from benchmarks.harness import Failed, Missing, raise_open_files, stay_on_load_core, stop_on_signals
from benchmarks.load import SMALL, head
from benchmarks.report import spread
from benchmarks.subject import upstreams
from benchmarks.visitor import Visitor

CONNECTIONS, PER_SECOND = 16, 20
"""The other requests: so many connections, so many requests a second each."""
LIMIT = 2.0
"""p99 of the others with logins by that without, median of the rounds."""


@contextmanager
def logging_in(gateway: Gateway, users: int, rate: float) -> Iterator[list[Future[float]]]:
    """`rate` logins a second, each of a new browser, for as long as the block lasts; their seconds are in the list."""
    over = threading.Event()
    logins: list[Future[float]] = []

    def one(number: int) -> float:
        begun = time.monotonic()
        gateway.enter(Visitor(gateway.port), 0, f"user-{number % users}")
        return time.monotonic() - begun

    def keep_on() -> None:
        while not over.wait(1 / rate):
            logins.append(pool.submit(one, len(logins)))

    with ThreadPoolExecutor(max_workers=8) as pool:
        pacer = threading.Thread(target=keep_on)
        pacer.start()
        try:
            yield logins
        finally:
            over.set()
            pacer.join()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.password", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0, help="with and without logins, each")
    parser.add_argument("--logins", type=float, default=5.0, help="a second")
    return parser.parse_args()


def measure(gateway: Gateway, size: Size, options: argparse.Namespace, folder: Path) -> None:
    text = head(gateway.enter(Visitor(gateway.port), 0), SMALL).decode()
    plan = Plan(port=gateway.port, heads=[text] * CONNECTIONS, seconds=options.seconds, interval=1 / PER_SECOND)
    pairs: list[tuple[Answers, Answers]] = []
    took: list[float] = []
    for _ in range(options.rounds):
        quiet = browse(plan, folder)
        with logging_in(gateway, size.users, options.logins) as logins:
            busy = browse(plan, folder)
        took += [login.result() for login in logins]
        pairs.append((quiet, busy))
    ratios = [busy.p99 / quiet.p99 for quiet, busy in pairs]
    median = statistics.median(ratios)
    print(f"others, p99 ms without logins: {spread([quiet.p99 for quiet, _ in pairs])}")
    print(f"others, p99 ms with logins:    {spread([busy.p99 for _, busy in pairs])}")
    print(f"{len(took)} logins, each in s:       {spread(took)}")
    print(f"ratio of p99: {spread(ratios)}  {'holds' if median <= LIMIT else 'MISSED'}: <= {LIMIT:g}")


def main() -> int:
    stop_on_signals()
    stay_on_load_core()
    raise_open_files()
    options, size = arguments(), Size(instances=1, users=20)
    with tempfile.TemporaryDirectory(prefix="flowward-password-") as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        try:
            with upstreams(folder) as behind, serving(folder / "flowward", behind, size=size) as gateway:
                measure(gateway, size, options, folder)
        except (Failed, Missing) as problem:
            print(f"Stopped: {problem}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
