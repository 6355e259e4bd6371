"""Entity tags: nobody overwrites what somebody else has just changed (RFC 9110 section 13)."""

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from aiohttp import web
from pydantic import BaseModel

from proxy.services.problems import NotThere
from proxy.web.api.models import Veiled
from proxy.web.api.refusing import Stop

_TAG: Final = re.compile(r'(W/)?("[!#-~]*")')


_PASSING: Final = {"actions", "last_used"}
"""What nobody overwrites: what may be done differs from person to person, and use is no change."""


def tag_of(item: BaseModel) -> str:
    """The strong tag of an item, with what is part of it but never answered."""
    veiled = item.veiled if isinstance(item, Veiled) else ""
    return f'"{sha256(f"{veiled}{item.model_dump_json(exclude=_PASSING)}".encode()).hexdigest()[:32]}"'


def refuse_unseen(request: web.Request, there: BaseModel | None) -> None:
    """Raises Stop unless who writes has seen what is there, and NotThere where they have seen what no longer is.

    What is not there yet may be made without having seen anything; by a POST also where any state would do.
    """
    sent = request.headers.getall("If-Match", ())
    if there is None:
        if sent and not (request.method == "POST" and matches(sent, "")):
            raise NotThere(request.path)
    elif not sent:
        detail = "Send If-Match with the ETag that GET answered, or * to overwrite whatever is there."
        raise Stop(428, "precondition_required", detail)
    elif not matches(sent, tag_of(there)):
        raise Stop(412, "changed", "Somebody has changed it since. Read it again, then decide again.")


def matches(fields: Iterable[str], tag: str) -> bool:
    """If-Match: whether one of the tags is this very one, or any will do."""
    return any(field.strip() == "*" or tag in _tags(field, weak=False) for field in fields)


def matches_weakly(fields: Iterable[str], tag: str) -> bool:
    """If-None-Match, for which a weak tag will do."""
    return any(field.strip() == "*" or tag in _tags(field, weak=True) for field in fields)


def _tags(field: str, *, weak: bool) -> list[str]:
    return [found[2] for found in _TAG.finditer(field) if weak or not found[1]]
