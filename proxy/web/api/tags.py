"""Tags, by which rows are told apart: definitions, and the values of spaces and users."""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from proxy.access.decide import acting
from proxy.access.standing import Standing
from proxy.access.tags import BUILT_IN
from proxy.model.access import Permission, Role
from proxy.services.administration import tags
from proxy.services.authority import offered, require, space_at
from proxy.services.problems import NotThere
from proxy.services.users import user_at
from proxy.services.writer import Moment, Step
from proxy.web.api.keys import Api
from proxy.web.api.models import Answer, Body, Item, Meta, Name, Page
from proxy.web.api.operation import PLATFORM, SENT, Call, Operation, in_space

TAG: Final = "rows"
MOST: Final = 100
"""Tags of one space or user."""
_ABOUT: Final = frozenset({Permission.PLATFORM_SETTINGS_EDIT})


def _own(name: str) -> str:
    if f"@{name}" in BUILT_IN:
        raise ValueError(f"must not be {name}: @{name} is built in, and flows are told of both under one name")
    return name


def _single(value: str) -> str:
    if value == "*":
        raise ValueError("must not be *: flows are told * of who sees every row")
    return value


TagName = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$"), AfterValidator(_own), Field(examples=["tenantid"])
]
Value = Annotated[Name, AfterValidator(_single), Field(examples=["acme"])]
Values = Annotated[Mapping[TagName, Value], Field(max_length=MOST, examples=[{"tenantid": "acme"}])]


class TagItem(Item):
    """A tag."""

    name: str
    default: str | None
    """The value of who has none of their own; null for no row at all."""


class TagChange(Body):
    """What a tag is to be."""

    default: Value | None = None
    """The value of who has none of their own; null for no row at all."""


class NewTag(TagChange):
    """A tag to be defined."""

    name: TagName


class Tagged(Answer):
    """The values of a space or user, by tag."""

    tags: dict[str, str]


class TaggedBody(Body):
    """The values as they should be; all of them."""

    tags: Values


async def find(_: Api, call: Call) -> Page[TagItem]:
    _may_look(call.moment)
    items = tuple(_item(call.moment, name) for name in sorted(call.moment.estate.settings.tags))
    return Page[TagItem](meta=Meta(total=len(items)), items=items)


async def show(_: Api, call: Call) -> TagItem:
    _may_look(call.moment)
    name = call.path["tag"]
    if name not in call.moment.estate.settings.tags:
        raise NotThere(name)
    return _item(call.moment, name)


def _may_look(moment: Moment) -> None:
    """Who owns a space gives values, and has to know of what. Raises Denied."""
    estate = moment.estate
    standing = Standing(estate, acting(moment.actor.person, moment.actor.token))
    mine = (estate.spaces.get(id_) for id_ in standing.person.memberships)
    if not any(space is not None and standing.role_in(space) >= Role.OWNER for space in mine):
        require(moment, Permission.PLATFORM_SETTINGS, None)


def _item(moment: Moment, name: str) -> TagItem:
    default = moment.estate.settings.tags.get(name)
    return TagItem(name=name, default=default, actions=offered(moment, None, _ABOUT))


async def create(_: Api, call: Call) -> Step[BaseModel]:
    sent = call.sent(NewTag)
    step = tags.define(call.moment, sent.name, sent.default)
    item = TagItem(name=sent.name, default=sent.default, actions=offered(call.moment, None, _ABOUT))
    return Step(result=item, edits=step.edits, events=step.events)


async def update(_: Api, call: Call) -> Step[None]:
    step = tags.redefine(call.moment, call.path["tag"], call.sent(TagChange).default)
    return Step(result=None, edits=step.edits, events=step.events)


async def delete(_: Api, call: Call) -> Step[None]:
    return tags.undefine(call.moment, call.path["tag"])


async def show_space(_: Api, call: Call) -> Tagged:
    return Tagged(tags=dict(space_at(call.moment.estate, call.path["space"]).tags))


async def tag_space(_: Api, call: Call) -> Step[None]:
    step = await tags.tag_space(call.moment, call.path["space"], call.sent(TaggedBody).tags)
    return Step(result=None, edits=step.edits, events=step.events)


async def show_user(_: Api, call: Call) -> Tagged:
    return Tagged(tags=dict((await user_at(call.moment, call.path["user"])).user.tags))


async def tag_user(_: Api, call: Call) -> Step[None]:
    step = await tags.tag_user(call.moment, call.path["user"], call.sent(TaggedBody).tags)
    return Step(result=None, edits=step.edits, events=step.events)


_WRITE: Final = Permission.PLATFORM_SETTINGS_EDIT

OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/tags",
        tag=TAG,
        summary="The tags that are defined, for admins and for who owns a space",
        permission=Permission.PLATFORM_SETTINGS,
        where=SENT,
        answer=Page[TagItem],
        perform=find,
    ),
    Operation(
        method="POST",
        path="/tags",
        tag=TAG,
        summary="Define a tag",
        permission=_WRITE,
        where=PLATFORM,
        body=NewTag,
        answer=TagItem,
        status=201,
        audit=("platform.tag.created",),
        change=create,
    ),
    Operation(
        method="GET",
        path="/tags/{tag}",
        tag=TAG,
        summary="One tag, by its name",
        permission=Permission.PLATFORM_SETTINGS,
        where=SENT,
        answer=TagItem,
        perform=show,
    ),
    Operation(
        method="PUT",
        path="/tags/{tag}",
        tag=TAG,
        summary="Change a tag's default",
        permission=_WRITE,
        where=PLATFORM,
        hides=True,
        body=TagChange,
        answer=TagItem,
        audit=("platform.tag.updated",),
        change=update,
    ),
    Operation(
        method="DELETE",
        path="/tags/{tag}",
        tag=TAG,
        summary="Define a tag no longer, unless a row policy uses it",
        permission=_WRITE,
        where=PLATFORM,
        hides=True,
        status=204,
        audit=("platform.tag.deleted",),
        change=delete,
    ),
    Operation(
        method="GET",
        path="/spaces/{space}/tags",
        tag=TAG,
        summary="The values that a space gives its people",
        permission=Permission.SPACE_EDIT,
        where=in_space(),
        answer=Tagged,
        perform=show_space,
    ),
    Operation(
        method="PUT",
        path="/spaces/{space}/tags",
        tag=TAG,
        summary="Give the people of a space other values; owners of the team alone",
        permission=Permission.TAG_MANAGE,
        where=in_space(),
        body=TaggedBody,
        answer=Tagged,
        audit=("team.settings.updated", "customer.settings.updated", "group.settings.updated"),
        change=tag_space,
    ),
    Operation(
        method="GET",
        path="/users/{user}/tags",
        tag=TAG,
        summary="The values that a user has of their own",
        permission=Permission.PLATFORM_USERS,
        where=PLATFORM,
        hides=True,
        answer=Tagged,
        perform=show_user,
    ),
    Operation(
        method="PUT",
        path="/users/{user}/tags",
        tag=TAG,
        summary="Give a user other values of their own, which go before those of their spaces",
        permission=Permission.PLATFORM_USERS_EDIT,
        where=PLATFORM,
        hides=True,
        body=TaggedBody,
        answer=Tagged,
        audit=("user.updated-user",),
        change=tag_user,
    ),
)
