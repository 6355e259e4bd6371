"""Keys of an issuer are kept, renewed and never mixed up; a token holds wholly or not at all."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from auth_plugins import Kit, Refused, Unavailable
from auth_plugins.keysets import Algorithm, Demands, KeySet, filed, published, verified
from tests.auth_plugins.token_forgeries import FORGERIES, keys_of_all_kinds, said, signed
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


def keys_of(issuer: Issuer, kit: Kit, *algorithms: Algorithm) -> KeySet:
    async def where() -> str:
        return f"{issuer.url}/jwks"

    return KeySet(published(kit, where), algorithms or ("RS256", "ES256"), kit.now)


async def subject(issuer: Issuer, keys: KeySet, token: str) -> object:
    demands = Demands(issuer=issuer.url, audience=(CLIENT,))
    return (await verified(token, keys, demands, issuer.clock.now)).claims.at("sub")


async def code(issuer: Issuer, keys: KeySet, token: str) -> str:
    with pytest.raises(Refused) as refused:
        await subject(issuer, keys, token)
    assert refused.value.detail
    assert token == "" or token not in str(refused.value)
    return refused.value.code


@pytest.mark.parametrize("name", FORGERIES)
async def test_no_forged_token_is_accepted(issuer: Issuer, kit: Kit, name: str) -> None:
    expected, forge = FORGERIES[name]
    assert await code(issuer, keys_of(issuer, kit), forge(issuer)) == expected


@pytest.mark.parametrize(
    "over",
    [
        {},
        {"aud": ["other", CLIENT]},
        {"nbf": 0},
        {"exp": "soon"},
        {"iat": "ahead"},
        {"exp": "fraction"},
        {"more": "x" * 20_000},
    ],
)
async def test_a_sound_token_is_accepted(issuer: Issuer, kit: Kit, over: dict[str, object]) -> None:
    now = issuer.clock.now
    words = {"soon": now - 29, "ahead": now + 29, "fraction": now + 0.5}
    over = {name: words.get(value, value) if isinstance(value, str) else value for name, value in over.items()}
    assert await subject(issuer, keys_of(issuer, kit), signed(**over)(issuer)) == "u1"


@pytest.mark.parametrize(
    "kind", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
)
async def test_every_algorithm_that_can_be_chosen_works_with_keys_of_its_kind(
    issuer: Issuer, kit: Kit, kind: Algorithm
) -> None:
    issuer.keys = [public("one"), public("fit", kind)]
    keys = keys_of(issuer, kit, kind)
    assert await subject(issuer, keys, issuer.token(said(issuer), "fit", kind)) == "u1"
    assert await keys.usable() == (kind,)


async def test_a_key_that_names_its_algorithm_serves_no_other(issuer: Issuer, kit: Kit) -> None:
    """RFC 8725 section 3.1."""
    issuer.keys = [public("one", alg="RS256")]
    keys = keys_of(issuer, kit, "RS256", "PS256")
    assert await code(issuer, keys, issuer.token(said(issuer), "one", "PS256")) == "token_key_unknown"
    assert await subject(issuer, keys, issuer.token(said(issuer))) == "u1"


async def test_a_token_need_not_name_its_key_where_there_is_one_alone(issuer: Issuer, kit: Kit) -> None:
    token = issuer.token(said(issuer), kid=None)
    assert await subject(issuer, keys_of(issuer, kit), token) == "u1"
    issuer.keys.append(public("two"))
    assert await code(issuer, keys_of(issuer, kit), token) == "token_key_unknown"


async def test_keys_are_fetched_once_for_many_tokens(issuer: Issuer, kit: Kit) -> None:
    keys = keys_of(issuer, kit)
    token = issuer.token(said(issuer))
    assert await asyncio.gather(*(subject(issuer, keys, token) for _ in range(20))) == ["u1"] * 20
    assert issuer.asked["/jwks"] == 1


async def test_a_new_key_is_taken_as_soon_as_a_token_names_it(issuer: Issuer, kit: Kit) -> None:
    """S-31."""
    keys = keys_of(issuer, kit)
    await subject(issuer, keys, issuer.token(said(issuer)))
    issuer.keys = [public("two")]
    issuer.clock.now += 11
    assert await subject(issuer, keys, issuer.token(said(issuer), "two")) == "u1"
    assert await code(issuer, keys, issuer.token(said(issuer))) == "token_key_unknown"


async def test_unknown_keys_make_no_flood_of_requests(issuer: Issuer, kit: Kit) -> None:
    keys = keys_of(issuer, kit)
    for number in range(50):
        assert await code(issuer, keys, issuer.token(said(issuer), kid=f"k{number}")) == "token_key_unknown"
    assert issuer.asked["/jwks"] == 1
    issuer.clock.now += 11
    for number in range(50):
        assert await code(issuer, keys, issuer.token(said(issuer), kid=f"k{number}")) == "token_key_unknown"
    assert issuer.asked["/jwks"] == 2


async def test_a_key_that_was_taken_back_stops_counting_within_an_hour(issuer: Issuer, kit: Kit) -> None:
    keys = keys_of(issuer, kit)
    await subject(issuer, keys, issuer.token(said(issuer)))
    issuer.keys = [public("two")]
    issuer.clock.now += 3601
    assert await code(issuer, keys, issuer.token(said(issuer))) == "token_key_unknown"


async def test_known_keys_serve_for_a_day_while_the_provider_is_away(issuer: Issuer, kit: Kit) -> None:
    keys = keys_of(issuer, kit)
    await subject(issuer, keys, issuer.token(said(issuer)))
    issuer.answers["/jwks"] = lambda: web.Response(status=503)
    issuer.clock.now += 80_000
    assert await subject(issuer, keys, issuer.token(said(issuer))) == "u1"
    issuer.clock.now += 10_000
    with pytest.raises(Unavailable):
        await subject(issuer, keys, issuer.token(said(issuer)))
    del issuer.answers["/jwks"]
    issuer.clock.now += 3
    assert await subject(issuer, keys, issuer.token(said(issuer))) == "u1"


async def test_a_silent_provider_keeps_nobody_waiting_whose_keys_are_known(issuer: Issuer, kit: Kit) -> None:
    keys = keys_of(issuer, kit)
    await subject(issuer, keys, issuer.token(said(issuer)))
    issuer.silent.add("/jwks")
    issuer.clock.now += 4000
    async with promised(2.5):
        assert await subject(issuer, keys, issuer.token(said(issuer))) == "u1"
        assert await subject(issuer, keys, issuer.token(said(issuer))) == "u1"


async def test_an_unknown_key_cannot_be_judged_while_the_provider_is_away(issuer: Issuer, kit: Kit) -> None:
    """It may be a new one, so that is no failed attempt."""
    keys = keys_of(issuer, kit)
    await subject(issuer, keys, issuer.token(said(issuer)))
    issuer.answers["/jwks"] = lambda: web.Response(status=500)
    issuer.clock.now += 11
    with pytest.raises(Unavailable):
        await subject(issuer, keys, issuer.token(said(issuer), kid="two"))


@pytest.mark.parametrize(
    "text",
    ["", "<html>", "[]", "{}", '{"keys": {}}', '{"keys": null}', json.dumps({"keys": [{}] * 101}), '{"keys": []} x'],
)
async def test_a_key_set_that_is_nonsense_is_none(issuer: Issuer, kit: Kit, text: str) -> None:
    issuer.answers["/jwks"] = lambda: web.Response(text=text)
    with pytest.raises(Unavailable) as away:
        await subject(issuer, keys_of(issuer, kit), issuer.token(said(issuer)))
    assert away.value.code == "keys_nonsense"


@pytest.mark.parametrize(
    "described",
    [
        None,
        5,
        [],
        {"kty": "RSA"},
        {"kty": "RSA", "n": 5, "e": "AQAB"},
        {"kty": "RSA", "n": "AA", "e": "AA"},
        {**public("one"), "n": ""},
        {**public("one"), "d": "AQAB"},
        {**public("one"), "kid": 5},
        {**public("one"), "key_ops": "verify"},
        {**public("one"), "key_ops": ["encrypt"]},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA", "alg": "ES256"},
        {"kty": ["RSA"]},
    ],
)
async def test_a_key_that_is_none_harms_no_other(issuer: Issuer, kit: Kit, described: object) -> None:
    token = issuer.token(said(issuer))
    issuer.keys = [described]  # type: ignore[list-item]
    assert await code(issuer, keys_of(issuer, kit), token) == "token_key_unknown"
    issuer.keys = [described, public("one")]  # type: ignore[list-item]
    assert await subject(issuer, keys_of(issuer, kit), token) == "u1"


async def test_keys_may_lie_in_a_file_that_is_read_again(issuer: Issuer, kit: Kit, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": issuer.keys}))
    keys = KeySet(filed(kit, path), ("RS256",), kit.now)
    assert await subject(issuer, keys, issuer.token(said(issuer))) == "u1"
    path.write_text(json.dumps({"keys": [public("two")]}))
    issuer.clock.now += 11
    assert await subject(issuer, keys, issuer.token(said(issuer), "two")) == "u1"
    path.unlink()
    issuer.clock.now += 90_000
    with pytest.raises(Unavailable):
        await subject(issuer, keys, issuer.token(said(issuer), "two"))
    assert issuer.asked == {}
