"""Work that is shared by whoever asks for it meanwhile."""

import asyncio
from dataclasses import dataclass, field

from proxy.services.together import Together


@dataclass
class Work:
    """Counts how often it was begun, and ends when it is told to."""

    begun: int = 0
    ended: int = 0
    go: asyncio.Event = field(default_factory=asyncio.Event)
    started: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self) -> int:
        self.begun += 1
        number = self.begun
        self.started.set()
        try:
            await self.go.wait()
        finally:
            self.ended += 1
        return number


async def asked(together: Together[str, int], work: Work, *keys: str) -> "list[asyncio.Task[int]]":
    """Askers who all wait already."""
    tasks = [asyncio.create_task(together.run(key, work)) for key in keys]
    await asyncio.sleep(0)
    await work.started.wait()
    return tasks


async def test_all_who_ask_meanwhile_get_one_result() -> None:
    together, work = Together[str, int](), Work()
    tasks = await asked(together, work, "acme", "acme", "acme")
    work.go.set()
    assert (await asyncio.gather(*tasks), work.begun) == ([1, 1, 1], 1)


async def test_who_asks_afterwards_or_of_something_else_has_it_done_anew() -> None:
    together, work = Together[str, int](), Work()
    tasks = await asked(together, work, "acme", "globex")
    work.go.set()
    assert sorted(await asyncio.gather(*tasks)) == [1, 2]
    assert await together.run("acme", work) == 3


async def test_who_leaves_takes_it_from_nobody_and_the_last_one_ends_it() -> None:
    together, work = Together[str, int](), Work()
    first, second = await asked(together, work, "acme", "acme")
    first.cancel()
    await asyncio.wait([first])
    assert (work.ended, second.done()) == (0, False)
    second.cancel()
    await asyncio.wait([second])
    again = await asked(together, work, "acme")
    work.go.set()
    assert (await again[0], work.begun, work.ended) == (2, 2, 2), "nobody joins what is being ended"


async def test_trouble_is_told_to_all_who_wait_and_to_nobody_later() -> None:
    together, work = Together[str, int](), Work()

    async def fails() -> int:
        await work.go.wait()
        raise OSError("no more files")

    tasks = [asyncio.create_task(together.run("acme", fails)) for _ in range(2)]
    await asyncio.sleep(0)
    work.go.set()
    assert [str(each) for each in await asyncio.gather(*tasks, return_exceptions=True)] == ["no more files"] * 2
    assert await together.run("acme", work) == 1
