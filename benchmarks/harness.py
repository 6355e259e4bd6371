"""Starting programs on a chosen core, what they cost, and stopping them."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "bench"
TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 60.0
STOP_SECONDS = 15.0

_usable = sorted(os.sched_getaffinity(0))
LOAD_CORE = _usable[0]
"""Where the load generators and the upstreams run."""
PROXY_CORE = _usable[-1]
"""Where the proxy under test runs, alone where there are two cores."""


class Missing(Exception):
    """A program this run would need is not there and could not be installed."""


class Failed(Exception):
    """A program did not do what was asked, so its figures would mean nothing."""


def raise_open_files() -> int:
    """The number of files a process may have open, after raising it as far as allowed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def stay_on_load_core() -> None:
    """Keep this process, too, off the core of the proxy under test."""
    os.sched_setaffinity(0, {LOAD_CORE})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A started program, with whatever children it has."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    def cpu(self) -> float:
        """CPU seconds, user and system, so far."""
        return sum(_cpu(pid) for pid in _family(self.popen.pid))

    def memory(self) -> float:
        """Resident memory in KiB."""
        return sum(_resident(pid) for pid in _family(self.popen.pid))

    def stop(self) -> None:
        self.popen.terminate()
        try:
            self.popen.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()

    def await_port(self, port: int, seconds: float = START_SECONDS) -> float:
        """Seconds until it accepted a connection on `port`."""
        begun = time.monotonic()
        while time.monotonic() < begun + seconds:
            if self.popen.poll() is not None:
                raise Failed(f"{self.name}: ended with status {self.popen.returncode}; its log ends:\n{self.tail()}")
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return time.monotonic() - begun
            time.sleep(0.02)
        raise Failed(f"{self.name}: not listening on port {port} after {seconds:.0f} s; its log ends:\n{self.tail()}")

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])


@contextmanager
def started(
    name: str, command: Sequence[str | Path], *, core: int, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """`command` running on `core` for as long as the block lasts; its output goes to NAME.log in `folder`."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        popen = subprocess.Popen(
            ["taskset", "-c", str(core), *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
        )
    running = Running(name=name, popen=popen, log=log)
    try:
        yield running
    finally:
        running.stop()


def module(name: str, *arguments: str | Path) -> list[str]:
    """The command that runs one of our own modules."""
    return [sys.executable, "-m", name, *map(str, arguments)]


def stop_on_signals() -> None:
    """Let a SIGTERM unwind the stack, so that everything started is stopped."""

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)


def _family(pid: int) -> list[int]:
    children: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            children += map(int, (task / "children").read_text().split())
    return [pid, *(member for child in children for member in _family(child))]


def _cpu(pid: int) -> float:
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(after_name[11]) + int(after_name[12])) / TICKS


def _resident(pid: int) -> int:
    with suppress(FileNotFoundError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0
