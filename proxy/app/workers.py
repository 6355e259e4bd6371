"""Several processes on the same addresses: started, watched, and ended together."""

import asyncio
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

import structlog

from proxy.services.bounded import backoff

OLD: Final = 5.0
"""Seconds: who starts a worker again that lived for longer need not wait longer each time."""
READY: Final = b"!"
"""What a worker says to its supervisor as soon as it serves."""
GRACE: Final = 15.0
"""Seconds that workers have to end, beyond the time they may drain."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """Which of several processes this is."""

    number: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether it does what only one may do: bring what is kept in line with the estate files."""
        return self.number == 0

    @property
    def shares(self) -> bool:
        """Whether others listen on the same addresses."""
        return self.count > 1


ALONE: Final = Worker()


class Supervisor:
    """Keeps workers running until told to stop.

    The standard input of a worker is a socket: by it the worker says that it serves, and notices that its supervisor is
    gone.
    """

    def __init__(self, path: Path, count: int, drain: float) -> None:
        """`drain`: seconds that a worker may take to let requests finish."""
        self._path, self._count, self._patience = path, count, drain + GRACE
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._told = asyncio.Event()
        self._code = 0

    async def run(self) -> int:
        """Until SIGTERM or SIGINT, or a worker that cannot start: its exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._told.set)
        loop.add_signal_handler(signal.SIGHUP, self._pass_on, signal.SIGHUP)
        keepers = [asyncio.create_task(self._keep(number)) for number in range(self._count)]
        await self._told.wait()
        self._pass_on(signal.SIGTERM)
        await asyncio.wait(keepers, timeout=self._patience)
        self._pass_on(signal.SIGKILL)
        await asyncio.gather(*keepers)
        return self._code

    async def _keep(self, number: int) -> None:
        """Start a worker again whenever it ends by itself; where it has never served, give up all of them."""
        waits, served = backoff(), False
        while not self._told.is_set():
            started = monotonic()
            code, ready = await self._once(number)
            lived = monotonic() - started
            served = served or ready
            if self._told.is_set():
                return
            if not served and code >= 0:  # a signal is no fault of what is configured
                self._code = code or 1
                self._told.set()
                return
            waits = backoff() if lived > OLD else waits
            _log.error("worker-ended", worker=number, code=code, lived=round(lived, 1))
            await self._pause(next(waits))

    async def _once(self, number: int) -> tuple[int, bool]:
        """Run a worker to its end: its exit code, negative for a signal, and whether it ever served."""
        command = [sys.executable, "-m", "proxy.cli", "serve", "-c", str(self._path)]
        which = ["--worker", f"{number}/{self._count}"]
        ours, theirs = socket.socketpair()
        with ours:
            ours.setblocking(False)
            with theirs:
                process = await asyncio.create_subprocess_exec(*command, *which, stdin=theirs.fileno())
            self._running[number] = process
            try:
                said = await asyncio.get_running_loop().sock_recv(ours, len(READY))
                return await process.wait(), said == READY
            finally:
                del self._running[number]

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._told.wait()
        except TimeoutError:
            return

    def _pass_on(self, number: signal.Signals) -> None:
        for process in self._running.values():
            if process.returncode is None:
                process.send_signal(number)
