"""Tokens of trusted issuers at the door of instances, on both lanes: bearer tokens, and Cloudflare Access."""

from collections.abc import AsyncIterator
from pathlib import Path

import jwt
import pytest

from tests.lanes.stage import stage
from tests.lanes.test_tokens import asked, status
from tests.peers.answers import plain
from tests.peers.issuer import CLIENT, Issuer, running

LOCAL = {"name": "local", "plugin": "local"}
TEAM = "https://acme.cloudflareaccess.com"
NAVIGATION = (b"Accept: text/html", b"Sec-Fetch-Mode: navigate", b"Sec-Fetch-Dest: document")


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with running(
        Issuer(claims={"preferred_username": "robot", "email": None, "groups": ["ff-acme-member"]})
    ) as at:
        yield at


def machines(issuer: Issuer) -> tuple[dict[str, object], ...]:
    entry = {"name": "machines", "plugin": "bearer", "issuer": issuer.url, "audience": [CLIENT]}
    return (LOCAL, {**entry, "provision": True, "groups": {}})


def access(issuer: Issuer) -> tuple[dict[str, object], ...]:
    entry = {"name": "access", "plugin": "cloudflare", "team": "acme", "audience": [CLIENT]}
    known = {"certs_url": f"{issuer.url}/jwks", "domains": ["corp.example"], "claims": {"groups": "groups"}}
    return (LOCAL, {**entry, **known, "provision": True, "groups": {}})


def assertion(issuer: Issuer, **over: object) -> bytes:
    claims = {**issuer.id_claims(), "iss": TEAM, "email": "kim@corp.example", "type": "app", **over}
    return b"Cf-Access-Jwt-Assertion: " + issuer.token(claims).encode()


async def test_a_token_of_a_trusted_issuer_opens_what_its_groups_allow(
    issuer: Issuer, tmp_path: Path, fast_lane: bool
) -> None:
    """S-22: the account is made, and the token stays with the gateway."""
    async with stage(tmp_path, plain(b"{}"), fast_lane=fast_lane, auth=machines(issuer)) as (gate, instance):
        field = b"Authorization: Bearer " + issuer.token(issuer.id_claims()).encode()
        for start in (b"GET /api", b"GET /dashboard/x", b"GET /admin/flows", b"POST /api"):
            assert await status(gate, start, field) == 200, start
        for sent in instance.requests:
            assert sent.value(b"Authorization") is None
            assert sent.value(b"X-Flowward-User") == b"robot"
        assert issuer.asked == {"/.well-known/openid-configuration": 1, "/jwks": 1}


async def test_a_wrong_token_of_a_trusted_issuer_beats_a_good_cookie(
    issuer: Issuer, tmp_path: Path, fast_lane: bool
) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, auth=machines(issuer)) as (gate, instance):
        token = issuer.token({**issuer.id_claims(), "exp": 1})
        refused = await asked(gate, b"GET /api", b"Authorization: Bearer " + token.encode(), cookie=gate.cookie)
        assert refused.status == 401
        assert instance.requests == []


async def test_cloudflare_access_lets_people_in_without_a_page(issuer: Issuer, tmp_path: Path, fast_lane: bool) -> None:
    more = {"auth": access(issuer), "identity": ["assertion", "flowward"]}
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, **more) as (gate, instance):
        assert await status(gate, b"GET /dashboard/x", assertion(issuer)) == 200
        (sent,) = instance.requests
        assert sent.value(b"X-Flowward-Email") == b"kim@corp.example"
        assert sent.value(b"Cf-Access-Jwt-Assertion") is None
        claims = jwt.decode(sent.value(b"X-Flowward-Assertion") or b"", options={"verify_signature": False})
        assert claims["provider"] == "access"


async def test_plain_headers_of_cloudflare_are_nothing_and_wrong_assertions_are_refused(
    issuer: Issuer, tmp_path: Path, fast_lane: bool
) -> None:
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, auth=access(issuer)) as (gate, instance):
        plain_header = b"Cf-Access-Authenticated-User-Email: ada@acme.example"
        assert (await asked(gate, b"GET /dashboard/x", plain_header, *NAVIGATION, cookie=b"")).status == 303
        for wrong in (assertion(issuer, aud="other"), assertion(issuer, iss="https://evil.example")):
            assert (await asked(gate, b"GET /api", wrong, plain_header, cookie=b"")).status == 401
        assert instance.requests == []


async def test_keys_that_cannot_be_had_are_trouble_and_nobody_passes(
    issuer: Issuer, tmp_path: Path, fast_lane: bool
) -> None:
    issuer.silent.add("/jwks")
    async with stage(tmp_path, plain(b"ok"), fast_lane=fast_lane, auth=access(issuer)) as (gate, instance):
        assert (await asked(gate, b"GET /api", assertion(issuer), cookie=b"")).status == 503
        assert await status(gate, b"GET /api", cookie=gate.cookie) == 200
        assert len(instance.requests) == 1
