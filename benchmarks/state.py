"""How fast a large state is opened and looked through: python -m benchmarks.state [postgresql://…]

100,000 users, 10,000 instances in 1,000 applications of 100 teams, in a SQLite of its own and in the empty PostgreSQL that
is named. Prints seconds and milliseconds; see docs/benchmarks.md for what is promised.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from statistics import median

from proxy.model.access import Role
from proxy.model.audit import AuditQuery, Event
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import InstanceSettings, Resource, ResourceKind
from proxy.model.identity import Membership, Person, User
from proxy.store import Database, Edit, PeopleQuery, PutPerson, Store
from proxy.store.sql import open_postgresql, open_store

USERS, TEAMS, APPLICATIONS, INSTANCES, EVENTS = 100_000, 100, 1_000, 10_000, 20_000
ROUNDS = 31


def places() -> Iterator[Edit]:
    for n in range(TEAMS):
        yield Space(id=f"s{n}", kind=SpaceKind.TEAM, slug=f"team-{n}", title=f"Team {n}")
    for n in range(APPLICATIONS):
        yield Resource(id=f"a{n}", kind=ResourceKind.APPLICATION, slug=f"plant-{n}", owner=f"s{n % TEAMS}")
    for n in range(INSTANCES):
        settings = InstanceSettings(upstream=f"http://10.0.0.1:{n + 1000}", hosts=(f"line-{n}.example",))
        application = f"a{n % APPLICATIONS}"
        yield Resource(id=f"i{n}", kind=ResourceKind.INSTANCE, slug=f"line-{n}", parent=application, instance=settings)


def people() -> Iterator[PutPerson]:
    for n in range(USERS):
        user = User(id=f"u{n}", username=f"user-{n:06}", email=f"person{n}@example.org", name=f"Person Number {n}")
        spaces = {f"s{n % TEAMS}": Role.MEMBER, f"s{(n * 7 + 1) % TEAMS}": Role.VIEWER}
        yield PutPerson(
            person=Person(user=user, memberships={key: Membership(space=key, role=spaces[key]) for key in spaces})
        )


async def fill(database: Database) -> None:
    await database.edit(list(places()), [])
    everybody = list(people())
    for at in range(0, USERS, 10_000):
        await database.edit(everybody[at : at + 10_000], [])
    events = [
        Event(event="flows.set", at=float(n), actor_name=f"user-{n:06}", scope_id=f"i{n % INSTANCES}", within=("s1",))
        for n in range(EVENTS)
    ]
    for at in range(0, EVENTS, 1_000):
        await database.record(*events[at : at + 1_000])


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
        await fill(store.database)
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
