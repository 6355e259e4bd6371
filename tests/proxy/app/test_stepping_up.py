"""A second factor that is asked for later: by an instance, or by a setting that was changed, at a gateway that runs."""

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pyotp
import pytest
from aiohttp import ClientResponse, ClientSession, ClientWebSocketResponse, WSMsgType

from proxy.app import Running
from proxy.model.identity import Token, TokenKind
from proxy.services.tokens import digest, new_value
from proxy.store import PutToken
from tests.peers.answers import by_path, echo, plain
from tests.peers.changes import DEADLINE, promised
from tests.peers.gateway import NAVIGATION, PASSWORD, Site, Visitor, estate, visitor
from tests.peers.upstream import upstream
from tests.proxy.web.api.house import Client

AT_ONCE = 1.0
"""Seconds within which what goes on without a second factor ends."""
ANSWERS = by_path({"/socket": echo(), "/open/a": plain(b"open"), "*": plain(b"ok")})
FORM = {**NAVIGATION, "Content-Type": "application/x-www-form-urlencoded"}


@asynccontextmanager
async def place(folder: Path) -> AsyncIterator[tuple[Site, Running]]:
    """line-3 asks for nothing, line-4 for a second factor."""
    async with upstream(ANSWERS) as instance:
        lines: list[dict[str, object]] = [
            {"slug": slug, "hosts": [f"{slug}.localhost"], "upstream": instance.url, "admin_root": "/admin"}
            for slug in ("line-3", "line-4")
        ]
        lines[1] |= {"second_factor": True, "http_auth": {"mode": "user", "public": ["/open/*"]}}
        site = Site(folder, estate(lines))
        async with site.running() as running:
            yield site, running


async def send(somebody: Visitor, page: ClientResponse, path: str, **fields: str) -> ClientResponse:
    text = await page.text()
    hidden = dict(re.findall(r'<input type="hidden" name="(flow|to|csrf)" value="([^"]*)"', text))
    data = urlencode({**hidden, **fields})
    home = somebody.site.home
    return await somebody.request("POST", home + path, headers={**FORM, "Origin": home}, data=data)


async def enrol(somebody: Visitor, page: ClientResponse) -> str:
    """Set up an app on the page that asks for it; where the page with the recovery codes leads."""
    path = "/-/second-factor/enrol"
    begun = await send(somebody, page, path, do="begin")
    assert begun.status == 303, await begun.text()
    page = await somebody.navigate(somebody.site.home + begun.headers["Location"])
    found = re.search(r"<code>([A-Z2-7]{32})</code>", await page.text())
    assert found
    done = await send(somebody, page, path, code=pyotp.TOTP(found[1]).at(int(time.time())))
    link = re.search(r'class="button" href="([^"]*)"', await done.text())
    assert link, await done.text()
    return somebody.site.home + link[1].replace("&amp;", "&")


@asynccontextmanager
async def socket(somebody: Visitor, host: str) -> AsyncIterator[ClientWebSocketResponse]:
    site = somebody.site
    headers = {"Host": f"{host}:{site.port}", "Origin": site.origin(host), "Cookie": somebody.cookie(host)}
    async with (
        ClientSession() as session,
        session.ws_connect(f"http://127.0.0.1:{site.port}/socket", headers=headers) as opened,
    ):
        await opened.send_str("hello")
        assert await opened.receive_str(timeout=DEADLINE) == "hello"
        yield opened


async def test_an_instance_asks_for_a_second_factor_and_the_one_proven_opens_the_others_too(tmp_path: Path) -> None:
    async with place(tmp_path) as (site, _), visitor(site, "max", "line-3.localhost") as somebody:
        asked = await somebody.navigate(f"{site.origin('line-4.localhost')}/dashboard?tab=2")
        assert urlsplit(str(asked.url)).path == "/-/second-factor/enrol"
        assert "to" in parse_qs(urlsplit(str(asked.url)).query)
        back = await somebody.navigate(await enrol(somebody, asked))
        assert (back.status, await back.text()) == (200, "ok")
        assert str(back.url).endswith("/dashboard?tab=2")
        other = await somebody.navigate(f"{site.origin('line-3.localhost')}/dashboard")
        assert (other.status, await other.text()) == (200, "ok")


async def test_a_password_alone_reaches_public_paths_of_it_as_a_stranger(tmp_path: Path) -> None:
    async with place(tmp_path) as (site, _), visitor(site, "max") as somebody:
        answer = await somebody.request("GET", f"{site.origin('line-4.localhost')}/open/a")
        assert (answer.status, await answer.text()) == (200, "open")


async def test_an_api_token_reaches_it(tmp_path: Path) -> None:
    """Programs prove no second factor: whoever made the token had to, where one was asked for."""
    async with place(tmp_path) as (site, running), visitor(site) as somebody:
        value = await token(running, "max")
        headers = {"Authorization": f"Bearer {value}"}
        answer = await somebody.request("GET", f"{site.origin('line-4.localhost')}/dashboard", headers=headers)
        assert answer.status == 200


async def test_a_session_that_proved_none_makes_no_token_for_it_and_does_not_change_it(tmp_path: Path) -> None:
    """A token is never asked for one, and an owner may switch the asking off: neither is a way past it."""
    async with place(tmp_path) as (site, running), visitor(site) as somebody:
        client = Client(somebody)
        answer = await client.post("/auth/login", {"username": "olga", "password": PASSWORD})
        client.csrf = str(answer.json["csrf"])
        found = (await client.get("/instances")).items
        asking, other = (next(each["id"] for each in found if each["slug"] == slug) for slug in ("line-4", "line-3"))
        space = "acme"
        wanted = [
            await client.post("/me/tokens", {"name": "program"}),
            await client.post(f"/spaces/{space}/service-accounts", {"name": "robot", "role": "member"}),
            await client.put(f"/instances/{asking}/security", {"second_factor": False}),
            await client.post(f"/instances/{asking}/tokens", {"name": "program"}),
        ]
        assert [(each.status, each.code) for each in wanted] == [(401, "second_factor_required")] * 4, [
            each.text for each in wanted
        ]
        assert (await client.post(f"/instances/{other}/tokens", {"name": "program"})).status == 201
        begun = await client.call("PUT", "/me/mfa")
        code = pyotp.TOTP(str(begun.json["secret"])).at(int(running.gateway.gate.clock.wall()))
        client.csrf = str((await client.put("/me/mfa/verify", {"code": code})).json["csrf"])
        assert (await client.post("/me/tokens", {"name": "program"})).status == 201


async def token(running: Running, name: str) -> str:
    account = await running.store.database.account(name)
    assert account is not None
    value = new_value(TokenKind.PERSONAL)
    made = Token(id="t1", kind=TokenKind.PERSONAL, name="program", created=0.0, user=account.user.id)
    await running.store.database.edit([PutToken(token=made, hash=digest(value.encode()))], [])
    await running.gateway.watch.look()
    return value


async def test_s_11_a_changed_setting_closes_what_goes_on_without_one_and_leads_pages_to_where_it_is_set_up(
    tmp_path: Path,
) -> None:
    """S-11."""
    async with place(tmp_path) as (site, running), visitor(site, "max", "line-3.localhost") as somebody:
        async with socket(somebody, "line-3.localhost") as opened:
            site.settings["mfa"] = {"enforce": "all"}
            site.write()
            await running.reloader.reload()
            async with promised(AT_ONCE):
                ended = await opened.receive()
            assert (ended.type, ended.data) == (WSMsgType.CLOSE, 4401)
        fetched = await somebody.request("GET", f"{site.origin('line-3.localhost')}/data")
        assert fetched.status == 401
        assert (await fetched.json())["code"] == "second_factor_required"
        assert 'error="insufficient_user_authentication"' in fetched.headers["WWW-Authenticate"]
        page = await somebody.navigate(f"{site.origin('line-3.localhost')}/dashboard")
        assert urlsplit(str(page.url)).path == "/-/second-factor/enrol"
        back = await somebody.navigate(await enrol(somebody, page))
        assert await back.text() == "ok"


@pytest.mark.parametrize("asks", [True, False])
async def test_an_instance_that_begins_to_ask_closes_what_goes_on_there(tmp_path: Path, asks: bool) -> None:
    async with place(tmp_path) as (site, running), visitor(site, "olga", "line-3.localhost") as somebody:
        async with socket(somebody, "line-3.localhost") as opened:
            instances = site.estate["instances"]
            assert isinstance(instances, list)
            instances[0]["second_factor"] = asks
            site.write()
            await running.reloader.reload()
            await running.gateway.watch.look()
            if asks:
                async with promised(AT_ONCE):
                    ended = await opened.receive()
                assert (ended.type, ended.data) == (WSMsgType.CLOSE, 4401)
            else:
                await opened.send_str("still here")
                assert await opened.receive_str(timeout=DEADLINE) == "still here"


async def test_a_login_to_it_asks_after_the_password_in_one_go(tmp_path: Path) -> None:
    async with place(tmp_path) as (site, _), visitor(site) as somebody:
        shown = await somebody.log_in("max", f"{site.origin('line-4.localhost')}/dashboard", PASSWORD)
        assert urlsplit(str(shown.url)).path == "/-/second-factor/enrol"
        assert "flowward" not in somebody.cookies["localhost"]
        back = await somebody.navigate(await enrol(somebody, shown))
        assert await back.text() == "ok"
