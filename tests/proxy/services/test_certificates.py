"""Certificates as a configuration names them: loaded whole, or every reason told."""

import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from config.configuration import Config
from config.load import load
from config.problems import ConfigurationError
from proxy.services.certificates import Entrance, certificate_files, certificates_of


def configuration(folder: Path, tls: str) -> Config:
    path = folder / "flowward.yaml"
    path.write_text(f"server: {{public_url: https://gate.example, tls: {tls}}}\n")
    return load(path, {})


def files(authority: trustme.CA, folder: Path, name: str, *, passphrase: bytes = b"") -> str:
    """A certificate for a name in files of its own, as YAML."""
    issued = authority.issue_cert(name)
    (folder / f"{name}.pem").write_bytes(issued.cert_chain_pems[0].bytes())
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    lock = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
    (folder / f"{name}.key").write_bytes(pem)
    return f"certificate: {name}.pem, key: {name}.key"


def test_without_tls_there_are_none(tmp_path: Path) -> None:
    config = configuration(tmp_path, "null")
    assert certificates_of(config) is None
    assert list(certificate_files(config.settings.server.tls)) == []


def test_a_name_has_its_own_and_any_other_the_first(tmp_path: Path, authority: trustme.CA) -> None:
    hosts = f"hosts: {{a.example: {{{files(authority, tmp_path, 'a.example')}}}}}"
    config = configuration(tmp_path, f"{{{files(authority, tmp_path, 'gate.example')}, {hosts}}}")
    found = certificates_of(config)
    assert found is not None
    assert found.of("A.Example") is found.by_name["a.example"]
    assert found.of(None) is found.of("b.example") is found.of("gate.example") is found.fallback
    assert [file.name for file in certificate_files(config.settings.server.tls)] == [
        "gate.example.pem",
        "gate.example.key",
        "a.example.pem",
        "a.example.key",
    ]


def test_everything_that_cannot_be_used_is_told_at_once(tmp_path: Path, authority: trustme.CA) -> None:
    """A key with a passphrase among them: nobody is asked for it on a terminal."""
    locked = files(authority, tmp_path, "locked.example", passphrase=b"x")
    other = files(authority, tmp_path, "a.example").replace("key: a.", "key: gate.")
    files(authority, tmp_path, "gate.example")
    config = configuration(tmp_path, f"{{{locked}, hosts: {{a.example: {{{other}}}}}}}")
    with pytest.raises(ConfigurationError) as caught:
        certificates_of(config)
    assert [problem.key for problem in caught.value.problems] == [
        "server.tls.certificate",
        "server.tls.hosts.a.example.certificate",
    ]
    assert all("without a passphrase" in str(problem) for problem in caught.value.problems)


def client_ca(folder: Path, text: bytes, name: str = "people.pem") -> str:
    (folder / name).write_bytes(text)
    return name


def test_clients_are_asked_for_certificates_on_every_name(tmp_path: Path, authority: trustme.CA) -> None:
    people = client_ca(tmp_path, authority.cert_pem.bytes())
    hosts = f"hosts: {{a.example: {{{files(authority, tmp_path, 'a.example')}}}}}"
    mine = files(authority, tmp_path, "gate.example")
    for more, mode in (("", ssl.CERT_OPTIONAL), (", client_certificate: required", ssl.CERT_REQUIRED)):
        config = configuration(tmp_path, f"{{{mine}, {hosts}, client_ca: {people}{more}}}")
        found = certificates_of(config)
        assert found is not None
        assert found.fallback.verify_mode == found.by_name["a.example"].verify_mode == mode
        assert Entrance(found).context.verify_mode == mode
        assert tmp_path / people in certificate_files(config.settings.server.tls)


def test_an_entrance_asks_as_the_newest_certificates_say(tmp_path: Path, authority: trustme.CA) -> None:
    people, mine = client_ca(tmp_path, authority.cert_pem.bytes()), files(authority, tmp_path, "gate.example")
    without = certificates_of(configuration(tmp_path, f"{{{mine}}}"))
    asking = certificates_of(configuration(tmp_path, f"{{{mine}, client_ca: {people}}}"))
    assert without is not None
    assert asking is not None
    entrance = Entrance(without)
    for certificates, mode in ((asking, ssl.CERT_OPTIONAL), (without, ssl.CERT_NONE)):
        entrance.certificates = certificates
        assert entrance.context.verify_mode == mode


@pytest.mark.parametrize("key", ["client_ca", "client_crl"])
def test_a_file_that_holds_no_certificates_of_clients_is_told(tmp_path: Path, authority: trustme.CA, key: str) -> None:
    good, bad = client_ca(tmp_path, authority.cert_pem.bytes()), client_ca(tmp_path, b"none", "bad.pem")
    named = {"client_ca": good, key: bad}
    more = ", ".join(f"{name}: {file}" for name, file in named.items())
    with pytest.raises(ConfigurationError) as caught:
        certificates_of(configuration(tmp_path, f"{{{files(authority, tmp_path, 'gate.example')}, {more}}}"))
    assert [problem.key for problem in caught.value.problems] == [f"server.tls.{key}"]


@pytest.mark.parametrize("more", ["client_crl: people.pem", "client_certificate: required"])
def test_what_is_for_client_certificates_needs_their_ca(tmp_path: Path, authority: trustme.CA, more: str) -> None:
    client_ca(tmp_path, b"")
    with pytest.raises(ConfigurationError, match="without client_ca"):
        configuration(tmp_path, f"{{{files(authority, tmp_path, 'gate.example')}, {more}}}")
