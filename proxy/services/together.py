"""Work that costs dearly, done once for all who ask for it meanwhile."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")


@dataclass(slots=True)
class _Run(Generic[T]):
    task: "asyncio.Task[T]"
    waiting: int = 0


class Together(Generic[K, T]):
    """One run at a time per key. It lasts as long as somebody waits for it."""

    def __init__(self) -> None:
        self._runs: dict[K, _Run[T]] = {}

    async def run(self, key: K, work: Callable[[], Coroutine[None, None, T]]) -> T:
        """What the work comes to that is being done under this key, or is begun now. Raises what it raises."""
        run = self._runs.get(key)
        if run is None or run.task.done():
            run = self._runs[key] = _Run(asyncio.create_task(work()))
        run.waiting += 1
        try:
            return await asyncio.shield(run.task)
        finally:
            run.waiting -= 1
            if not run.waiting:
                run.task.cancel()
                if self._runs.get(key) is run:
                    del self._runs[key]
