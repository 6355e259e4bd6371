"""How instances are reached by TLS."""

import ssl

from proxy.model.estate import UpstreamTls


def tls_context(url: str, tls: UpstreamTls) -> ssl.SSLContext | None:
    """The context for an https upstream; None for plain ones. Raises OSError or ssl.SSLError for a bad CA file."""
    if not url.startswith("https:"):
        return None
    context = ssl.create_default_context(cafile=tls.ca)
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
