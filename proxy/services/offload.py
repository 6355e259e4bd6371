"""Expensive work beside the loop: one thread, of the lowest priority, with a bounded queue."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, ParamSpec, TypeVar

from auth_plugins import Unavailable

P = ParamSpec("P")
T = TypeVar("T")

NICEST: Final = 19


class Busy(Unavailable):
    """Too much waits already; the caller answers 503, and the visitor tries again."""


class Offload:
    """A single worker: a burst of password checks takes what the data path leaves over, and never more than one core."""

    def __init__(self, limit: int = 64) -> None:
        self._limit = limit
        self._waiting = 0
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="offload", initializer=_step_back)

    async def __call__(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `work`. Raises Busy at once when `limit` calls wait already."""
        if self._waiting >= self._limit:
            raise Busy("worker_busy")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, partial(work, *args, **kwargs))
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Forget what waits; what runs comes to its end by itself."""
        self._worker.shutdown(wait=False, cancel_futures=True)


def _step_back() -> None:
    if hasattr(os, "setpriority"):  # on Linux a thread has a priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICEST)
