"""Tokens of a trusted issuer that come with a request."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import ValidationError
from typing_extensions import override

from auth_plugins import CredentialRequest, Identity, Kit, Refused, Unavailable
from auth_plugins.bearer import OWN, Bearer, BearerSettings
from auth_plugins.keysets import unproven
from auth_plugins.testkit import Conformance
from auth_plugins.testkit import kit as kit_for
from tests.auth_plugins.token_forgeries import FORGERIES, keys_of_all_kinds, said
from tests.peers.changes import promised
from tests.peers.issuer import CLIENT, Issuer, outside, public, running


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with running(Issuer(keys=keys_of_all_kinds())) as started:
        yield started


@pytest.fixture
async def kit(issuer: Issuer) -> AsyncIterator[Kit]:
    async with outside(issuer) as made:
        yield made


def plugin(at: Issuer, kit: Kit, /, **options: object) -> Bearer:
    return Bearer(BearerSettings.model_validate({"issuer": at.url, "audience": [CLIENT], **options}), kit)


async def sent(bearer: Bearer, authorization: str) -> Identity | None:
    return await bearer.identify(CredentialRequest(headers={"authorization": authorization}))


class TestItKeepsThePromisesOfEveryPlugin(Conformance):
    """S-31."""

    @override
    def plugin(self) -> Bearer:
        return plugin(Issuer(), kit_for())


@pytest.mark.parametrize("options", [{}, {"jwks_url": True}, {"jwks": True}], ids=["discovery", "address", "file"])
async def test_a_token_of_the_issuer_says_who_sent_the_request(
    issuer: Issuer, kit: Kit, options: dict[str, bool], tmp_path: Path
) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [public("one")]}))
    where: dict[str, object] = {"jwks_url": f"{issuer.url}/jwks", "jwks": str(path)}
    bearer = await asyncio.to_thread(plugin, issuer, kit, **{name: where[name] for name in options})
    identity = await sent(bearer, f"Bearer {issuer.token(said(issuer, groups=['a']), typ='at+jwt')}")
    assert identity is not None
    assert (identity.subject, identity.username, identity.groups, identity.keep) == ("u1", "ada", ("a",), "")
    assert identity.ends == issuer.clock.now + 330


@pytest.mark.parametrize("scheme", ["bearer ", "BEARER ", "Bearer  "])
async def test_the_scheme_may_be_written_as_http_allows(issuer: Issuer, kit: Kit, scheme: str) -> None:
    assert await sent(plugin(issuer, kit), f"{scheme}{issuer.token(said(issuer))}") is not None


async def test_a_program_goes_by_its_subject(issuer: Issuer, kit: Kit) -> None:
    token = issuer.token(said(issuer, sub="press-1", preferred_username=None, email=None))
    identity = await sent(plugin(issuer, kit), f"Bearer {token}")
    assert identity is not None
    assert identity.username == "press-1"


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic YWRhOmFkYQ==", "Bearer opaque", "Bearer a.b", "Bearer e30.e30.e30", "Negotiate x"],
)
async def test_what_is_no_token_of_the_issuer_is_left_to_others(issuer: Issuer, kit: Kit, authorization: str) -> None:
    assert await sent(plugin(issuer, kit), authorization) is None
    assert issuer.asked == {}


async def test_a_token_of_another_issuer_is_left_to_others(issuer: Issuer, kit: Kit) -> None:
    for other in ("https://other.example", f"{issuer.url}/", None):
        assert await sent(plugin(issuer, kit), f"Bearer {issuer.token(said(issuer, iss=other))}") is None
    assert issuer.asked == {}


@pytest.mark.parametrize("prefix", OWN)
async def test_the_gateways_own_tokens_are_never_looked_at(issuer: Issuer, kit: Kit, prefix: str) -> None:
    """Not even where one looks like a token of the issuer."""
    token = issuer.token(said(issuer))
    assert await sent(plugin(issuer, kit), f"Bearer {prefix}{token}") is None


@pytest.mark.parametrize("name", sorted(FORGERIES.keys() - {"an access token"}))
async def test_no_forged_token_is_accepted(issuer: Issuer, kit: Kit, name: str) -> None:
    expected, forge = FORGERIES[name]
    token = forge(issuer)
    try:
        ours = unproven(token).at("iss") == issuer.url
    except Refused:
        ours = False
    if not ours:
        assert await sent(plugin(issuer, kit), f"Bearer {token}") is None
        return
    with pytest.raises(Refused) as refused:
        await sent(plugin(issuer, kit), f"Bearer {token}")
    assert refused.value.code == expected


async def test_a_token_for_another_service_is_refused(issuer: Issuer, kit: Kit) -> None:
    """A cache or a key set that serves several services does not make them one."""
    with pytest.raises(Refused) as refused:
        await sent(plugin(issuer, kit, audience=["other"]), f"Bearer {issuer.token(said(issuer))}")
    assert refused.value.code == "token_audience"


async def test_a_scope_can_be_required(issuer: Issuer, kit: Kit) -> None:
    bearer = plugin(issuer, kit, require={"scope": ["nodered"]})
    assert await sent(bearer, f"Bearer {issuer.token(said(issuer, scope='openid nodered'))}") is not None
    with pytest.raises(Refused) as refused:
        await sent(bearer, f"Bearer {issuer.token(said(issuer, scope='openid'))}")
    assert refused.value.code == "claim_required"


async def test_an_issuer_that_is_away_or_silent_is_no_failed_attempt(issuer: Issuer, kit: Kit) -> None:
    token = issuer.token(said(issuer))
    issuer.silent.add("/jwks")
    async with promised(3):
        with pytest.raises(Unavailable):
            await sent(plugin(issuer, kit, timeout=0.3), f"Bearer {token}")
    issuer.silent.clear()
    issuer.answers["/jwks"] = lambda: web.Response(text="<html>")
    with pytest.raises(Unavailable):
        await sent(plugin(issuer, kit), f"Bearer {token}")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"issuer": "machines"}, "is no address to ask"),
        ({"audience": []}, "must have an audience"),
        ({"algorithms": []}, "must have an audience and an algorithm"),
        ({"algorithms": ["HS256"]}, "algorithms"),
        ({"jwks_url": "http://elsewhere.example/jwks"}, "must be an address with https://"),
        ({"jwks": "missing.json"}, "must be a file that exists"),
    ],
)
def test_options_that_cannot_work_are_told(options: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        BearerSettings.model_validate({"issuer": "https://id.example", "audience": ["flowward"], **options})
    assert told in str(wrong.value)


def test_keys_come_from_one_place(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text("{}")
    options = {"issuer": "machines", "audience": ["a"], "jwks": str(path), "jwks_url": "https://id.example/jwks"}
    with pytest.raises(ValidationError, match="not both"):
        BearerSettings.model_validate(options)


async def test_a_sample_says_who_it_would_be_and_keys_are_found(issuer: Issuer, kit: Kit) -> None:
    bearer = plugin(issuer, kit)
    assert (await bearer.examine('{"sub": "u1"}')).username == "u1"
    assert (await bearer.examine(issuer.token(said(issuer)))).username == "ada"
    with pytest.raises(Refused):
        await bearer.examine("{")
    assert [each.code for each in await bearer.findings()] == ["keys_there"]
    issuer.keys = []
    assert [each.code for each in await plugin(issuer, kit).findings()] == ["keys_missing"]
    issuer.answers["/jwks"] = lambda: web.Response(status=500)
    assert [each.level for each in await plugin(issuer, kit).findings()] == ["error"]
