"""What may not be asked of a token or a service account, whoever asks. Pure."""

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from typing import Final

from config.names import is_id
from proxy.model.access import Role
from proxy.model.identity import User
from proxy.services.problems import Wrong

_METHOD: Final = re.compile(r"[A-Z]{1,16}")
_USERNAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}", re.ASCII)
_PATH: Final = re.compile(r"/[!-~]*")


def wrong_admin(user: User, admin: bool) -> Iterator[Wrong]:
    if admin and not user.admin:
        yield Wrong(field="admin", message=f"{user.username} is no admin", remedy="Leave admin out.")


def wrong_account(username: str) -> Iterator[Wrong]:
    """No address: an owner would take one that is somebody's to come, or find out whose there is. And nothing like an id:
    they would have what flows mean for the user whose it is.
    """
    if not _USERNAME.fullmatch(username) or is_id(username):
        yield Wrong(
            field="username",
            message=f"must be 1 to 128 letters, digits or ._+-, and not 32 hexadecimal digits, but it is {username!r}",
            remedy="Write for example deploy-bot.",
        )


def wrong_role(role: Role) -> Iterator[Wrong]:
    if not Role.DASHBOARD <= role <= Role.OWNER:
        yield Wrong(field="role", message="must be dashboard, viewer, member or owner", remedy="Choose one of these.")


def wrong_network(field: str, network: str) -> Iterator[Wrong]:
    try:
        ip_network(network)
    except ValueError as error:
        yield Wrong(field=field, message=f"must be a CIDR, but {error}", remedy="Write for example 10.1.0.0/16.")


def wrong_http(paths: Sequence[str], methods: Sequence[str]) -> Iterator[Wrong]:
    for number, path in enumerate(paths):
        if not _PATH.fullmatch(path) or re.search(r"[%?#;*\\]|//|/\.{1,2}(?:/|$)", path):
            yield Wrong(
                field=f"paths/{number}",
                message=f"must be a prefix of paths without escapes, query and wildcards inside, but it is {path!r}",
                remedy="Write for example /api or /api/*.",
            )
    for number, method in enumerate(methods):
        if not _METHOD.fullmatch(method):
            yield Wrong(
                field=f"methods/{number}",
                message=f"must be an HTTP method, but it is {method!r}",
                remedy="Write for example GET.",
            )


def prefix(path: str) -> str:
    """The prefix that is meant: /api and /api/* both reach /api and what lies below it."""
    return path.removesuffix("*").removesuffix("*").rstrip("/") or "/"


def networks(written: Sequence[str]) -> tuple[str, ...]:
    """CIDRs in one spelling."""
    return tuple(str(ip_network(network)) for network in written)
