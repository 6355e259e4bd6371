"""What an admin expects of people, and looks at again after every change."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Final

from pydantic import Field

from proxy.access.catalogue import CATALOGUE
from proxy.access.decide import Place
from proxy.access.personas import Looked, broken, look, place_of
from proxy.model.access import Permission
from proxy.model.directory import Space
from proxy.model.estate import Estate, PersonaCheck
from proxy.model.identity import Person
from proxy.services import users
from proxy.services.audit import updates
from proxy.services.authority import resource_at, space_at, told
from proxy.services.problems import Invalid, NotThere, Wrong
from proxy.services.writer import Moment, Step
from proxy.web.api.keys import Api
from proxy.web.api.models import Answer, Body, Identifier, Line
from proxy.web.api.operation import PLATFORM, Call, Operation

TAG: Final = "checks"
MOST: Final = 1000
"""Expectations that are kept."""


class Expectation(Body):
    """What is expected of somebody."""

    user: Identifier
    """Id or username."""
    permission: Permission
    on: Line = ""
    """A space by id or slug, or a resource by id or address; empty for the platform."""
    allowed: bool
    note: Line = ""
    """Why, for whoever reads the report."""


class Expectations(Body):
    """All of them: what is not sent is expected no more."""

    checks: Annotated[tuple[Expectation, ...], Field(max_length=MOST)]


class Run(Body):
    """Which expectations to look at."""

    checks: Annotated[tuple[Expectation, ...], Field(max_length=MOST)] | None = None
    """Null for those that are kept."""


class ExpectationItem(Answer):
    """What is expected of somebody."""

    user: str
    """Id."""
    username: str
    """Empty where the user is gone."""
    permission: str
    on: str
    """Id of a space or resource; empty for the platform."""
    address: str
    """The same as people write it; empty where it is gone, and for the platform."""
    allowed: bool
    note: str


class ExpectationsKept(Answer):
    """All expectations."""

    checks: tuple[ExpectationItem, ...]


class Outcome(Answer):
    """What became of an expectation."""

    expected: ExpectationItem
    holds: bool
    found: bool | None
    """Whether it is allowed; null where it cannot be asked any more."""
    reason: str
    role: str
    because: tuple[str, ...]
    """What gave the role, or refused."""


class Outcomes(Answer):
    """What became of all of them."""

    holds: bool
    """Whether every one holds."""
    broken: int
    outcomes: tuple[Outcome, ...]


async def show(_: Api, call: Call) -> ExpectationsKept:
    moment = call.moment
    kept = moment.estate.settings.persona_checks
    people = await _people(moment, kept)
    return ExpectationsKept(checks=tuple(_item(moment.estate, each, people) for each in kept))


async def keep(_: Api, call: Call) -> Step[None]:
    moment, before = call.moment, call.moment.estate.settings
    checks = tuple([each async for each in _understood(moment, call.sent(Expectations).checks)])
    if checks == before.persona_checks:
        return Step(result=None)
    old, new = (len(each) for each in (before.persona_checks, checks))
    event = told(
        moment,
        "platform.settings.updated",
        updates=updates({"persona_checks": old}, {"persona_checks": new}),
        body={"persona_checks": new},
    )
    return Step(result=None, edits=[replace(before, persona_checks=checks)], events=[event])


async def run(_: Api, call: Call) -> Outcomes:
    moment, sent = call.moment, call.sent(Run).checks
    kept = moment.estate.settings.persona_checks
    checks = kept if sent is None else tuple([each async for each in _understood(moment, sent)])
    people = await _people(moment, checks)
    looked = look(moment.estate, checks, people, now=moment.now)
    failed = sum(1 for _ in broken(looked))
    return Outcomes(
        holds=failed == 0, broken=failed, outcomes=tuple(_outcome(moment.estate, each, people) for each in looked)
    )


async def _understood(moment: Moment, sent: Iterable[Expectation]) -> AsyncIterator[PersonaCheck]:
    """Raises Invalid for whom and what there is not."""
    known: dict[str, Person] = {}
    for number, each in enumerate(sent):
        try:
            known[each.user] = known.get(each.user) or await users.user_at(moment, each.user)
        except NotThere:
            raise Invalid(Wrong(field=f"checks/{number}/user", message="is nobody here")) from None
        place = _place(moment.estate, each, f"checks/{number}/on")
        yield PersonaCheck(
            user=known[each.user].user.id,
            permission=each.permission.value,
            place=place.id if place is not None else "",
            allowed=each.allowed,
            note=each.note,
        )


def _place(estate: Estate, expected: Expectation, field: str) -> Place:
    kinds = CATALOGUE[expected.permission].kinds
    if not expected.on:
        if kinds:
            raise Invalid(Wrong(field=field, message=f"is missing: {expected.permission} is asked about a place"))
        return None
    try:
        place = resource_at(estate, expected.on)
    except NotThere:
        return _space(estate, expected, field)
    if place.kind not in kinds:
        raise _misplaced(expected, place.kind, field)
    return place


def _space(estate: Estate, expected: Expectation, field: str) -> Space:
    try:
        space = space_at(estate, expected.on)
    except NotThere:
        raise Invalid(
            Wrong(field=field, message="names nothing", remedy="Write a slug, an address or an id.")
        ) from None
    if space.kind not in CATALOGUE[expected.permission].kinds:
        raise _misplaced(expected, space.kind, field)
    return space


def _misplaced(expected: Expectation, kind: str, field: str) -> Invalid:
    return Invalid(Wrong(field=field, message=f"is of kind {kind}, about which {expected.permission} is not asked"))


async def _people(moment: Moment, checks: Iterable[PersonaCheck]) -> Mapping[str, Person]:
    found = [await moment.database.person(user) for user in dict.fromkeys(each.user for each in checks)]
    return {person.user.id: person for person in found if person is not None}


def _item(estate: Estate, check: PersonaCheck, people: Mapping[str, Person]) -> ExpectationItem:
    person, place = people.get(check.user), place_of(estate, check)
    return ExpectationItem(
        user=check.user,
        username=person.user.username if person is not None else "",
        permission=check.permission,
        on=check.place,
        address=_address(estate, place),
        allowed=check.allowed,
        note=check.note,
    )


def _outcome(estate: Estate, looked: Looked, people: Mapping[str, Person]) -> Outcome:
    return Outcome(
        expected=_item(estate, looked.check, people),
        holds=looked.holds,
        found=looked.allowed,
        reason=looked.reason.value,
        role=looked.role.label,
        because=looked.because,
    )


def _address(estate: Estate, place: Place) -> str:
    """A place as people write it."""
    if place is None:
        return ""
    return place.slug if isinstance(place, Space) else estate.address(place)


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/persona-checks",
        tag=TAG,
        summary="What is expected of people, to be looked at again after every change",
        permission=Permission.PLATFORM_SETTINGS,
        where=PLATFORM,
        answer=ExpectationsKept,
        perform=show,
    ),
    Operation(
        method="PUT",
        path="/persona-checks",
        tag=TAG,
        summary="Say what is expected of people",
        permission=Permission.PLATFORM_SETTINGS_EDIT,
        where=PLATFORM,
        body=Expectations,
        answer=ExpectationsKept,
        audit=("platform.settings.updated",),
        change=keep,
    ),
    Operation(
        method="POST",
        path="/checks/personas",
        tag=TAG,
        summary="Whether people may do what is expected of them, and no more; with the reason where it is not so",
        permission=Permission.PLATFORM_USERS,
        where=PLATFORM,
        body=Run,
        answer=Outcomes,
        perform=run,
    ),
)
