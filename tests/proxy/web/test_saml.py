"""Logging in and out by a real SimpleSAMLphp, through the real gateway."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote, urlencode, urljoin

import pytest
from aiohttp import ClientResponse
from lxml import html

from tests.auth_plugins.saml_idp import pair
from tests.peers.browser import Chromium
from tests.peers.gateway import HASH, NAVIGATION, Site, Visitor, estate, visitor
from tests.peers.ports import free_port
from tests.peers.simplesamlphp import PASSWORD, SimpleSaml, simplesamlphp

KEPT = pair("kept by the provider", ends=4_000_000_000)
NEXT = pair("next of the provider", ends=4_000_000_000)
OWN = pair("the gateway", ends=4_000_000_000)
HIDDEN = {"hidden", "submit"}
NOTHING: Mapping[str, object] = {}


@pytest.fixture(scope="module")
def idp(php_for_saml: Path) -> Iterator[SimpleSaml]:
    with simplesamlphp(php_for_saml, KEPT.key, KEPT.certificate) as running:
        yield running


@asynccontextmanager
async def gateway(
    folder: Path, idp: SimpleSaml, *, told: Mapping[str, object] = NOTHING, **options: object
) -> AsyncIterator[Site]:
    """The gateway with one entry, `corp`; `told` is what the provider is told of it besides."""
    line = {"slug": "line-3", "hosts": ["line-3.localhost"], "upstream": f"http://127.0.0.1:{free_port()}"}
    people = [{"username": "vic", "email": "vic@acme.example", "memberships": {"acme": "viewer"}, "provider": "corp"}]
    people += [{"username": "ada", "admin": True, "password_hash": HASH}]
    site = Site(folder / "site", estate([line], users=people))
    site.folder.mkdir()
    (site.folder / "key.pem").write_text(OWN.key)
    (site.folder / "certificate.pem").write_text(OWN.certificate)
    idp.serves(f"{site.home}/-/auth/corp", OWN.certificate, **told)
    entry = {
        "name": "corp",
        "plugin": "saml",
        "title": "Corp",
        "domains": ["acme.example"],
        "provision": True,
        "groups": {},
        "idp_metadata": idp.metadata_url,
        "key": "key.pem",
        "certificate": "certificate.pem",
        **options,
    }
    site.settings["auth"] = [{"name": "local", "plugin": "local"}, entry]  # type: ignore[assignment]
    async with site.running():
        yield site


async def carried_on(somebody: Visitor, answer: ClientResponse) -> ClientResponse:
    """Do what a browser does by itself: send forms that hold nothing to fill in, and go where pages lead."""
    for _ in range(5):
        page = html.fromstring(await answer.text())
        leads = page.xpath("//meta[@http-equiv='refresh']/@content")
        if leads:
            answer = await somebody.navigate(leads[0].partition("url=")[2])
        elif len(page.forms) == 1 and all(_by_itself(each) for each in page.forms[0].inputs):
            answer = await submit(somebody, answer)
        else:
            return answer
    raise AssertionError("going in circles")


def _by_itself(field: html.HtmlElement) -> bool:
    return field.tag == "button" or field.get("type") in HIDDEN


async def submit(somebody: Visitor, answer: ClientResponse, **typed: str) -> ClientResponse:
    """Fill in the only form of a page and send it; then go where that leads."""
    origin = f"http://{answer.request_info.headers['Host']}"
    shown = f"{origin}{answer.real_url.raw_path_qs}"
    (form,) = html.fromstring(await answer.text()).forms
    target = urljoin(shown, form.action or "")
    headers = {**NAVIGATION, "Content-Type": "application/x-www-form-urlencoded", "Origin": origin}
    sent = await somebody.request("POST", target, headers=headers, data=urlencode({**form.fields, **typed}))
    return await somebody.navigate(urljoin(target, sent.headers["Location"])) if "Location" in sent.headers else sent


async def at_provider(somebody: Visitor, address: str, username: str) -> ClientResponse:
    """The provider's answer to a right password: a page that posts to the gateway."""
    page = await carried_on(somebody, await somebody.navigate(address))
    return await submit(somebody, page, username=username, password=PASSWORD)


async def logged_in(somebody: Visitor, site: Site, username: str) -> ClientResponse:
    return await submit(somebody, await at_provider(somebody, f"{site.home}/-/login?with=corp", username))


async def whom(somebody: Visitor, site: Site) -> tuple[str, str] | None:
    """(way in, e-mail) of whoever is logged in at home."""
    answer = await somebody.request("GET", f"{site.home}/-/me")
    if answer.status != 200:
        return None
    known = json.loads(await answer.text())
    return known["session"]["provider"], known["email"]


ADA = ("corp", "ada@acme.example")


@pytest.mark.parametrize(
    ("told", "options"),
    [
        ({}, {}),
        ({"saml20.sign.response": True, "saml20.sign.assertion": False}, {"binding": "post"}),
        ({"assertion.encryption": True}, {}),
        ({"assertion.encryption": True, "saml20.sign.response": False}, {"binding": "post"}),
        ({"saml20.sign.response": False}, {}),
    ],
    ids=["both signed", "post, response signed", "encrypted", "post, encrypted, assertion signed", "assertion signed"],
)
async def test_a_login_begun_here(
    idp: SimpleSaml, tmp_path: Path, told: Mapping[str, object], options: Mapping[str, object]
) -> None:
    """S-16, S-17, S-19, S-22: with the account made and the role its groups say."""
    async with gateway(tmp_path, idp, told=told, **options) as site, visitor(site) as somebody:
        home = await (await logged_in(somebody, site, "ada")).text()
        assert await whom(somebody, site) == ADA
        assert "line-3.localhost" in home
        assert "Ada Lovelace" in home


async def test_an_account_that_is_there_is_the_persons(idp: SimpleSaml, tmp_path: Path) -> None:
    """S-18: vic was made for this provider, which may speak of his address."""
    async with gateway(tmp_path, idp) as site, visitor(site) as somebody:
        await logged_in(somebody, site, "vic")
        answer = await somebody.request("GET", f"{site.home}/-/me")
        assert json.loads(await answer.text())["username"] == "vic"


async def test_a_provider_does_not_speak_for_other_domains(idp: SimpleSaml, tmp_path: Path) -> None:
    """S-18, R-42."""
    async with gateway(tmp_path, idp) as site, visitor(site) as somebody:
        assert (await logged_in(somebody, site, "eve")).status == 403
        assert await whom(somebody, site) is None


async def test_a_response_is_good_in_the_browser_that_asked_for_it_alone(idp: SimpleSaml, tmp_path: Path) -> None:
    """S-17: and once."""
    async with gateway(tmp_path, idp) as site, visitor(site) as mallory, visitor(site) as ada:
        caught = await at_provider(mallory, f"{site.home}/-/login?with=corp", "ada")
        await ada.navigate(f"{site.home}/-/login?with=corp")
        assert (await submit(ada, caught)).status == 403
        assert await whom(ada, site) is None
        assert (await submit(mallory, caught)).status == 200
        assert (await submit(ada, caught)).status == 403


@pytest.mark.parametrize("allowed", [True, False])
async def test_a_login_begun_at_the_provider(idp: SimpleSaml, tmp_path: Path, allowed: bool) -> None:
    """S-19: only where it is switched on; it leads to a path at home and nowhere else."""
    async with gateway(tmp_path, idp, allow_unsolicited=allowed) as site, visitor(site) as somebody:
        entity = quote(f"{site.home}/-/auth/corp/metadata", safe="")
        start = f"{idp.sso}?spentityid={entity}&RelayState={quote('https://evil.example/', safe='')}"
        shown = await submit(somebody, await at_provider(somebody, start, "ada"))
        assert await whom(somebody, site) == (ADA if allowed else None)
        assert (shown.status, shown.real_url.path) == ((200, "/") if allowed else (403, "/-/auth/corp/resume"))


async def test_a_logout_here_ends_the_login_there(idp: SimpleSaml, tmp_path: Path) -> None:
    """S-20."""
    async with gateway(tmp_path, idp) as site, visitor(site) as somebody:
        await logged_in(somebody, site, "ada")
        shown = await carried_on(somebody, await submit(somebody, await somebody.navigate(f"{site.home}/-/logout")))
        assert "You are logged out" in await shown.text()
        assert await whom(somebody, site) is None
        asked = await carried_on(somebody, await somebody.navigate(f"{site.home}/-/login?with=corp"))
        assert "Enter your username and password" in await asked.text()


async def test_a_logout_there_ends_the_login_here(idp: SimpleSaml, tmp_path: Path) -> None:
    """S-20: and the provider is told that it is done."""
    async with gateway(tmp_path, idp) as site, visitor(site) as somebody:
        await logged_in(somebody, site, "ada")
        assert await whom(somebody, site) == ADA
        done = quote(f"{idp.origin}/saml2/idp/metadata.php", safe="")
        shown = await carried_on(somebody, await somebody.navigate(f"{idp.slo}?ReturnTo={done}"))
        assert (shown.status, shown.real_url.path) == (200, "/saml2/idp/metadata.php")
        assert await whom(somebody, site) is None


async def test_the_provider_changes_its_key_without_anybody_noticing(php_for_saml: Path, tmp_path: Path) -> None:
    """S-16: rollover, with the new certificate announced before it signs."""
    with simplesamlphp(php_for_saml, KEPT.key, KEPT.certificate) as idp:
        idp.signs_with(KEPT.key, KEPT.certificate, then=(NEXT.key, NEXT.certificate))
        async with gateway(tmp_path, idp) as site, visitor(site) as first, visitor(site) as second:
            await logged_in(first, site, "ada")
            idp.signs_with(NEXT.key, NEXT.certificate)
            await logged_in(second, site, "ada")
            assert await whom(first, site) == await whom(second, site) == ADA


async def test_with_the_provider_gone_admins_still_get_in(idp: SimpleSaml, tmp_path: Path) -> None:
    """S-26: and nobody else does."""
    gone = f"http://127.0.0.1:{free_port()}/metadata"
    async with gateway(tmp_path, idp, idp_metadata=gone) as site, visitor(site) as somebody:
        assert (await somebody.navigate(f"{site.home}/-/login?with=corp")).status == 503
        await somebody.log_in("ada", f"{site.home}/-/login?local=1")
        found = await whom(somebody, site)
        assert found is not None
        assert found[0] == "local"


async def test_what_the_gateway_publishes_is_what_the_provider_needs(idp: SimpleSaml, tmp_path: Path) -> None:
    """S-16."""
    async with gateway(tmp_path, idp) as site, visitor(site) as somebody:
        answer = await somebody.request("GET", f"{site.home}/-/auth/corp/metadata")
        assert answer.headers["Content-Type"] == "application/samlmetadata+xml"
        assert f"{site.home}/-/auth/corp/acs" in await answer.text()


@pytest.mark.real
@pytest.mark.parametrize("binding", ["redirect", "post"])
async def test_the_whole_way_in_chromium(idp: SimpleSaml, tmp_path: Path, chromium: Chromium, binding: str) -> None:
    """S-16, S-20: the provider's post comes from another site, so without our cookies."""
    async with gateway(tmp_path, idp, binding=binding) as site, chromium.visitor() as visit:
        page = visit.page
        await page.goto(f"{site.home}/-/login")
        await page.get_by_role("link", name="Corp").click()
        await page.get_by_label("Username").fill("ada")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Login").click()
        await page.get_by_text("Ada Lovelace").first.wait_for()
        assert page.url == f"{site.home}/"
        await page.goto(f"{site.home}/-/logout")
        await page.get_by_role("button", name="Log out").click()
        await page.get_by_role("heading", name="You are logged out").wait_for()
        await page.goto(f"{site.home}/-/login?with=corp")
        await page.get_by_label("Username").wait_for()
        assert page.url.startswith(idp.origin)
