"""Tokens at the door of instances, on both lanes: what they open, what they do not, and that they end at once."""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import jwt
import pytest

from proxy.access.gcra import Rate
from proxy.model.access import Role
from proxy.model.audit import Event, Source
from proxy.model.directory import Space, SpaceKind
from proxy.model.identity import Membership, Token, UserState
from proxy.services.audit import By
from proxy.services.token_changes import Desk, Made, Wanted, WantedHttp
from proxy.services.writer import Step
from proxy.store import PutPerson, Remove
from tests.lanes.stage import Stage, stage
from tests.lanes.test_websockets import closed, opened
from tests.peers.answers import by_path, echo, events, plain
from tests.peers.frames import TEXT
from tests.peers.state import put_in_state
from tests.peers.talk import Response
from tests.peers.upstream import upstream

AT_ONCE = 1.0
"""Seconds within which a revoked token opens nothing and holds nothing open."""
OTHER = "line-4.localhost"
FORM = (b"Content-Type: application/json", b"Content-Length: 2")
SOCKETS = by_path({"/ws": echo(), "/admin/comms": echo(), "/events": events(b"1"), "*": plain(b"ok")})


def bearer(made: Made) -> bytes:
    return b"Authorization: Bearer " + made.value.encode()


def basic(made: Made) -> bytes:
    return b"Authorization: Basic " + base64.b64encode(b"plc:" + made.value.encode())


async def desk(gate: Stage) -> Desk:
    database = gate.running.store.database
    now = gate.gate.clock.wall()
    return Desk(estate=await database.estate(), database=database, now=now, by=By(source=Source.CLI))


async def written(gate: Stage, step: Step[Made]) -> Made:
    """As another process would: nobody is told but the store."""
    await gate.running.store.database.edit(step.edits, step.events)
    return step.result


async def token_of(gate: Stage, name: str, **limits: object) -> Made:
    """A personal token."""
    person = await gate.running.store.database.person(await gate.user_id(name))
    assert person is not None
    return await written(gate, await (await desk(gate)).personal(person, Wanted(name="ci", **limits)))  # type: ignore[arg-type]


async def token_for(gate: Stage, slug: str = "line-3", **limits: object) -> Made:
    """A token for the endpoints of an instance."""
    made = await desk(gate)
    instance = next(each for each in made.estate.resources.values() if each.slug == slug)
    return await written(gate, await made.http(instance, WantedHttp(name="plc-7", **limits)))  # type: ignore[arg-type]


async def token_of_service(gate: Stage, role: Role) -> Made:
    made = await desk(gate)
    acme = next(space for space in made.estate.spaces.values() if space.slug == "acme")
    account = await made.account(acme, "deploy-bot", role)
    await gate.running.store.database.edit(account.edits, account.events)
    return await written(gate, await made.service(account.result, Wanted(name="deploy")))


async def asked(
    gate: Stage, start: bytes, *fields: bytes, cookie: bytes = b"", body: bytes = b"", host: bytes | None = None
) -> Response:
    async with gate.line() as line:
        await line.send(gate.head(start, *fields, cookie=cookie, host=host) + body)
        return await line.response(to=start.partition(b" ")[0])


async def status(gate: Stage, start: bytes, *fields: bytes, cookie: bytes = b"", host: bytes | None = None) -> int:
    unsafe = start.partition(b" ")[0] not in (b"GET", b"HEAD", b"OPTIONS")
    framed = (*fields, *FORM) if unsafe else fields
    return (await asked(gate, start, *framed, cookie=cookie, body=b"{}" if unsafe else b"", host=host)).status


async def becomes(gate: Stage, wanted: int, *fields: bytes, start: bytes = b"GET /api") -> None:
    """Wait until a request is answered so: at once, as promised."""
    async with asyncio.timeout(AT_ONCE):
        while await status(gate, start, *fields) != wanted:
            pass


# -- tokens for endpoints


async def test_h_04_a_token_for_endpoints_opens_them_as_nobody(tmp_path: Path, fast_lane: bool) -> None:
    """H-04, H-15: no user, no assertion; a name tells the flow which token it was."""
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, identity=["assertion", "flowward"]) as (
        gate,
        instance,
    ):
        made = await token_for(gate)
        assert made.value.startswith("fwh_")
        for start in (b"GET /api", b"GET /dashboard/x", b"POST /dashboard/socket.io/?EIO=4", b"GET /dashboard/_setup"):
            assert await status(gate, start, bearer(made)) == 200, start
        for sent in instance.requests:
            assert sent.value(b"Authorization") is None
            assert sent.value(b"X-Flowward-User") is None
            assert sent.value(b"X-Flowward-Assertion") is None
            assert sent.value(b"X-Flowward-Token") == b"plc-7"


async def test_h_04_a_token_for_endpoints_opens_nothing_else(tmp_path: Path, fast_lane: bool) -> None:
    """H-04: another instance 401; editor and admin API 403, with the reason in words."""
    async with upstream(plain(b"four")) as four:
        other = {"slug": "line-4", "application": "acme/plant", "hosts": [OTHER], "upstream": four.url}
        async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, others=(other,)) as (gate, instance):
            made = await token_for(gate)
            elsewhere = f"{OTHER}:{gate.site.port}".encode()
            assert await status(gate, b"GET /api", bearer(made), host=elsewhere) == 401
            for start in (b"GET /admin/flows", b"GET /admin/", b"POST /admin/flows", b"GET /admin/settings"):
                assert await status(gate, start, bearer(made)) == 403, start
            refused = await asked(gate, b"GET /admin/flows", bearer(made))
            assert b"personal token" in refused.body
            assert b"token_scope" in refused.body
        assert four.requests == instance.requests == []


async def test_h_04_a_token_for_endpoints_ends_with_its_time(tmp_path: Path, fast_lane: bool) -> None:
    """H-04: expired 401, to whoever knew it before as to whoever did not; and its socket ends."""
    async with stage(tmp_path, SOCKETS, fast_lane=fast_lane) as (gate, _):
        end = time.time() + 1
        made, unused = await token_for(gate, expires=end), await token_for(gate, expires=end)
        async with gate.line() as line:
            await opened(gate, line, b"/ws", bearer(made), cookie=b"")
            assert int.from_bytes((await line.hear(seconds=1 + AT_ONCE)).payload[:2]) == 4401
        for each in (made, unused):
            refused = await asked(gate, b"GET /api", bearer(each))
            assert refused.status == 401
            assert refused.value(b"WWW-Authenticate") == b'Bearer realm="flowward", error="invalid_token"'
            assert refused.value(b"Content-Type") == b"application/problem+json"


@pytest.mark.parametrize(
    ("limits", "start", "expected"),
    [
        ({"paths": ("/api/*",)}, b"GET /api", 200),
        ({"paths": ("/api",)}, b"GET /API/x?q=/else", 200),
        ({"paths": ("/api",)}, b"GET /apis", 403),
        ({"paths": ("/api",)}, b"GET /x/api", 403),
        ({"paths": ("/api",)}, b"GET /ap%69/x", 403),
        ({"methods": ("GET",)}, b"HEAD /api", 200),
        ({"methods": ("get",)}, b"POST /api", 403),
        ({"networks": ("127.0.0.0/8", "10.0.0.0/8")}, b"GET /api", 200),
        ({"networks": ("10.0.0.0/8",)}, b"GET /api", 403),
    ],
)
async def test_h_04_a_token_for_endpoints_stays_within_its_limits(
    tmp_path: Path, fast_lane: bool, limits: dict[str, object], start: bytes, expected: int
) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance):
        assert await status(gate, start, bearer(await token_for(gate, **limits))) == expected
        assert len(instance.requests) == (expected == 200)


async def test_h_04_the_value_is_written_nowhere(
    tmp_path: Path, fast_lane: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, _):
        values = []
        for made in (await token_for(gate), await token_of(gate, "max")):
            assert await status(gate, b"GET /api", bearer(made)) == 200
            values.append(made.value)
        await gate.running.gateway.watch.write_seen()
        kept = await gate.running.store.database.tokens()
        assert all(each.last_used is not None for each in kept)
    said = capfd.readouterr()
    for value in values:
        assert value[4:] not in said.out + said.err
        assert not await asyncio.to_thread(_holding, tmp_path, value[4:].encode())


def _holding(folder: Path, text: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]


async def test_a_device_that_knows_passwords_alone_sends_the_token_as_one(tmp_path: Path, fast_lane: bool) -> None:
    """Only at endpoints, and, as browsers send passwords for any script, only from the instance's own pages."""
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance):
        made, personal = await token_for(gate), await token_of(gate, "max")
        assert await status(gate, b"POST /api", basic(made)) == 200
        assert await status(gate, b"POST /api", basic(made), b"Origin: http://evil.example") == 403
        assert await status(gate, b"GET /admin/flows", basic(personal)) == 401
        assert await status(gate, b"GET /api", basic(personal)) == 200
        assert [sent.value(b"X-Flowward-User") for sent in instance.requests] == [None, b"max"]
        assert all(sent.value(b"Authorization") is None for sent in instance.requests)


# -- tokens that act for somebody


async def test_h_09_a_personal_token_deploys_as_its_person(tmp_path: Path, fast_lane: bool) -> None:
    """H-09, H-15: identity as theirs, and the assertion says that it was a token."""
    async with stage(tmp_path, plain(b"{}"), fast_lane=fast_lane, identity=["assertion", "flowward"]) as (
        gate,
        instance,
    ):
        made = await token_of(gate, "max")
        assert made.value.startswith("fwp_")
        assert await status(gate, b"GET /admin/flows", bearer(made), b"Origin: http://ci.example") == 200
        sent = instance.requests[-1]
        assert sent.value(b"Authorization") is None
        assert sent.value(b"X-Flowward-User") == b"max"
        claims = jwt.decode(sent.value(b"X-Flowward-Assertion") or b"", options={"verify_signature": False})
        assert (claims["amr"], claims["provider"], claims["token"]) == (["token"], "token", made.token.id)
        assert (claims["session"], claims["permissions"]) == ("", ["*"])
        assert "session_exp" not in claims


async def test_h_09_a_role_holds_for_a_token_as_for_its_person(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"{}"), fast_lane=fast_lane, protected=True) as (gate, instance):
        for name in ("dora", "max", "olga"):
            made = await token_of(gate, name)
            assert await status(gate, b"POST /admin/flows", bearer(made)) == 403, name
        assert await status(gate, b"GET /admin/flows", bearer(await token_of(gate, "vic"))) == 200
        assert len(instance.requests) == 1


async def test_h_09_a_read_only_token_changes_nothing(tmp_path: Path, fast_lane: bool) -> None:
    """H-09: no write of any class, no unsafe method on an endpoint, no socket whose messages nobody reads."""
    async with stage(tmp_path, SOCKETS, fast_lane=fast_lane) as (gate, instance):
        made = await token_of(gate, "olga", read_only=True)
        for start in (b"GET /api", b"GET /admin/flows", b"GET /dashboard/socket.io/?EIO=4&transport=polling"):
            assert await status(gate, start, bearer(made)) == 200, start
        before = len(instance.requests)
        for start in (b"POST /api", b"POST /admin/flows", b"POST /admin/inject/1", b"DELETE /admin/nodes/x"):
            refused = await asked(gate, start, bearer(made), *FORM, body=b"{}")
            assert (refused.status, b"token_read_only" in refused.body) == (403, True), start
        upgrade = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13")
        assert await status(gate, b"GET /ws", bearer(made), *upgrade, b"Sec-WebSocket-Key: " + b"A" * 22 + b"==") == 403
        assert len(instance.requests) == before


async def test_h_09_a_token_limited_to_a_space_does_not_know_of_others(tmp_path: Path, fast_lane: bool) -> None:
    """H-09: 404, as if the instance were not there."""
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, _):
        await _two_spaces(gate)
        inside, outside = (
            await token_of(gate, "max", spaces=frozenset({_acme(gate)})),
            await token_of(gate, "max", spaces=frozenset({"s-other"})),
        )
        assert await status(gate, b"GET /api", bearer(inside)) == 200
        assert await status(gate, b"GET /api", bearer(outside)) == 404
        assert await status(gate, b"GET /admin/flows", bearer(outside)) == 404


async def test_h_09_an_admins_token_is_no_admins_unless_it_says_so(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, _):
        assert await status(gate, b"GET /api", bearer(await token_of(gate, "ada"))) == 404
        assert await status(gate, b"GET /api", bearer(await token_of(gate, "ada", admin=True))) == 200


async def test_a_service_account_acts_with_its_own_role(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance):
        made = await token_of_service(gate, Role.VIEWER)
        assert made.value.startswith("fws_")
        assert await status(gate, b"GET /admin/flows", bearer(made)) == 200
        assert instance.requests[-1].value(b"X-Flowward-User") == b"deploy-bot"
        assert await status(gate, b"POST /admin/flows", bearer(made)) == 403


async def test_h_10_a_token_neither_becomes_a_session_nor_ends_one(tmp_path: Path, fast_lane: bool) -> None:
    """H-10: at the door of an instance a token logs nobody in, and out neither; the login's own pages do not know it."""
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, _):
        made = await token_of(gate, "max")
        answer = await asked(gate, b"GET /admin/", bearer(made))
        assert answer.value(b"Set-Cookie") is None
        assert await status(gate, b"POST /admin/auth/revoke", bearer(made)) == 200
        assert await status(gate, b"GET /api", cookie=gate.cookie) == 200
        home = f"localhost:{gate.site.port}".encode()
        assert await status(gate, b"GET /-/me", bearer(made), host=home) != 200


# -- wrong ones


async def test_a_bad_token_beats_a_good_cookie_but_keeps_nobody_from_what_is_public(
    tmp_path: Path, fast_lane: bool
) -> None:
    wrong = b"Authorization: Bearer fwp_" + b"A" * 43
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance):
        for field in (wrong, b"Authorization: Bearer fwp_tooshort"):
            refused = await asked(gate, b"GET /api", field, b"Accept: text/html", cookie=gate.cookie)
            assert refused.status == 401
            assert refused.value(b"WWW-Authenticate") == b'Bearer realm="flowward", error="invalid_token"'
            assert await status(gate, b"GET /admin/flows", field, cookie=gate.cookie) == 401
        assert await status(gate, b"GET /open/x", wrong, cookie=gate.cookie) == 200
        [sent] = instance.requests
        assert (sent.value(b"Authorization"), sent.value(b"X-Flowward-User")) == (None, None)


async def test_wrong_tokens_are_limited_by_address_and_right_ones_are_not(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, _):
        made = await token_for(gate)
        gate.gate.anonymous = gate.gate.limits.limit("anonymous", Rate(count=3, period=60.0))
        for _ in range(5):
            assert await status(gate, b"GET /api", bearer(made)) == 200
        said = [await status(gate, b"GET /api", b"Authorization: Bearer fwp_%d" % n + b"A" * 42) for n in range(5)]
        assert said == [401, 401, 401, 429, 429]
        assert await status(gate, b"GET /api", bearer(made)) == 200


# -- what never reaches an instance


@pytest.mark.parametrize("path", [b"/api", b"/open/x", b"/admin/flows", b"/dashboard/_setup"])
async def test_h_15_no_instance_gets_to_see_a_token(tmp_path: Path, fast_lane: bool, path: bytes) -> None:
    """H-15: not where it opened something, nor where anybody may go, nor by another scheme."""
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, instance):
        made = await token_of(gate, "max")
        raw = b"Authorization: Token " + made.value.encode()
        for field in (bearer(made), basic(made), raw):
            await asked(gate, b"GET " + path, field, cookie=gate.cookie)
        assert instance.requests
        for sent in instance.requests:
            assert sent.value(b"Authorization") is None
            assert made.value.encode() not in repr(sent).encode()


async def test_h_15_an_open_instance_gets_foreign_credentials_but_no_token(tmp_path: Path, fast_lane: bool) -> None:
    """H-15: and the person behind the token is known there."""
    more = {"http_auth": {"mode": "none"}, "server": {"allow_public_http": True}}
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, **more) as (gate, instance):
        made = await token_of(gate, "max")
        for field in (b"Authorization: Bearer of-the-flow", bearer(made)):
            assert await status(gate, b"GET /api", field) == 200
        foreign, ours = instance.requests
        assert (foreign.value(b"Authorization"), foreign.value(b"X-Flowward-User")) == (b"Bearer of-the-flow", None)
        assert (ours.value(b"Authorization"), ours.value(b"X-Flowward-User")) == (None, b"max")


# -- what ends


async def _revoked(gate: Stage, token: Token) -> None:
    await gate.running.store.database.edit([Remove(kind=Token, id=token.id)], [_event()])


async def _suspended(gate: Stage, token: Token) -> None:
    await put_in_state(gate.running.store.database, token.user or "", UserState.SUSPENDED, _event())


async def _left(gate: Stage, token: Token) -> None:
    """Its user is a member of nothing any more."""
    await _put(gate, token.user or "", {})


Ends = Callable[[Stage, Token], Awaitable[None]]


@pytest.mark.parametrize(
    ("ends", "code", "after"),
    [(_revoked, 4401, 401), (_suspended, 4401, 401), (_left, 4403, 404)],
    ids=["revoked", "user suspended", "membership gone"],
)
@pytest.mark.parametrize("path", [b"/ws", b"/admin/comms"])
async def test_r_19_what_a_token_holds_open_ends_with_it(
    tmp_path: Path, fast_lane: bool, path: bytes, ends: Ends, code: int, after: int
) -> None:
    """R-19, H-05, H-06, H-13: the socket within a second, and the next request is refused."""
    async with stage(tmp_path, SOCKETS, fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        made = await token_of(gate, "max")
        await opened(gate, line, path, bearer(made), cookie=b"")
        if path == b"/ws":
            await line.say(TEXT, b"still here")
            assert (await line.hear()).payload == b"still here"
        await ends(gate, made.token)
        if path == b"/ws":
            assert await closed(line) == code
        else:
            assert (await line.hear(seconds=AT_ONCE)).payload == b'{"auth":"fail"}'
            assert int.from_bytes((await line.hear()).payload[:2]) == code
            line.close()
        await instance.until(lambda: not instance.open_connections, seconds=AT_ONCE)
        assert await status(gate, b"GET /api", bearer(made)) == after


@pytest.mark.parametrize("ends", [_revoked, _suspended, _left], ids=["revoked", "user suspended", "membership gone"])
async def test_r_19_a_long_answer_to_a_token_ends_with_it(tmp_path: Path, fast_lane: bool, ends: Ends) -> None:
    async with stage(tmp_path, SOCKETS, fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        made = await token_of(gate, "max")
        await line.send(gate.head(b"GET /events", bearer(made), cookie=b""))
        await line.until(b"data: 1\n\n")
        await ends(gate, made.token)
        await line.rest(seconds=AT_ONCE)
        await instance.until(lambda: not instance.open_connections, seconds=AT_ONCE)


async def test_r_19_a_long_answer_to_a_token_for_endpoints_ends_with_it(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, SOCKETS, fast_lane=fast_lane) as (gate, instance), gate.line() as line:
        made = await token_for(gate)
        await line.send(gate.head(b"GET /events", bearer(made), cookie=b""))
        await line.until(b"data: 1\n\n")
        await _revoked(gate, made.token)
        await line.rest(seconds=AT_ONCE)
        await instance.until(lambda: not instance.open_connections, seconds=AT_ONCE)


async def test_h_05_a_revoked_token_opens_nothing_more(tmp_path: Path, fast_lane: bool) -> None:
    """H-05: a token that was good is not remembered as good."""
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, _):
        for made in (await token_for(gate), await token_of(gate, "max"), await token_of_service(gate, Role.MEMBER)):
            assert await status(gate, b"GET /api", bearer(made)) == 200
            await _revoked(gate, made.token)
            await becomes(gate, 401, bearer(made))


async def test_h_06_a_removed_member_loses_dashboard_and_socket(tmp_path: Path, fast_lane: bool) -> None:
    """H-06: by a session as by a token; nobody keeps what was opened before."""
    async with stage(tmp_path, SOCKETS, fast_lane=fast_lane) as (gate, _), gate.line() as line:
        await opened(gate, line, b"/ws")
        await _put(gate, await gate.user_id("max"), {})
        assert await closed(line) == 4403
        assert await status(gate, b"GET /dashboard/x", cookie=gate.cookie) == 404


async def test_h_12_r_56_a_token_whose_last_space_is_gone_goes_with_it(tmp_path: Path, fast_lane: bool) -> None:
    """H-12, R-56: it must never come to reach everything."""
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, _):
        await _two_spaces(gate)
        acme, user = _acme(gate), await gate.user_id("max")
        only, both = (
            await token_of(gate, "max", spaces=frozenset({acme})),
            await token_of(gate, "max", spaces=frozenset({acme, "s-other"})),
        )
        assert await status(gate, b"GET /api", bearer(only)) == 200
        await _put(gate, user, {"s-other": Role.MEMBER})
        await becomes(gate, 401, bearer(only))
        [left] = await gate.running.store.database.tokens(user=user)
        assert (left.id, left.spaces) == (both.token.id, {"s-other"})


async def test_h_13_a_suspended_users_token_is_dead_until_they_are_back(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, _):
        made = await token_of(gate, "max")
        assert await status(gate, b"GET /api", bearer(made)) == 200
        await _suspended(gate, made.token)
        await becomes(gate, 401, bearer(made))
        await put_in_state(gate.running.store.database, made.token.user or "", UserState.ACTIVE, _event())
        await becomes(gate, 200, bearer(made))


def _event() -> Event:
    return Event(event="user.updated-user", at=time.time(), source=Source.CLI)


def _acme(gate: Stage) -> str:
    return next(space.id for space in gate.gate.world.estate.spaces.values() if space.slug == "acme")


async def _two_spaces(gate: Stage) -> None:
    """max is a member of another team too."""
    other = Space(id="s-other", kind=SpaceKind.TEAM, slug="other")
    await gate.running.store.database.edit([other], [_event()])
    await _put(gate, await gate.user_id("max"), {_acme(gate): Role.MEMBER, "s-other": Role.MEMBER})


async def _put(gate: Stage, user_id: str, roles: dict[str, Role]) -> None:
    person = await gate.running.store.database.person(user_id)
    assert person is not None
    held = {space: Membership(space=space, role=role) for space, role in roles.items()}
    await gate.running.store.database.edit([PutPerson(person=replace(person, memberships=held))], [_event()])
