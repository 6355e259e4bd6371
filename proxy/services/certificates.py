"""TLS for visitors: a certificate per host name, chosen by SNI, and replaceable while connections are open."""

import ssl
from collections.abc import Iterator, Mapping
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
        self.certificates = certificates
        """Replaced when they are renewed; connections that are open keep theirs."""
        self.context = _context()
        self.context.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        connection.context = self.certificates.of(name)


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
    if problems:
        raise ConfigurationError(problems)
    return Certificates(
        fallback=loaded.pop(_TLS), by_name={str(key[-1]).lower(): context for key, context in loaded.items()}
    )


def certificate_files(tls: Tls | None) -> Iterator[Path]:
    """Every file whose change means other certificates."""
    for _, certificate in _entries(tls) if tls is not None else ():
        yield certificate.certificate
        yield certificate.key


def _entries(tls: Tls) -> Iterator[tuple[Key, Certificate]]:
    yield _TLS, tls
    yield from (((*_TLS, "hosts", name), certificate) for name, certificate in tls.hosts.items())


def _loaded(certificate: Certificate) -> ssl.SSLContext:
    context = _context()
    # With an empty passphrase an encrypted key is an error; without one OpenSSL would ask on the terminal.
    context.load_cert_chain(certificate.certificate, certificate.key, password="")
    return context


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context
