"""What a request says, turned into an operation's own models; everything that is wrong with it is told at once."""

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final, TypeAlias, get_origin

from aiohttp import web
from pydantic import ValidationError

from proxy.model.access import Reason
from proxy.services.problems import NotThere
from proxy.web.api.models import Body, Fault, Query
from proxy.web.api.operation import Operation
from proxy.web.api.refusing import MOST_FAULTS, Stop, faults_of, invalid, pointer

LONGEST_PART: Final = 1000
"""Characters of one part of a path."""
MOST_BYTES: Final = 1024 * 1024
MOST_MEMBERS: Final = 5000
"""Members of one object of a body; no operation takes as many."""
JSON: Final = "application/json"
_EXACT: Final = 2**53
"""Whole numbers beyond it lose digits in many programs (RFC 7493 section 2.2)."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_At: TypeAlias = "tuple[_At, str | int] | None"
"""Where something stands: in what, and under which name or number; None for the whole."""


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
    found: dict[str, list[str]] = {}
    for name, value in request.query.items():
        found.setdefault(name, []).append(value)
    sent: dict[str, str | list[str]] = {}
    for name, values in found.items():
        several = name in model.model_fields and get_origin(model.model_fields[name].annotation) is tuple
        if len(values) > 1 and not several:
            faults.append(
                Fault(pointer=pointer([name], query=True), message="is there more than once", remedy="Send it once.")
            )
        if any(_CONTROL.search(text) for text in (name, *values)):
            faults.append(
                Fault(pointer=pointer([name], query=True), message="holds a control character", remedy="Leave it out.")
            )
        sent[name] = values if several else values[0]
    try:
        return model.model_validate(sent, strict=False)
    except ValidationError as error:
        faults.extend(_first(faults_of(error, model, query=True)))
        return None


async def _body(request: web.Request, model: type[Body] | None, faults: list[Fault]) -> Body | None:
    raw = await _bytes(request, MOST_BYTES if model else 0)
    if model is None:
        return None
    if not raw and request.method == "DELETE":  # whose body many clients cannot send: what it lacks is told by name
        return model.model_validate({})
    if request.content_type != JSON or request.charset not in (None, "utf-8", "UTF-8"):
        raise Stop(415, Reason.BAD_REQUEST, f"A body is sent as {JSON}, in UTF-8.")
    found = list(_first(_unfit(_parsed(raw))))
    faults.extend(found)
    if len(found) > MOST_FAULTS:
        return None
    try:
        body = model.model_validate_json(raw)
    except ValidationError as error:
        faults.extend(_first(faults_of(error, model)))
        return None
    return None if found else body


def _first(faults: Iterable[Fault]) -> Iterator[Fault]:
    """As many as are told, and one more where there are more."""
    return islice(faults, MOST_FAULTS + 1)


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


def _unfit(document: object) -> Iterator[Fault]:
    """What no store or program keeps as it is: control characters but line ends and tabs, numbers that lose digits.

    A million zeros cost about what parsing them did: only what is wrong is put into words. Raises Stop for an object that
    no model is to be tried on.
    """
    inner: deque[tuple[_At, Iterable[tuple[str | int, object]]]] = deque([(None, [("", document)])])
    while inner:
        at, items = inner.popleft()
        for name, value in items:
            if type(value) is int and -_EXACT <= value <= _EXACT:
                continue  # what a body has room for most of
            match value:
                case int() | float() if not -_EXACT <= value <= _EXACT:
                    yield _digits_lost((at, name))
                case str() if _CONTROL.search(value):
                    yield _control((at, name))
                case list():
                    inner.append(((at, name), enumerate(value)))
                case dict():
                    yield from _unfit_names(value, (at, name))
                    inner.append(((at, name), value.items()))
                case _:
                    pass


def _unfit_names(found: Mapping[str, object], at: _At) -> Iterator[Fault]:
    """Raises Stop."""
    if len(found) > MOST_MEMBERS:
        message = f"has {len(found)} members, which must be {MOST_MEMBERS} at most"
        raise invalid([Fault(pointer=_pointer(at), message=message, remedy="Send fewer.")])
    for name in found:
        if _CONTROL.search(name):
            yield _control((at, name))


def _digits_lost(at: _At) -> Fault:
    message = f"is beyond {_EXACT} and would lose digits"
    return Fault(pointer=_pointer(at), message=message, remedy="Send it as a string.")


def _control(at: _At) -> Fault:
    return Fault(pointer=_pointer(at), message="holds a control character", remedy="Leave it out.")


def _pointer(at: _At) -> str:
    names: list[str | int] = []
    while at is not None:
        at, name = at
        names.append(name)
    return pointer(names[-2::-1])  # the last is the document itself, which has no name
