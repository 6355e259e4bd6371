"""`_client`: whom a message of a dashboard is meant for, and who is said to have sent one. Pure.

Dashboard 2 heeds it only for widget types that accept client data, and takes it from browsers as they send it. The plugin
in node-red/ follows the same rules.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from config.names import is_id

CLIENT: Final = "_client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """One visitor at one socket, by all the names that a flow or an add-on may have for them."""

    user_id: str | None
    """None where nobody is logged in; then the names are empty."""
    username: str = ""
    email: str = ""
    tenant: str = ""


def part_for(message: object, me: Me, socket: str | None) -> tuple[bool, object]:
    """Whether something of a message is for somebody, and what: of an array, those of its messages that are.

    `socket` is the name of their socket; None where messages are not meant for sockets, but say who wrote them.
    """
    if isinstance(message, list):
        parts = [part for reaches, part in (part_for(each, me, socket) for each in message) if reaches]
        return bool(parts) or not message, message if len(parts) == len(message) else parts
    client = message.get(CLIENT) if isinstance(message, dict) else None
    return not isinstance(client, dict) or _reaches(client, me, socket), message


def without_others(value: object, me: Me, socket: str) -> object:
    """A document in which no `_client` is anybody else's. Itself where that is so."""
    if isinstance(value, list):
        each_kept = [without_others(each, me, socket) for each in value]
        return value if all(a is b for a, b in zip(each_kept, value, strict=True)) else each_kept
    if not isinstance(value, dict):
        return value
    kept = {
        key: without_others(each, me, socket)
        for key, each in value.items()
        if key != CLIENT or (isinstance(each, dict) and _is_mine(each, me, socket))
    }
    same = len(kept) == len(value) and all(kept[key] is each for key, each in value.items())
    return value if same else kept


def without_client(message: object) -> object:
    """A message, or each of an array of them, without any `_client`. Itself where it has none."""
    if isinstance(message, list):
        kept = [without_client(each) for each in message]
        return message if all(a is b for a, b in zip(kept, message, strict=True)) else kept
    if isinstance(message, dict) and CLIENT in message:
        return {key: each for key, each in message.items() if key != CLIENT}
    return message


def _reaches(client: Mapping[str, object], me: Me, socket: str | None) -> bool:
    user, tenant, meant = client.get("user"), client.get("tenant"), client.get("socketId")
    if tenant is not None and tenant != me.tenant:
        return False
    if user is not None and not _is_of(user, me, named=meant is not None and socket is not None):
        return False
    return meant is None or socket is None or meant == socket


def _is_of(user: object, me: Me, *, named: bool) -> bool:
    """Whether a user is somebody, or of their tenant. One of no name reaches nobody, unless a socket is `named` beside."""
    if not isinstance(user, dict):
        return named
    if user.get("userId") is not None:
        return _is(user, me)
    return user["tenant"] == me.tenant if user.get("tenant") is not None else named


def _is(user: Mapping[str, object], me: Me) -> bool:
    """Whether a user is this one. Add-ons that read plain headers call people by user name or by address; a user name that
    could be somebody's id calls nobody.
    """
    said, email = user["userId"], user.get("email")
    if me.user_id is None or said == me.user_id:
        return me.user_id is not None
    if email is not None and email != me.email:
        return False
    return (said == me.username and not is_id(me.username)) or (email is not None and said == email)


def _is_mine(client: Mapping[str, object], me: Me, socket: str) -> bool:
    user = client.get("user")
    if isinstance(user, dict) and user.get("userId") is not None:
        return _is(user, me)
    return client.get("socketId") == socket
