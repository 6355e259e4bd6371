"""Client certificates, as the TLS handshake hands them over."""

from datetime import timedelta

import pytest
from cryptography import x509
from pydantic import ValidationError
from typing_extensions import override

from auth_plugins import Identity, Refused
from auth_plugins.certificate import Certificate, CertificateSettings
from auth_plugins.fingerprints import certificate_of, fingerprint_of
from auth_plugins.testkit import Conformance, Visitor, kit
from tests.auth_plugins.certificates import BORN, PRINCIPAL_NAME, principal_name, written

EMAIL = x509.RFC822Name("ada@acme.example")
ADA = written(EMAIL, principal_name("ada@corp.acme.example"))


def certificate(**options: object) -> Certificate:
    return Certificate(CertificateSettings.model_validate(options), kit())


async def shown(der: bytes, **options: object) -> Identity | None:
    return await Visitor(certificate(**options)).sends(certificate=der)


class TestConformance(Conformance):
    @override
    def plugin(self) -> Certificate:
        return certificate()


async def test_the_person_is_whom_the_first_address_names() -> None:
    identity = await shown(written(EMAIL, x509.RFC822Name("other@acme.example")))
    assert identity is not None
    assert (identity.subject, identity.username, identity.email) == ("ada@acme.example",) * 3
    assert (identity.name, identity.groups, identity.amr) == ("Ada", None, ("swk",))
    assert not identity.email_verified
    assert identity.ends == (BORN + timedelta(days=90)).timestamp()


@pytest.mark.parametrize(
    ("user", "username"),
    [("email", "ada@acme.example"), ("upn", "ada@corp.acme.example"), ("common_name", "Ada")],
)
async def test_what_names_the_person_is_the_operators_to_say(user: str, username: str) -> None:
    identity = await shown(ADA, user=user, emails_verified=True)
    assert identity is not None
    assert (identity.subject, identity.email, identity.email_verified) == (username, "ada@acme.example", True)


@pytest.mark.parametrize(
    ("user", "der"),
    [
        ("email", written(x509.DNSName("proxy.example"))),
        ("email", written()),
        ("upn", written(EMAIL)),
        ("upn", written(x509.OtherName(PRINCIPAL_NAME, b"\x16\x02ab"))),
        ("upn", written(x509.OtherName(PRINCIPAL_NAME, b"\x0c\x01\xff"))),
        ("upn", written(x509.OtherName(x509.ObjectIdentifier("1.2.3"), b"\x0c\x02ab"))),
        ("common_name", written(EMAIL, common_names=("Ada", "Grace"))),
        ("common_name", written(EMAIL, common_names=())),
    ],
)
async def test_a_certificate_that_names_nobody_is_nobodys(user: str, der: bytes) -> None:
    """A proxy's, say, which shows it on the same listener."""
    assert await shown(der, user=user) is None


async def test_only_the_issuers_that_are_named_vouch_for_people() -> None:
    assert await shown(ADA, issuers=["CN=Acme People"]) is not None
    assert await shown(ADA, issuers=["CN=Acme Machines", "O=Acme,CN=Acme People"]) is None


async def test_with_a_list_no_other_certificate_is_taken() -> None:
    fingerprint = fingerprint_of(certificate_of(ADA))
    assert await shown(ADA, fingerprints=[fingerprint]) is not None
    with pytest.raises(Refused, match="certificate_not_listed"):
        await shown(ADA, fingerprints=["0" * 64])


async def test_one_that_ended_while_the_connection_went_on_is_refused() -> None:
    with pytest.raises(Refused, match="certificate_expired"):
        await shown(written(EMAIL, days=7))


@pytest.mark.parametrize("issuers", [["Acme"], [7], "CN=x"])
def test_an_issuer_is_a_distinguished_name(issuers: object) -> None:
    with pytest.raises(ValidationError):
        CertificateSettings.model_validate({"issuers": issuers})
