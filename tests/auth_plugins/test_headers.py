"""Headers of a proxy in front: believed of the one that is meant, and of nobody else."""

from collections.abc import Mapping
from contextlib import suppress

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from typing_extensions import override

from auth_plugins import CredentialRequest, Identity, Refused
from auth_plugins.fingerprints import certificate_of, fingerprint_of
from auth_plugins.headers import PRESETS, Headers, HeadersSettings
from auth_plugins.testkit import Conformance, Visitor, kit
from tests.auth_plugins.certificates import written

SECRET = "a secret of the proxy's"
PROOF = {"x-flowward-proxy-secret": SECRET}
SAID = {
    "remote-user": "ada",
    "remote-email": "ada@acme.example",
    "remote-name": "Ada Ünal",
    "remote-groups": "ops, dev,",
}
PEER = "10.1.2.3"
PROXY = written(x509.DNSName("Proxy.example"))
OTHER = written(x509.DNSName("other.example"))


def settings(**options: object) -> HeadersSettings:
    known: dict[str, object] = {"networks": ["10.1.0.0/16", "2001:db8::/32"], "preset": "authelia", "secret": SECRET}
    return HeadersSettings.model_validate({**known, **options})


def headers(**options: object) -> Headers:
    return Headers(settings(**options), kit())


async def sent(
    plugin: Headers, told: Mapping[str, str] = SAID, *, peer: str = PEER, certificate: bytes = b""
) -> Identity | None:
    return await Visitor(plugin).sends({**PROOF, **told}, peer=peer, certificate=certificate)


class TestConformance(Conformance):
    @override
    def plugin(self) -> Headers:
        return headers()


async def test_the_proxy_says_who_is_there() -> None:
    assert await sent(headers()) == Identity(
        subject="ada", username="ada", email="ada@acme.example", name="Ada Ünal", groups=("ops", "dev"), amr=()
    )


@pytest.mark.parametrize(
    ("preset", "told"),
    [
        ("authelia", {"remote-user": "ada", "remote-groups": "ops,dev"}),
        (
            "authentik",
            {"x-authentik-username": "ada", "x-authentik-uid": "17", "x-authentik-groups": "ops|dev"},
        ),
        (
            "oauth2-proxy",
            {"x-forwarded-preferred-username": "ada", "x-forwarded-user": "17", "x-forwarded-groups": "ops,dev"},
        ),
    ],
)
async def test_each_preset_knows_what_its_proxy_sends(preset: str, told: dict[str, str]) -> None:
    identity = await sent(headers(preset=preset), told)
    assert identity is not None
    assert (identity.username, identity.groups) == ("ada", ("ops", "dev"))
    assert identity.subject == ("ada" if preset == "authelia" else "17")
    assert set(PRESETS[preset]) >= {"user", "email", "groups"}


async def test_names_beside_a_preset_go_before_it() -> None:
    identity = await sent(headers(groups="x-my-groups", separator=" "), {"remote-user": "ada", "x-my-groups": "a b"})
    assert identity is not None
    assert identity.groups == ("a", "b")


@pytest.mark.parametrize("peer", ["10.2.0.1", "203.0.113.7", "2001:db9::1", "", "unix", "::ffff:10.2.0.1"])
async def test_r_55_from_anywhere_else_headers_say_nothing(peer: str) -> None:
    """R-55: not even with the secret."""
    assert await sent(headers(), peer=peer) is None


@pytest.mark.parametrize("peer", ["10.1.0.1", "2001:db8::1", "::ffff:10.1.0.1", "2001:db8::1%eth0"])
async def test_the_proxy_is_known_by_any_of_its_addresses(peer: str) -> None:
    assert await sent(headers(), peer=peer) is not None


@pytest.mark.parametrize("secret", ["", SECRET.upper(), SECRET + " ", SECRET[:-1], "\udcff", "ü"])
async def test_whoever_is_at_the_proxys_address_is_not_yet_the_proxy(secret: str) -> None:
    with pytest.raises(Refused, match="proxy_unproven"):
        await sent(headers(), {**SAID, "x-flowward-proxy-secret": secret})


@pytest.mark.parametrize(
    "proof", [{"fingerprints": [fingerprint_of(certificate_of(PROXY))]}, {"certificate_names": ["proxy.example"]}]
)
async def test_a_client_certificate_proves_the_proxy_too(proof: dict[str, object]) -> None:
    plugin = headers(secret=None, **proof)
    assert await sent(plugin, certificate=PROXY) is not None
    for other in (b"", OTHER):
        with pytest.raises(Refused, match="proxy_unproven"):
            await sent(plugin, certificate=other)


async def test_where_both_are_asked_for_both_are_needed() -> None:
    plugin = headers(certificate_names=["proxy.example"])
    assert await sent(plugin, certificate=PROXY) is not None
    with pytest.raises(Refused):
        await sent(plugin)
    with pytest.raises(Refused):
        await sent(plugin, {**SAID, "x-flowward-proxy-secret": "another secret"}, certificate=PROXY)


@pytest.mark.parametrize("told", [{}, {"remote-user": ""}, {"remote-email": "ada@acme.example"}])
async def test_a_visitor_the_proxy_does_not_know_is_nobody(told: dict[str, str]) -> None:
    assert await sent(headers(), told) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("remote-user", "a\tda"), ("remote-user", "ad\udce4"), ("remote-name", "A\x85"), ("remote-groups", "a\u2028b")],
)
async def test_what_nobody_is_called_is_refused(name: str, value: str) -> None:
    with pytest.raises(Refused, match="header_malformed"):
        await sent(headers(), {**SAID, name: value})


async def test_without_a_lasting_key_that_is_asked_for_nobody_comes_in() -> None:
    with pytest.raises(Refused, match="header_missing"):
        await sent(headers(preset="authentik"), {"x-authentik-username": "ada"})
    with pytest.raises(Refused, match="header_missing"):
        await sent(headers(), {"remote-user": " "})


async def test_no_groups_is_another_thing_than_none_told() -> None:
    for told, groups in (({}, None), ({"remote-groups": ""}, ())):
        identity = await sent(headers(), {"remote-user": "ada", **told})
        assert identity is not None
        assert identity.groups == groups


@given(
    st.dictionaries(st.sampled_from(sorted(headers().reads - {"peer"})), st.text(max_size=20)),
    st.ip_addresses().map(str),
)
async def test_without_address_and_secret_nobody_is_anybody(told: dict[str, str], peer: str) -> None:
    """Whatever is sent, from wherever."""
    told = {name: value for name, value in told.items() if value != SECRET}
    with suppress(Refused):
        assert await headers().identify(CredentialRequest(headers=told, peer=peer)) is None


def test_it_reads_what_its_settings_name() -> None:
    assert headers().reads == {"peer", *PROOF, *SAID}
    assert headers(secret=None, certificate_names=["proxy.example"]).reads == {"peer", "certificate", *SAID}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"networks": []}, "at least 1"),
        ({"networks": ["0.0.0.0/0"]}, "not everybody's"),
        ({"networks": ["::/0"]}, "not everybody's"),
        ({"networks": ["10.1.0.7/16"]}, "without host bits"),
        ({"secret": None}, "how the proxy proves itself"),
        ({"secret": "short"}, "less than 16"),
        ({"preset": None}, "neither preset nor user"),
        ({"preset": "nginx"}, "authelia"),
        ({"user": "Remote_User"}, "without underscores"),
        ({"user": "Cookie"}, "without underscores"),
        ({"user": "authorization"}, "without underscores"),
        ({"user": "a b"}, "without underscores"),
        ({"email": "remote-user"}, "one header for two things"),
        ({"secret_header": "Remote-User"}, "one header for two things"),
        ({"fingerprints": ["ab"]}, "64 hexadecimal"),
        ({"header": "x"}, "Extra inputs"),
    ],
)
def test_settings_that_would_let_anybody_in_are_told(options: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        settings(**options)
