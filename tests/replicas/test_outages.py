"""What holds while Redis or PostgreSQL is away from one replica or both: bounded refusals, and nothing that should not pass."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from proxy.model.access import Role
from proxy.model.audit import AuditQuery
from tests.peers.changes import DEADLINE, promised
from tests.peers.faults import Link, faults
from tests.peers.gateway import visitor
from tests.peers.postgresql import Postgresql, postgresql, programs
from tests.peers.redis import RedisServer
from tests.replicas.pair import ADMIN, DASHBOARD, Pair, Replica, Someone, closed, cookie, pair

BOUNDED = 3.0
"""Seconds within which whatever needs a store that is away is refused."""
BACK = 5.0
"""Seconds after which everything is as before once the store is back."""
PLENTY: dict[str, object] = {"anonymous": "100000/1s", "api": "100000/1s"}
QUIET: dict[str, object] = {"level": "error", "access": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cables:
    """Two replicas, and what each reaches Redis by."""

    both: Pair
    first: Link
    second: Link


@asynccontextmanager
async def cabled(folder: Path, database: str, server: RedisServer, grace: str) -> AsyncIterator[Cables]:
    async with faults("127.0.0.1", server.port) as one, faults("127.0.0.1", server.port) as other:
        states = [
            {"database": database, "shared": f"redis://127.0.0.1:{link.port}", "timeout": BOUNDED}
            for link in (one, other)
        ]
        async with pair(folder / "pair", *states, session={"grace": grace}, log=QUIET) as both:  # type: ignore[arg-type]
            yield Cables(both=both, first=one, second=other)


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[RedisServer]:
    """Empty before, running afterwards."""
    redis_server.says("FLUSHALL")
    yield redis_server
    if redis_server.process is None:
        redis_server.start()


@pytest.fixture
async def cables(tmp_path: Path, database: str, redis: RedisServer) -> AsyncIterator[Cables]:
    async with cabled(tmp_path, database, redis, "5m") as made:
        yield made


async def soon(true: Callable[[], Awaitable[bool]], seconds: float) -> None:
    async with promised(seconds):
        while not await true():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.02)


async def answered(both: Pair, replica: Replica, somebody: Someone, *, seconds: float = BOUNDED) -> int:
    """The status of a request, which is answered in time."""
    async with promised(seconds):
        return await both.status(replica, cookie(somebody))


async def test_without_redis_known_sessions_go_on_and_all_others_are_refused(
    cables: Cables, redis: RedisServer
) -> None:
    both = cables.both
    known, unknown, gone = [await both.someone(Role.MEMBER) for _ in range(3)]
    assert [await both.status(both.second, cookie(user)) for user in (known, gone)] == [200, 200]
    await both.first.running.gateway.sessions.end(gone.session)
    assert await both.refuses(both.second, cookie(gone)) == 401
    async with both.socket(both.second, DASHBOARD, cookie(known)) as page:
        await asyncio.to_thread(redis.kill)
        assert await both.status(both.second, cookie(known)) == 200
        for refused in (unknown, gone):
            assert await answered(both, both.second, refused) in (401, 503)
        async with visitor(both.site) as root, promised(BOUNDED):
            root.doors = (both.second.port,)
            assert (await root.log_in(str(ADMIN["username"]), f"{both.site.home}/")).status == 503
        await page.say(1, b"still here")
        assert (await page.hear()).payload == b"still here"
    await asyncio.to_thread(redis.start)

    async def lets_in() -> bool:
        return await both.status(both.second, cookie(unknown)) == 200

    await soon(lets_in, BACK)
    assert await both.status(both.second, cookie(gone)) == 401


async def test_without_redis_for_longer_than_the_grace_nobodys_session_passes_but_tokens_do(
    tmp_path: Path, database: str, redis: RedisServer
) -> None:
    async with cabled(tmp_path, database, redis, "1s") as cables:
        both = cables.both
        user = await both.someone(Role.OWNER)
        made = await user.client.post("/me/tokens", {"name": "ci"})
        bearer = ("Authorization", f"Bearer {made.json['value']}")
        assert await both.status(both.second, bearer) == 200
        async with both.socket(both.second, DASHBOARD, cookie(user)) as page:
            cables.second.black_hole = True
            async with asyncio.timeout(DEADLINE):
                while (frame := await page.hear()).opcode != 8:
                    pass
            assert int.from_bytes(frame.payload[:2]) == 1012
        assert await both.status(both.second, cookie(user)) == 503
        assert await both.status(both.second, bearer) == 200
        assert await both.status(both.first, cookie(user)) == 200
        cables.second.black_hole = False
        cables.second.reset()

        async def passes() -> bool:
            return await both.status(both.second, cookie(user)) == 200

        await soon(passes, BACK)


@pytest.mark.parametrize("how", ["black hole", "refused"])
async def test_a_replica_cut_off_from_redis_hears_by_the_database_who_is_shut_out(cables: Cables, how: str) -> None:
    both = cables.both
    user, other = await both.someone(Role.MEMBER), await both.someone(Role.MEMBER)
    async with (
        both.socket(both.second, DASHBOARD, cookie(user)) as page,
        both.socket(both.second, DASHBOARD, cookie(other)) as others,
    ):
        if how == "black hole":
            cables.second.black_hole = True
        else:
            await cables.second.refuse()
            cables.second.reset()
        assert (await user.client.post("/auth/logout")).status == 204
        assert await closed(page) == 4401
        assert await answered(both, both.second, user) == 503
        await others.say(1, b"still here")
        assert (await others.hear()).payload == b"still here"
    assert await both.status(both.second, cookie(other)) == 200


async def test_sessions_that_redis_has_lost_end_everywhere(cables: Cables, redis: RedisServer) -> None:
    """Else nobody could end them any more."""
    both = cables.both
    user = await both.someone(Role.MEMBER)
    for replica in (both.first, both.second):
        await replica.running.gateway.watch.feel()
    async with both.socket(both.second, DASHBOARD, cookie(user)) as page:
        await asyncio.to_thread(redis.says, "FLUSHALL")
        async with promised(BACK):
            while (frame := await page.hear()).opcode != 8:
                pass
        assert int.from_bytes(frame.payload[:2]) == 4401
    assert await both.status(both.second, cookie(user)) == 401


@pytest.fixture(scope="module")
def fragile() -> Iterator[Postgresql]:
    """A PostgreSQL that is killed."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL (initdb) is not installed")
    with postgresql(found) as server:
        yield server


async def test_without_postgresql_known_sessions_go_on_and_nothing_is_changed(
    tmp_path: Path, fragile: Postgresql, redis: RedisServer
) -> None:
    state = {
        "database": fragile.url(await fragile.new_database()),
        "shared": f"redis://127.0.0.1:{redis.port}",
        "timeout": BOUNDED,
    }
    async with pair(tmp_path / "pair", state, log=QUIET) as both:
        admin, user = await both.someone(admin=True), await both.someone(Role.MEMBER)
        assert await both.status(both.second, cookie(user)) == 200
        await asyncio.to_thread(fragile.stop)
        assert await both.status(both.second, cookie(user)) == 200
        async with promised(BOUNDED):
            assert (await admin.client.post(f"/users/{user.id}/suspend")).status == 503
        async with promised(BOUNDED):
            path = "/admin/flows"
            assert await both.status(both.second, cookie(user), method="POST", path=path) == 503, "not on record"
        await asyncio.to_thread(fragile.start)

        async def suspends() -> bool:
            return (await admin.client.post(f"/users/{user.id}/suspend")).status == 200

        await soon(suspends, BACK)
        assert await both.refuses(both.second, cookie(user)) == 401


async def _load(both: Pair, good: Someone, bad: Someone, done: asyncio.Event) -> list[int]:
    """Ask without a pause; what is answered to whom may come in. Nobody else does, ever."""
    seen = []
    while not done.is_set():
        for replica in (both.first, both.second):
            assert await answered(both, replica, bad, seconds=BACK) in (401, 503)
            seen.append(await answered(both, replica, good, seconds=BACK))
    return seen


@pytest.mark.parametrize("times", [2, pytest.param(20, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
@pytest.mark.parametrize("store", ["redis", "postgresql"])
async def test_killed_again_and_again_under_load_it_lets_nobody_in_who_is_out(
    tmp_path: Path, fragile: Postgresql, redis: RedisServer, store: str, times: int
) -> None:
    """Refusals come in time, and every change that was answered is on record."""
    state = {
        "database": fragile.url(await fragile.new_database()),
        "shared": f"redis://127.0.0.1:{redis.port}",
        "timeout": BOUNDED,
    }
    async with pair(tmp_path / "pair", state, log=QUIET, limits=PLENTY) as both:
        admin, good, bad = await both.someone(admin=True), await both.someone(Role.MEMBER), await both.someone()
        await both.first.running.gateway.sessions.end(bad.session)
        assert await both.refuses(both.second, cookie(bad)) == 401
        done, changed = asyncio.Event(), 0
        loads = [asyncio.create_task(_load(both, good, bad, done)) for _ in range(2)]
        for number in range(times):
            stopped = asyncio.to_thread(redis.kill if store == "redis" else fragile.stop)
            answers = asyncio.create_task(_change(admin, good, number))
            await stopped
            changed += await answers
            changed += await _change(admin, good, number)
            await asyncio.to_thread(redis.start if store == "redis" else fragile.start)

            async def as_before() -> bool:
                return (await admin.client.get("/me")).status == 200

            await soon(as_before, BACK)
        done.set()
        seen = [each for load in loads for each in await load]
        assert set(seen) <= {200, 503}
        assert await _changes_on_record(both, good) >= changed


async def _change(admin: Someone, user: Someone, number: int) -> int:
    """Change a role; how many changes were answered as done."""
    done = 0
    for role in ("viewer", "member") * 2:
        answer = await admin.client.put(f"/spaces/acme/members/{user.id}", {"role": role})
        assert answer.status in (200, 503), (number, answer.text)
        done += answer.status == 200
    return done


async def _changes_on_record(both: Pair, user: Someone) -> int:
    query = AuditQuery(events=("team.user.role-changed",), limit=1000)
    found = await both.first.running.store.database.events(query)
    return sum(each.event.user == user.id for each in found.items)
