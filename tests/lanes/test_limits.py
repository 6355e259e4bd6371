"""Limits of an instance, and of whoever has no login: on both lanes each request counts exactly once."""

from pathlib import Path

import pytest

from proxy.access.gcra import Rate
from tests.lanes.stage import Stage, stage, standing
from tests.lanes.test_tokens import asked, bearer, status, token_for
from tests.lanes.test_websockets import SOCKETS, opened
from tests.peers.answers import by_path, plain
from tests.peers.frames import TEXT
from tests.peers.talk import Response

THREE = {"rate": "3/1h"}
BURST = {"rate": "3600/1h", "burst": 3}
PROXY = {"trusted_proxies": ["127.0.0.1/32"]}
NAVIGATION = (b"Accept: text/html", b"Sec-Fetch-Mode: navigate", b"Sec-Fetch-Dest: document")
SETUP = by_path({"/dashboard/_setup": plain(b"{}", (b"Content-Type", b"application/json")), "*": plain(b"ok")})


def at(address: str) -> bytes:
    return f"X-Forwarded-For: {address}".encode()


async def statuses(gate: Stage, times: int, *fields: bytes, start: bytes = b"GET /api", **more: bytes) -> list[int]:
    return [await status(gate, start, *fields, **more) for _ in range(times)]


def told(answer: Response) -> tuple[bytes | None, ...]:
    return tuple(answer.value(name) for name in (b"Retry-After", b"RateLimit-Policy", b"RateLimit"))


@pytest.mark.parametrize("limit", [THREE, BURST], ids=["rate", "burst"])
async def test_an_address_that_asks_too_often_waits_and_others_do_not(
    tmp_path: Path, fast_lane: bool, limit: dict[str, object]
) -> None:
    more: dict[str, object] = {"limits": {"per_address": limit}}
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, server=PROXY, **more) as (gate, instance):
        one, other = at("192.0.2.1"), at("192.0.2.2")
        assert await statuses(gate, 3, one, cookie=gate.cookie) == [200] * 3
        answer = await asked(gate, b"GET /api", one, cookie=gate.cookie)
        assert (answer.status, answer.value(b"Content-Type")) == (429, b"application/problem+json")
        assert b'"code":"too_many_requests"' in answer.body
        expected = {
            "rate": (b"1200", b'"address";q=3;w=3600', b'"address";r=0;t=1200'),
            "burst": (b"1", b'"address";q=3;w=3', b'"address";r=0;t=1'),
        }
        assert told(answer) == expected["burst" if limit is BURST else "rate"]
        assert await statuses(gate, 3, other, cookie=gate.cookie) == [200] * 3
        assert all(request.value(b"RateLimit") is None for request in instance.requests)
        assert len(instance.requests) == 6


async def test_answers_of_instances_say_nothing_of_limits(tmp_path: Path, fast_lane: bool) -> None:
    limits = {"per_address": THREE, "per_principal": THREE}
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, limits=limits) as (gate, _):
        assert told(await asked(gate, b"GET /api", cookie=gate.cookie)) == (None, None, None)


@pytest.mark.parametrize("name", [b"X-Forwarded-For", b"X-Real-IP", b"Forwarded", b"True-Client-IP", b"X-Client-IP"])
async def test_s_02_forged_addresses_change_nothing(tmp_path: Path, fast_lane: bool, name: bytes) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, limits={"per_address": THREE}) as (gate, _):
        found = [
            await status(gate, b"GET /api", name + b": " + forged, cookie=gate.cookie)
            for forged in (b"192.0.2.1", b"for=192.0.2.2", b"192.0.2.3", b"192.0.2.4", b"for=192.0.2.5")
        ]
        assert found == [200] * 3 + [429] * 2


@pytest.mark.parametrize("name", [b"X-Real-IP", b"Forwarded"])
async def test_s_02_a_trusted_proxy_is_believed_by_x_forwarded_for_alone(
    tmp_path: Path, fast_lane: bool, name: bytes
) -> None:
    more: dict[str, object] = {"limits": {"per_address": THREE}}
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, server=PROXY, **more) as (gate, _):
        found = [
            await status(
                gate, b"GET /api", at("10.9.9.9, 192.0.2.1"), name + b": for=192.0.2.%d" % n, cookie=gate.cookie
            )
            for n in range(4)
        ]
        assert found == [200] * 3 + [429]


async def test_an_ipv6_network_counts_as_one_address(tmp_path: Path, fast_lane: bool) -> None:
    more: dict[str, object] = {"limits": {"per_address": THREE}}
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, server=PROXY, **more) as (gate, _):
        near = [await status(gate, b"GET /api", at(f"2001:db8::{n}"), cookie=gate.cookie) for n in range(4)]
        assert near == [200] * 3 + [429]
        assert await status(gate, b"GET /api", at("2001:db8:0:1::1"), cookie=gate.cookie) == 200


async def test_each_login_and_token_has_an_allowance_of_its_own(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, limits={"per_principal": THREE}) as (gate, _):
        assert await statuses(gate, 4, cookie=gate.cookie) == [200] * 3 + [429]
        answer = await asked(gate, b"GET /api", cookie=gate.cookie)
        assert told(answer)[1] == b'"principal";q=3;w=3600'
        assert b"by this login or token" in answer.body
        assert await statuses(gate, 4, cookie=await gate.log_in("max")) == [200] * 3 + [429]
        assert await statuses(gate, 4, bearer(await token_for(gate))) == [200] * 3 + [429]


async def test_who_has_no_login_is_counted_by_address_alone(tmp_path: Path, fast_lane: bool) -> None:
    limits = {"per_principal": {"rate": "1/1h"}, "per_address": THREE}
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, limits=limits) as (gate, _):
        assert await statuses(gate, 4, start=b"GET /open/x") == [200] * 3 + [429]


async def test_who_has_used_up_their_own_uses_up_nobody_elses(tmp_path: Path, fast_lane: bool) -> None:
    """A shared office has one address."""
    limits = {"per_principal": {"rate": "1/1h"}, "per_address": THREE}
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, limits=limits) as (gate, _):
        assert await statuses(gate, 5, cookie=gate.cookie) == [200] + [429] * 4
        assert await statuses(gate, 1, cookie=await gate.log_in("vic")) == [200]
        assert await statuses(gate, 1, cookie=await gate.log_in("dora")) == [200]


@pytest.mark.parametrize("start", [b"GET /admin/flows", b"POST /admin/flows", b"GET /admin/settings", b"GET /admin/"])
async def test_the_editor_and_its_admin_api_are_not_counted(tmp_path: Path, fast_lane: bool, start: bytes) -> None:
    limits = {"per_address": {"rate": "1/1h"}, "per_principal": {"rate": "1/1h"}}
    async with stage(tmp_path, plain(b"{}"), fast_lane=fast_lane, limits=limits) as (gate, _):
        origin = b"Origin: " + gate.origin
        assert 429 not in await statuses(gate, 3, origin, start=start, cookie=gate.cookie)


async def test_an_exchange_that_changes_lanes_counts_once(tmp_path: Path, fast_lane: bool) -> None:
    """What is inspected is judged on the fast lane and again on the one that carries it."""
    async with stage(tmp_path, SETUP, fast_lane=fast_lane, limits={"per_address": THREE}) as (gate, _):
        found = await statuses(gate, 4, start=b"GET /dashboard/_setup", cookie=gate.cookie)
        assert found == [200] * 3 + [429]


async def test_polls_count_and_messages_on_an_open_socket_do_not(tmp_path: Path, fast_lane: bool) -> None:
    async with stage(tmp_path, SOCKETS, fast_lane=fast_lane, limits={"per_address": THREE}) as (gate, _):
        async with gate.line() as line:
            await opened(gate, line)
            for _ in range(10):
                await line.say(TEXT, b"x")
                assert (await line.hear()).payload == b"x"
        poll = b"GET /dashboard/socket.io/?EIO=4&transport=polling"
        origin = b"Origin: " + gate.origin
        assert await statuses(gate, 3, origin, start=poll, cookie=gate.cookie) == [200, 200, 429]


async def test_a_page_about_an_instance_that_is_away_counts_once(tmp_path: Path, fast_lane: bool) -> None:
    """The fast lane has charged it; the other one tries once more."""
    limits = {"per_address": {"rate": "2/1h"}}
    async with standing(tmp_path, "http://127.0.0.1:1", fast_lane=fast_lane, limits=limits) as gate:
        found = await statuses(gate, 3, *NAVIGATION, start=b"GET /dashboard/", cookie=gate.cookie)
        assert found == [502, 502, 429]


async def test_a_refusal_for_people_is_a_page_that_says_when(tmp_path: Path, fast_lane: bool) -> None:
    limits = {"per_address": {"rate": "1/1h"}}
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, limits=limits) as (gate, _):
        assert await statuses(gate, 1, cookie=gate.cookie) == [200]
        answer = await asked(gate, b"GET /dashboard/", *NAVIGATION, cookie=gate.cookie)
        assert (answer.status, (answer.value(b"Content-Type") or b"")[:9]) == (429, b"text/html")
        assert told(answer) == (b"3600", b'"address";q=1;w=3600', b'"address";r=0;t=3600')


@pytest.mark.parametrize("fields", [(), NAVIGATION], ids=["script", "navigation"])
async def test_who_has_no_login_is_counted_once_also_on_the_way_to_the_login_page(
    tmp_path: Path, fast_lane: bool, fields: tuple[bytes, ...]
) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, _):
        gate.gate.anonymous = gate.gate.limits.limit("anonymous", Rate(count=3, period=3600.0))
        found = await statuses(gate, 4, *fields, start=b"GET /dashboard/")
        assert found == [303 if fields else 401] * 3 + [429]
        answer = await asked(gate, b"GET /dashboard/", *fields)
        assert told(answer) == (b"1200", b'"anonymous";q=3;w=3600', b'"anonymous";r=0;t=1200')


@pytest.mark.parametrize("path", [b"/-/login", b"/-/activate/x", b"/-/me", b"/", b"/-/nothing"])
async def test_pages_of_the_gateways_own_are_counted_for_who_has_no_login(
    tmp_path: Path, fast_lane: bool, path: bytes
) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane) as (gate, _):
        gate.gate.anonymous = gate.gate.limits.limit("anonymous", Rate(count=3, period=3600.0))
        home = b"localhost:%d" % gate.site.port
        found = await statuses(gate, 4, start=b"GET " + path, host=home)
        assert 429 not in found[:3]
        assert found[3] == 429
        answer = await asked(gate, b"GET " + path, host=home)
        assert told(answer) == (b"1200", b'"anonymous";q=3;w=3600', b'"anonymous";r=0;t=1200')
        mine = await gate.log_in("max", "localhost")
        assert 429 not in await statuses(gate, 3, start=b"GET /-/me", host=home, cookie=mine)
        assert await statuses(gate, 2, start=b"GET /-/jwks.json", host=home) == [200, 200]


async def test_a_change_of_the_estate_pardons_nobody_and_other_limits_hold_at_once(
    tmp_path: Path, fast_lane: bool
) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, limits={"per_address": THREE}) as (gate, instance):
        assert await statuses(gate, 4, cookie=gate.cookie) == [200] * 3 + [429]
        await _declare(gate, title="Line 3")
        assert await statuses(gate, 1, cookie=gate.cookie) == [429]
        await _declare(gate, limits={})
        assert await statuses(gate, 5, cookie=gate.cookie) == [200] * 5
        assert len(instance.requests) == 8


async def _declare(gate: Stage, **changed: object) -> None:
    """Change the instance in the file, and wait until that holds."""
    instances = gate.site.estate["instances"]
    assert isinstance(instances, list)
    instances[0] |= changed
    gate.site.write()
    await gate.running.reloader.reload()
    await gate.running.gateway.watch.look()
