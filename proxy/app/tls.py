"""TLS for visitors: a certificate per host name, chosen by SNI."""

import ssl

from config.schema import Certificate, Tls


def server_context(tls: Tls) -> ssl.SSLContext:
    """The context of a listening socket. Blocks; raises OSError or ssl.SSLError for files that do not fit."""
    fallback = _context(tls)
    by_name = {name.lower(): _context(certificate) for name, certificate in tls.hosts.items()}

    def choose(connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        found = by_name.get((name or "").lower())
        if found is not None:
            connection.context = found

    fallback.sni_callback = choose
    return fallback


def _context(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate.certificate, certificate.key)
    return context
