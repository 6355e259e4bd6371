"""What holds for every way in alike: few steps from the proof to the page, and trouble that stays the provider's own."""

import asyncio
import json
import zlib
from base64 import b64decode
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from html import escape
from pathlib import Path
from time import time
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import pytest
import trustme
from aiohttp import ClientResponse, web
from lxml import etree
from playwright.async_api import Page
from typing_extensions import override

from proxy.app import Running
from proxy.model.audit import AuditQuery
from tests.auth_plugins.saml_idp import ISSUER, NOW, SSO, Says, assertion_in, base64_of, pair, sign
from tests.peers import issuer as issuers
from tests.peers.answers import plain
from tests.peers.browser import Chromium
from tests.peers.changes import promised
from tests.peers.gateway import NAVIGATION, PASSWORD, Site, Visitor, visitor
from tests.peers.issuer import CLIENT, SECRET, Issuer
from tests.peers.ports import free_port
from tests.peers.silence import saying, silent
from tests.peers.slapd import GROUPS, PEOPLE, READER, READER_PASSWORD, Slapd
from tests.peers.state import at_rest
from tests.peers.upstream import upstream
from tests.proxy.app.house import HOST, certificate, site

Entry = Mapping[str, object]
KEPT = pair("a provider that lasts", ends=4_000_000_000)
OURS: Entry = {
    "name": "corp",
    "domains": ["corp.example"],
    "provision": True,
    "groups": {"table": {"staff": {"acme": "dashboard"}}},
}
BY_FORM = ["/-/login", "/-/enter", "/dashboard/"]
BY_ADDRESS = ["/-/auth/corp/callback", "/-/enter", "/dashboard/"]


@asynccontextmanager
async def at_corp(
    folder: Path, entry: Entry, *, tls: Mapping[str, object] | None = None
) -> AsyncIterator[tuple[Site, Running]]:
    """A gateway with its own accounts and one further way in, before one instance."""
    async with upstream(plain(b"<h1>Boiler</h1>")) as instance:
        made = site(folder, instance.url, **({"tls": tls} if tls else {}))
        made.scheme = "https" if tls else "http"
        (folder / "secret").write_text(SECRET)
        (folder / "reader").write_text(READER_PASSWORD)
        made.settings["auth"] = [{"name": "local", "plugin": "local"}, {**OURS, **entry}]  # type: ignore[assignment]
        made.settings["limits"] = {"login": "5/1h"}
        async with made.running() as running:
            yield made, running


def oidc(url: str) -> Entry:
    return {"plugin": "oidc", "issuer": url, "client_id": CLIENT, "client_secret": {"file": "secret"}}


def oauth2(url: str) -> Entry:
    return {
        "plugin": "oauth2",
        "preset": "github",
        "client_id": CLIENT,
        "client_secret": {"file": "secret"},
        "authorization_endpoint": f"{url}/authorize",
        "token_endpoint": f"{url}/token",
        "userinfo_endpoint": f"{url}/user",
        "emails_endpoint": f"{url}/user/emails",
        "groups_endpoints": {f"{url}/user/orgs": "{login}"},
    }


def saml(url: str) -> Entry:
    return {"plugin": "saml", "idp_metadata": f"{url}/metadata"}


def ldap(directory: Slapd, authority: trustme.CA, folder: Path) -> Entry:
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return {
        "plugin": "ldap",
        "url": directory.ldaps,
        "ca": "ca.pem",
        "bind_dn": READER,
        "bind_password": {"file": "reader"},
        "base_dn": PEOPLE,
        "groups_from": {"base_dn": GROUPS},
        "domains": ["example.org"],
    }


class WithAPage(Issuer):
    """One with the page on which people say who they are."""

    @override
    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.path != "/authorize":
            return await super().answer(request)
        back = f"{request.query['redirect_uri']}?{urlencode({'code': 'c', 'state': request.query['state']})}"
        return web.Response(text=f'<a href="{escape(back)}">I am kim</a>', content_type="text/html")


@asynccontextmanager
async def an_issuer() -> AsyncIterator[Issuer]:
    """kim, as an OpenID Connect provider and as GitHub know her."""
    at = WithAPage()
    at.claims = {"preferred_username": "kim", "email": "kim@corp.example", "groups": ["staff"]}
    emails = [{"email": "kim@corp.example", "primary": True, "verified": True}]
    at.answers = {
        "/user": lambda: web.json_response({"id": 7, "login": "kim", "name": "Kim"}),
        "/user/emails": lambda: web.json_response(emails),
        "/user/orgs": lambda: web.json_response([{"login": "staff"}]),
    }
    async with issuers.running(at) as started:
        yield started


async def left(somebody: Visitor, made: Site) -> ClientResponse:
    """From the dashboard's address as far as the step away to the provider."""
    turned = await somebody.request("GET", f"{made.origin(HOST)}/dashboard/", headers=NAVIGATION)
    (to,) = parse_qs(urlsplit(turned.headers["Location"]).query)["to"]
    address = f"{made.home}/-/auth/corp/login?{urlencode({'to': to})}"
    return await somebody.request("GET", address, headers=NAVIGATION)


async def back(somebody: Visitor, away: ClientResponse, issuer: Issuer) -> ClientResponse:
    """From the provider, where the password was typed, to the dashboard."""
    told = {name: value for name, (value,) in parse_qs(urlsplit(away.headers["Location"]).query).items()}
    issuer.nonce = told.get("nonce", "")
    somebody.asked.clear()
    answer = {"code": "c", "state": told["state"], "iss": issuer.url}
    return await somebody.navigate(f"{told['redirect_uri']}?{urlencode(answer)}")


async def test_two_round_trips_lead_from_a_password_of_the_gateways_own_to_the_page(tmp_path: Path) -> None:
    async with at_corp(tmp_path, oidc(f"http://localhost:{free_port()}")) as (made, _), visitor(made) as somebody:
        page = await somebody.navigate(f"{made.origin(HOST)}/dashboard/")
        somebody.asked.clear()
        shown = await somebody.fill_in(await page.text(), username="dora", password=PASSWORD)
        assert (shown.status, somebody.asked) == (200, BY_FORM)


async def test_two_round_trips_lead_from_a_directorys_password_to_the_page(
    tmp_path: Path, openldap: Slapd, authority: trustme.CA
) -> None:
    async with at_corp(tmp_path, ldap(openldap, authority, tmp_path)) as (made, _), visitor(made) as somebody:
        page = await left(somebody, made)
        page = await somebody.navigate(urljoin(made.home, page.headers["Location"])) if page.status == 303 else page
        somebody.asked.clear()
        shown = await somebody.fill_in(await page.text(), username="star", password=PASSWORD)
        assert (shown.status, somebody.asked) == (200, BY_FORM)


@pytest.mark.parametrize("entry", [oidc, oauth2])
async def test_two_round_trips_lead_from_a_provider_that_sends_people_back_to_the_page(
    tmp_path: Path, entry: Callable[[str], Entry]
) -> None:
    async with an_issuer() as issuer, at_corp(tmp_path, entry(issuer.url)) as (made, _), visitor(made) as somebody:
        if entry is oauth2:
            issuer.granted = {"id_token": None}
        shown = await back(somebody, await left(somebody, made), issuer)
        assert (shown.status, somebody.asked) == (200, BY_ADDRESS)


@pytest.mark.parametrize("entry", [oidc, oauth2])
async def test_a_10_what_a_provider_gave_is_nowhere_at_rest_in_clear(
    tmp_path: Path, entry: Callable[[str], Entry]
) -> None:
    """A-10: neither the tokens that a plugin wants back, nor what the login took while somebody was away."""
    async with (
        an_issuer() as issuer,
        at_corp(tmp_path, entry(issuer.url)) as (made, running),
        visitor(made) as somebody,
    ):
        issuer.granted = {"access_token": "Canary-1-of-the-mine", "refresh_token": "Canary-2-of-the-mine"}
        if entry is oauth2:
            issuer.granted["id_token"] = None
        await back(somebody, await left(somebody, made), issuer)
        account = await running.store.database.account("kim")
        assert account is not None
        (session,) = await running.gateway.sessions.of(account.user.id)
        given = running.gateway.sessions.kept(session)
        assert "of-the-mine" in given
        secrets = ["of-the-mine", issuer.heard[-1]["code_verifier"], *json.loads(given).values()]
        secrets += [issuer.nonce] if issuer.nonce else []
        copied = at_rest(tmp_path / "var")
        assert session.keep.encode() in copied
        assert [each for each in secrets if each.encode() in copied] == []


@pytest.mark.parametrize("tls", [True, False])
async def test_two_round_trips_lead_from_a_saml_response_to_the_page(
    tmp_path: Path, authority: trustme.CA, tls: bool
) -> None:
    """It is posted from another site. Without TLS no browser sends a cookie along, so it takes a step of our own more."""
    entry = {"plugin": "saml", "entry_point": SSO, "idp_issuer": ISSUER, "certificates": KEPT.certificate}
    shown = certificate(authority, tmp_path, "localhost", HOST) if tls else None
    async with at_corp(tmp_path, entry, tls=shown) as (made, _), visitor(made) as somebody:
        away = await left(somebody, made)
        base, told = f"{made.home}/-/auth/corp", parse_qs(urlsplit(away.headers["Location"]).query)
        asked = etree.fromstring(zlib.decompress(b64decode(told["SAMLRequest"][0]), -zlib.MAX_WBITS))
        response = _says(base, asked.get("ID", "")).xml()
        sign(assertion_in(response), KEPT)
        fields = {"SAMLResponse": base64_of(response), "RelayState": told["RelayState"][0]}
        somebody.asked.clear()
        headers = {**NAVIGATION, "Content-Type": "application/x-www-form-urlencoded", "Cookie": _cross_site(away)}
        headers["Origin"] = "https://idp.example"
        taken = await somebody.request("POST", f"{base}/acs", headers=headers, data=urlencode(fields))
        page = await somebody.navigate(urljoin(base, taken.headers["Location"]))
        steps = ["/-/auth/corp/acs", *([] if tls else ["/-/auth/corp/resume"]), "/-/enter", "/dashboard/"]
        assert (page.status, somebody.asked) == (200, steps)


def _cross_site(answer: ClientResponse) -> str:
    """Of the cookies that were set, those that a browser sends along with what another site posts."""
    lines = answer.headers.getall("Set-Cookie", ())
    return "; ".join(line.partition(";")[0] for line in lines if "SameSite=None; Secure" in line)


def _says(base: str, request: str) -> Says:
    now = time() - NOW
    return Says(
        request=request,
        name="kim@corp.example",
        audience=f"{base}/metadata",
        recipient=f"{base}/acs",
        destination=f"{base}/acs",
        begins=now - 5,
        ends=now + 300,
        confirmed_until=now + 300,
        login=now - 5,
        attributes={"ff-roles": ["staff"]},
    )


@contextmanager
def gone() -> Iterator[int]:
    yield free_port()


@contextmanager
def nonsense() -> Iterator[int]:
    with saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nnonsense!") as port:
        yield port


async def in_trouble(made: Site, running: Running) -> None:
    """Nobody gets away to the provider, everybody is told so in time, and others log in meanwhile."""
    async with visitor(made) as somebody, asyncio.TaskGroup() as tasks:
        tasks.create_task(_others_log_in(made))
        async with promised(3):
            answers = await asyncio.gather(*(left(somebody, made) for _ in range(6)))
    assert {answer.status for answer in answers} == {503}
    assert await _attempts(running) == ["dora"], "nothing is held against anybody"


async def _others_log_in(made: Site) -> None:
    async with visitor(made) as other:
        shown = await other.log_in("dora", f"{made.origin(HOST)}/dashboard/")
        assert shown.status == 200


async def _attempts(running: Running) -> list[str]:
    found = await running.store.database.events(AuditQuery(events=("account.login",)))
    return [each.event.actor_name for each in found.items]


@pytest.mark.parametrize("trouble", [gone, silent, nonsense])
@pytest.mark.parametrize("entry", [oidc, saml])
async def test_a_provider_that_is_gone_slow_or_confused_is_503_in_three_seconds_and_nobodys_failure(
    tmp_path: Path, entry: Callable[[str], Entry], trouble: Callable[[], AbstractContextManager[int]]
) -> None:
    with trouble() as port:
        async with at_corp(tmp_path, entry(f"http://localhost:{port}")) as (made, running):
            await in_trouble(made, running)


@pytest.mark.parametrize("trouble", ["slow", "confused"])
@pytest.mark.parametrize("entry", [oidc, oauth2])
async def test_one_that_fails_when_people_are_back_is_503_in_three_seconds_and_nobodys_failure(
    tmp_path: Path, entry: Callable[[str], Entry], trouble: str
) -> None:
    async with an_issuer() as issuer, at_corp(tmp_path, entry(issuer.url)) as (made, running):
        async with visitor(made) as somebody:
            away = await left(somebody, made)
            if trouble == "slow":
                issuer.silent.add("/token")
            else:
                issuer.answers["/token"] = lambda: web.Response(text="nonsense!")
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_others_log_in(made))
                async with promised(3):
                    assert (await back(somebody, away, issuer)).status == 503
        assert await _attempts(running) == ["dora"]


async def test_somebody_of_a_directory_walks_the_whole_way_in_chromium(
    tmp_path: Path, openldap: Slapd, authority: trustme.CA, chromium: Chromium
) -> None:
    async with at_corp(tmp_path, ldap(openldap, authority, tmp_path)) as (made, _), chromium.visitor() as somebody:
        page = somebody.page
        await page.goto(f"{made.origin(HOST)}/dashboard/")
        await page.get_by_role("link", name="Log in with corp").click()
        await page.get_by_label("Username").fill("star")
        await page.get_by_label("Password").fill("wrong")
        await page.get_by_role("button", name="Log in", exact=True).click()
        await page.get_by_role("alert").wait_for()
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Log in", exact=True).click()
        await page.get_by_role("heading", name="Boiler").wait_for()
        await _logged_out(somebody.page, made)


async def test_somebody_of_an_oauth_2_provider_walks_the_whole_way_in_chromium(
    tmp_path: Path, chromium: Chromium
) -> None:
    async with (
        an_issuer() as issuer,
        at_corp(tmp_path, oauth2(issuer.url)) as (made, _),
        chromium.visitor() as somebody,
    ):
        issuer.granted = {"id_token": None}
        page = somebody.page
        await page.goto(f"{made.origin(HOST)}/dashboard/")
        await page.get_by_role("link", name="Log in with corp").click()
        await page.get_by_role("link", name="I am kim").click()
        await page.get_by_role("heading", name="Boiler").wait_for()
        await _logged_out(page, made)


async def _logged_out(page: Page, made: Site) -> None:
    await page.goto(f"{made.home}/-/logout")
    await page.get_by_role("button", name="Log out").click()
    await page.get_by_role("heading", name="You are logged out").wait_for()
    await page.goto(f"{made.origin(HOST)}/dashboard/")
    await page.get_by_role("heading", name="Log in").wait_for()
