"""TLS for visitors: a certificate per host name, chosen by SNI, replaceable while connections are open; and theirs."""

import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.configuration import Config
from config.problems import ConfigurationError, Problem
from config.schema import Certificate, Tls
from config.source import Key

_TLS: Final = ("server", "tls")


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """What `server.tls` holds, loaded."""

    fallback: ssl.SSLContext
    by_name: Mapping[str, ssl.SSLContext]

    def of(self, name: str | None) -> ssl.SSLContext:
        """The one for a server name of a handshake (RFC 6066 section 3); a client may send none."""
        return self.by_name.get((name or "").lower(), self.fallback)


class Entrance:
    """The context of the listening sockets: it has no certificate of its own, but those that are there when one connects."""

    def __init__(self, certificates: Certificates) -> None:
        self.context = _context()
        self.certificates = certificates
        self.context.sni_callback = self._choose

    @property
    def certificates(self) -> Certificates:
        """Replaced when they are renewed; connections that are open keep theirs."""
        return self._certificates

    @certificates.setter
    def certificates(self, certificates: Certificates) -> None:
        self._certificates = certificates
        # Whether clients are asked for a certificate OpenSSL reads here; whose it takes, in the context that is chosen.
        self.context.verify_mode = certificates.fallback.verify_mode
        self.context.verify_flags = certificates.fallback.verify_flags

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        connection.context = self._certificates.of(name)


def certificates_of(config: Config) -> Certificates | None:
    """The certificates of a configuration, None where it has no TLS.

    Blocks; raises ConfigurationError with every file that cannot be used.
    """
    tls = config.settings.server.tls
    if tls is None:
        return None
    problems: list[Problem] = []
    loaded: dict[Key, ssl.SSLContext] = {}
    for key, certificate in _entries(tls):
        try:
            loaded[key] = _loaded(certificate)
        except OSError as error:  # what OpenSSL finds wrong is one too
            reason = getattr(error, "reason", None) or error.strerror or error
            message = f"and its key cannot be used: {reason}"
            remedy = "Both must be PEM, the key without a passphrase, the certificate made for this key."
            problems.append(config.source.problem((*key, "certificate"), message, remedy))
    problems += _ask_clients(config, tls, loaded.values())
    if problems:
        raise ConfigurationError(problems)
    return Certificates(
        fallback=loaded.pop(_TLS), by_name={str(key[-1]).lower(): context for key, context in loaded.items()}
    )


def certificate_files(tls: Tls | None) -> Iterator[Path]:
    """Every file whose change means other certificates."""
    if tls is None:
        return
    for _, certificate in _entries(tls):
        yield certificate.certificate
        yield certificate.key
    yield from (file for file in (tls.client_ca, tls.client_crl) if file is not None)


def _entries(tls: Tls) -> Iterator[tuple[Key, Certificate]]:
    yield _TLS, tls
    yield from (((*_TLS, "hosts", name), certificate) for name, certificate in tls.hosts.items())


def _loaded(certificate: Certificate) -> ssl.SSLContext:
    context = _context()
    # With an empty passphrase an encrypted key is an error; without one OpenSSL would ask on the terminal.
    context.load_cert_chain(certificate.certificate, certificate.key, password="")
    return context


def _ask_clients(config: Config, tls: Tls, contexts: Iterable[ssl.SSLContext]) -> Iterator[Problem]:
    """Ask visitors for a certificate of these CAs; what is wrong with their files."""
    if tls.client_ca is None:
        return
    try:
        for context in contexts:
            context.load_verify_locations(tls.client_ca)
            context.verify_mode = ssl.CERT_REQUIRED if tls.client_certificate == "required" else ssl.CERT_OPTIONAL
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or error
        yield config.source.problem((*_TLS, "client_ca"), f"cannot be used: {reason}", "It must be PEM certificates.")
        return
    if tls.client_crl is not None:
        yield from _heed_revocation(config, tls.client_crl, contexts)


def _heed_revocation(config: Config, file: Path, contexts: Iterable[ssl.SSLContext]) -> Iterator[Problem]:
    try:
        for context in contexts:
            context.load_verify_locations(file)
            context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    except OSError as error:
        reason = getattr(error, "reason", None) or error.strerror or error
        yield config.source.problem((*_TLS, "client_crl"), f"cannot be used: {reason}", "It must be a PEM CRL.")


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context
