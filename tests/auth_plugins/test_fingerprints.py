"""Certificates, told apart."""

import pytest
import trustme
from cryptography import x509

from auth_plugins import Refused
from auth_plugins.fingerprints import alternative_names, certificate_of, fingerprint_of, parse_fingerprint
from tests.auth_plugins.certificates import der_of


def test_a_fingerprint_is_taken_as_openssl_or_a_browser_prints_it(authority: trustme.CA) -> None:
    digits = fingerprint_of(certificate_of(der_of(authority.issue_cert("ada@acme.example"))))
    colons = ":".join(digits[at : at + 2] for at in range(0, 64, 2)).upper()
    assert {
        parse_fingerprint(digits),
        parse_fingerprint(colons),
        parse_fingerprint(f"sha256 Fingerprint={colons}"),
    } == {digits}


@pytest.mark.parametrize("value", ["", "ab", "g" * 64, "a" * 40, 7])
def test_anything_else_is_no_fingerprint(value: object) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal"):
        parse_fingerprint(value)


def test_what_is_no_certificate_is_refused() -> None:
    with pytest.raises(Refused, match="certificate_malformed"):
        certificate_of(b"\x30\x00")


def test_other_names_are_those_of_the_extension(authority: trustme.CA) -> None:
    names = alternative_names(certificate_of(der_of(authority.issue_cert("ada@acme.example", "gate.example"))))
    assert names == (x509.RFC822Name("ada@acme.example"), x509.DNSName("gate.example"))
    assert alternative_names(certificate_of(der_of(authority.issue_cert(common_name="ada")))) == ()
