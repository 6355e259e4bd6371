"""How fast a large state is opened and looked through: python -m benchmarks.state [postgresql://…]

100,000 users, 10,000 instances in 1,000 applications of 100 teams, in a SQLite of its own and in the empty PostgreSQL that
is named. Prints seconds and milliseconds; see docs/benchmarks.md for what is promised.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.crowd import Crowd, fill
from proxy.model.audit import AuditQuery
from proxy.model.directory import Space, SpaceKind
from proxy.store import Database, PeopleQuery, Store
from proxy.store.sql import open_postgresql, open_store

ROUNDS = 31


async def timed(what: str, ask: Callable[[], Awaitable[object]]) -> None:
    """Print the median of some rounds, in milliseconds."""
    taken: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await ask()
        taken.append(time.perf_counter() - began)
    print(f"  {what:44} {median(taken) * 1000:8.1f} ms")


async def measure(name: str, opening: Callable[[], AbstractAsyncContextManager[Store]]) -> None:
    print(name)
    async with opening() as store:
        began = time.perf_counter()
        await fill(store.database, Crowd())
        print(f"  {'filled':44} {time.perf_counter() - began:8.1f} s")
    began = time.perf_counter()
    async with opening() as store:
        estate = await store.database.estate()
        print(f"  {'opened, and the estate read':44} {time.perf_counter() - began:8.2f} s")
        await look(store.database)
        changed = Space(id="s1", kind=SpaceKind.TEAM, slug="team-1", title="New")
        await store.database.edit([changed], [])
        await timed("the estate after one change", lambda: store.database.renewed(estate))


async def look(database: Database) -> None:
    team = frozenset({"s1"})
    many = frozenset(f"s{n}" for n in range(50))
    await timed("one person", lambda: database.person("u77777"))
    await timed("an account by its address", lambda: database.account("person77777@example.org"))
    await timed("first page of everybody", lambda: database.search(PeopleQuery()))
    await timed("a page in the middle", lambda: database.search(PeopleQuery(after="user-050000")))
    await timed("a word that few have", lambda: database.search(PeopleQuery(text="person77777@")))
    await timed("a word that all have", lambda: database.search(PeopleQuery(text="person")))
    await timed("members of one team", lambda: database.search(PeopleQuery(spaces=team)))
    await timed("members of fifty teams, by a word", lambda: database.search(PeopleQuery(spaces=many, text="number 1")))
    await timed("events of a team", lambda: database.events(AuditQuery(scope="s1")))
    await timed("events of an instance", lambda: database.events(AuditQuery(scope="i77")))
    await timed("events by a word", lambda: database.events(AuditQuery(text="user-012345")))


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        await measure("SQLite", partial(open_store, Path(folder)))
    for url in sys.argv[1:]:
        await measure("PostgreSQL", partial(open_postgresql, url))


if __name__ == "__main__":
    asyncio.run(main())
