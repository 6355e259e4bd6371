"""Credentials on requests at the door of instances, on both lanes: basic, and headers of a proxy."""

import asyncio
import base64
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import jwt
import orjson
import pytest

from proxy.access.passwords import hash_password
from proxy.model.access import Role
from proxy.model.audit import Event, Source
from proxy.model.identity import Person, User, UserState
from proxy.store import PutPerson, Remove
from tests.lanes.stage import Stage, stage
from tests.lanes.test_tokens import SOCKETS, asked, status
from tests.lanes.test_websockets import closed, opened
from tests.peers.answers import plain
from tests.peers.frames import TEXT
from tests.peers.gateway import PASSWORD
from tests.peers.state import put_in_state

LOCAL = {"name": "local", "plugin": "local"}
BASIC = (LOCAL, {"name": "programs", "plugin": "basic", "against": "local"})
SECRET = b"a secret of the proxy's"
PLENTY = {"login": "100000/1s"}
AT_ONCE = 1.0
NAVIGATION = (b"Accept: text/html", b"Sec-Fetch-Mode: navigate", b"Sec-Fetch-Dest: document")


def basic(name: str, password: str = PASSWORD) -> bytes:
    return b"Authorization: Basic " + base64.b64encode(f"{name}:{password}".encode())


def proxied(folder: Path, **options: object) -> tuple[dict[str, object], ...]:
    """A proxy at 127.0.0.1 that speaks for people of its own."""
    (folder / "secret").write_bytes(SECRET)
    known = {"networks": ["127.0.0.1"], "secret": {"file": str(folder / "secret")}, "preset": "authelia"}
    return (LOCAL, {"name": "proxy", "plugin": "headers", "provision": True, **known, **options})


def told(name: bytes, secret: bytes = SECRET) -> tuple[bytes, ...]:
    return b"Remote-User: " + name, b"X-Flowward-Proxy-Secret: " + secret


# -- a name and a password on every request


async def test_h_15_a_password_opens_what_its_person_may_see(tmp_path: Path, fast_lane: bool) -> None:
    """H-15: endpoints, Dashboard, editor, deploys; and no instance gets to see it."""
    more = {"auth": BASIC, "identity": ["assertion", "flowward"]}
    async with stage(tmp_path, plain(b"{}"), fast_lane=fast_lane, **more) as (gate, instance):
        for start in (b"GET /api", b"GET /dashboard/x", b"GET /admin/flows", b"POST /api", b"POST /admin/flows"):
            assert await status(gate, start, basic("max")) == 200, start
        assert await status(gate, b"POST /admin/flows", basic("vic")) == 403
        assert instance.requests
        for sent in instance.requests:
            assert sent.value(b"Authorization") is None
        sent = instance.requests[0]
        claims = jwt.decode(sent.value(b"X-Flowward-Assertion") or b"", options={"verify_signature": False})
        assert (claims["username"], claims["provider"], claims["amr"]) == ("max", "programs", ["pwd"])


async def test_a_wrong_password_beats_a_good_cookie(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, auth=BASIC) as (gate, instance):
        for field in (basic("max", "wrong"), basic("nobody"), b"Authorization: Basic !", basic("max", "")):
            refused = await asked(gate, b"GET /api", field, b"Sec-Fetch-Mode: cors", cookie=gate.cookie)
            assert refused.status == 401, field
            assert refused.value(b"WWW-Authenticate") == b'Bearer realm="flowward", error="invalid_token"'
        page = await asked(gate, b"GET /dashboard/x", basic("max", "wrong"), *NAVIGATION, cookie=gate.cookie)
        assert (page.status, page.value(b"Location")) == (401, None)
        assert instance.requests == []


async def test_programs_are_asked_for_a_password_and_browsers_led_to_the_login(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, auth=BASIC) as (gate, _):
        program = await asked(gate, b"GET /api", b"User-Agent: curl")
        assert (program.status, program.value(b"WWW-Authenticate")) == (401, b'Basic realm="flowward", charset="UTF-8"')
        script = await asked(gate, b"GET /api", b"Sec-Fetch-Mode: cors")
        assert (script.status, script.value(b"WWW-Authenticate")) == (401, b'Bearer realm="flowward"')
        assert (await asked(gate, b"GET /dashboard/x", *NAVIGATION)).status == 303


async def test_where_anybody_may_go_a_password_of_ours_stays_with_us(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, auth=BASIC) as (gate, instance):
        foreign = basic("hook", "of the flow")
        for field in (basic("max"), foreign, basic("max", "wrong")):
            assert await status(gate, b"GET /open/x", field) == 200
        ours, flows, wrong = instance.requests
        assert (ours.value(b"Authorization"), ours.value(b"X-Flowward-User")) == (None, b"max")
        assert (flows.value(b"Authorization"), flows.value(b"X-Flowward-User")) == (foreign.partition(b" ")[2], None)
        assert wrong.value(b"X-Flowward-User") is None


async def test_nobodys_script_acts_by_a_password_that_a_browser_remembers(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, auth=BASIC) as (gate, _):
        assert await status(gate, b"POST /api", basic("max"), b"Origin: http://evil.example") == 403
        assert await status(gate, b"POST /api", basic("max"), b"Sec-Fetch-Site: same-site") == 403
        assert await status(gate, b"POST /api", basic("max"), b"Origin: " + gate.origin) == 200


async def test_guesses_lock_an_account_as_at_the_login(tmp_path: Path, fast_lane: bool) -> None:
    """The same wrong one again is no new guess; and the right one is refused then too."""
    limits = {**PLENTY, "lockout": {"failures": 3, "seconds": "1h"}}
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, auth=BASIC, gateway_limits=limits) as (gate, _):
        for _ in range(5):
            assert await status(gate, b"GET /api", basic("max", "old")) == 401
        assert await status(gate, b"GET /api", basic("max")) == 200
        for guess in ("a", "b", "c"):
            assert await status(gate, b"GET /api", basic("dora", guess)) == 401
        assert await status(gate, b"GET /api", basic("dora")) == 401
        assert await status(gate, b"GET /api", basic("vic")) == 200


async def test_many_passwords_of_one_name_are_too_many(tmp_path: Path, fast_lane: bool) -> None:
    limits = {"login": "3/60s"}
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, auth=BASIC, gateway_limits=limits) as (gate, _):
        said = [await status(gate, b"GET /api", basic("max", f"guess {n}")) for n in range(4)]
        assert said == [401, 401, 401, 429]
        assert await status(gate, b"GET /api", basic("vic")) == 200


# -- headers of a proxy


async def test_r_55_a_proxy_that_proves_itself_says_who_is_there(tmp_path: Path, fast_lane: bool) -> None:
    more = {"auth": proxied(tmp_path), "identity": ["flowward"], "http_auth": {"mode": "none"}}
    more["server"] = {"allow_public_http": True}
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, **more) as (gate, instance):
        assert await status(gate, b"GET /api", *told(b"grace")) == 200
        account = await gate.running.store.database.account("grace")
        assert account is not None
        assert (account.user.provider, account.user.subject) == ("proxy", "grace")
        assert await status(gate, b"GET /api", *told(b"grace", b"another secret")) == 200
        assert await status(gate, b"GET /admin/flows", *told(b"grace", b"another secret")) == 401
        for sent in instance.requests:
            assert not {name.lower() for name, _ in sent.headers} & {b"remote-user", b"x-flowward-proxy-secret"}


async def test_r_55_from_elsewhere_the_same_headers_are_nothing(tmp_path: Path, fast_lane: bool) -> None:
    auth = proxied(tmp_path, networks=["10.0.0.0/8"])
    server = {"trusted_proxies": ["127.0.0.1"]}
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, auth=auth, server=server) as (gate, instance):
        for more in ((), (b"X-Forwarded-For: 10.0.0.1",)):
            refused = await asked(gate, b"GET /api", *told(b"max"), *more)
            assert (refused.status, orjson.loads(refused.body)["code"]) == (401, "login_required")
        assert await status(gate, b"GET /api", *told(b"ada"), cookie=gate.cookie) == 200
        [sent] = instance.requests
        assert (sent.value(b"X-Flowward-User"), sent.values(b"Remote-User")) == (b"max", [b"max"])


@pytest.mark.parametrize("spelled", [b"Remote_User", b"REMOTE_USER", b"remote_user", b"X_Flowward_Proxy_Secret"])
async def test_another_spelling_is_another_header(tmp_path: Path, fast_lane: bool, spelled: bytes) -> None:
    auth = proxied(tmp_path)
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, auth=auth, identity=["flowward"]) as (gate, instance):
        fields = spelled + b": ada", b"X-Flowward-Proxy-Secret: " + SECRET
        assert await status(gate, b"GET /api", *fields) == 401
        assert await status(gate, b"GET /api", *fields, cookie=gate.cookie) == 200
        [sent] = instance.requests
        assert sent.value(b"X-Flowward-User") == b"max"
        assert b"ada" not in [value for _, value in sent.headers]


async def test_two_of_one_header_are_no_request(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, auth=proxied(tmp_path)) as (gate, instance):
        assert await status(gate, b"GET /api", *told(b"max"), b"remote-user: ada") == 400
        assert instance.requests == []


async def test_what_the_proxy_says_beats_the_cookie(tmp_path: Path, fast_lane: bool) -> None:
    """It knows who is there now."""
    auth = proxied(tmp_path)
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, auth=auth, identity=["flowward"]) as (gate, _):
        assert await status(gate, b"GET /api", *told(b"grace"), cookie=gate.cookie) in (403, 404)
        page = await asked(gate, b"GET /dashboard/x", *told(b"grace", b"another"), *NAVIGATION, cookie=gate.cookie)
        assert (page.status, b"<html" in page.body) == (401, True)


# -- the gateway's own API


async def test_the_api_takes_a_password_as_neither_a_session_nor_a_token(tmp_path: Path, fast_lane: bool) -> None:
    """H-10: reading and writing as that person; what takes a session is refused."""
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, auth=BASIC) as (gate, _):
        home = f"localhost:{gate.site.port}".encode()
        me = await asked(gate, b"GET /-/api/v1/me", basic("max"), host=home)
        assert (me.status, orjson.loads(me.body)["username"]) == (200, "max")
        for field in (basic("max", "wrong"), basic("max", "wrong"), basic("nobody")):
            assert await status(gate, b"GET /-/api/v1/me", field, host=home) == 401
        body = orjson.dumps({"name": "ci"})
        form = b"Content-Type: application/json", b"Content-Length: %d" % len(body)
        refused = await asked(gate, b"POST /-/api/v1/me/tokens", basic("max"), *form, host=home, body=body)
        assert (refused.status, orjson.loads(refused.body)["code"]) == (403, "interactive_session_required")
        foreign = b"Origin: http://evil.example"
        refused = await asked(gate, b"POST /-/api/v1/me/tokens", basic("max"), *form, foreign, host=home, body=body)
        assert (refused.status, orjson.loads(refused.body)["code"]) == (403, "foreign_origin")


# -- what ends


async def _suspended(gate: Stage, person: Person) -> None:
    await put_in_state(gate.running.store.database, person.user.id, UserState.SUSPENDED, _event())


async def _lowered(gate: Stage, person: Person) -> None:
    held = {key: replace(each, role=Role.DASHBOARD) for key, each in person.memberships.items()}
    await gate.running.store.database.edit([PutPerson(person=replace(person, memberships=held))], [_event()])


async def _removed(gate: Stage, person: Person) -> None:
    await gate.running.store.database.edit([Remove(kind=User, id=person.user.id)], [_event()])


async def _other_password(gate: Stage, person: Person) -> None:
    await gate.running.store.database.set_password(person.user.id, await _hash(), _event())


async def _hash() -> str:
    return await asyncio.to_thread(hash_password, "another one, as long")


Ends = Callable[[Stage, Person], Awaitable[None]]


@pytest.mark.parametrize(
    ("ends", "after"),
    [(_suspended, 401), (_lowered, 403), (_removed, 401), (_other_password, 401)],
    ids=["suspended", "role lowered", "removed", "password changed"],
)
@pytest.mark.parametrize("path", [b"/ws", b"/admin/comms"])
async def test_r_19_what_a_credential_holds_open_ends_within_a_second(
    tmp_path: Path, fast_lane: bool, path: bytes, ends: Ends, after: int
) -> None:
    """R-19: and it opens nothing more, at once."""
    more = {"auth": BASIC, "gateway_limits": PLENTY}
    async with stage(tmp_path, SOCKETS, fast_lane=fast_lane, **more) as (gate, instance), gate.line() as line:
        person = await gate.running.store.database.person(await gate.user_id("max"))
        assert person is not None
        await opened(gate, line, path, basic("max"), cookie=b"")
        if path == b"/ws":
            await line.say(TEXT, b"still here")
            assert (await line.hear()).payload == b"still here"
        await ends(gate, person)
        if path == b"/ws":
            assert await closed(line) == 4401
        else:
            assert (await line.hear(seconds=AT_ONCE)).payload == b'{"auth":"fail"}'
            line.close()
        await instance.until(lambda: not instance.open_connections, seconds=AT_ONCE)
        assert await status(gate, b"GET /admin/flows", basic("max")) == after


@pytest.mark.parametrize("ends", [_suspended, _other_password], ids=["suspended", "password changed"])
async def test_r_19_a_long_answer_to_a_credential_ends_with_it(tmp_path: Path, fast_lane: bool, ends: Ends) -> None:
    async with stage(tmp_path, SOCKETS, fast_lane=fast_lane, auth=BASIC) as (gate, instance), gate.line() as line:
        person = await gate.running.store.database.person(await gate.user_id("max"))
        assert person is not None
        await line.send(gate.head(b"GET /events", basic("max"), cookie=b""))
        await line.until(b"data: 1\n\n")
        await ends(gate, person)
        await line.rest(seconds=AT_ONCE)
        await instance.until(lambda: not instance.open_connections, seconds=AT_ONCE)


async def test_a_sid_stays_whose_it_is_while_passwords_come_and_go(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, auth=BASIC, gateway_limits=PLENTY) as (gate, _):
        poll = b"GET /dashboard/socket.io/?EIO=4&transport=polling&sid=abc"
        assert await status(gate, poll, basic("max")) == 200
        await _other_password(gate, Person(user=User(id=await gate.user_id("max"), username="max"), memberships={}))
        await gate.running.gateway.watch.look()
        assert await status(gate, poll, basic("max")) == 401
        assert await status(gate, poll, basic("max", "another one, as long")) == 200
        assert await status(gate, poll, basic("vic")) == 403


def _event() -> Event:
    return Event(event="user.updated-user", at=time.time(), source=Source.CLI)
