"""Visitors whom Cloudflare Access let in, by its signed assertion alone."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import ValidationError
from typing_extensions import override

from auth_plugins import CredentialRequest, Identity, Kit, LogoutRequest, Redirect, Refused, Unavailable
from auth_plugins.cloudflare import ASSERTION, Cloudflare, CloudflareSettings
from auth_plugins.testkit import Conformance, Visitor
from auth_plugins.testkit import kit as kit_for
from tests.auth_plugins.token_forgeries import FORGERIES, keys_of_all_kinds
from tests.peers.changes import promised
from tests.peers.issuer import CLIENT, Issuer, outside, public, running

TEAM = "https://acme.cloudflareaccess.com"


@pytest.fixture
async def team() -> AsyncIterator[Issuer]:
    """Its keys are at /jwks here; what it issues names the team."""
    async with running(Issuer(keys=keys_of_all_kinds(), claims={"iss": TEAM, "nonce": None, "sid": None})) as started:
        started.claims |= {"type": "app", "preferred_username": None, "email_verified": None, "country": "AT"}
        yield started


@pytest.fixture
async def kit(team: Issuer) -> AsyncIterator[Kit]:
    async with outside(team) as made:
        yield made


def plugin(team: Issuer, kit: Kit, **options: object) -> Cloudflare:
    said = {"team": "acme", "audience": [CLIENT], "certs_url": f"{team.url}/jwks", **options}
    return Cloudflare(CloudflareSettings.model_validate(said), kit)


def assertion(team: Issuer, **over: object) -> str:
    claims = {**team.id_claims(), **over}
    return team.token({name: value for name, value in claims.items() if value is not None})


async def sent(cloudflare: Cloudflare, token: str) -> Identity | None:
    return await cloudflare.identify(CredentialRequest(headers={ASSERTION: token}))


class TestItKeepsThePromisesOfEveryPlugin(Conformance):
    @override
    def plugin(self) -> Cloudflare:
        return plugin(Issuer(), kit_for())


async def test_an_assertion_says_who_sent_the_request(team: Issuer, kit: Kit) -> None:
    identity = await sent(plugin(team, kit), assertion(team, custom={"groups": ["ops", "plant"]}))
    assert identity is not None
    assert (identity.subject, identity.username, identity.email) == ("u1", "ada@acme.example", "ada@acme.example")
    assert identity.email_verified
    assert identity.groups == ("ops", "plant")
    assert identity.ends == team.clock.now + 330


async def test_without_groups_in_it_nothing_is_said_of_them(team: Issuer, kit: Kit) -> None:
    """S-22."""
    identity = await sent(plugin(team, kit), assertion(team))
    assert identity is not None
    assert identity.groups is None


async def test_plain_headers_are_never_believed(team: Issuer, kit: Kit) -> None:
    """Whoever reaches the gateway past Cloudflare can write them."""
    headers = {
        "cf-access-authenticated-user-email": "root@acme.example",
        "cookie": f"CF_Authorization={assertion(team)}",
    }
    assert await Visitor(plugin(team, kit)).sends(headers) is None
    assert await plugin(team, kit).identify(CredentialRequest(headers=headers)) is None


@pytest.mark.parametrize("name", FORGERIES)
async def test_no_forged_assertion_is_accepted(team: Issuer, kit: Kit, name: str) -> None:
    expected, forge = FORGERIES[name]
    token = forge(team)
    if not token:
        assert await sent(plugin(team, kit), token) is None
        return
    with pytest.raises(Refused) as refused:
        await sent(plugin(team, kit), token)
    assert refused.value.code == ("token_algorithm" if "ECDSA" in name else expected)


@pytest.mark.parametrize(
    ("over", "code"),
    [
        ({"iss": "https://evil.cloudflareaccess.com"}, "token_issuer"),
        ({"aud": ["another application"]}, "token_audience"),
        ({"type": "org"}, "token_type"),
        ({"sub": "", "common_name": "abc.access"}, "service_token_unknown"),
        ({"sub": "", "common_name": ""}, "service_token_unknown"),
        ({"sub": None, "common_name": None}, "service_token_unknown"),
    ],
)
async def test_a_sound_assertion_of_something_else_is_refused(
    team: Issuer, kit: Kit, over: dict[str, object], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        await sent(plugin(team, kit), assertion(team, **over))
    assert refused.value.code == code


async def test_a_service_token_that_is_listed_comes_as_its_user(team: Issuer, kit: Kit) -> None:
    cloudflare = plugin(team, kit, service_tokens={"abc.access": "press-1"})
    identity = await sent(cloudflare, assertion(team, sub="", common_name="abc.access", email=None))
    assert identity is not None
    assert (identity.subject, identity.username, identity.email_verified) == ("abc.access", "press-1", False)
    person = await sent(cloudflare, assertion(team, common_name="abc.access"))
    assert person is not None
    assert person.subject == "u1"


async def test_keys_that_are_away_or_silent_are_no_failed_attempt(team: Issuer, kit: Kit) -> None:
    team.silent.add("/jwks")
    async with promised(3):
        with pytest.raises(Unavailable):
            await sent(plugin(team, kit, timeout=0.3), assertion(team))
    team.answers["/jwks"] = lambda: web.Response(status=500)
    team.silent.clear()
    with pytest.raises(Unavailable):
        await sent(plugin(team, kit), assertion(team))


async def test_keys_may_lie_in_a_file(team: Issuer, kit: Kit, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [public("one")]}))
    assert await sent(await asyncio.to_thread(plugin, team, kit, jwks=str(path)), assertion(team)) is not None
    assert team.asked == {}


async def test_a_logout_goes_on_to_the_team(team: Issuer, kit: Kit) -> None:
    """S-20."""
    step = await plugin(team, kit).logout(LogoutRequest(subject="u1"))
    assert step == Redirect(url=f"{TEAM}/cdn-cgi/access/logout")


@pytest.mark.parametrize("written", ["acme", "ACME", "acme.cloudflareaccess.com"])
async def test_a_team_is_its_name_or_its_domain(written: str) -> None:
    cloudflare = Cloudflare(CloudflareSettings.model_validate({"team": written, "audience": ["a"]}), kit_for())
    assert cloudflare.issuer == TEAM


@pytest.mark.parametrize(
    "options",
    [
        {"team": "https://acme.cloudflareaccess.com"},
        {"team": "acme.example"},
        {"team": ""},
        {"audience": []},
        {"certs_url": "http://elsewhere.example/certs"},
        {"email": "x"},
    ],
)
def test_options_that_cannot_work_are_told(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CloudflareSettings.model_validate({"team": "acme", "audience": ["a"], **options})


def test_one_claim_named_anew_leaves_the_others_as_they_are() -> None:
    settings = CloudflareSettings.model_validate({"team": "acme", "audience": ["a"], "claims": {"groups": "teams"}})
    assert (settings.claims.username, settings.claims.groups) == ("email", ("teams",))


async def test_a_sample_says_who_it_would_be_and_keys_are_found(team: Issuer, kit: Kit) -> None:
    cloudflare = plugin(team, kit, require={"country": ["AT"]})
    assert (await cloudflare.examine(assertion(team))).username == "ada@acme.example"
    with pytest.raises(Refused):
        await cloudflare.examine('{"sub": "u1", "email": "ada@acme.example", "country": "US"}')
    assert [each.code for each in await cloudflare.findings()] == ["keys_there"]
