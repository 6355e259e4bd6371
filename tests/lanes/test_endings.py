"""What was begun under rights that are gone: an answer that is still awaited is refused, and what is open is ended."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from proxy.access.passwords import hash_password
from proxy.gate.answers import RELOAD
from proxy.model.audit import Event, Phase, Source
from proxy.model.estate import HttpAuth, ResourceKind, RowKind, RowPolicy
from proxy.store import PutPerson
from tests.lanes.stage import Stage, stage
from tests.lanes.test_websockets import AT_ONCE, closed, opened, upgrade
from tests.peers.answers import by_path, echo, events, never, plain
from tests.peers.changes import DEADLINE, promised
from tests.peers.frames import TEXT
from tests.peers.talk import Line
from tests.peers.upstream import Exchange, Upstream

COME_AGAIN = 1012
EVENT = Event(event="instance.updated", at=1.0, source=Source.CLI)
LONG = by_path(
    {"/open/ws": echo(), "/ws": echo(), "/open/events": events(b"1"), "/events": events(b"1"), "*": plain(b"ok")}
)
POLL = b"/dashboard/socket.io/?EIO=4&transport=polling"
FORM = b"Content-Type: application/x-www-form-urlencoded", b"Content-Length: 2"
BY_SITE = RowPolicy(name="by-site", kind=RowKind.HTTP, tag="site", field="site")
Ends = Callable[[Stage], Awaitable[object]]


async def set_up(gate: Stage, **settings: object) -> None:
    """Change settings of the instance as another process would."""
    estate = await gate.running.store.database.estate()
    [resource] = estate.by_kind[ResourceKind.INSTANCE]
    assert resource.instance is not None
    changed = replace(resource, instance=replace(resource.instance, **settings))  # type: ignore[arg-type]
    await gate.running.store.database.edit([changed], [EVENT])


async def leave(gate: Stage) -> None:
    """max is a member of nothing any more."""
    database = gate.running.store.database
    person = await database.person(await gate.user_id("max"))
    assert person is not None
    await database.edit([PutPerson(person=replace(person, memberships={}))], [EVENT])


async def promote(gate: Stage, *, admin: bool) -> None:
    """max is an admin of the platform, or is one no more."""
    database = gate.running.store.database
    person = await database.person(await gate.user_id("max"))
    assert person is not None
    await database.edit([PutPerson(person=replace(person, user=replace(person.user, admin=admin)))], [EVENT])


async def log_out(gate: Stage) -> None:
    await gate.end_sessions("max")


async def refused_at_once(line: Line, instance: Upstream, to: bytes = b"GET") -> tuple[int, bytes]:
    """The answer that comes though the instance gives none, and its body."""
    answer = await line.response(to=to, seconds=AT_ONCE + 1)
    await instance.until(lambda: not instance.open_connections, seconds=AT_ONCE)
    return answer.status, answer.body


# -- what is open


@pytest.mark.parametrize("paths", [{"public": ()}, {"node_root": "/flows"}], ids=["not public", "roots moved"])
async def test_r_19_what_was_opened_on_a_public_path_ends_when_it_is_public_no_more(
    tmp_path: Path, fast_lane: bool, paths: dict[str, object]
) -> None:
    """R-19: the socket is told to come again, and is asked for the login then."""
    async with (
        stage(tmp_path, LONG, fast_lane=fast_lane) as (gate, instance),
        gate.line() as line,
        gate.line() as stream,
    ):
        await opened(gate, line, b"/open/ws", cookie=b"")
        await stream.send(gate.head(b"GET /open/events", cookie=b""))
        await stream.until(b"data: 1\n\n")
        await set_up(gate, **paths)
        assert await closed(line) == COME_AGAIN
        await stream.rest(seconds=AT_ONCE)
        await instance.until(lambda: not instance.open_connections, seconds=AT_ONCE)


async def test_what_is_open_stays_while_its_paths_mean_what_they_meant(tmp_path: Path, fast_lane: bool) -> None:
    async with (
        stage(tmp_path, LONG, fast_lane=fast_lane) as (gate, instance),
        gate.line() as line,
        gate.line() as stream,
    ):
        await opened(gate, line, b"/open/ws", cookie=b"")
        await stream.send(gate.head(b"GET /open/events", cookie=b""))
        await stream.until(b"data: 1\n\n")
        await set_up(gate, protected=True, session_idle=3600.0)
        await gate.running.gateway.watch.look()
        await line.say(TEXT, b"still here")
        assert (await line.hear()).payload == b"still here"
        assert instance.open_connections == 2


async def test_what_a_page_of_another_origin_opened_ends_when_the_origin_is_listed_no_more(
    tmp_path: Path, fast_lane: bool
) -> None:
    listed = {"origins": ["https://portal.example"]}
    async with stage(tmp_path, LONG, fast_lane=fast_lane, **listed) as (gate, _), gate.line() as line:
        await opened(gate, line, b"/ws", b"Origin: https://portal.example")
        await set_up(gate, origins=())
        assert await closed(line) == COME_AGAIN


@pytest.mark.parametrize(
    "change",
    [{"basic_password_hash": hash_password("second")}, {"basic_username": "plc-8"}, {"http_auth": HttpAuth.USER}],
    ids=["password", "name", "mode"],
)
async def test_r_19_what_an_instances_password_opened_ends_with_it(
    tmp_path: Path, fast_lane: bool, change: dict[str, object]
) -> None:
    """R-19: nobody stands behind that password who could be asked anew."""
    field = b"Authorization: Basic " + base64.b64encode(b"plc-7:first")
    async with stage(tmp_path, LONG, fast_lane=fast_lane) as (gate, instance):
        await set_up(gate, http_auth=HttpAuth.BASIC, basic_username="plc-7", basic_password_hash=hash_password("first"))
        await gate.running.gateway.watch.heed(await gate.running.store.database.version())
        async with gate.line() as line, gate.line() as stream:
            await opened(gate, line, b"/ws", field, cookie=b"")
            await stream.send(gate.head(b"GET /events", field, cookie=b""))
            await stream.until(b"data: 1\n\n")
            await set_up(gate, **change)
            assert await closed(line) == COME_AGAIN
            await stream.rest(seconds=AT_ONCE)
            await instance.until(lambda: not instance.open_connections, seconds=AT_ONCE)


async def test_t_10_what_is_open_at_an_endpoint_ends_when_its_rows_are_kept_apart(
    tmp_path: Path, fast_lane: bool
) -> None:
    """T-10: nobody would look into what it carries; opened anew, it is judged under the policy."""
    async with (
        stage(tmp_path, LONG, fast_lane=fast_lane) as (gate, instance),
        gate.line() as line,
        gate.line() as stream,
    ):
        await opened(gate, line)
        await stream.send(gate.head(b"GET /events"))
        await stream.until(b"data: 1\n\n")
        await set_up(gate, rows=(BY_SITE,))
        assert await closed(line) == COME_AGAIN
        await stream.rest(seconds=AT_ONCE)
        await instance.until(lambda: not instance.open_connections, seconds=AT_ONCE)


async def test_t_10_a_long_answer_with_every_row_ends_when_not_every_row_is_theirs(
    tmp_path: Path, fast_lane: bool
) -> None:
    """T-10: to admins every row is shown; who is one no more has come to see their own alone."""
    async with stage(tmp_path, LONG, fast_lane=fast_lane) as (gate, instance), gate.line() as stream:
        await set_up(gate, rows=(BY_SITE,))
        await promote(gate, admin=True)
        await gate.running.gateway.watch.heed(await gate.running.store.database.version())
        await stream.send(gate.head(b"GET /events"))
        await stream.until(b"data: 1\n\n")
        await promote(gate, admin=False)
        await stream.rest(seconds=AT_ONCE)
        await instance.until(lambda: not instance.open_connections, seconds=AT_ONCE)


# -- what is still awaited


@pytest.mark.parametrize(("ends", "status"), [(log_out, 401), (leave, 404)], ids=["logged out", "membership gone"])
@pytest.mark.parametrize("start", [b"GET /api/next", b"GET /admin/flows", b"GET /admin/settings"])
async def test_r_19_a_poll_is_refused_as_soon_as_it_would_be_refused_anew(
    tmp_path: Path, fast_lane: bool, start: bytes, ends: Ends, status: int
) -> None:
    """R-19: what the instance says later is for those who may still hear it."""
    async with stage(tmp_path, never, fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(start, b"Origin: " + gate.origin))
        await instance.until(lambda: instance.requests)
        await ends(gate)
        assert (await refused_at_once(line, instance))[0] == status


@pytest.mark.parametrize("ends", [log_out, leave])
async def test_r_19_a_dashboard_that_polls_is_told_to_reload(tmp_path: Path, fast_lane: bool, ends: Ends) -> None:
    async with stage(tmp_path, never, fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"GET " + POLL, b"Origin: " + gate.origin))
        await instance.until(lambda: instance.requests)
        await ends(gate)
        assert await refused_at_once(line, instance) == (200, RELOAD)


async def test_r_19_a_page_that_is_awaited_becomes_the_login(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, never, fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"GET /report", b"Accept: text/html", b"Sec-Fetch-Mode: navigate"))
        await instance.until(lambda: instance.requests)
        await log_out(gate)
        assert (await refused_at_once(line, instance))[0] == 303


@pytest.mark.parametrize(("ends", "status"), [(log_out, 401), (leave, 404)], ids=["logged out", "membership gone"])
@pytest.mark.parametrize("all_there", [True, False], ids=["sent", "under way"])
async def test_r_19_what_was_sent_to_an_endpoint_is_not_answered_to_somebody_else(
    tmp_path: Path, fast_lane: bool, all_there: bool, ends: Ends, status: int
) -> None:
    async with stage(tmp_path, never, fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"POST /api/do", b"Origin: " + gate.origin, *FORM) + (b"{}" if all_there else b"{"))
        await instance.until(lambda: instance.requests)
        await ends(gate)
        assert (await refused_at_once(line, instance, to=b"POST"))[0] == status


async def test_r_19_a_socket_that_is_not_open_yet_is_refused(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, never, fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(upgrade(gate))
        await instance.until(lambda: instance.requests)
        await log_out(gate)
        assert (await refused_at_once(line, instance))[0] == 401


async def test_r_19_a_write_whose_answer_is_awaited_is_refused_and_gets_its_outcome(
    tmp_path: Path, fast_lane: bool
) -> None:
    """The instance has all of it: what becomes of it is for the record alone."""
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        reached.set()
        await go_on.wait()
        await plain(b'{"secret":"of theirs"}', (b"Content-Type", b"application/json"))(exchange)

    async with stage(tmp_path, slow, fast_lane=fast_lane) as (gate, _), gate.line() as line:
        start = gate.head(b"POST /admin/inject/inj1", b"Origin: " + gate.origin, b"Content-Length: 0")
        await line.send(start)
        async with asyncio.timeout(DEADLINE):
            await reached.wait()
        await log_out(gate)
        answer = await line.response(to=b"POST", seconds=AT_ONCE + 1)
        assert (answer.status, json.loads(answer.body)["code"]) == (401, "session_ended")
        go_on.set()
        told = await on_record(gate, "inject", 2)
        assert [(each.phase, each.error, each.body.get("status")) for each in told] == [
            (Phase.INTENT, "", None),
            (Phase.OUTCOME, "", 200),
        ]


async def test_an_awaited_answer_comes_though_something_else_changes(tmp_path: Path, fast_lane: bool) -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        await exchange.body()
        reached.set()
        await go_on.wait()
        await plain(b"ok")(exchange)

    async with stage(tmp_path, slow, fast_lane=fast_lane) as (gate, _), gate.line() as line:
        await line.send(gate.head(b"POST /api/do", b"Origin: " + gate.origin, *FORM) + b"{}")
        async with asyncio.timeout(DEADLINE):
            await reached.wait()
        await set_up(gate, protected=True)
        await gate.running.gateway.watch.look()
        go_on.set()
        answer = await line.response(to=b"POST")
        assert (answer.status, answer.body) == (200, b"ok")


async def on_record(gate: Stage, name: str, count: int) -> list[Event]:
    """So many events of a name, as soon as they are there."""
    async with promised(DEADLINE):
        while True:
            rows = await gate.running.store.database.events_after(0, 100)
            found = [row.event for row in rows if row.event.event == name]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.02)
