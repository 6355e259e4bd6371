"""Every request on a connection is judged by what it says itself and by what is true now."""

import base64
from pathlib import Path

import pytest

from tests.lanes.stage import stage
from tests.peers.answers import plain
from tests.peers.gateway import HASH, PASSWORD

NOBODY = b""
BASIC = {"mode": "basic", "username": "line", "password_hash": HASH}
CREDENTIAL = b"Authorization: Basic " + base64.b64encode(b"line:" + PASSWORD.encode())


async def test_a_cookie_is_forgotten_with_its_request(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        other = await gate.log_in("dora")
        for cookie, status in (
            (gate.cookie, 200),
            (NOBODY, 401),
            (gate.cookie, 200),
            (other, 200),
            (b"flowward=x", 401),
        ):
            await line.send(gate.head(b"GET /", cookie=cookie))
            assert (await line.response()).status == status
        assert [asked.value(b"X-Flowward-User") for asked in instance.requests] == [b"max", b"max", b"dora"]


async def test_a_credential_is_forgotten_with_its_request(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, http_auth=BASIC) as (gate, instance):
        async with gate.line() as line:
            for fields, status in (((CREDENTIAL,), 200), ((), 401), ((CREDENTIAL,), 200), ((CREDENTIAL + b"x",), 401)):
                await line.send(gate.head(b"GET /", *fields, cookie=NOBODY))
                assert (await line.response()).status == status
        assert not any(asked.values(b"Authorization") for asked in instance.requests)


async def test_a_host_is_forgotten_with_its_request(tmp_path: Path, fast_lane: bool) -> None:
    """And with it whose cookie it is: a session opens one host."""
    other = {"slug": "line-4", "hosts": ["line-4.localhost"], "upstream": "http://127.0.0.1:1"}
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, others=(other,)) as (gate, instance):
        async with gate.line() as line:
            for host, status in (
                (gate.host, 200),
                (b"line-4.localhost", 401),
                (b"evil.localhost", 404),
                (gate.host.upper(), 200),
            ):
                await line.send(gate.head(b"GET /", host=host))
                assert (await line.response()).status == status, host
        assert len(instance.requests) == 2


async def test_a_session_that_ended_is_refused_at_once(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"GET /"))
        assert (await line.response()).status == 200
        await gate.end_sessions("max")
        await gate.running.gateway.watch.look()
        await line.send(gate.head(b"GET /"))
        assert (await line.response()).status == 401
        assert len(instance.requests) == 1


async def test_a_lowered_role_holds_at_once(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"GET /admin/flows"))
        assert (await line.response()).status == 200
        users = gate.site.estate["users"]
        assert isinstance(users, list)
        next(user for user in users if user["username"] == "max")["memberships"] = {"acme": "dashboard"}
        gate.site.write()
        await gate.running.reloader.reload()
        await gate.running.gateway.watch.look()
        await line.send(gate.head(b"GET /admin/flows"))
        assert (await line.response()).status == 403
        await line.send(gate.head(b"GET /dashboard"))
        assert (await line.response()).status == 200
        assert [asked.value(b"X-Flowward-Role") for asked in instance.requests] == [b"member", b"dashboard"]


@pytest.mark.parametrize("fields", [(b"X-HTTP-Method-Override: POST",), (b"X-Method-Override: DELETE",)])
async def test_r_65_only_the_method_itself_counts(tmp_path: Path, fast_lane: bool, fields: tuple[bytes, ...]) -> None:
    """What asks for another method by a field or a query is judged by its own."""
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, _), gate.line() as line:
        viewer = await gate.log_in("vic")
        await line.send(gate.head(b"GET /admin/flows?_method=POST", *fields, cookie=viewer))
        assert (await line.response()).status == 200
        await line.send(gate.head(b"POST /admin/flows?_method=GET", b"Content-Length: 0", cookie=viewer))
        assert (await line.response()).status == 403


SPELLINGS = [
    b"/admin/flows",
    b"/ADMIN/FLOWS",
    b"//admin/flows",
    b"/%61dmin/flows",
    b"/admin/%66lows",
    b"/admin/flows/",
    b"/admin;a/flows",
    b"/admin//flows",
    b"/admin/flows;a=b",
    b"/admin%2fflows",
    b"/x/../admin/flows",
    b"/./admin/flows",
    b"/x/..%2fadmin/flows",
    b"/open/../admin/flows",
    b"/open/..;/admin/flows",
    b"/open/%2e%2e/admin/flows",
    b"/open/..%5cadmin/flows",
    b"/admin/flows%00",
    b"/admin/flows%",
    b"/admin\\flows",
]


async def test_r_60_no_spelling_of_a_path_gets_round_its_class(tmp_path: Path, fast_lane: bool) -> None:
    """dora may see the dashboard and nothing of the editor."""
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance):
        dora = await gate.log_in("dora")
        for cookie in (dora, NOBODY):
            for target in (*SPELLINGS, b"http://" + gate.host + b"/admin/flows"):
                async with gate.line() as line:
                    await line.send(gate.head(b"GET " + target, cookie=cookie))
                    assert (await line.response()).status in (400, 401, 403), target
        assert instance.requests == []


async def test_a_pipelined_request_is_judged_by_itself(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        await line.send(gate.head(b"GET /1") + gate.head(b"GET /2", cookie=NOBODY) + gate.head(b"GET /3"))
        assert [(await line.response()).status for _ in range(3)] == [200, 401, 200]
        assert [asked.target for asked in instance.requests] == [b"/1", b"/3"]
