"""What may not be said about an instance, whoever says it."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from config.schema import Settings
from config.times import duration_text
from proxy.model.estate import HttpAuth, InstanceSettings
from proxy.services.border import Border
from proxy.services.problems import Wrong


def forbidden(settings: InstanceSettings, border: Border) -> Iterator[Wrong]:
    """What is wrong with where an instance listens."""
    url = urlsplit(settings.upstream)
    remedy = "Declare the instance in an estate file, or ask an admin to add the network to upstream_allow."
    if url.scheme == "http+unix":
        message = "must not be a socket on the gateway's machine"
        yield Wrong(field="upstream", message=message, remedy="Declare the instance in an estate file.")
        return
    port = url.port or (443 if url.scheme == "https" else 80)
    if not border.admits_host(url.hostname or "", port):
        message = f"must not lead to {url.hostname}:{port}: it is the machine itself, special, or not in upstream_allow"
        yield Wrong(field="upstream", message=message, remedy=remedy)


def unsafe(settings: InstanceSettings, configured: Settings) -> Iterator[Wrong]:
    """What is wrong with how an instance is protected."""
    if settings.http_auth is HttpAuth.NONE and not configured.server.allow_public_http:
        message = "must not be none unless server.allow_public_http is true"
        remedy = "Choose user or basic, or have it permitted in flowward.yaml."
        yield Wrong(field="http_auth/mode", message=message, remedy=remedy)
    if settings.http_auth is HttpAuth.BASIC and not (settings.basic_username and settings.basic_password_hash):
        message = "in mode basic needs username and password"
        yield Wrong(field="http_auth", message=message, remedy="Send both.")
    if settings.admin_root == settings.node_root.rstrip("/") + settings.dashboard:
        message = f"is {settings.admin_root} as admin_root is, so editor and dashboard cannot be told apart"
        yield Wrong(field="dashboard", message=message, remedy="Send the path that Dashboard 2 really has.")
    yield from _session(settings, configured)


def _session(settings: InstanceSettings, configured: Settings) -> Iterator[Wrong]:
    own = (settings.session_idle, settings.session_absolute)
    idle, absolute = own[0] or configured.session.idle, own[1] or configured.session.absolute
    if own != (None, None) and idle >= absolute:
        message = f"has idle {duration_text(idle)}, which must be shorter than absolute {duration_text(absolute)}"
        yield Wrong(field="session", message=message, remedy="Lower idle or raise absolute.")
