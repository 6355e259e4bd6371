"""Pages of lists. A cursor says behind what to go on, so that a page is right whatever was added or removed meanwhile."""

import base64
import binascii
import json
from collections.abc import Sequence

from proxy.access.decide import Listed
from proxy.access.visible import Position, page, position
from proxy.web.api.models import Fault, Meta, PageQuery
from proxy.web.api.refusing import Stop, invalid


def cut(found: Sequence[Listed], query: PageQuery) -> tuple[Sequence[Listed], Meta]:
    """The part of a list of resources or spaces, in the order of `access.visible`, that a query asks for."""
    after = after_of(query)
    items = page(found, after=after, limit=query.limit)
    last = items[-1] if items else None
    more = last is not None and last is not found[-1]
    return items, Meta(total=len(found), next_cursor=cursor(*position(last)) if more and last else None)


def after_of(query: PageQuery) -> Position | None:
    """The name and id that a cursor stands for. Raises Stop for one that we never gave."""
    if not query.cursor:
        return None
    match _parts(query.cursor):
        case [str(name), str(id_)]:
            return name, id_
        case _:
            raise _unknown()


def number_of(query: PageQuery) -> int | None:
    """The number that a cursor stands for. Raises Stop for one that we never gave."""
    if not query.cursor:
        return None
    match _parts(query.cursor):
        case [int(number)] if 0 <= number < 2**53:
            return number
        case _:
            raise _unknown()


def name_of(query: PageQuery) -> str:
    """The name that a cursor stands for; empty for the first page. Raises Stop for one that we never gave."""
    if not query.cursor:
        return ""
    match _parts(query.cursor):
        case [str(name)] if name.isprintable():
            return name
        case _:
            raise _unknown()


def cursor(*parts: str | int) -> str:
    """What leads behind these parts."""
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")


def _parts(text: str) -> object:
    try:
        raw = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        parts: object = json.loads(raw)
    except (ValueError, binascii.Error, RecursionError):
        return None
    return parts


def _unknown() -> Stop:
    remedy = "Take `meta.next_cursor` of the page before, or leave it out."
    return invalid([Fault(pointer="?cursor", message="is no cursor of this list", remedy=remedy)])
