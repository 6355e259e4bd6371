"""Members of spaces: roles, and roles on single resources."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field

from proxy.access.directory import knows, spaces_known
from proxy.model.access import Permission
from proxy.model.directory import Space
from proxy.model.estate import Estate
from proxy.model.identity import Membership, Person
from proxy.services.administration import members, overrides
from proxy.services.authority import require, space_at
from proxy.services.problems import NotThere
from proxy.services.users import user_at
from proxy.services.writer import Step
from proxy.store import PeopleQuery
from proxy.web.api.items import Eyes, Ref
from proxy.web.api.keys import Api
from proxy.web.api.models import Answer, Body, Item, Line, Page, Query, RoleName, RosterQuery, role_of
from proxy.web.api.operation import SENT, Call, Operation, in_space
from proxy.web.api.paging import stretch
from proxy.web.api.spaces import eyes

TAG: Final = "members"
_AT_ONCE: Final = 500
_MANAGING: Final = (Permission.SPACE_MEMBERS_ROLE, Permission.SPACE_MEMBERS_REMOVE)

MemberRole = Literal["dashboard", "viewer", "member", "owner"]


class MemberItem(Item):
    """A member of a space."""

    id: str
    """Id of the user."""
    username: str
    name: str
    image: str
    role: str
    source: str
    """manual, invite, or sso: then the login provider alone changes it."""
    overrides: dict[str, str]
    """Resource id -> role there; for owners of the space."""
    managed: tuple[str, ...]
    """Ids of those resources whose role there the login provider alone changes."""


class Member(MemberItem):
    """A member of a space, and what may be said of them."""

    overridable: tuple[Ref, ...]
    """What the member may be given a role of their own on; for owners, and nothing while there is no application."""


class AddedMember(Member):
    """A new member, and what there is to say about it."""

    warnings: tuple[Literal["mingled_group"], ...]
    """`mingled_group`: in this group, or in one that they are in already, people of several customers are together now;
    what is shared with it is shared between them."""


class StrictQuery(Query):
    """Whether a warning keeps it from being done."""

    strict: bool = False
    """1: answer 409 instead of a warning, and do nothing."""


class MembersQuery(RosterQuery):
    """Which members are wanted."""

    query: Line = ""
    """Looked for in username, name and e-mail address, without case."""


class NewMember(Body):
    """Somebody to be made a member without being asked; owners of a space above and admins may."""

    user: Line
    """Id or username."""
    role: MemberRole


class MemberChange(Body):
    """The role that a member is to have."""

    role: MemberRole


class Overrides(Answer):
    """The roles of a member on single resources, which beat all else."""

    overrides: dict[str, str]
    """Resource id -> role; none locks out."""
    managed: tuple[str, ...]
    """Ids of those resources whose role there the login provider alone changes."""
    overridable: tuple[Ref, ...]
    """What may be named; nothing while the space has no application."""


class OverridesBody(Body):
    """The roles that a member is to have on single resources: these and no others."""

    overrides: Annotated[dict[Line, RoleName], Field(max_length=1000, examples=[{}])]
    """Role by id or address of an application, instance or device of the space."""


async def find(api: Api, call: Call) -> Page[MemberItem]:
    asked, space = call.asked(MembersQuery), space_at(call.moment.estate, call.path["space"])
    known = spaces_known(call.moment.estate, call.moment.actor)
    query = PeopleQuery(text=asked.query, spaces=frozenset({space.id}))
    seen, part = eyes(api, call), stretch(asked)
    if known is None or space.id in known:
        found = await call.moment.database.search(part.of(query))
    else:  # who is known is known through other spaces
        people = [person async for person in _through(call, replace(query, spaces=known)) if _in(person, space)]
        found = part.among(people)
    items = tuple(_item(seen, space, person) for person in found.items)
    return Page[MemberItem](meta=part.meta(found), items=items)


async def _through(call: Call, query: PeopleQuery) -> AsyncIterator[Person]:
    """Everybody of whom whoever acts may know, themselves included."""
    query = replace(query, also=call.moment.actor.user_id, limit=_AT_ONCE)
    more = True
    while more:
        found = await call.moment.database.search(query)
        for person in found.items:
            yield person
        more = found.more and bool(found.items)
        query = replace(query, after=found.items[-1].user.username) if more else query


def _in(person: Person, space: Space) -> bool:
    return space.id in person.memberships


def _item(seen: Eyes, space: Space, person: Person) -> MemberItem:
    return MemberItem.model_validate(_described(seen, space, person))


def _alone(seen: Eyes, space: Space, person: Person) -> Member:
    """One member, with what would be the same, and long, for each of a list."""
    manages = seen.may(Permission.SPACE_MEMBERS_ROLE, space)
    described = _described(seen, space, person)
    return Member.model_validate({**described, "overridable": _overridable(seen, space) if manages else ()})


def _described(seen: Eyes, space: Space, person: Person) -> dict[str, object]:
    user, held = person.user, person.memberships[space.id]
    manages = seen.may(Permission.SPACE_MEMBERS_ROLE, space)
    return {
        "id": user.id,
        "username": user.username,
        "name": user.name,
        "image": user.image,
        "role": held.role.label,
        "source": held.source,
        "overrides": _told(seen.estate, space, held) if manages else {},
        "managed": tuple(sorted(held.managed)) if manages else (),
        "actions": tuple(str(permission) for permission in _MANAGING if seen.may(permission, space)),
    }


def _overridable(seen: Eyes, space: Space) -> tuple[Ref, ...]:
    found = overrides.overridable(seen.estate, space)
    return tuple(Ref(id=each.id, slug=each.slug, name=each.name) for each in found)


async def show(api: Api, call: Call) -> Member:
    space, person = await _member(call)
    return _alone(eyes(api, call), space, person)


async def _member(call: Call) -> tuple[Space, Person]:
    """A member whom whoever acts may see; everybody may see themselves."""
    moment = call.moment
    space, key = space_at(moment.estate, call.path["space"]), call.path["user"]
    mine = key == moment.actor.user_id and space.id in moment.actor.person.memberships
    if not mine:
        require(moment, Permission.SPACE_MEMBERS_LIST, space)
    person = await members.member(moment, space, key)
    if not knows(moment.estate, moment.actor, person):
        raise NotThere(key)
    return space, person


async def add(api: Api, call: Call) -> Step[BaseModel]:
    sent, moment = call.sent(NewMember), call.moment
    person = await _known(call, sent.user)
    strict = call.asked(StrictQuery).strict
    step = await members.add(moment, call.path["space"], person=person, role=role_of(sent.role), strict=strict)
    space = space_at(moment.estate, call.path["space"])
    shown = _alone(eyes(api, call), space, step.result.person).model_dump()
    added = AddedMember.model_validate({**shown, "warnings": ("mingled_group",) if step.result.mingled else ()})
    return Step(result=added, edits=step.edits, events=step.events)


async def _known(call: Call, key: str) -> Person | None:
    try:
        person = await user_at(call.moment, key)
    except NotThere:
        return None
    return person if knows(call.moment.estate, call.moment.actor, person) else None


async def set_role(api: Api, call: Call) -> Step[BaseModel]:
    role = role_of(call.sent(MemberChange).role)
    return _shown(api, call, await members.set_role(call.moment, call.path["space"], call.path["user"], role))


async def remove(_: Api, call: Call) -> Step[None]:
    return await members.remove(call.moment, call.path["space"], call.path["user"])


async def show_overrides(api: Api, call: Call) -> Overrides:
    space = space_at(call.moment.estate, call.path["space"])
    if not eyes(api, call).may(Permission.SPACE_MEMBERS_ROLE, space):
        require(call.moment, Permission.SPACE_MEMBERS_ROLE, space)
    return _overrides(api, call, space, await members.held_by(call.moment, space, call.path["user"]))


def _overrides(api: Api, call: Call, space: Space, person: Person) -> Overrides:
    held = person.memberships[space.id]
    told = _told(call.moment.estate, space, held)
    managed = tuple(sorted(held.managed & told.keys()))
    return Overrides(overrides=told, managed=managed, overridable=_overridable(eyes(api, call), space))


def _told(estate: Estate, space: Space, held: Membership) -> dict[str, str]:
    return {at: role.label for at, role in overrides.heard(estate, space, held).items()}


async def set_overrides(api: Api, call: Call) -> Step[BaseModel]:
    moment, roles = call.moment, call.sent(OverridesBody).overrides
    step = await overrides.set_overrides(
        moment, call.path["space"], call.path["user"], {at: role_of(role) for at, role in roles.items()}
    )
    space = space_at(moment.estate, call.path["space"])
    return Step(result=_overrides(api, call, space, step.result), edits=step.edits, events=step.events)


def _shown(api: Api, call: Call, step: Step[Person]) -> Step[BaseModel]:
    space = space_at(call.moment.estate, call.path["space"])
    return Step(result=_alone(eyes(api, call), space, step.result), edits=step.edits, events=step.events)


def _events(verb: str) -> tuple[str, ...]:
    return tuple(f"{kind}.user.{verb}" for kind in ("team", "customer", "group"))


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/spaces/{space}/members",
        tag=TAG,
        summary="The members of a space, as far as one may know of them",
        permission=Permission.SPACE_MEMBERS_LIST,
        where=in_space(),
        query=MembersQuery,
        answer=Page[MemberItem],
        perform=find,
        picker=True,
    ),
    Operation(
        method="POST",
        path="/spaces/{space}/members",
        tag=TAG,
        summary="Make somebody a member without asking them, as an owner of a space above or an admin",
        permission=Permission.SPACE_MEMBERS_INVITE,
        where=in_space(),
        query=StrictQuery,
        body=NewMember,
        answer=AddedMember,
        status=201,
        audit=(*_events("added"), "group.mingled"),
        change=add,
    ),
    Operation(
        method="GET",
        path="/spaces/{space}/members/{user}",
        tag=TAG,
        summary="One member, by user id; everybody may see themselves",
        permission=Permission.SPACE_MEMBERS_LIST,
        where=SENT,
        answer=Member,
        perform=show,
    ),
    Operation(
        method="PUT",
        path="/spaces/{space}/members/{user}",
        tag=TAG,
        summary="Give a member another role; a team keeps an active owner",
        permission=Permission.SPACE_MEMBERS_ROLE,
        where=in_space(),
        body=MemberChange,
        answer=Member,
        audit=_events("role-changed"),
        change=set_role,
    ),
    Operation(
        method="DELETE",
        path="/spaces/{space}/members/{user}",
        tag=TAG,
        summary="Remove a member, or leave; a team keeps an active owner",
        permission=Permission.SPACE_MEMBERS_REMOVE,
        where=SENT,
        status=204,
        audit=_events("removed"),
        change=remove,
    ),
    Operation(
        method="GET",
        path="/spaces/{space}/members/{user}/overrides",
        tag=TAG,
        summary="The roles of a member on single resources, and what they may be on; for owners",
        permission=Permission.SPACE_MEMBERS_LIST,
        where=in_space(),
        answer=Overrides,
        perform=show_overrides,
    ),
    Operation(
        method="PUT",
        path="/spaces/{space}/members/{user}/overrides",
        tag=TAG,
        summary="Give a member roles on single resources: these and no others",
        permission=Permission.SPACE_MEMBERS_ROLE,
        where=in_space(),
        body=OverridesBody,
        answer=Overrides,
        audit=_events("permissions-changed"),
        change=set_overrides,
    ),
)
