"""Writes to an instance: what goes on record, when, and what happens where it cannot."""

import asyncio
import gzip
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from proxy.model.access import Role
from proxy.model.audit import AuditQuery, Event, Phase
from proxy.model.identity import UserState
from tests.peers import answers
from tests.peers.changes import DEADLINE, promised
from tests.peers.talk import Line, dial
from tests.peers.upstream import Answer, Exchange, upstream
from tests.proxy.inspection.house import HOST, INSTANCE, House, house

FLOWS = [
    {"id": "tab", "type": "tab", "label": "Line"},
    {"id": "a", "type": "inject", "z": "tab", "x": 1, "y": 1, "wires": [["b"]]},
    {"id": "b", "type": "debug", "z": "tab", "x": 2, "y": 1, "wires": []},
]
AT_ONCE = 1.0
CANARY = "canary-5f1c88"


def node_red(
    flows: object = FLOWS, *, post: Answer | None = None, look: Answer | None = None, rev: str = "r1"
) -> Answer:
    """An instance with these flows; `post` is how it answers what writes, `look` what reads."""
    looked = look or answers.plain(
        json.dumps({"flows": flows, "rev": rev}).encode(), (b"Content-Type", b"application/json")
    )
    written = post or said({"rev": "r2"})

    async def answer(exchange: Exchange) -> None:
        await (looked if exchange.request.method == b"GET" else written)(exchange)

    return answer


def said(told: object, status: int = 200) -> Answer:
    kind = (b"Content-Type", b"application/json; charset=utf-8")
    return answers.plain(json.dumps(told).encode(), kind, status=status)


async def events(gate: House, *names: str) -> list[Event]:
    """What is on record of the instance, oldest first."""
    page = await gate.store.database.events(AuditQuery(scope=INSTANCE, events=names))
    return [each.event for each in reversed(page.items)]


async def recorded(gate: House, count: int, *names: str) -> list[Event]:
    """So many of them, as soon as they are there."""
    async with asyncio.timeout(DEADLINE):
        while len(found := await events(gate, *names)) < count:  # noqa: ASYNC110 - the log tells nobody of its own accord
            await asyncio.sleep(0.01)
    return found


async def outcome(gate: House, event: str) -> Event:
    """The outcome of the one write of its kind; its intent came before it."""
    intent, done = await events(gate, event)
    assert (intent.phase, done.phase) == (Phase.INTENT, Phase.OUTCOME)
    return done


async def deploy(
    gate: House, line: Line, flows: object, *fields: bytes, rev: str | None = "r1", name: str = "mia"
) -> int:
    """POST /flows as an editor does; the status."""
    told = {"flows": flows} if rev is None else {"flows": flows, "rev": rev}
    body = json.dumps(told).encode()
    more = b"\r\n".join((b"Node-RED-API-Version: v2", b"Content-Type: application/json", *fields))
    await line.send(await head(gate, b"POST /admin/flows", more, name=name, length=len(body)) + body)
    return (await line.response()).status


async def head(
    gate: House, start: bytes, fields: bytes = b"", *, name: str = "mia", length: int | None = None
) -> bytes:
    lines = [
        start + b" HTTP/1.1",
        f"Host: {HOST}:{gate.port}".encode(),
        f"Origin: {gate.origin}".encode(),
        f"Cookie: {await gate.log_in(name)}".encode(),
    ]
    lines += [fields] if fields else []
    lines += [b"Content-Length: %d" % length] if length is not None else []
    return b"\r\n".join(lines) + b"\r\n\r\n"


async def write(gate: House, method: str, path: str, body: object = None, name: str = "mia") -> int:
    async with dial(gate.port) as line:
        sent = b"" if body is None else json.dumps(body).encode()
        kind = b"Content-Type: application/json" if body is not None else b""
        start = f"{method} /admin/{path}".encode()
        await line.send(await head(gate, start, kind, name=name, length=len(sent)) + sent)
        return (await line.response()).status


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Another process holds the database: nobody else can write."""
    with closing(sqlite3.connect(folder / "var" / "flowward.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


# -- what is on record


async def test_a_deploy_is_on_record_with_who_what_when_and_from_where(tmp_path: Path) -> None:
    """A-06."""
    async with upstream(node_red()) as instance, house(tmp_path, instance.url) as gate, dial(gate.port) as line:
        after = [FLOWS[0], {**FLOWS[1], "x": 9}, {"id": "c", "type": "comment"}]
        assert await deploy(gate, line, after, b"Node-RED-Deployment-Type: nodes") == 200
        done = await outcome(gate, "flows.set")
        assert done.body == {
            "api": "v2",
            "type": "nodes",
            "status": 200,
            "rev": {"before": "r1", "after": "r2"},
            "nodes": {"added": 1, "changed": 0, "removed": 1, "moved": 1},
        }
        assert (done.actor, done.actor_name, done.source, done.error) == ("u-mia", "mia", "instance", "")
        assert (done.address, done.scope_kind, done.scope_id) == ("127.0.0.1", "instance", INSTANCE)
        assert done.within == (INSTANCE, "r-plant", "s-acme")
        [intent, _] = await events(gate, "flows.set")
        assert intent.body == {"api": "v2", "type": "nodes"}
        assert intent.at <= done.at


@pytest.mark.parametrize(
    ("method", "path", "body", "answer", "event", "told"),
    [
        ("POST", "inject/inj1", {}, answers.plain(b"OK"), "inject", {"node": "inj1"}),
        ("POST", "debug/dbg1/enable", {}, answers.plain(b"OK"), "debug", {"node": "dbg1", "state": "enable"}),
        ("POST", "flow", {"label": "A", "nodes": [{"id": "n"}]}, said({"id": "f"}), "flow.add",
         {"flow": "f", "nodes": {"added": 2, "changed": 0, "removed": 0, "moved": 0}}),
        ("DELETE", "flow/tab", None, answers.bodiless(204), "flow.remove",
         {"flow": "tab", "rev": {"before": "r1"}, "nodes": {"added": 0, "changed": 0, "removed": 3, "moved": 0}}),
        ("POST", "nodes", {"module": "x", "url": f"https://u:{CANARY}@npm"}, said({"name": "x", "version": "1.0.0"}),
         "nodes.install", {"module": "x", "version": "1.0.0"}),
        ("PUT", "nodes/x", {"enabled": False}, said({}), "nodes.update", {"module": "x", "enabled": False}),
        ("POST", "library/local/functions/f.js", CANARY, answers.bodiless(204), "library.set",
         {"library": "local", "type": "functions", "path": "f.js"}),
        ("POST", "settings/user", {"a": CANARY}, answers.bodiless(204), "settings.update", {}),
        ("DELETE", f"context/global/x?store={CANARY}", None, answers.bodiless(204), "context.delete",
         {"scope": "global", "path": "x"}),
        ("POST", "contrib/do", {"password": CANARY}, said({}), "admin.request",
         {"method": "POST", "path": "/admin/contrib/do"}),
    ],
)  # fmt: skip
async def test_other_writes_are_on_record_by_what_they_do(
    tmp_path: Path, method: str, path: str, body: object, answer: Answer, event: str, told: dict[str, object]
) -> None:
    async with upstream(node_red(post=answer)) as instance, house(tmp_path, instance.url) as gate:
        status = await write(gate, method, path, body)
        done = await outcome(gate, event)
        assert done.body == {**told, "status": status}
        assert CANARY not in repr(await events(gate))


async def test_what_a_package_is_called_is_on_record_before_it_is_installed(tmp_path: Path) -> None:
    async with upstream(node_red(post=answers.never)) as instance, house(tmp_path, instance.url) as gate:
        async with dial(gate.port) as line:
            body = b'{"module": "x", "version": "1.0.0"}'
            kind = b"Content-Type: application/json"
            await line.send(await head(gate, b"POST /admin/nodes", kind, length=len(body)) + body)
            await instance.until(lambda: instance.requests)
            [intent] = await events(gate, "nodes.install")
            assert (intent.phase, intent.body) == (Phase.INTENT, {"module": "x", "version": "1.0.0"})


async def test_reading_and_endpoints_are_not_on_record(tmp_path: Path) -> None:
    async with upstream(node_red(post=answers.plain(b"ok"))) as instance, house(tmp_path, instance.url) as gate:
        cookie = await gate.log_in("mia")
        for path in ("/admin/flows", "/admin/settings/user/keys", "/admin/", "/api"):
            assert (await gate.ask(path, cookie)).status == 200
        assert (await gate.ask("/api", cookie, method="POST", Origin=gate.origin)).status == 200
        assert (await gate.ask("/admin/flows", cookie, method="OPTIONS", Origin=gate.origin)).status == 200
        assert await events(gate) == []


async def test_a_write_to_what_might_be_an_admin_route_is_on_record(tmp_path: Path) -> None:
    async with upstream(node_red(post=answers.plain(b"ok"))) as instance:
        async with house(tmp_path, instance.url, admin_root="/", endpoints=("/listed",)) as gate:
            cookie = await gate.log_in("mia")
            for path in ("/listed", "/unlisted"):
                assert (await gate.ask(path, cookie, method="POST", Origin=gate.origin)).status == 200
            done = await outcome(gate, "admin.request")
            assert done.body == {"method": "POST", "path": "/unlisted", "status": 200}


async def test_a_refused_deploy_is_on_record_with_the_instances_own_code(tmp_path: Path) -> None:
    refusal = said({"code": "version_mismatch", "message": "Error"}, status=409)
    async with upstream(node_red(post=refusal)) as instance, house(tmp_path, instance.url) as gate:
        async with dial(gate.port) as line:
            assert await deploy(gate, line, [], rev="old") == 409
        done = await outcome(gate, "flows.set")
        assert (done.error, done.body) == ("version_mismatch", {"api": "v2", "type": "full", "status": 409})


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [(answers.drop, 502, "upstream_broken"), (answers.plain(b"<html>", status=500), 500, "http_500")],
)
async def test_a_write_that_failed_is_on_record_with_why(
    tmp_path: Path, answer: Answer, status: int, error: str
) -> None:
    async with upstream(node_red(post=answer)) as instance, house(tmp_path, instance.url) as gate:
        assert await write(gate, "POST", "inject/inj1", {}) == status
        assert (await outcome(gate, "inject")).error == error


async def test_an_instance_that_is_not_there_is_on_record_as_that(tmp_path: Path) -> None:
    async with upstream(node_red()) as instance:
        url = instance.url
    async with house(tmp_path, url) as gate, dial(gate.port) as line:
        assert await deploy(gate, line, []) == 502
        assert (await outcome(gate, "flows.set")).error == "upstream_unreachable"


async def test_what_the_gate_refuses_never_becomes_a_write(tmp_path: Path) -> None:
    async with upstream(node_red()) as instance, house(tmp_path, instance.url, protected=True) as gate:
        assert await write(gate, "POST", "flows", []) == 403
        assert await write(gate, "POST", "flows", [], name="vic") == 403
        assert (instance.requests, await events(gate)) == ([], [])


# -- what a deploy changes


async def test_what_is_there_is_read_by_the_gateway_itself(tmp_path: Path) -> None:
    async with upstream(node_red()) as instance:
        async with house(tmp_path, instance.url, admin_token="own-token", identity=("assertion",)) as gate:
            async with dial(gate.port) as line:
                assert await deploy(gate, line, FLOWS) == 200
            look, post = instance.requests
            assert (look.method, look.target, look.value(b"Authorization")) == (
                b"GET",
                b"/admin/flows",
                b"Bearer own-token",
            )
            assert look.value(b"Cookie") is None
            claims = gate.claims((look.value(b"X-Flowward-Assertion") or b"").decode())
            assert (claims["sub"], claims["use"], claims["permissions"]) == (
                "flowward",
                "editor",
                ["flows.read", "plugins.read"],
            )
            assert claims["aud"] == INSTANCE
            assert gate.claims((post.value(b"X-Flowward-Assertion") or b"").decode())["sub"] == "u-mia"


@pytest.mark.parametrize(
    ("look", "why"),
    [
        (answers.plain(b"", status=401), "current_flows_unavailable"),
        (answers.drop, "current_flows_unavailable"),
        (answers.never, "current_flows_unavailable"),
        (answers.plain(b"[" + b" " * 9_000_000 + b"]"), "current_flows_unavailable"),
        (answers.plain(b"<html>"), "unreadable"),
    ],
    ids=["refused", "broken", "silent", "huge", "odd"],
)
async def test_a_deploy_goes_on_where_nobody_can_say_what_it_changes(tmp_path: Path, look: Answer, why: str) -> None:
    async with upstream(node_red(look=look)) as instance, house(tmp_path, instance.url) as gate:
        async with dial(gate.port) as line:
            assert await deploy(gate, line, FLOWS) == 200
        done = await outcome(gate, "flows.set")
        assert done.body["not_compared"] == why
        assert "nodes" not in done.body
        assert dict(done.body["rev"])["after"] == "r2"  # type: ignore[call-overload]


async def test_bodies_that_are_not_understood_go_through_as_they_are(tmp_path: Path) -> None:
    zipped = gzip.compress(json.dumps({"flows": FLOWS}).encode())
    broken = b'{"flows": [' + b"\xff\x00" * 20
    huge = b'{"flows": [], "x": "' + b"x" * 9_000_000 + b'"}'
    async with upstream(node_red()) as instance, house(tmp_path, instance.url) as gate:
        for body, field, why in (
            (zipped, b"Content-Encoding: gzip", "body_encoded"),
            (broken, b"X-Any: 1", "unreadable"),
            (huge, b"X-Any: 1", "body_too_large"),
        ):
            async with dial(gate.port) as line:
                await line.send(await head(gate, b"POST /admin/flows", field, length=len(body)), body)
                assert (await line.response(seconds=30)).status == 200
            assert instance.requests[-1].body == body
            assert (await events(gate, "flows.set"))[-1].body["not_compared"] == why
        looks = [request for request in instance.requests if request.method == b"GET"]
        assert len(looks) == 1


async def test_a_deploy_over_somebody_elses_is_not_counted_against_what_was_there_before(tmp_path: Path) -> None:
    async with upstream(node_red(rev="r0")) as instance, house(tmp_path, instance.url) as gate:
        async with dial(gate.port) as line:
            assert await deploy(gate, line, FLOWS, rev="r1") == 200
        done = await outcome(gate, "flows.set")
        assert done.body["rev"] == {"before": "r1", "after": "r2"}
        assert done.body["not_compared"] == "changed_meanwhile"


async def test_no_credential_of_a_deploy_is_kept_anywhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """R-72: on the way to the instance they are seen, and that is all."""
    secret = {**FLOWS[1], "credentials": {"password": CANARY}}
    async with upstream(node_red()) as instance, house(tmp_path, instance.url) as gate:
        async with dial(gate.port) as line:
            assert await deploy(gate, line, [FLOWS[0], secret, FLOWS[2]]) == 200
        assert CANARY.encode() in instance.requests[-1].body
        done = await outcome(gate, "flows.set")
        assert done.body["nodes"] == {"added": 0, "changed": 1, "removed": 0, "moved": 0}
        assert CANARY not in repr(await events(gate))
    kept = b"".join(each.read_bytes() for each in (tmp_path / "var").rglob("*") if each.is_file())
    assert CANARY.encode() not in kept
    assert CANARY not in caplog.text


# -- where it cannot be put on record


async def test_nothing_is_sent_where_it_cannot_be_put_on_record(tmp_path: Path) -> None:
    async with (
        upstream(node_red()) as instance,
        house(tmp_path, instance.url, patience=3.0) as gate,
        dial(gate.port) as line,
    ):
        asked = await head(gate, b"POST /admin/inject/inj1", length=0)
        with locked(tmp_path):
            await line.send(asked)
            answer = await line.response(seconds=DEADLINE)
        assert (answer.status, json.loads(answer.body)["code"]) == (503, "not_recorded")
        assert answer.value(b"Content-Type") == b"application/problem+json"
        assert instance.requests == []
        assert await events(gate) == []


async def test_a_write_whose_outcome_cannot_be_put_on_record_is_not_answered_as_done(tmp_path: Path) -> None:
    """It stays an intent, which will be found unfinished."""
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        reached.set()
        await go_on.wait()
        await answers.plain(b"{}")(exchange)

    async with upstream(node_red(post=slow)) as instance, house(tmp_path, instance.url, patience=3.0) as gate:
        async with dial(gate.port) as line:
            await line.send(await head(gate, b"POST /admin/inject/inj1", length=0))
            async with asyncio.timeout(DEADLINE):
                await reached.wait()
            with locked(tmp_path):
                go_on.set()
                answer = await line.response(seconds=DEADLINE)
        assert (answer.status, json.loads(answer.body)["code"]) == (503, "not_recorded")
        assert "look at the instance" in json.loads(answer.body)["detail"]
        assert [each.phase for each in await events(gate)] == [Phase.INTENT]
        [left] = await gate.store.database.unfinished(1e12)
        assert left.event.event == "inject"


# -- clients that go away, and rights that do


async def test_the_outcome_is_on_record_though_the_client_has_gone(tmp_path: Path) -> None:
    """The instance has the whole deploy: what became of it is worth knowing."""
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        await exchange.body()
        reached.set()
        await go_on.wait()
        await said({"rev": "r2"})(exchange)

    async with upstream(node_red(post=slow)) as instance, house(tmp_path, instance.url) as gate:
        async with dial(gate.port) as line:
            body = json.dumps({"flows": FLOWS, "rev": "r1"}).encode()
            await line.send(await head(gate, b"POST /admin/flows", length=len(body)) + body)
            async with asyncio.timeout(DEADLINE):
                await reached.wait()
        go_on.set()
        [_, done] = await recorded(gate, 2, "flows.set")
        assert (done.error, done.body["rev"]) == ("", {"before": "r1", "after": "r2"})


@pytest.mark.parametrize("encoding", [b"Content-Length: 1000", b"Transfer-Encoding: chunked"])
async def test_a_client_that_goes_away_in_the_middle_ends_the_write(tmp_path: Path, encoding: bytes) -> None:
    async with upstream(node_red(post=answers.plain(b"ok"))) as instance, house(tmp_path, instance.url) as gate:
        async with dial(gate.port) as line:
            part = b"5\r\nhello\r\n" if b"chunked" in encoding else b"hello"
            await line.send(await head(gate, b"POST /admin/library/local/x/y", encoding) + part)
            await instance.until(lambda: instance.requests)
        await instance.until(lambda: not instance.open_connections, seconds=AT_ONCE)
        [_, done] = await recorded(gate, 2, "library.set")
        assert done.error == "client_gone"


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"role": Role.VIEWER}, 403, "role_too_low"),
        ({"role": Role.MEMBER, "state": UserState.SUSPENDED}, 401, "session_ended"),
        ({"protected": True}, 403, "protected_instance"),
    ],
    ids=["lowered", "suspended", "protected"],
)
async def test_a_write_that_is_not_all_there_ends_with_the_right_to_it(
    tmp_path: Path, change: dict[str, object], status: int, error: str
) -> None:
    """Or else somebody could begin a deploy today, and end it when they may no longer."""
    async with upstream(node_red(post=answers.plain(b"ok"))) as instance, house(tmp_path, instance.url) as gate:
        async with dial(gate.port) as line:
            await line.send(await head(gate, b"POST /admin/flows", b"Content-Length: 1000") + b"hello")
            await instance.until(lambda: any(each.method == b"POST" for each in instance.requests))
            if "protected" in change:
                await gate.protect()
            else:
                more = {key: value for key, value in change.items() if key != "role"}
                await gate.change("mia", Role(change["role"]), **more)  # type: ignore[arg-type]
            answer = await line.response(seconds=AT_ONCE + 1)
        assert (answer.status, json.loads(answer.body)["code"]) == (status, error)
        assert (await outcome(gate, "flows.set")).error == error
        assert b"hello" not in [request.body for request in instance.requests]


async def test_the_gateway_ends_with_what_is_under_way_on_record(tmp_path: Path) -> None:
    reached = asyncio.Event()

    async def slow(exchange: Exchange) -> None:
        reached.set()
        await asyncio.sleep(0.2)
        await said({})(exchange)

    async with upstream(node_red(post=slow)) as instance:
        async with house(tmp_path, instance.url) as gate, dial(gate.port) as line:
            await line.send(await head(gate, b"POST /admin/inject/inj1", length=0))
            async with asyncio.timeout(DEADLINE):
                await reached.wait()
        assert _phases(tmp_path) == ["intent", "outcome"]


def _phases(folder: Path) -> Sequence[str]:
    with closing(sqlite3.connect(folder / "var" / "flowward.sqlite")) as kept:
        return [row[0] for row in kept.execute("select phase from audit_event where event = 'inject' order by id")]


# -- editors


async def test_an_open_editor_is_on_record_from_its_opening_to_its_end(tmp_path: Path) -> None:
    instance_says = answers.by_path({"/admin/comms": answers.echo(), "*": answers.plain(b"ok")})
    async with upstream(instance_says) as instance, house(tmp_path, instance.url) as gate:
        socket = await gate.open_socket("/admin/comms", await gate.log_in("vic"))
        [opened] = await recorded(gate, 1, "editor.opened")
        assert (opened.actor_name, opened.within) == ("vic", (INSTANCE, "r-plant", "s-acme"))
        await socket.close()
        [closed] = await recorded(gate, 1, "editor.closed")
        assert 0 <= float(str(closed.body["seconds"])) < 60
        assert len(await events(gate, "editor.opened", "editor.closed")) == 2


async def test_an_editor_opens_at_once_though_it_cannot_be_put_on_record_yet(tmp_path: Path) -> None:
    instance_says = answers.by_path({"/admin/comms": answers.echo(), "*": answers.plain(b"ok")})
    async with upstream(instance_says) as instance, house(tmp_path, instance.url, patience=10.0) as gate:
        cookie = await gate.log_in("vic")
        assert (await gate.ask("/admin/", cookie)).status == 200
        with locked(tmp_path):
            async with promised(AT_ONCE):
                socket = await gate.open_socket("/admin/comms", cookie)
            await socket.send_str('{"subscribe":"x"}')
            async with promised(AT_ONCE):
                assert await socket.receive_str() == '{"subscribe":"x"}'
        await socket.close()
        await recorded(gate, 2, "editor.opened", "editor.closed")
