"""What stops a request: one place that turns every reason into a status and a problem document (RFC 9457)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from itertools import islice
from types import MappingProxyType
from typing import Final

from aiohttp import web
from pydantic import BaseModel, ValidationError

from auth_plugins import Unavailable
from proxy.model.access import Reason
from proxy.services.problems import Denied, Exists, Invalid, NotDone, NotPossible, Unfit
from proxy.services.ratelimit import TooOften
from proxy.services.writer import ActorGone
from proxy.store import Conflict, Dangling, StoreUnavailable
from proxy.web.answers import document
from proxy.web.api.models import Fault, ProblemDocument
from proxy.web.guards import TurnedAway

NO_FIELDS: Final[Mapping[str, str]] = MappingProxyType({})
TROUBLE: Final = (NotDone, TurnedAway, TooOften, Conflict, ActorGone, StoreUnavailable, Unavailable)
"""What an operation may raise."""
MOST_FAULTS: Final = 50
"""Faults that an answer names."""
_LONGEST_NAME: Final = 100
_LONGEST_POINTER: Final = 300
_LONGEST_MESSAGE: Final = 1000
"""Characters of what an answer repeats: it stays small, whatever was sent."""
_LATER: Final = 2
"""Seconds after which trouble may be over."""
_REMEDIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "extra_forbidden": "Leave it out, or look up its name in the reference.",
        "missing": "Send it.",
        "string_type": "Send a string.",
        "int_type": "Send a whole number.",
        "bool_type": "Send true or false.",
    }
)


class Stop(Exception):
    """The request ends here, with this status and code."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str = "",
        *,
        errors: Sequence[Fault] = (),
        fields: Mapping[str, str] = NO_FIELDS,
        flow: str = "",
    ) -> None:
        super().__init__(status, code)
        self.status, self.code, self.detail, self.errors, self.fields = status, code, detail, errors, fields
        self.flow = flow

    def answer(self) -> web.Response:
        content = ProblemDocument(
            type="about:blank",
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            code=self.code,
            detail=self.detail,
            errors=tuple(self.errors),
            flow=self.flow,
        )
        told = content.model_dump(exclude_defaults=True)
        response = document(told, status=self.status, kind="application/problem+json")
        response.headers.update(self.fields)
        if self.status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"  # RFC 9110 section 15.5.2
        return response


def stop_of(error: Exception) -> Stop:
    """Why a request is refused for what was raised. What is missing and what is hidden read the same."""
    match error:
        case Stop():
            return error
        case NotDone():
            return _not_done(error)
        case Conflict():
            return _in_the_way(error)
        case ActorGone():
            return Stop(401, Reason.SESSION_ENDED)
        case TurnedAway() | TooOften():
            return _turned_away(error)
        case _:
            later = "The gateway cannot reach what it needs to answer."
            return Stop(503, Reason.FACTS_UNAVAILABLE, later, fields={"Retry-After": str(_LATER)})


def _turned_away(error: TurnedAway | TooOften) -> Stop:
    if isinstance(error, TooOften):
        return Stop(429, Reason.TOO_MANY_REQUESTS, error.detail, fields=error.late.fields)
    return Stop(error.status, error.reason, error.detail)


def _not_done(error: NotDone) -> Stop:
    match error:
        case Denied() if error.decision.status != 404:
            return Stop(error.decision.status, error.decision.reason)
        case Exists():
            return _taken(error.field, error.value)
        case Unfit():
            first = error.wrongs[0]
            return Stop(400, first.code, first.message, errors=_faults(error))
        case Invalid():
            return invalid(_faults(error))
        case NotPossible():
            return Stop(409, error.code, error.detail)
        case _:
            return Stop(404, Reason.NOT_FOUND)


def _faults(error: Invalid) -> list[Fault]:
    return [
        Fault(pointer=f"/{each.field}", message=each.message, remedy=each.remedy, code=each.code)
        for each in error.wrongs
    ]


def _in_the_way(error: Conflict) -> Stop:
    if isinstance(error, Dangling):
        return Stop(409, "dangling", "Something that this refers to, or that refers to this, is in the way.")
    return _taken(str(error.args[0]), str(error.args[1]))


def invalid(faults: Iterable[Fault]) -> Stop:
    """Refused for these; where they are too many to be told, the first of them."""
    told = list(islice(faults, MOST_FAULTS + 1))
    more = f" holds the first {MOST_FAULTS}, and there are more" if len(told) > MOST_FAULTS else ""
    detail = f"Something in what was sent cannot be taken; {'errors' + more if more else 'see errors'}."
    return Stop(422, "invalid", detail, errors=told[:MOST_FAULTS])


def faults_of(error: ValidationError, model: type[BaseModel], *, query: bool = False) -> Iterator[Fault]:
    """Everything that a model found wrong, in our words. What was sent is not repeated: it may be a secret."""
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        remedy = _REMEDIES.get(each["type"], "")
        if each["type"] == "extra_forbidden" and len(each["loc"]) == 1:
            known = ", ".join(sorted(model.model_fields)) or "none"
            remedy = f"Leave it out. Known here: {known}."
        message = each["msg"].removeprefix("Value error, ")[:_LONGEST_MESSAGE]
        yield Fault(pointer=pointer(each["loc"], query=query), message=message, remedy=remedy)


def pointer(parts: Sequence[str | int], *, query: bool = False) -> str:
    """Where something stands: in the body (RFC 6901), or which parameter of the query it is. Long names are cut short."""
    named = [_short(str(part)) for part in parts]
    if query:
        return "?" + ".".join(named)
    whole = "".join("/" + each.replace("~", "~0").replace("/", "~1") for each in named)
    return whole if len(whole) <= _LONGEST_POINTER else whole[:_LONGEST_POINTER] + "…"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + "…"


def _taken(field: str, value: str) -> Stop:
    detail = f"There is one with the {field} {value} already. Choose another."
    return Stop(
        409, "exists", detail, errors=[Fault(pointer=f"/{field}", message="is taken", remedy="Choose another.")]
    )
