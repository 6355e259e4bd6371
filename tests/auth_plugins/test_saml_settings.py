"""What an operator may write about a SAML provider, and what is told where it cannot work."""

import re
from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from auth_plugins.registry import GROUP, UnusablePlugins, choose
from auth_plugins.saml.settings import SamlSettings
from config.auth_schema import AuthEntry
from tests.auth_plugins.saml_forgeries import IDP, OWN
from tests.auth_plugins.saml_house import OPTIONS
from tests.auth_plugins.saml_idp import metadata, pair
from tests.docs.pages import code_in, rows

KNOWN = {"saml": EntryPoint(name="saml", value="auth_plugins.saml.plugin:Saml", group=GROUP)}
INLINE = {**OPTIONS, "certificates": [pair(IDP).bare]}


def chosen(folder: Path, options: Mapping[str, object]) -> SamlSettings:
    entry = {"name": "corp", "plugin": "saml", **options}
    (found,) = choose([AuthEntry.model_validate(entry, context={"directory": folder})], KNOWN)
    assert isinstance(found.settings, SamlSettings)
    return found.settings


def test_certificates_are_written_in_the_ways_they_are_found(tmp_path: Path) -> None:
    """S-16: PEM, the base64 of it, a file, several in one."""
    (tmp_path / "both.pem").write_text(pair("old").certificate + pair(IDP).certificate)
    bare, pem = pair(IDP).bare, pair(IDP).certificate
    for written, count in ((bare, 1), ([bare], 1), ([pem, bare], 2), (["both.pem"], 2), (["both.pem", bare], 3)):
        assert len(chosen(tmp_path, {**OPTIONS, "certificates": written}).certificates) == count


def test_files_are_relative_to_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text(pair(OWN).key)
    (tmp_path / "certificate.pem").write_text(pair(OWN).certificate)
    (tmp_path / "idp.xml").write_bytes(metadata(pair(IDP)))
    found = chosen(tmp_path, {"idp_metadata": "idp.xml", "key": "key.pem", "certificate": "certificate.pem"})
    assert found.idp_metadata == tmp_path / "idp.xml"
    assert found.key is not None
    assert pair(OWN).key not in repr(found)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "lack entry_point, certificates, idp_issuer. Write these, or idp_metadata alone"),
        (
            {**INLINE, "idp_metadata": "https://idp.example/m"},
            "idp_metadata and entry_point, slo_url, certificates excl",
        ),
        ({"idp_metadata": "http://idp.example/m"}, "'idp_metadata' must start with https://, but it is"),
        ({"idp_metadata": "gone.xml"}, "'idp_metadata' must be a file that exists"),
        (
            {**INLINE, "entry_point": "ldap://x"},
            "'entry_point' must start with https://, but it is 'ldap",
        ),
        (
            {**INLINE, "certificates": ["gone.pem"]},
            "'certificates' must be a file that exists",
        ),
        ({**INLINE, "certificates": []}, "'certificates' must be a list of certificates"),
        ({**INLINE, "certificates": ["MIIB" + "A" * 300]}, "has a certificate that cannot be read"),
        ({**INLINE, "certificates": [pair("short", bits=1024).bare]}, "its RSA key has 1024 bits; at least 2048"),
        ({**INLINE, "key": "key.pem"}, "name only one of key and certificate. Write both files, or neither"),
        ({**INLINE, "key": "key.pem", "certificate": "other.pem"}, "do not belong together"),
        (
            {**INLINE, "key": "other.pem", "certificate": "other.pem"},
            "'key' must be a file with a private",
        ),
        (
            {**INLINE, "key": "curve.pem", "certificate": "other.pem"},
            "'key' must be an RSA key of 2048 bit",
        ),
        ({**INLINE, "certificate": "two.pem"}, "'certificate' must be a file with one certificate, but"),
        ({**INLINE, "skew": 301}, "'skew' is not valid"),
        ({**INLINE, "binding": "soap"}, "'binding' is not valid"),
        ({**INLINE, "entrypoint": "x"}, "option 'entrypoint' is unknown"),
    ],
)
def test_what_cannot_work_is_told_with_the_option_and_the_remedy(
    options: Mapping[str, object], said: str, tmp_path: Path
) -> None:
    (tmp_path / "key.pem").write_text(pair(OWN).key)
    (tmp_path / "curve.pem").write_text(pair("curve", curve=True).key)
    (tmp_path / "other.pem").write_text(pair("other").certificate)
    (tmp_path / "two.pem").write_text(pair("other").certificate + pair(OWN).certificate)
    with pytest.raises(UnusablePlugins) as raised:
        chosen(tmp_path, options)
    assert "auth.corp: " in str(raised.value)
    assert said in str(raised.value)


def test_every_option_is_told() -> None:
    told = [name for options, _ in rows("log-in-with-saml.md", "options of saml") for name in code_in(options)]
    assert sorted(told) == sorted(SamlSettings.model_fields)
    assert not set(told) & set(AuthEntry.model_fields), "the gateway would keep these for itself"


def test_every_code_is_told() -> None:
    """But for those of metadata that cannot be used, which are told as one, with the reason in its detail."""
    told = {name for codes, _ in rows("log-in-with-saml.md", "codes of saml") for name in code_in(codes)}
    source = "".join(path.read_text() for path in Path("auth_plugins").glob("saml/*.py"))
    raised = set(re.findall(r'Refused\(\s*"(\w+)"', source)) | set(
        re.findall(r', "(\w+_(?:missing|unsigned))", ', source)
    )
    raised |= set(re.findall(r'"((?:signature|digest)_\w+)"', source))
    assert told == {code for code in raised if not code.startswith("metadata_")}


def test_on_this_machine_a_provider_may_be_reached_without_tls(tmp_path: Path) -> None:
    found = chosen(tmp_path, {**INLINE, "entry_point": "http://localhost:8000/sso"})
    assert found.entry_point == "http://localhost:8000/sso"
