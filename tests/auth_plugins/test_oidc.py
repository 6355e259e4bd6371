"""Login by OpenID Connect against a provider that answers as it should, and in every way it should not."""

import json
from collections.abc import AsyncIterator, Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from pydantic import SecretStr, ValidationError
from typing_extensions import override

from auth_plugins import Answer, Identity, Kit, LogoutRequest, ProviderMessage, Redirect, Refused, Unavailable
from auth_plugins.openid.logout import EVENT
from auth_plugins.openid.oidc import Kept, Oidc
from auth_plugins.openid.settings import PRESETS, OidcSettings
from auth_plugins.testkit import Conformance, Visitor
from auth_plugins.testkit import kit as kit_for
from tests.auth_plugins.token_forgeries import FORGERIES, keys_of_all_kinds
from tests.peers.changes import promised
from tests.peers.issuer import CLIENT, SECRET, Issuer, half_hash, outside, running


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with running(Issuer(keys=keys_of_all_kinds())) as started:
        yield started


@pytest.fixture
async def kit(issuer: Issuer) -> AsyncIterator[Kit]:
    async with outside(issuer) as made:
        yield made


def plugin(at: Issuer, kit: Kit, /, **options: object) -> Oidc:
    said = {"issuer": at.url, "client_id": CLIENT, "client_secret": SECRET, **options}
    return Oidc(OidcSettings.model_validate({key: value for key, value in said.items() if value is not None}), kit)


async def sent(visitor: Visitor, issuer: Issuer, **how: bool | str) -> dict[str, str]:
    """The query with which a visitor arrives at the provider, which remembers the nonce."""
    step = await visitor.arrives(**how)  # type: ignore[arg-type]
    assert isinstance(step, Redirect)
    query = {name: values[0] for name, values in parse_qs(urlsplit(step.url).query).items()}
    issuer.nonce = query["nonce"]
    return query


async def logged_in(oidc: Oidc, issuer: Issuer) -> Identity:
    visitor = Visitor(oidc)
    await sent(visitor, issuer)
    identity = await visitor.returns(code="c", iss=issuer.url)
    assert isinstance(identity, Identity)
    return identity


async def code(oidc: Oidc, issuer: Issuer) -> str:
    with pytest.raises(Refused) as refused:
        await logged_in(oidc, issuer)
    return refused.value.code


class TestItKeepsThePromisesOfEveryPlugin(Conformance):
    """S-31."""

    @override
    def plugin(self) -> Oidc:
        issuer = Issuer()

        async def fetch(_: str, url: str, **__: object) -> Answer:
            known = {issuer.url + "/.well-known/openid-configuration": issuer.document(), issuer.url + "/jwks": {}}
            return Answer(status=200 if url in known else 400, headers={}, body=json.dumps(known.get(url, {})).encode())

        return plugin(issuer, kit_for(fetch=fetch))


async def test_a_visitor_is_sent_away_with_all_that_binds_the_answer_to_this_login(issuer: Issuer, kit: Kit) -> None:
    """S-31."""
    visitor = Visitor(plugin(issuer, kit, parameters={"hd": "acme.example", "state": "fixed"}))
    query = await sent(visitor, issuer, hint="ada@acme.example")
    assert len(query.pop("nonce")) >= 43
    assert len(query.pop("code_challenge")) == 43
    assert query == {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": "https://gate.example/-/auth/test/callback",
        "scope": "openid profile email",
        "state": "flow-1",
        "code_challenge_method": "S256",
        "login_hint": "ada@acme.example",
        "hd": "acme.example",
    }


async def test_who_comes_back_is_who_the_provider_says(issuer: Issuer, kit: Kit) -> None:
    """S-31."""
    identity = await logged_in(plugin(issuer, kit), issuer)
    assert (identity.subject, identity.username, identity.email, identity.email_verified) == (
        "u1",
        "ada",
        "ada@acme.example",
        True,
    )
    assert identity.groups == ("engineers",)
    assert identity.session == "s1"
    assert identity.ends is None
    assert issuer.asked == {"/.well-known/openid-configuration": 1, "/token": 1, "/jwks": 1, "/userinfo": 1}


async def test_metadata_and_keys_are_asked_for_once(issuer: Issuer, kit: Kit) -> None:
    oidc = plugin(issuer, kit)
    await logged_in(oidc, issuer)
    await logged_in(oidc, issuer)
    assert (issuer.asked["/.well-known/openid-configuration"], issuer.asked["/jwks"]) == (1, 1)


async def test_what_is_signed_counts_more_than_what_userinfo_says(issuer: Issuer, kit: Kit) -> None:
    issuer.userinfo = {"sub": "u1", "preferred_username": "root", "email": "root@acme.example", "name": "Ada"}
    identity = await logged_in(plugin(issuer, kit), issuer)
    assert (identity.username, identity.email, identity.name) == ("ada", "ada@acme.example", "Ada")


@pytest.mark.parametrize(
    ("options", "methods", "proof"),
    [
        ({}, None, "basic"),
        ({}, ["client_secret_post", "client_secret_basic"], "basic"),
        ({}, ["client_secret_post"], "post"),
        ({"client_authentication": "client_secret_post"}, None, "post"),
        ({"client_secret": None}, None, "none"),
        ({"client_authentication": "none"}, None, "none"),
    ],
)
async def test_the_gateway_proves_itself_as_the_provider_likes_it(
    issuer: Issuer, kit: Kit, options: dict[str, object], methods: list[str] | None, proof: str
) -> None:
    issuer.metadata["token_endpoint_auth_methods_supported"] = methods
    await logged_in(plugin(issuer, kit, **options), issuer)
    (heard,) = issuer.heard
    # flowward:a+secret%3A+of+the+client%25, each part form-encoded before they are joined (RFC 6749 section 2.3.1)
    basic = "Basic Zmxvd3dhcmQ6YStzZWNyZXQlM0Erb2YrdGhlK2NsaWVudCUyNQ=="
    assert heard["authorization"] == (basic if proof == "basic" else "")
    assert heard.get("client_secret") == (SECRET if proof == "post" else None)
    assert heard.get("client_id") == (None if proof == "basic" else CLIENT)
    assert len(heard["code_verifier"]) >= 43
    assert heard["redirect_uri"] == "https://gate.example/-/auth/test/callback"


ANSWERS: dict[str, tuple[str, dict[str, str]]] = {
    "state of another login": ("state_differs", {"state": "flow-2"}),
    "no state": ("state_differs", {"state": ""}),
    "half of a state": ("state_differs", {"state": "\ud800"}),
    "from another provider": ("issuer_mixed_up", {"iss": "https://evil.example"}),
    "from a provider that does not name itself": ("issuer_mixed_up", {"iss": ""}),
    "denied": ("login_denied", {"error": "access_denied", "error_description": "not today\n\x00"}),
    "denied by another provider": ("issuer_mixed_up", {"error": "access_denied", "iss": "https://evil.example"}),
    "no code": ("code_missing", {"code": ""}),
    "a code as long as a book": ("code_missing", {"code": "c" * 4097}),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_that_is_not_of_this_login_is_refused_before_its_code_is_used(
    issuer: Issuer, kit: Kit, name: str
) -> None:
    expected, fields = ANSWERS[name]
    visitor = Visitor(plugin(issuer, kit))
    await sent(visitor, issuer)
    with pytest.raises(Refused) as refused:
        await visitor.returns(**{"code": "c", "iss": issuer.url, **fields})
    assert refused.value.code == expected
    assert refused.value.detail.isprintable()
    assert issuer.heard == []


async def test_an_answer_without_its_sender_is_refused_where_the_provider_always_says_it(
    issuer: Issuer, kit: Kit
) -> None:
    """RFC 9207: a provider mixed up with another."""
    visitor = Visitor(plugin(issuer, kit))
    await sent(visitor, issuer)
    with pytest.raises(Refused) as refused:
        await visitor.returns(code="c")
    assert refused.value.code == "issuer_mixed_up"


async def test_an_answer_without_its_sender_is_taken_where_the_provider_never_says_it(issuer: Issuer, kit: Kit) -> None:
    issuer.metadata["authorization_response_iss_parameter_supported"] = None
    visitor = Visitor(plugin(issuer, kit))
    await sent(visitor, issuer)
    assert isinstance(await visitor.returns(code="c"), Identity)


@pytest.mark.parametrize("flow", ["", "flow-1"])
async def test_who_was_never_sent_away_does_not_come_back(issuer: Issuer, kit: Kit, flow: str) -> None:
    with pytest.raises(Refused) as refused:
        await Visitor(plugin(issuer, kit), flow=flow).returns(code="c", state=flow, iss=issuer.url)
    assert refused.value.code == "login_unsolicited"


@pytest.mark.parametrize("error", ["server_error", "temporarily_unavailable", "invalid_scope", "unauthorized_client"])
async def test_trouble_of_the_provider_is_no_failed_attempt(issuer: Issuer, kit: Kit, error: str) -> None:
    visitor = Visitor(plugin(issuer, kit))
    await sent(visitor, issuer)
    with pytest.raises(Unavailable):
        await visitor.returns(error=error, iss=issuer.url)


@pytest.mark.parametrize("name", FORGERIES)
async def test_no_forged_id_token_lets_anybody_in(issuer: Issuer, kit: Kit, name: str) -> None:
    expected, forge = FORGERIES[name]
    visitor = Visitor(plugin(issuer, kit))
    await sent(visitor, issuer)
    issuer.granted["id_token"] = token = forge(issuer)
    with pytest.raises((Refused, Unavailable)) as refused:
        await visitor.returns(code="c", iss=issuer.url)
    assert refused.value.code == (expected if token else "provider_nonsense")
    assert "/userinfo" not in issuer.asked


TOKENS: dict[str, tuple[str, dict[str, object]]] = {
    "no nonce": ("nonce_differs", {"nonce": None}),
    "nonce of another login": ("nonce_differs", {"nonce": "x" * 43}),
    "empty nonce": ("nonce_differs", {"nonce": ""}),
    "nonce as a list": ("nonce_differs", {"nonce": ["x"]}),
    "for another client with ours beside": ("token_audience", {"aud": [CLIENT, "other"], "azp": "other"}),
    "for several clients and nobody said whose": ("token_audience", {"aud": [CLIENT, "other"]}),
    "given to another client": ("token_audience", {"azp": "other"}),
    "beside another access token": ("access_token_swapped", {"at_hash": half_hash("another access token")}),
    "empty at_hash": ("access_token_swapped", {"at_hash": ""}),
    "at_hash as a number": ("access_token_swapped", {"at_hash": 5}),
    "nobody": ("subject_missing", {"sub": ""}),
    "too many groups (Entra)": ("groups_overage", {"_claim_names": {"groups": "src1"}}),
    "too many groups, told in short (Entra)": ("groups_overage", {"hasgroups": True}),
}


@pytest.mark.parametrize("name", TOKENS)
async def test_a_sound_token_of_something_else_lets_nobody_in(issuer: Issuer, kit: Kit, name: str) -> None:
    expected, claims = TOKENS[name]
    issuer.claims = claims
    issuer.userinfo = {"sub": claims.get("sub", "u1")}
    visitor = Visitor(plugin(issuer, kit))
    await sent(visitor, issuer)
    issuer.claims = claims
    with pytest.raises(Refused) as refused:
        await visitor.returns(code="c", iss=issuer.url)
    assert refused.value.code == expected


async def test_a_token_that_names_our_client_and_our_access_token_is_taken(issuer: Issuer, kit: Kit) -> None:
    issuer.claims = {"aud": [CLIENT, "api"], "azp": CLIENT, "at_hash": half_hash("an access token")}
    assert (await logged_in(plugin(issuer, kit), issuer)).subject == "u1"


async def test_groups_that_do_not_fit_do_not_matter_where_they_are_not_read(issuer: Issuer, kit: Kit) -> None:
    issuer.claims = {"_claim_names": {"groups": "src1"}}
    identity = await logged_in(plugin(issuer, kit, claims={"groups": []}), issuer)
    assert identity.groups is None


@pytest.mark.parametrize("userinfo", [{"sub": "u2"}, {}, {"sub": ["u1"]}])
async def test_userinfo_of_somebody_else_is_refused(issuer: Issuer, kit: Kit, userinfo: dict[str, object]) -> None:
    issuer.userinfo = userinfo
    assert await code(plugin(issuer, kit), issuer) == "userinfo_differs"


async def test_a_code_that_was_used_is_refused(issuer: Issuer, kit: Kit) -> None:
    issuer.status, issuer.granted = 400, {"error": "invalid_grant"}
    assert await code(plugin(issuer, kit), issuer) == "grant_refused"


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (401, {"error": "invalid_client"}),
        (400, {"error": "unauthorized_client"}),
        (500, {}),
        (200, {"access_token": None}),
        (200, {"access_token": ["x"]}),
        (200, {"token_type": "mac"}),
        (200, {"token_type": None}),
        (200, {"id_token": None}),
        (200, {"error": "slow_down"}),
    ],
)
async def test_a_provider_that_does_not_take_the_gateway_for_its_client_is_no_failed_attempt(
    issuer: Issuer, kit: Kit, status: int, answer: dict[str, object]
) -> None:
    issuer.status, issuer.granted = status, answer
    with pytest.raises(Unavailable):
        await logged_in(plugin(issuer, kit), issuer)


PATHS = ["/.well-known/openid-configuration", "/token", "/jwks", "/userinfo"]
NONSENSE: dict[str, Callable[[], web.StreamResponse]] = {
    "nothing": web.Response,
    "a page": lambda: web.Response(text="<html>", content_type="text/html"),
    "a list": lambda: web.json_response([]),
    "half of it": lambda: web.Response(text='{"issuer": "http'),
    "nested": lambda: web.Response(text="[" * 100_000),
    "an error": lambda: web.Response(status=503),
    "a redirect": lambda: web.Response(status=302, headers={"Location": "https://evil.example/"}),
    "a flood": lambda: web.Response(body=b" " * (4 * 1024 * 1024 + 1)),
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", NONSENSE)
async def test_a_provider_that_answers_nonsense_is_unavailable(issuer: Issuer, kit: Kit, path: str, name: str) -> None:
    oidc = plugin(issuer, kit)
    issuer.answers[path] = NONSENSE[name]
    with pytest.raises(Unavailable):
        await logged_in(oidc, issuer)
    del issuer.answers[path]
    issuer.clock.now += 3
    assert (await logged_in(oidc, issuer)).subject == "u1"


@pytest.mark.parametrize("path", PATHS)
async def test_a_silent_provider_is_unavailable_within_three_seconds(issuer: Issuer, kit: Kit, path: str) -> None:
    oidc = plugin(issuer, kit, timeout=1.0)
    assert OidcSettings.model_fields["timeout"].default < 3
    issuer.silent.add(path)
    async with promised(3):
        with pytest.raises(Unavailable) as away:
            await logged_in(oidc, issuer)
    assert away.value.code == "provider_slow"
    issuer.silent.clear()
    issuer.clock.now += 3
    assert (await logged_in(oidc, issuer)).subject == "u1"


async def test_a_provider_that_is_gone_is_unavailable(kit: Kit) -> None:
    with pytest.raises(Unavailable):
        await Visitor(plugin(Issuer(), kit)).arrives()


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"token_endpoint": None},
        {"jwks_uri": "http://elsewhere.example/jwks"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": ["http://localhost:1/"]},
        {"end_session_endpoint": "http://elsewhere.example/"},
    ],
)
async def test_metadata_of_another_issuer_or_over_plain_http_is_not_believed(
    issuer: Issuer, kit: Kit, metadata: dict[str, object]
) -> None:
    issuer.metadata = metadata
    with pytest.raises(Unavailable):
        await Visitor(plugin(issuer, kit)).arrives()
    assert [each.level for each in await plugin(issuer, kit).findings()] == ["error"]


async def test_an_issuer_that_ends_with_a_slash_is_another_one(issuer: Issuer, kit: Kit) -> None:
    with pytest.raises(Unavailable) as away:
        await Visitor(plugin(issuer, kit, issuer=f"{issuer.url}/")).arrives()
    assert away.value.code == "issuer_differs"


async def test_who_is_to_log_in_anew_must_have_done_so(issuer: Issuer, kit: Kit) -> None:
    """S-31: the provider's own session does not count for a step-up."""
    visitor = Visitor(plugin(issuer, kit))
    query = await sent(visitor, issuer, again=True)
    assert (query["prompt"], query["max_age"]) == ("login", "0")
    for at in (None, issuer.clock.now - 31, "now"):
        issuer.claims = {"auth_time": at}
        with pytest.raises(Refused):
            await visitor.returns(code="c", iss=issuer.url)
    issuer.claims = {"auth_time": issuer.clock.now - 5}
    assert isinstance(await visitor.returns(code="c", iss=issuer.url), Identity)


async def test_a_provider_that_cannot_be_asked_again_is_not(issuer: Issuer, kit: Kit) -> None:
    with pytest.raises(Refused) as refused:
        await Visitor(plugin(issuer, kit, asks_again=False)).arrives(again=True)
    assert refused.value.code == "cannot_ask_again"


async def test_an_address_counts_as_verified_only_where_the_provider_vouches_for_it(issuer: Issuer, kit: Kit) -> None:
    issuer.claims = {"email_verified": None}
    assert not (await logged_in(plugin(issuer, kit), issuer)).email_verified
    assert (await logged_in(plugin(issuer, kit, insecure_trust_email=True), issuer)).email_verified
    issuer.claims = {}
    assert not (await logged_in(plugin(issuer, kit, email_authority="hd"), issuer)).email_verified
    issuer.claims = {"hd": "acme.example"}
    assert (await logged_in(plugin(issuer, kit, email_authority="hd"), issuer)).email_verified


async def test_a_claim_that_is_required_keeps_others_out(issuer: Issuer, kit: Kit) -> None:
    oidc = plugin(issuer, kit, require={"hd": ["acme.example"]})
    assert await code(oidc, issuer) == "claim_required"
    issuer.claims = {"hd": "acme.example"}
    assert (await logged_in(oidc, issuer)).subject == "u1"


async def test_a_logout_goes_on_to_the_provider_and_comes_back(issuer: Issuer, kit: Kit) -> None:
    """S-20."""
    oidc = plugin(issuer, kit)
    identity = await logged_in(oidc, issuer)
    step = await oidc.logout(LogoutRequest(subject="u1", session="s1", keep=identity.keep, flow="f2"))
    assert step is not None
    assert step.url.startswith(f"{issuer.url}/end?")
    assert {name: values[0] for name, values in parse_qs(urlsplit(step.url).query).items()} == {
        "client_id": CLIENT,
        "post_logout_redirect_uri": "https://gate.example/-/auth/test/slo",
        "state": "f2",
        "id_token_hint": Kept.of(identity.keep).id_token,
    }
    assert await oidc.ended(ProviderMessage(fields={"state": "f2"})) == (await oidc.ended(ProviderMessage(fields={})))


async def test_a_logout_stays_here_where_the_provider_has_none_or_it_is_not_wanted(issuer: Issuer, kit: Kit) -> None:
    request = LogoutRequest(subject="u1")
    assert await plugin(issuer, kit, end_session=False).logout(request) is None
    issuer.metadata = {"end_session_endpoint": None}
    assert await plugin(issuer, kit).logout(request) is None


def test_what_stays_with_a_session_has_room_there() -> None:
    assert Kept.of(Kept(id_token="i", refresh_token="r").text()) == Kept(id_token="i", refresh_token="r")
    assert Kept.of(Kept(id_token="i" * 17_000, refresh_token="r").text()) == Kept(refresh_token="r")
    assert Kept.of(Kept(id_token="i", refresh_token="r" * 17_000).text()) == Kept()


def logout_token(issuer: Issuer, header: dict[str, object] | None = None, **over: object) -> str:
    now = int(issuer.clock.now)
    said = {"iss": issuer.url, "aud": CLIENT, "iat": now, "exp": now + 120, "jti": "j1", "events": {EVENT: {}}}
    claims = {name: value for name, value in {**said, "sid": "s1", "sub": "u1", **over}.items() if value is not None}
    return issuer.token(claims, **{"typ": "logout+jwt", **(header or {})})


@pytest.mark.parametrize(
    ("over", "whose"),
    [({}, ("u1", "s1")), ({"sid": None}, ("u1", "")), ({"sub": None}, ("", "s1")), ({"exp": None}, ("u1", "s1"))],
)
async def test_a_logout_at_the_provider_says_whose_login_ended(
    issuer: Issuer, kit: Kit, over: dict[str, object], whose: tuple[str, str]
) -> None:
    """S-20."""
    ended = await plugin(issuer, kit).ended(ProviderMessage(fields={"logout_token": logout_token(issuer, **over)}))
    assert (ended.subject, ended.session, ended.then) == (*whose, None)


LOGOUTS: dict[str, tuple[str, Callable[[Issuer], str]]] = {
    "an id token": ("token_type", lambda issuer: issuer.token(issuer.id_claims())),
    "an access token": ("token_type", lambda issuer: logout_token(issuer, {"typ": "at+jwt"})),
    "a nonce in it": ("token_type", lambda issuer: logout_token(issuer, nonce="n")),
    "no events": ("token_type", lambda issuer: logout_token(issuer, events=None)),
    "another event": ("token_type", lambda issuer: logout_token(issuer, events={"x": {}})),
    "events as a list": ("token_type", lambda issuer: logout_token(issuer, events=[EVENT])),
    "an event without its object": ("token_type", lambda issuer: logout_token(issuer, events={EVENT: True})),
    "no name": ("token_claim_missing", lambda issuer: logout_token(issuer, jti=None)),
    "nobody's": ("logout_token_for_nobody", lambda issuer: logout_token(issuer, sid=None, sub=None)),
    "no time of issue": ("token_claim_missing", lambda issuer: logout_token(issuer, iat=None)),
    "expired": ("token_expired", lambda issuer: logout_token(issuer, exp=issuer.clock.now - 31)),
    "old": ("token_expired", lambda issuer: logout_token(issuer, exp=None, iat=issuer.clock.now - 631)),
    "another client's": ("token_audience", lambda issuer: logout_token(issuer, aud="other")),
    "another issuer's": ("token_issuer", lambda issuer: logout_token(issuer, iss="https://evil.example")),
    "nothing": ("token_malformed", lambda _: ""),
    **{name: ("", FORGERIES[name][1]) for name in ("none", "HMAC with the public key as PEM", "key embedded")},
}


@pytest.mark.parametrize("name", LOGOUTS)
async def test_no_forged_logout_token_ends_a_login(issuer: Issuer, kit: Kit, name: str) -> None:
    """S-20."""
    expected, forge = LOGOUTS[name]
    with pytest.raises(Refused) as refused:
        await plugin(issuer, kit).ended(ProviderMessage(fields={"logout_token": forge(issuer)}))
    assert refused.value.code == (expected or FORGERIES[name][0])


async def test_a_logout_token_counts_once(issuer: Issuer, kit: Kit) -> None:
    """S-20, on every process of the gateway: the vault is theirs together."""
    message = ProviderMessage(fields={"logout_token": logout_token(issuer)})
    await plugin(issuer, kit).ended(message)
    with pytest.raises(Refused) as refused:
        await plugin(issuer, kit).ended(message)
    assert refused.value.code == "logout_token_replayed"


async def test_a_frame_of_the_provider_may_name_the_session_that_ended(issuer: Issuer, kit: Kit) -> None:
    """S-20, for providers without a back channel."""
    oidc = plugin(issuer, kit)
    ended = await oidc.ended(ProviderMessage(fields={"iss": issuer.url, "sid": "s1"}))
    assert (ended.subject, ended.session) == ("", "s1")
    for issued in ({}, {"iss": "https://evil.example"}):
        with pytest.raises(Refused):
            await oidc.ended(ProviderMessage(fields={"sid": "s1", **issued}))


async def test_a_refresh_brings_what_the_provider_says_now(issuer: Issuer, kit: Kit) -> None:
    """S-22: groups that changed are noticed without a new login."""
    issuer.granted = {"refresh_token": "r1"}
    oidc = plugin(issuer, kit)
    identity = await logged_in(oidc, issuer)
    issuer.granted, issuer.nonce = {"refresh_token": "r2"}, ""
    issuer.userinfo = {"sub": "u1", "groups": ["managers"]}
    after = await oidc.refresh(identity)
    assert after.groups == ("managers",)
    assert Kept.of(after.keep).refresh_token == "r2"
    assert issuer.heard[-1] | {"authorization": ""} == {
        "grant_type": "refresh_token",
        "refresh_token": "r1",
        "authorization": "",
    }
    issuer.granted = {}
    assert Kept.of((await oidc.refresh(after)).keep).refresh_token == "r2"


async def test_a_refresh_that_says_no_more_leaves_what_is_known(issuer: Issuer, kit: Kit) -> None:
    issuer.granted = {"refresh_token": "r1"}
    oidc = plugin(issuer, kit)
    identity = await logged_in(oidc, issuer)
    issuer.granted = {"refresh_token": "r2", "id_token": None}
    after = await oidc.refresh(identity)
    assert after.groups == identity.groups
    assert Kept.of(after.keep) == Kept(id_token=Kept.of(identity.keep).id_token, refresh_token="r2")


async def test_who_may_no_longer_come_in_is_refused_at_the_refresh(issuer: Issuer, kit: Kit) -> None:
    """S-14."""
    issuer.granted = {"refresh_token": "r1"}
    oidc = plugin(issuer, kit)
    identity = await logged_in(oidc, issuer)
    issuer.status, issuer.granted = 400, {"error": "invalid_grant"}
    with pytest.raises(Refused):
        await oidc.refresh(identity)
    issuer.status = 503
    issuer.granted = {}
    with pytest.raises(Unavailable):
        await oidc.refresh(identity)


async def test_a_refresh_token_of_somebody_else_is_refused(issuer: Issuer, kit: Kit) -> None:
    issuer.granted = {"refresh_token": "r1"}
    oidc = plugin(issuer, kit)
    identity = await logged_in(oidc, issuer)
    issuer.claims, issuer.userinfo = {"sub": "u2"}, {"sub": "u2"}
    with pytest.raises(Refused) as refused:
        await oidc.refresh(identity)
    assert refused.value.code == "subject_differs"


async def test_without_a_refresh_token_nothing_is_asked(issuer: Issuer, kit: Kit) -> None:
    oidc = plugin(issuer, kit)
    identity = await logged_in(oidc, issuer)
    issuer.asked.clear()
    assert await oidc.refresh(identity) == identity
    assert issuer.asked == {}


async def test_a_sample_says_who_it_would_be(issuer: Issuer, kit: Kit) -> None:
    oidc = plugin(issuer, kit)
    assert (await oidc.examine(' {"sub": "u1", "groups": "a"}')).groups == ("a",)
    assert (await oidc.examine(issuer.token(issuer.id_claims()))).username == "ada"
    for nonsense in ("{", "[]", issuer.token({**issuer.id_claims(), "aud": "other"})):
        with pytest.raises(Refused):
            await oidc.examine(nonsense)


@pytest.mark.parametrize(
    ("metadata", "keys", "codes"),
    [
        ({}, True, {"provider_answers"}),
        ({"code_challenge_methods_supported": ["plain"]}, True, {"provider_answers", "pkce_unknown"}),
        ({"backchannel_logout_supported": False}, True, {"provider_answers", "logout_unseen"}),
        ({}, False, {"keys_missing"}),
    ],
)
async def test_what_can_be_said_of_the_provider_is_found(
    issuer: Issuer, kit: Kit, metadata: dict[str, object], keys: bool, codes: set[str]
) -> None:
    issuer.metadata = metadata
    issuer.keys = issuer.keys if keys else []
    found = await plugin(issuer, kit).findings()
    assert {each.code for each in found} == codes


async def test_an_option_that_weakens_is_found(issuer: Issuer, kit: Kit) -> None:
    found = await plugin(issuer, kit, insecure_trust_email=True).findings()
    assert [each.level for each in found] == ["warning", "ok"]


TENANT = "11111111-2222-3333-4444-555555555555"
ISSUERS: dict[str, dict[str, object]] = {
    "google": {},
    "entra": {"tenant": TENANT},
    "keycloak": {"issuer": "https://id.example/realms/acme"},
    "authentik": {"issuer": "https://id.example/application/o/flowward/"},
    "okta": {"issuer": "https://acme.okta.example"},
}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_needs_only_what_differs_between_its_users(preset: str) -> None:
    settings = OidcSettings.model_validate({"preset": preset, "client_id": "c", **ISSUERS[preset]})
    assert settings.issuer.startswith("https://")
    assert "{" not in settings.issuer


def test_what_is_written_wins_over_the_preset_claim_by_claim() -> None:
    written = {"preset": "google", "client_id": "c", "userinfo": True, "claims": {"groups": "roles"}}
    settings = OidcSettings.model_validate(written)
    assert (settings.userinfo, settings.claims.username, settings.claims.groups) == (True, "email", ("roles",))


def test_entra_is_one_tenant_and_vouches_for_no_address_by_itself() -> None:
    settings = OidcSettings.model_validate({"preset": "entra", "client_id": "c", "tenant": TENANT})
    assert settings.issuer == f"https://login.microsoftonline.com/{TENANT}/v2.0"
    assert settings.claims.email_verified == "xms_edov"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "issuer"),
        ({"issuer": "http://id.example"}, "must be an address with https://, and is 'http://id.example'"),
        ({"issuer": "https://ada@id.example"}, "must be an address with https://"),
        ({"issuer": "https://id.example/#x"}, "must be an address with https://"),
        ({"issuer": "https://id.example", "scopes": ["email"]}, "must have the scope openid"),
        ({"issuer": "https://id.example", "algorithms": ["HS256"]}, "algorithms"),
        ({"issuer": "https://id.example", "algorithms": ["none"]}, "algorithms"),
        ({"issuer": "https://id.example", "algorithms": []}, "must have an algorithm"),
        ({"issuer": "https://id.example", "timeout": 0}, "timeout"),
        (
            {"issuer": "https://id.example", "client_authentication": "client_secret_basic"},
            "must have a client_secret for client_secret_basic",
        ),
        ({"preset": "entra"}, "must have a tenant"),
        ({"preset": "entra", "tenant": "common"}, "must have a tenant"),
        ({"preset": "facebook", "issuer": "https://id.example"}, "preset"),
    ],
)
def test_options_that_cannot_work_are_told_with_their_remedy(options: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        OidcSettings.model_validate({"client_id": "c", **options})
    assert told in str(wrong.value)


def test_a_secret_is_never_shown() -> None:
    settings = OidcSettings.model_validate({"issuer": "https://id.example", "client_id": "c", "client_secret": SECRET})
    assert isinstance(settings.client_secret, SecretStr)
    assert SECRET not in repr(settings)
