"""Who may do what, and why."""

from collections.abc import Iterator
from typing import Final

from proxy.access.catalogue import CATALOGUE
from proxy.access.decide import Place, Sight, acting, decide
from proxy.access.directory import Names, knows
from proxy.access.explain import Considered, explain, logged_in
from proxy.access.standing import Standing
from proxy.access.visible import position
from proxy.model.access import Permission, Role
from proxy.model.directory import Space
from proxy.model.estate import Resource, ResourceKind
from proxy.model.identity import Actor, Person
from proxy.services import users
from proxy.services.administration.kinds import KINDS
from proxy.services.authority import require, resource_at, space_at
from proxy.services.problems import Invalid, NotThere, Wrong
from proxy.services.writer import Moment
from proxy.web.api.keys import Api
from proxy.web.api.models import Answer, Identifier, Line, ListQuery, Page, Query
from proxy.web.api.operation import PLATFORM, Call, Operation
from proxy.web.api.paging import cut

TAG: Final = "explain"

_OPENS: Final = {
    ResourceKind.APPLICATION: Permission.APPLICATION_READ,
    ResourceKind.INSTANCE: Permission.HTTP,
    ResourceKind.DEVICE: Permission.DEVICE_READ,
}
"""What stands for a role on a kind of resource, where it is explained."""


class ExplainQuery(Query):
    """What is asked."""

    user: Identifier
    """Id or username."""
    may: Permission
    on: Line = ""
    """A space by id or slug, or a resource by id or address; empty for the platform."""


class Rule(Answer):
    """One rule that was looked at."""

    rule: str
    words: str
    applies: bool
    """Whether it gave a role that counts, or refused."""
    gives: str | None
    refuses: str | None


class Explained(Answer):
    """A decision and why, as if the user had just logged in."""

    allowed: bool
    status: int
    reason: str
    role: str
    considered: tuple[Rule, ...]


class Reach(Answer):
    """How far a user may go on one resource, and why."""

    id: str
    kind: str
    address: str
    name: str
    role: str
    because: tuple[str, ...]


class ReachQuery(ListQuery):
    """Which part of the matrix is wanted."""

    kind: ResourceKind | None = None
    """application, instance or device; null for all three."""


async def explain_one(_: Api, call: Call) -> Explained:
    moment, asked = call.moment, call.asked(ExplainQuery)
    place = _place(moment, asked)
    all_ = _may_ask(moment, place)
    person = await users.user_at(moment, asked.user)
    if not knows(moment.estate, moment.actor, person):
        raise NotThere(asked.user)
    names = Names(Sight(moment.estate, moment.actor, now=moment.now))
    found = explain(moment.estate, logged_in(person, moment.now), asked.may, place, now=moment.now, names=names)
    decision = found.decision
    return Explained(
        allowed=decision.allowed,
        status=decision.status,
        reason=decision.reason,
        role=decision.role.label,
        considered=tuple(_rule(each) for each in found.considered if all_ or each.applies),
    )


def _place(moment: Moment, asked: ExplainQuery) -> Place:
    kinds = CATALOGUE[asked.may].kinds
    if not asked.on:
        if kinds:
            raise Invalid(Wrong(field="on", message=f"is missing: {asked.may} is asked about a place"))
        return None
    try:
        place: Space | Resource = space_at(moment.estate, asked.on)
    except NotThere:
        place = resource_at(moment.estate, asked.on)
    _refuse_hidden(moment, place)
    if place.kind not in kinds:
        raise Invalid(Wrong(field="on", message=f"is of kind {place.kind}, about which {asked.may} is not asked"))
    return place


def _refuse_hidden(moment: Moment, place: Space | Resource) -> None:
    """Raises NotThere for what whoever asks may not know of, so that it reads like what is not there."""
    read = Permission.SPACE_READ if isinstance(place, Space) else KINDS[place.kind].read
    if decide(moment.estate, moment.actor, read, place, now=moment.now).status == 404:
        raise NotThere(place.id)


def _may_ask(moment: Moment, place: Place) -> bool:
    """Admins ask about everything, owners about what is theirs. Raises Denied. Whether all that was considered is told."""
    person = acting(moment.actor.person, moment.actor.token)
    standing = Standing(moment.estate, person)
    owns = place is not None and _role(standing, place) >= Role.OWNER
    if not owns or moment.actor.token is not None:
        require(moment, Permission.PLATFORM_USERS, None)
    return person.user.admin


def _role(standing: Standing, place: Space | Resource) -> Role:
    return standing.role(place) if isinstance(place, Resource) else standing.role_over(place)


def _rule(considered: Considered) -> Rule:
    return Rule(
        rule=considered.rule,
        words=considered.words,
        applies=considered.applies,
        gives=considered.gives.label if considered.gives is not None else None,
        refuses=considered.refuses,
    )


async def matrix(_: Api, call: Call) -> Page[Reach]:
    moment, asked = call.moment, call.asked(ReachQuery)
    person = await users.user_at(moment, call.path["user"])
    found = sorted(_reached(moment, person, asked.kind), key=position)
    items, meta = cut(found, asked)
    actor = logged_in(person, moment.now)
    return Page[Reach](meta=meta, items=tuple(_reach(moment, actor, resource) for resource in items))


def _reached(moment: Moment, person: Person, kind: ResourceKind | None) -> Iterator[Resource]:
    """What a user may go to, and what an override keeps them out of: that is what one asks about."""
    standing = Standing(moment.estate, person)
    for each in _OPENS if kind is None else {kind} & _OPENS.keys():
        yield from (found for found in moment.estate.by_kind[each] if _concerns(standing, found))


def _concerns(standing: Standing, resource: Resource) -> bool:
    return standing.role(resource) > Role.NONE or (
        standing.everywhere is None and standing.override(resource) is not None
    )


def _reach(moment: Moment, actor: Actor, resource: Resource) -> Reach:
    found = explain(moment.estate, actor, _OPENS[resource.kind], resource, now=moment.now)
    role = found.decision.role
    because = [each for each in found.considered if each.applies and each.gives is not None]
    return Reach(
        id=resource.id,
        kind=resource.kind,
        address=moment.estate.address(resource),
        name=resource.name or resource.slug,
        role=role.label,
        because=tuple(f"{each.rule}: {each.words}" for each in because if each.gives is role),
    )


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/explain",
        tag=TAG,
        summary="Why a user may do something or not: for admins, and for owners about what is theirs",
        query=ExplainQuery,
        answer=Explained,
        perform=explain_one,
    ),
    Operation(
        method="GET",
        path="/users/{user}/access",
        tag=TAG,
        summary="How far a user may go on every application, instance and device, and why",
        permission=Permission.PLATFORM_USERS,
        where=PLATFORM,
        hides=True,
        query=ReachQuery,
        answer=Page[Reach],
        perform=matrix,
    ),
)
