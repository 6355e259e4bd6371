"""Login by a provider that gives no id token, as GitHub answers."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from pydantic import ValidationError
from typing_extensions import override

from auth_plugins import Answer, Identity, Kit, LogoutRequest, Redirect, Refused, Unavailable
from auth_plugins.openid.oauth2 import PRESETS, OAuth2, OAuth2Settings
from auth_plugins.testkit import Conformance, Visitor
from auth_plugins.testkit import kit as kit_for
from tests.peers.issuer import CLIENT, SECRET, Issuer, outside, running

ADA = {"id": 583231, "login": "ada", "name": "Ada", "email": "public@ada.example", "avatar_url": "https://i.example/a"}
EMAILS = [
    {"email": "public@ada.example", "primary": False, "verified": True},
    {"email": "ada@acme.example", "primary": True, "verified": True},
]


@pytest.fixture
async def github() -> AsyncIterator[Issuer]:
    """An API as GitHub's: it answers nobody who does not say who asks, and tells of the teams in two pages."""
    at = Issuer()
    at.granted = {"id_token": None, "token_type": "bearer", "scope": "read:user"}
    teams = [{"slug": name, "organization": {"login": "acme"}} for name in ("ops", "plant")]
    following = {"Link": f'<{at.url}/user/teams2?page=2>; rel="next", <{at.url}/user/teams2?page=2>; rel="last"'}
    at.answers = {
        "/user": lambda: web.json_response(ADA),
        "/user/emails": lambda: web.json_response(EMAILS),
        "/user/orgs": lambda: web.json_response([{"login": "acme"}]),
        "/user/teams": lambda: web.json_response(teams[:1], headers=following),
        "/user/teams2": lambda: web.json_response(teams[1:]),
    }
    async with running(at) as started:
        yield started


@pytest.fixture
async def kit(github: Issuer) -> AsyncIterator[Kit]:
    async with outside(github) as made:
        yield made


def settings_at(github: Issuer, **options: object) -> OAuth2Settings:
    at = {
        "authorization_endpoint": f"{github.url}/login/oauth/authorize",
        "token_endpoint": f"{github.url}/token",
        "userinfo_endpoint": f"{github.url}/user",
        "emails_endpoint": f"{github.url}/user/emails",
        "groups_endpoints": {
            f"{github.url}/user/orgs": "{login}",
            f"{github.url}/user/teams": "{organization.login}/{slug}",
        },
    }
    return OAuth2Settings.model_validate(
        {"preset": "github", "client_id": CLIENT, "client_secret": SECRET, **at, **options}
    )


def plugin(github: Issuer, kit: Kit, **options: object) -> OAuth2:
    return OAuth2(settings_at(github, **options), kit)


async def logged_in(oauth2: OAuth2) -> Identity:
    visitor = Visitor(oauth2)
    await visitor.arrives()
    identity = await visitor.returns(code="c")
    assert isinstance(identity, Identity)
    return identity


class TestItKeepsThePromisesOfEveryPlugin(Conformance):
    """S-31."""

    @override
    def plugin(self) -> OAuth2:
        async def fetch(*_: object, **__: object) -> Answer:
            return Answer(status=200, headers={}, body=b'{"error": "bad_verification_code"}')

        return plugin(Issuer(), kit_for(fetch=fetch))


def test_github_needs_no_more_than_the_client() -> None:
    settings = OAuth2Settings.model_validate({"preset": "github", "client_id": "c", "client_secret": "s"})
    assert settings.claims.subject == "id"
    assert set(PRESETS) == {"github"}


def test_a_provider_without_a_preset_names_its_addresses() -> None:
    with pytest.raises(ValidationError, match="authorization_endpoint"):
        OAuth2Settings.model_validate({"client_id": "c"})
    with pytest.raises(ValidationError, match="https://"):
        settings_at(Issuer(), groups_endpoints={"http://elsewhere.example/": "{login}"})
    with pytest.raises(ValidationError, match="client_secret"):
        OAuth2Settings.model_validate({"preset": "github", "client_id": "c"})


async def test_a_visitor_is_sent_away_with_state_and_challenge(github: Issuer, kit: Kit) -> None:
    step = await Visitor(plugin(github, kit)).arrives()
    assert isinstance(step, Redirect)
    query = parse_qs(urlsplit(step.url).query)
    assert query["state"] == ["flow-1"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["scope"] == ["read:user user:email read:org"]


async def test_who_comes_back_is_who_the_api_says(github: Issuer, kit: Kit) -> None:
    """S-31."""
    identity = await logged_in(plugin(github, kit))
    assert (identity.subject, identity.username, identity.name) == ("583231", "ada", "Ada")
    assert (identity.email, identity.email_verified) == ("ada@acme.example", True)
    assert identity.groups == ("acme", "acme/ops", "acme/plant")
    (heard,) = github.heard
    assert (heard["client_secret"], heard["client_id"]) == (SECRET, CLIENT)
    assert heard["code_verifier"]


@pytest.mark.parametrize(
    ("emails", "found"),
    [
        ([{"email": "ada@acme.example", "primary": True, "verified": False}], ("ada@acme.example", False)),
        ([{"email": "ada@acme.example", "primary": False, "verified": True}], ("", False)),
        ([], ("", False)),
        (["ada@acme.example", None], ("", False)),
    ],
)
async def test_only_the_primary_address_counts_and_only_where_it_is_verified(
    github: Issuer, kit: Kit, emails: list[object], found: tuple[str, bool]
) -> None:
    github.answers["/user/emails"] = lambda: web.json_response(emails)
    identity = await logged_in(plugin(github, kit))
    assert (identity.email, identity.email_verified) == found


async def test_an_address_of_the_profile_alone_is_not_verified(github: Issuer, kit: Kit) -> None:
    identity = await logged_in(plugin(github, kit, emails_endpoint=""))
    assert (identity.email, identity.email_verified) == ("public@ada.example", False)
    assert (await logged_in(plugin(github, kit, emails_endpoint="", insecure_trust_email=True))).email_verified


async def test_groups_can_be_required(github: Issuer, kit: Kit) -> None:
    """Anybody can have an account at GitHub."""
    assert (await logged_in(plugin(github, kit, require={"groups": ["acme/ops"]}))).username == "ada"
    with pytest.raises(Refused) as refused:
        await logged_in(plugin(github, kit, require={"groups": ["other"]}))
    assert refused.value.code == "claim_required"


async def test_without_addresses_for_groups_nothing_is_said_of_them(github: Issuer, kit: Kit) -> None:
    """S-22."""
    assert (await logged_in(plugin(github, kit, groups_endpoints={}))).groups is None


@pytest.mark.parametrize("group", [{"slug": "ops"}, {"slug": "ops", "organization": {"login": ["acme"]}}])
async def test_a_group_without_its_name_is_refused(github: Issuer, kit: Kit, group: object) -> None:
    github.answers["/user/teams"] = lambda: web.json_response([group])
    with pytest.raises(Refused) as refused:
        await logged_in(plugin(github, kit))
    assert refused.value.code == "claim_malformed"


async def test_pages_elsewhere_are_not_followed(github: Issuer, kit: Kit) -> None:
    """The access token goes to the provider alone."""
    async with running(Issuer()) as elsewhere:
        away = {"Link": f'<{elsewhere.url}/teams>; rel="next"'}
        github.answers["/user/teams"] = lambda: web.json_response([], headers=away)
        assert (await logged_in(plugin(github, kit))).groups == ("acme",)
        assert elsewhere.asked == {}


async def test_pages_without_end_end(github: Issuer, kit: Kit) -> None:
    again = {"Link": f'<{github.url}/user/teams>; rel="next"'}
    github.answers["/user/teams"] = lambda: web.json_response([], headers=again)
    await logged_in(plugin(github, kit))
    assert github.asked["/user/teams"] == 20


@pytest.mark.parametrize(
    "fields",
    [{"state": "flow-2", "code": "c"}, {"code": ""}, {"error": "access_denied"}],
)
async def test_an_answer_that_is_not_of_this_login_is_refused(github: Issuer, kit: Kit, fields: dict[str, str]) -> None:
    visitor = Visitor(plugin(github, kit))
    await visitor.arrives()
    with pytest.raises(Refused):
        await visitor.returns(**fields)
    assert github.heard == []


async def test_a_code_that_was_used_is_refused_as_github_says_it(github: Issuer, kit: Kit) -> None:
    github.granted = {"error": "bad_verification_code", "access_token": None}
    with pytest.raises(Refused) as refused:
        await logged_in(plugin(github, kit))
    assert refused.value.code == "grant_refused"
    github.granted = {"error": "incorrect_client_credentials", "access_token": None}
    with pytest.raises(Unavailable):
        await logged_in(plugin(github, kit))


@pytest.mark.parametrize("path", ["/user", "/user/emails", "/user/teams", "/token"])
@pytest.mark.parametrize("text", ["", "<html>", "5", '"x"'])
async def test_an_api_that_answers_nonsense_is_unavailable(github: Issuer, kit: Kit, path: str, text: str) -> None:
    github.answers[path] = lambda: web.Response(text=text)
    with pytest.raises(Unavailable):
        await logged_in(plugin(github, kit))


async def test_a_silent_api_is_unavailable(github: Issuer, kit: Kit) -> None:
    github.silent.add("/user")
    with pytest.raises(Unavailable) as away:
        await logged_in(plugin(github, kit, timeout=0.3))
    assert away.value.code == "provider_slow"


async def test_a_refresh_asks_again_and_notices_who_took_the_access_back(github: Issuer, kit: Kit) -> None:
    """S-14."""
    oauth2 = plugin(github, kit)
    identity = await logged_in(oauth2)
    github.answers["/user/orgs"] = lambda: web.json_response([])
    assert (await oauth2.refresh(identity)).groups == ("acme/ops", "acme/plant")
    github.answers["/user"] = lambda: web.json_response({**ADA, "id": 1})
    with pytest.raises(Refused) as refused:
        await oauth2.refresh(identity)
    assert refused.value.code == "subject_differs"
    github.answers["/user"] = lambda: web.Response(status=401)
    with pytest.raises(Refused) as refused:
        await oauth2.refresh(identity)
    assert refused.value.code == "access_ended"
    github.answers["/user"] = lambda: web.Response(status=403)
    with pytest.raises(Unavailable):
        await oauth2.refresh(identity)


async def test_nobody_can_be_asked_to_log_in_anew(github: Issuer, kit: Kit) -> None:
    with pytest.raises(Refused) as refused:
        await Visitor(plugin(github, kit)).arrives(again=True)
    assert refused.value.code == "cannot_ask_again"


async def test_a_logout_stays_here(github: Issuer, kit: Kit) -> None:
    assert await plugin(github, kit).logout(LogoutRequest(subject="583231")) is None


async def test_a_sample_says_who_it_would_be(github: Issuer, kit: Kit) -> None:
    oauth2 = plugin(github, kit)
    assert (await oauth2.examine('{"id": 1, "login": "ada", "groups": ["acme"]}')).groups == ("acme",)
    with pytest.raises(Refused):
        await oauth2.examine("ada")
    assert [each.code for each in await plugin(github, kit, insecure_trust_email=True).findings()] == ["email_unproven"]
    assert await oauth2.findings() == ()
