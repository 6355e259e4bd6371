"""Replicas are one gateway to whoever visits: a login, its codes and its sids hold on each of them."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from proxy.model.access import Role
from tests.peers.gateway import NAVIGATION, Visitor, visitor
from tests.peers.postgresql import Postgresql
from tests.peers.redis import RedisServer
from tests.replicas.pair import ADMIN, DASHBOARD, HOST, Pair, closed, cookie, pair

WHERE = ["sqlite, redis", "postgresql, redis"]


@pytest.fixture(params=WHERE)
def state(request: pytest.FixtureRequest) -> dict[str, object]:
    """Every place that several can share a state in."""
    database, shared = str(request.param).split(", ")
    found: dict[str, object] = {}
    if database == "postgresql":
        server: Postgresql = request.getfixturevalue("postgresql_server")
        found["database"] = server.url(asyncio.run(server.new_database(request.getfixturevalue("template"))))
    if shared == "redis":
        redis: RedisServer = request.getfixturevalue("redis_server")
        redis.says("FLUSHALL")
        found["shared"] = f"redis://127.0.0.1:{redis.port}"
    return found


@pytest.fixture
async def both(state: dict[str, object], tmp_path: Path) -> AsyncIterator[Pair]:
    async with pair(
        tmp_path / "pair", state, log={"level": "error", "access": False}, limits={"login": "5/1h"}
    ) as made:
        yield made


async def test_a_login_goes_through_two_replicas_by_turns_and_its_end_holds_at_both(both: Pair) -> None:
    """Every request of it meets the other replica: form, password, one-time code, the instance, and the logout."""
    async with visitor(both.site) as root:
        root.doors = (both.first.port, both.second.port)
        page = await root.log_in(str(ADMIN["username"]), f"{both.site.origin(HOST)}/dashboard/")
        assert (page.status, await page.text()) == (200, "hello")
        mine = ("Cookie", root.cookie(HOST))
        for replica in (both.first, both.second):
            assert await both.status(replica, mine) == 200
        async with both.socket(both.first, DASHBOARD, mine) as one, both.socket(both.second, DASHBOARD, mine) as other:
            form = await root.navigate(f"{both.site.home}/-/logout")
            fields = dict(re.findall(r'name="([^"]+)"[^>]*value="([^"]*)"', await form.text()))
            typed = {**NAVIGATION, "Origin": both.site.home, "Content-Type": "application/x-www-form-urlencoded"}
            data = "&".join(f"{name}={text}" for name, text in fields.items())
            left = await root.request("POST", f"{both.site.home}/-/logout", headers=typed, data=data)
            assert left.status in (200, 303)
            assert [await closed(one), await closed(other)] == [4401, 4401]
        for replica in (both.first, both.second):
            assert await both.refuses(replica, mine) == 401


async def test_a_code_is_good_once_at_whichever_replica(both: Pair) -> None:
    """Two that come with the same code at once: one gets in."""
    async with visitor(both.site) as root:
        root.doors = (both.first.port,)
        entering: list[str] = []
        await root.log_in(str(ADMIN["username"]), f"{both.site.home}/")
        url = f"{both.site.origin(HOST)}/dashboard/"
        for _ in range(10):
            answer = await root.request("GET", url, headers=NAVIGATION)
            url = answer.headers["Location"]
            if "/-/enter?code=" in url:
                entering.append(url)
                break
        asked = [_enter(both, port, url, root.cookies[HOST]) for port in (both.first.port, both.second.port)]
        got = [bool(given) for given in await asyncio.gather(*asked)]
        assert sorted(got) == [False, True]


async def _enter(both: Pair, port: int, url: str, cookies: dict[str, str]) -> str | None:
    """The cookie that a code gives at a replica."""
    async with visitor(both.site) as somebody:
        somebody.doors = (port,)
        somebody.cookies[HOST] = dict(cookies)
        await somebody.request("GET", url, headers=NAVIGATION)
        return somebody.cookies[HOST].get("flowward")


async def test_an_engine_io_session_belongs_to_one_login_at_both(both: Pair) -> None:
    one, other = await both.someone(Role.MEMBER), await both.someone(Role.OWNER)
    poll = "/dashboard/socket.io/?EIO=4&transport=polling&sid=of-the-first"
    assert await both.status(both.first, cookie(one), path=poll) == 200
    assert await both.status(both.second, cookie(other), path=poll) == 403
    assert await both.status(both.second, cookie(one), path=poll) == 200


@pytest.mark.parametrize("state", ["postgresql, redis"], indirect=True)
async def test_wrong_passwords_are_counted_together(both: Pair) -> None:
    async with visitor(both.site) as guess:
        guess.doors = (both.first.port, both.second.port)
        statuses = [await _guess(guess, both) for _ in range(12)]
    assert statuses.count(401) <= 5
    assert statuses[-1] == 429


async def _guess(somebody: Visitor, both: Pair) -> int:
    body = json.dumps({"username": ADMIN["username"], "password": "wrong horse battery"})
    headers = {"Content-Type": "application/json", "Origin": both.site.home}
    answer = await somebody.request("POST", f"{both.site.home}/-/api/v1/auth/login", headers=headers, data=body)
    return answer.status
