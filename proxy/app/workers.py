"""Several processes on the same addresses: started, watched, and ended together."""

import asyncio
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

import structlog

from proxy.services.bounded import backoff

YOUNG: Final = 5.0
"""Seconds: a worker that ends by itself before that never served."""
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
    """Keeps workers running until told to stop. A worker notices by its standard input that its supervisor is gone."""

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
        """Start a worker again whenever it ends by itself."""
        waits, served = backoff(), False
        while not self._told.is_set():
            started = monotonic()
            code = await self._once(number)
            lived = monotonic() - started
            if self._told.is_set():
                return
            served = served or lived > YOUNG or code < 0  # a signal is no fault of what is configured
            if not served:
                self._code = code or 1
                self._told.set()
                return
            waits = backoff() if lived > YOUNG else waits
            _log.error("worker-ended", worker=number, code=code, lived=round(lived, 1))
            await self._pause(next(waits))

    async def _once(self, number: int) -> int:
        command = [sys.executable, "-m", "proxy.cli", "serve", "-c", str(self._path)]
        which = ["--worker", f"{number}/{self._count}"]
        process = await asyncio.create_subprocess_exec(*command, *which, stdin=asyncio.subprocess.PIPE)
        self._running[number] = process
        try:
            return await process.wait()
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
