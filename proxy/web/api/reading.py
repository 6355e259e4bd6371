"""What a request says, turned into an operation's own models; everything that is wrong with it is told at once."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final, get_origin

from aiohttp import web
from pydantic import ValidationError

from proxy.model.access import Reason
from proxy.services.problems import NotThere
from proxy.web.api.models import Body, Fault, Query
from proxy.web.api.operation import Operation
from proxy.web.api.refusing import Stop, faults_of, invalid

LONGEST_PART: Final = 1000
"""Characters of one part of a path."""
MOST_BYTES: Final = 1024 * 1024
JSON: Final = "application/json"
_EXACT: Final = 2**53
"""Whole numbers beyond it lose digits in many programs (RFC 7493 section 2.2)."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def parts(request: web.Request) -> Mapping[str, str]:
    """What the path names. Raises NotThere for what nothing can be called."""
    if any(_CONTROL.search(value) or len(value) > LONGEST_PART for value in request.match_info.values()):
        raise NotThere(request.path)
    return dict(request.match_info)


async def read(request: web.Request, operation: Operation) -> tuple[Query, Body | None]:
    """Query and body. Raises Stop."""
    faults: list[Fault] = []
    query = _query(request, operation.query, faults)
    body = await _body(request, operation.body, faults)
    if faults or query is None:
        raise invalid(faults)
    return query, body


def _query(request: web.Request, model: type[Query], faults: list[Fault]) -> Query | None:
    sent: dict[str, str | list[str]] = {}
    for name in request.query:
        values = request.query.getall(name)
        several = name in model.model_fields and get_origin(model.model_fields[name].annotation) is tuple
        if len(values) > 1 and not several:
            faults.append(Fault(pointer=f"?{name}", message="is there more than once", remedy="Send it once."))
        if any(_CONTROL.search(text) for text in (name, *values)):
            faults.append(Fault(pointer=f"?{name}", message="holds a control character", remedy="Leave it out."))
        sent[name] = values if several else values[0]
    try:
        return model.model_validate(sent, strict=False)
    except ValidationError as error:
        faults.extend(faults_of(error, model, query=True))
        return None


async def _body(request: web.Request, model: type[Body] | None, faults: list[Fault]) -> Body | None:
    raw = await _bytes(request, MOST_BYTES if model else 0)
    if model is None:
        return None
    if not raw and request.method == "DELETE":  # whose body many clients cannot send: what it lacks is told by name
        return model.model_validate({})
    if request.content_type != JSON or request.charset not in (None, "utf-8", "UTF-8"):
        raise Stop(415, Reason.BAD_REQUEST, f"A body is sent as {JSON}, in UTF-8.")
    found = len(faults)
    faults.extend(_unfit(_parsed(raw), ""))
    try:
        body = model.model_validate_json(raw)
    except ValidationError as error:
        faults.extend(faults_of(error, model))
        return None
    return body if len(faults) == found else None


async def _bytes(request: web.Request, most: int) -> bytes:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Stop(415, Reason.BAD_REQUEST, "A body is sent as it is, without Content-Encoding.")
    raw = bytearray()
    async for chunk in request.content.iter_any():
        raw += chunk
        if len(raw) > most:
            if not most:
                raise Stop(400, Reason.BAD_REQUEST, "This operation takes no body.")
            raise Stop(413, "too_large", f"A body has at most {most} bytes.")
    return bytes(raw)


def _parsed(raw: bytes) -> object:
    """I-JSON (RFC 7493): no member twice, no NaN, so that no two readers understand it differently."""
    try:
        found: object = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Stop(400, Reason.BAD_REQUEST, "The body is no JSON that has one meaning (RFC 7493).") from error
    return found


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is there twice")
    return found


def _no_number(text: str) -> float:
    raise ValueError(text)


def _unfit(value: object, at: str) -> Iterator[Fault]:
    """What no store or program keeps as it is: control characters but line ends and tabs, numbers that lose digits."""
    match value:
        case str() if _CONTROL.search(value):
            yield Fault(pointer=at, message="holds a control character", remedy="Leave it out.")
        case int() | float() if abs(value) > _EXACT:
            yield Fault(pointer=at, message=f"is beyond {_EXACT} and would lose digits", remedy="Send it as a string.")
        case list():
            for number, each in enumerate(value):
                yield from _unfit(each, f"{at}/{number}")
        case dict():
            for name, each in value.items():
                yield from _unfit(name, at)
                yield from _unfit(each, f"{at}/{str(name).replace('~', '~0').replace('/', '~1')}")
        case _:
            return
