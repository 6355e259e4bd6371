"""Two organisations at one gateway, each on a host of its own: what people see, and what each learns of the other."""

import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import trustme
from playwright.async_api import expect

from proxy.access.branding import Part
from proxy.app import Running
from proxy.model.access import Role
from proxy.model.directory import Branding
from proxy.services.branding import picture
from proxy.store import Image, PutPerson
from tests.peers.answers import by_path, plain
from tests.peers.browser import Chromium
from tests.peers.browser import Visitor as Browsing
from tests.peers.gateway import HASH, NAVIGATION, PASSWORD, Site, Visitor, visitor
from tests.peers.ports import free_port
from tests.peers.talk import dial
from tests.peers.upstream import upstream
from tests.proxy.app.house import certificate, names, shown_certificate

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
ANSWERS = by_path(
    {"/dashboard": plain(b"<h1>Dashboard</h1>", (b"Content-Type", b"text/html")), "*": plain(b"no", status=404)}
)
A, B, C = "a.localhost", "b.localhost", "c.localhost"
DOOR = "login-a.localhost"
NORTH, BRAVO = "Acme North", "Bravo Works"


def logo() -> Image:
    found = picture(PIXEL)
    assert found is not None
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """Acme's instance is on a, Bravo's on b, and on c one of a team without looks."""

    site: Site
    running: Running

    async def paint(self, slug: str, looks: Branding) -> None:
        database = self.running.store.database
        space = next(each for each in (await database.estate()).spaces.values() if each.slug == slug)
        await database.edit([logo(), replace(space, branding=looks)], [])
        await self.running.gateway.watch.look()

    def at(self, host: str) -> str:
        return f"{self.site.origin(host)}/dashboard"


def _estate(url: str) -> dict[str, object]:
    teams = {"acme": (A, "alma"), "bravo": (B, "bert"), "carol": (C, "cleo")}
    return {
        "spaces": [{"slug": slug, "kind": "team", "title": slug.title()} for slug in teams],
        "applications": [{"slug": "plant", "space": slug, "title": "Plant"} for slug in teams],
        "instances": [
            {"slug": "line", "application": f"{slug}/plant", "hosts": [host], "upstream": url, "admin_root": "/admin"}
            for slug, (host, _) in teams.items()
        ],
        "users": [
            {"username": name, "name": name.title(), "memberships": {slug: "viewer"}, "password_hash": HASH}
            for slug, (_, name) in teams.items()
        ]
        + [{"username": "ava", "name": "Ava", "memberships": {"acme": "viewer"}, "link": "activation"}],
    }


@asynccontextmanager
async def opened(
    folder: Path, authority: trustme.CA | None = None, *, door: str = "", auth: tuple[dict[str, object], ...] = ()
) -> AsyncIterator[Town]:
    """`authority`: on TLS. `door`: host of a further home, which is Acme's. `auth`: ways in besides the local accounts."""
    async with upstream(ANSWERS) as instance:
        site = Site(folder, _estate(instance.url))
        if authority is not None:
            tls = certificate(authority, folder, "localhost")
            tls["hosts"] = {host: certificate(authority, folder, host) for host in (A, B)}
            site.settings, site.scheme = {"server": {"tls": tls}}, "https"
        if door:
            site.settings = {"server": {"homes": [site.origin(door)]}}
        if auth:
            site.settings["auth"] = [{"name": "local", "plugin": "local"}, *auth]  # type: ignore[assignment]
        async with site.running() as running:
            town = Town(site=site, running=running)
            hosts = (door,) if door else ()
            await town.paint("acme", Branding(product=NORTH, logo=logo().key, accent="#aa0000", hosts=hosts))
            await town.paint("bravo", Branding(product=BRAVO, accent="#0000aa", background="#ffffee"))
            yield town


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with opened(tmp_path) as made:
        yield made


async def shown(somebody: Visitor, url: str) -> str:
    return await (await somebody.navigate(url)).text()


def product_of(page: str) -> str:
    found = re.search(r"<title>.* · (.*)</title>", page)
    assert found is not None, page[-600:]
    return found[1]


async def test_t_13_a_host_shows_its_own_looks_before_the_login_and_an_unknown_one_those_of_the_platform(
    town: Town,
) -> None:
    async with visitor(town.site) as nobody:
        for host, product in {A: NORTH, B: BRAVO, C: "Flowward"}.items():
            page = await shown(nobody, town.at(host))
            assert "<h1>Log in</h1>" in page
            assert product_of(page) == product
        assert product_of(await shown(nobody, f"{town.site.home}/")) == "Flowward"
        unknown = await nobody.request("GET", town.site.origin("unknown.localhost") + "/", headers=NAVIGATION)
        assert (unknown.status, product_of(await unknown.text())) == (404, "Flowward")


async def test_t_13_the_way_through_a_login_keeps_the_looks_of_where_it_leads(town: Town) -> None:
    """A wrong password, and the pages about a forgotten one."""
    async with visitor(town.site) as nobody:
        page = await shown(nobody, town.at(A))
        wrong = await nobody.fill_in(page, username="alma", password="wrong")
        assert (wrong.status, product_of(await wrong.text())) == (403, NORTH)
        link = re.search(r'href="(/-/forgot\?to=[^"]+)"', page)
        assert link is not None
        assert product_of(await shown(nobody, town.site.home + link[1])) == NORTH


async def test_t_13_a_host_shows_the_ways_in_of_its_own_organisation(tmp_path: Path) -> None:
    """Out of sight, not out of reach: the others are there by their names, and the door for admins stays open."""
    common = {"plugin": "ldap", "url": f"ldaps://127.0.0.1:{free_port()}", "base_dn": "dc=example"}
    ways = tuple({"name": name, "title": f"{name.title()} Directory", **common} for name in ("corp", "works"))
    async with opened(tmp_path, auth=ways) as town, visitor(town.site) as nobody:
        await town.paint("acme", Branding(product=NORTH, ways_in=("works", "gone")))
        found = {host: await shown(nobody, town.at(host)) for host in (A, B)}
        asked = {host: re.findall(r'name="with" value="([^"]*)"', page) for host, page in found.items()}
        assert asked == {A: ["works"], B: ["local"]}
        assert "Corp Directory" not in found[A]
        assert "Corp Directory" in found[B]
        wrong = await nobody.fill_in(found[A], username="alma", password="wrong")
        assert "Corp Directory" not in await wrong.text()
        to = re.search(r'name="to" value="([^"]*)"', found[A])
        assert to is not None
        page = await shown(nobody, f"{town.site.home}/-/login?with=local&to={to[1]}")
        assert (await nobody.fill_in(page, username="alma", password=PASSWORD)).status == 200


async def test_t_13_at_home_people_see_the_looks_of_their_own_organisation(town: Town) -> None:
    async with visitor(town.site, "alma") as alma, visitor(town.site, "bert") as bert:
        for path in ("/", "/-/security", "/-/sessions", "/-/logout"):
            assert product_of(await shown(alma, town.site.home + path)) == NORTH, path
        page = await shown(bert, f"{town.site.home}/-/security")
        assert product_of(page) == BRAVO
        assert "--accent:#0000aa" in page
        assert "--page:#ffffee" in page


async def test_t_13_somebody_with_an_activation_link_sees_their_organisations_looks(town: Town) -> None:
    account = await town.running.store.database.account("ava")
    assert account is not None
    link = await town.running.gateway.accounts.activation_link(town.site.home, account.user.id)
    async with visitor(town.site) as nobody:
        page = await shown(nobody, link)
    assert f"<h1>Welcome to {NORTH}</h1>" in page
    assert product_of(page) == NORTH


async def test_t_13_what_an_organisation_hides_is_out_of_sight(town: Town) -> None:
    async with visitor(town.site, "alma") as alma:
        page = await shown(alma, f"{town.site.home}/")
        for sign in ("Editor", "acme/plant/line", ">viewer<", 'href="/-/security"'):
            assert sign in page, sign
        hidden = frozenset({Part.EDITOR, Part.ADDRESSES, Part.ROLES, Part.SECURITY, Part.FORGOT, Part.SESSIONS})
        await town.paint("acme", Branding(product=NORTH, hidden=frozenset(map(str, hidden))))
        page = await shown(alma, f"{town.site.home}/")
        for sign in ("Editor", "acme/plant/line", ">viewer<", 'href="/-/security"'):
            assert sign not in page, sign
        assert "/-/sessions" not in await shown(alma, f"{town.site.home}/-/security")
    async with visitor(town.site) as nobody:
        assert "/-/forgot" not in await shown(nobody, town.at(A))
        assert "/-/forgot" in await shown(nobody, town.at(B))


async def test_t_13_a_refusal_on_an_instances_host_holds_its_pictures(town: Town) -> None:
    async with visitor(town.site, "alma", A) as alma:
        refused = await alma.request("GET", f"{town.site.origin(A)}/-/none", headers=NAVIGATION)
        page = await refused.text()
    assert (refused.status, product_of(page)) == (404, NORTH)
    assert 'class="own" src="data:image/png;base64,' in page
    assert "/-/branding/" not in page


async def test_t_14_on_the_host_of_another_organisation_one_learns_nothing(town: Town) -> None:
    """Logging in is fine, going in is not: in the looks of that host, and with no word on who came."""
    async with visitor(town.site) as alma:
        refused = await alma.log_in("alma", town.at(B))
        page = await refused.text()
    assert (refused.status, product_of(page)) == (404, BRAVO)
    assert "It does not exist, or you may not know of it." in page
    for word in ("alma", "Alma", "Acme", "Logged in", "Log out", "instance", "dashboard", "plant"):
        assert word not in page, word


async def test_a_colleague_without_a_role_is_told_who_came_and_why_not(town: Town) -> None:
    """Within one organisation a refusal hides nothing of that."""
    database = town.running.store.database
    account, estate = await database.account("alma"), await database.estate()
    assert account is not None
    person = await database.person(account.user.id)
    assert person is not None
    [(key, held)] = person.memberships.items()
    line = next(each for each in estate.resources.values() if estate.address(each) == "acme/plant/line")
    shut_out = replace(held, overrides={line.id: Role.NONE})
    await database.edit([PutPerson(person=replace(person, memberships={key: shut_out}))], [])
    await town.running.gateway.watch.look()
    async with visitor(town.site) as alma:
        refused = await alma.log_in("alma", town.at(A))
        page = await refused.text()
    assert refused.status == 403
    assert "Nobody has given you a role on this instance." in page
    assert "Logged in as Alma." in page


async def test_t_14_each_host_shows_its_own_certificate_and_keeps_its_own_cookie(
    tmp_path: Path, authority: trustme.CA
) -> None:
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with opened(tmp_path, authority) as town:
        for host in (A, B):
            async with dial(town.site.port, tls=trusting, name=host) as line:
                assert names(shown_certificate(line)) == [host]
        async with visitor(town.site) as alma:
            assert (await alma.log_in("alma", town.at(A))).status == 200
            held = dict(alma.cookies[A])
            assert set(held) >= {"__Host-flowward"}
            stolen = await alma.request("GET", town.at(B), headers={"Cookie": alma.cookie(A)})
            assert stolen.status == 401, "a cookie of one host opens no other"


async def test_t_13_a_browser_shows_all_of_it_under_the_pages_policies(town: Town, chromium: Chromium) -> None:
    """Pictures and colours at home, and on an instance's host, which serves nothing of ours."""
    loaded = "[...document.images].map(each => each.naturalWidth)"
    async with chromium.visitor() as alma:
        page = alma.page
        await page.goto(town.at(A))
        assert await page.evaluate(loaded) == [1]
        assert await page.evaluate("getComputedStyle(document.querySelector('button')).backgroundColor") == (
            "rgb(170, 0, 0)"
        )
        await page.goto(f"{town.site.origin(A)}/-/none")
        assert await page.evaluate(loaded) == [1]
        await page.goto(f"{town.site.origin(B)}/-/none")
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 238)"
        assert [error for error in alma.errors if "404" not in error] == []


async def test_t_14_a_browser_sends_the_cookie_of_a_host_to_that_host_alone(town: Town, chromium: Chromium) -> None:
    sent: dict[str, list[str]] = {A: [], B: []}
    async with chromium.visitor() as alma:
        await alma.page.goto(town.at(A))
        await alma.page.get_by_label("Username").fill("alma")
        await alma.page.get_by_label("Password").fill(PASSWORD)
        await alma.page.get_by_role("button", name="Log in", exact=True).click()
        await alma.page.get_by_role("heading", name="Dashboard").wait_for()
        value = (await alma.cookies())[A, "flowward"]

        async def note(host: str) -> None:
            answer = await alma.page.goto(town.at(host))
            assert answer is not None
            sent[host].append(str((await answer.request.all_headers()).get("cookie", "")))

        await note(A)
        await note(B)
        assert value in sent[A][0]
        assert value not in sent[B][0]
        assert await alma.page.get_by_role("heading", level=1).inner_text() == "Page not found"
        cookies = await alma.cookies()
        assert value not in {kept for (host, _), kept in cookies.items() if host != A}
        assert {host for host, _ in cookies} == {A, B, "localhost"}, "no cookie is for a whole domain"


async def _log_in(somebody: Browsing, name: str) -> None:
    await somebody.page.get_by_label("Username").fill(name)
    await somebody.page.get_by_label("Password").fill(PASSWORD)
    await somebody.page.get_by_role("button", name="Log in", exact=True).click()


async def test_t_14_a_tenant_with_a_login_host_of_its_own_logs_in_and_out_there(
    tmp_path: Path, chromium: Chromium
) -> None:
    async with opened(tmp_path, door=DOOR) as town, chromium.visitor() as alma:
        door, page = town.site.origin(DOOR), alma.page
        await page.goto(town.at(A))
        assert page.url.startswith(f"{door}/-/login?to=")
        await expect(page).to_have_title(f"Log in · {NORTH}")
        await _log_in(alma, "alma")
        await page.get_by_role("heading", name="Dashboard").wait_for()
        await page.goto(f"{door}/")
        await page.get_by_role("heading", name="Your instances").wait_for()
        await page.goto(f"{town.site.origin(A)}/-/logout")
        assert page.url == f"{door}/-/logout"
        await page.get_by_role("button", name="Log out").click()
        await page.get_by_role("heading", name="You are logged out").wait_for()
        await page.goto(town.at(A))
        await page.get_by_role("heading", name="Log in").wait_for()
        await page.goto(town.at(B))
        assert page.url.startswith(f"{town.site.home}/-/login?to="), "others log in at the first home"


async def test_t_14_what_only_the_first_home_can_do_leads_there_and_back(tmp_path: Path, chromium: Chromium) -> None:
    """Passkeys are made for its name, and providers know its address alone."""
    async with opened(tmp_path, door=DOOR) as town, chromium.visitor() as alma:
        door, page = town.site.origin(DOOR), alma.page
        await page.goto(f"{door}/")
        assert page.url == f"{door}/-/login"
        await expect(page).to_have_title(f"Log in · {NORTH}")
        await page.get_by_role("link", name="Log in with a passkey").click()
        assert page.url.startswith(f"{town.site.home}/-/login?to=")
        await expect(page).to_have_title(f"Log in · {NORTH}")
        await _log_in(alma, "alma")
        await page.get_by_role("heading", name="Your instances").wait_for()
        assert page.url == f"{door}/"
        cookies = await alma.cookies()
        assert {host for host, name in cookies if name == "flowward"} == {DOOR, "localhost"}
