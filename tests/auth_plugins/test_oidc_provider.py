"""Login by a real OpenID Connect provider, npm's oidc-provider."""

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import ClientSession, CookieJar, DummyCookieJar

from auth_plugins import Identity, LogoutRequest, ProviderMessage, Redirect, Refused, Unavailable
from auth_plugins.openid.oidc import Kept, Oidc
from auth_plugins.openid.settings import OidcSettings
from auth_plugins.testkit import Time, Visitor, kit
from proxy.web.outside import Outside
from tests.peers import nodered
from tests.peers.oidc_provider import OidcProvider, client, logged_in, running

BASE = "http://localhost:9/-/auth/idp"
SECRET = "a secret of the client"


@pytest.fixture
async def provider(node_red_programs: nodered.Programs, oidc_provider_modules: Path) -> AsyncIterator[OidcProvider]:
    clients = [
        client(BASE, SECRET),
        client(BASE, SECRET, client_id="posting", token_endpoint_auth_method="client_secret_post"),
        client(BASE, "", client_id="public"),
        client(BASE, SECRET, client_id="curve", id_token_signed_response_alg="ES256"),
    ]
    node = node_red_programs.installation.node
    async with running(OidcProvider(node=node, modules=oidc_provider_modules, clients=clients)) as started:
        yield started


@pytest.fixture
def clock() -> Time:
    return Time(time.time())


@pytest.fixture
async def fetch() -> AsyncIterator[Outside]:
    async with ClientSession(cookie_jar=DummyCookieJar()) as session:
        yield Outside(session)


def plugin(provider: OidcProvider, fetch: Outside, clock: Time, **options: object) -> Oidc:
    said = {"issuer": provider.issuer, "client_id": "flowward", "client_secret": SECRET, **options}
    settings = OidcSettings.model_validate({name: value for name, value in said.items() if value is not None})
    return Oidc(settings, kit(now=clock, fetch=fetch, base=BASE))


async def arrived(oidc: Oidc, account: str = "ada", jar: CookieJar | None = None) -> Identity:
    visitor = Visitor(oidc)
    step = await visitor.arrives()
    assert isinstance(step, Redirect)
    identity = await visitor.returns(**await logged_in(step.url, account, jar))
    assert isinstance(identity, Identity)
    return identity


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"client_id": "posting", "client_authentication": "client_secret_post"},
        {"client_id": "public", "client_secret": None},
        {"client_id": "curve", "algorithms": ["ES256"]},
    ],
    ids=["basic", "post", "public", "ES256"],
)
async def test_somebody_logs_in(
    provider: OidcProvider, fetch: Outside, clock: Time, options: dict[str, object]
) -> None:
    """S-31."""
    identity = await arrived(plugin(provider, fetch, clock, **options))
    assert (identity.subject, identity.username, identity.name) == ("ada", "ada", "Ada Lovelace")
    assert (identity.email, identity.email_verified) == ("ada@acme.example", True)
    assert identity.groups == ("ff-acme-owner", "engineers")
    assert identity.session


async def test_an_address_that_is_not_verified_there_is_not_verified_here(
    provider: OidcProvider, fetch: Outside, clock: Time
) -> None:
    identity = await arrived(plugin(provider, fetch, clock), "eve")
    assert (identity.email, identity.email_verified) == ("ada@acme.example", False)


async def test_an_algorithm_that_is_not_expected_is_refused(
    provider: OidcProvider, fetch: Outside, clock: Time
) -> None:
    with pytest.raises(Refused) as refused:
        await arrived(plugin(provider, fetch, clock, client_id="curve", algorithms=["RS256"]))
    assert refused.value.code == "token_algorithm"


async def test_a_code_counts_once(provider: OidcProvider, fetch: Outside, clock: Time) -> None:
    visitor = Visitor(plugin(provider, fetch, clock))
    step = await visitor.arrives()
    assert isinstance(step, Redirect)
    fields = await logged_in(step.url, "ada")
    assert isinstance(await visitor.returns(**fields), Identity)
    with pytest.raises(Refused) as refused:
        await visitor.returns(**fields)
    assert refused.value.code == "grant_refused"


async def test_a_code_is_of_no_use_without_the_verifier_of_its_own_login(
    provider: OidcProvider, fetch: Outside, clock: Time
) -> None:
    """A stolen code, brought into a login of the thief's (RFC 9700 section 2.1.1)."""
    oidc = plugin(provider, fetch, clock)
    victim, thief = Visitor(oidc, flow="victim"), Visitor(oidc, flow="thief")
    step = await victim.arrives()
    assert isinstance(step, Redirect)
    stolen = await logged_in(step.url, "ada")
    await thief.arrives()
    with pytest.raises(Refused) as refused:
        await thief.returns(**{**stolen, "state": "thief"})
    assert refused.value.code == "grant_refused"


async def test_a_wrong_secret_is_the_gateways_trouble(provider: OidcProvider, fetch: Outside, clock: Time) -> None:
    with pytest.raises(Unavailable) as away:
        await arrived(plugin(provider, fetch, clock, client_secret="another"))
    assert away.value.code == "grant_failed"


async def test_a_refresh_token_brings_what_is_so_now(provider: OidcProvider, fetch: Outside, clock: Time) -> None:
    """S-14: also that somebody is gone."""
    oidc = plugin(provider, fetch, clock)
    identity = await arrived(oidc)
    again = await oidc.refresh(identity)
    assert replace(again, keep="") == replace(identity, keep="")
    with pytest.raises(Refused) as refused:
        await oidc.refresh(replace(identity, keep=Kept(refresh_token="nobody's").text()))
    assert refused.value.code == "grant_refused"


async def test_somebody_logs_in_anew_though_the_provider_knows_them(
    provider: OidcProvider, fetch: Outside, clock: Time
) -> None:
    oidc, jar = plugin(provider, fetch, clock), CookieJar(unsafe=True)
    await arrived(oidc, jar=jar)
    visitor = Visitor(oidc)
    step = await visitor.arrives(again=True)
    assert isinstance(step, Redirect)
    assert parse_qs(urlsplit(step.url).query)["prompt"] == ["login"]
    assert isinstance(await visitor.returns(**await logged_in(step.url, "ada", jar)), Identity)


async def test_keys_may_change_while_the_gateway_runs(provider: OidcProvider, fetch: Outside, clock: Time) -> None:
    """S-31."""
    oidc = plugin(provider, fetch, clock)
    await arrived(oidc)
    await provider.stop()
    with pytest.raises(Unavailable):
        await arrived(plugin(provider, fetch, clock))
    await provider.start()
    clock.now += 11
    assert (await arrived(oidc)).subject == "ada"


async def test_a_provider_that_is_there_is_found(provider: OidcProvider, fetch: Outside, clock: Time) -> None:
    assert [each.code for each in await plugin(provider, fetch, clock).findings()] == ["provider_answers"]


async def test_a_logout_ends_the_session_there(provider: OidcProvider, fetch: Outside, clock: Time) -> None:
    """S-20: the provider knows the address it may send the visitor back to, and asks for the password again."""
    oidc, jar = plugin(provider, fetch, clock), CookieJar(unsafe=True)
    identity = await arrived(oidc, jar=jar)
    step = await oidc.logout(LogoutRequest(subject="ada", session=identity.session, keep=identity.keep, flow="f"))
    assert step is not None
    async with ClientSession(cookie_jar=jar) as browser, browser.get(step.url) as page:
        assert page.status == 200
        assert "Do you want to sign-out from" in await page.text()
    assert (await oidc.ended(ProviderMessage(fields={"state": "f"}))).session == ""
