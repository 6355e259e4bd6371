"""One's own API tokens."""

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import BaseModel, Field

from proxy.model.access import Permission
from proxy.model.identity import Token
from proxy.services.allowances import Policy
from proxy.services.authority import offered, space_at
from proxy.services.problems import Invalid, NotThere, Wrong
from proxy.services.token_changes import Desk, Wanted
from proxy.services.writer import Moment, Step
from proxy.web.api.keys import Api
from proxy.web.api.me import TAG
from proxy.web.api.models import Body, Item, Line, Meta, Name, Page
from proxy.web.api.operation import PLATFORM, Call, Operation

Moments = Annotated[float, Field(ge=0, le=253402300799)]
"""Seconds since the epoch, up to the year 9999."""


class TokenItem(Item):
    """A token; its value is shown once, when it is made. Times are seconds since the epoch."""

    id: str
    name: str
    created: float
    expires: float | None
    last_used: float | None
    """To the minute; null for never."""
    read_only: bool
    spaces: tuple[str, ...] | None
    """Ids of the spaces it may reach, with what lies below; null for all that its user may."""
    admin: bool
    """Whether it acts as an admin."""
    networks: tuple[str, ...]
    """Where it may be used from; none for anywhere."""


class TokenMade(TokenItem):
    """A new token with its value, which is never shown again."""

    value: str


class TokenChange(Body):
    """What may be changed of a token."""

    name: Name
    expires: Moments | None = None
    """Seconds since the epoch; null for no end."""


class NewToken(TokenChange):
    """A token that is wanted."""

    read_only: bool = False
    spaces: Annotated[tuple[Line, ...], Field(max_length=200)] | None = None
    """Spaces it may reach, by id or slug; null for all."""
    admin: bool = False
    networks: Annotated[tuple[Line, ...], Field(max_length=100)] = ()
    """CIDRs it may be used from; none for anywhere."""


def token_item(token: Token, actions: tuple[str, ...]) -> TokenItem:
    return TokenItem(
        id=token.id,
        name=token.name,
        created=token.created,
        expires=token.expires,
        last_used=token.last_used,
        read_only=token.read_only,
        spaces=tuple(sorted(token.spaces)) if token.spaces is not None else None,
        admin=token.admin,
        networks=token.networks,
        actions=actions,
    )


def _shown(moment: Moment, token: Token) -> TokenItem:
    return token_item(token, offered(moment, None, {Permission.SELF_TOKENS}))


async def _mine(moment: Moment) -> Sequence[Token]:
    return await moment.database.tokens(user=moment.actor.user_id)


async def _one(call: Call) -> Token:
    wanted = call.path["token"]
    for token in await _mine(call.moment):
        if token.id == wanted:
            return token
    raise NotThere(wanted)


async def find(_: Api, call: Call) -> Page[TokenItem]:
    items = tuple(_shown(call.moment, token) for token in await _mine(call.moment))
    return Page[TokenItem](meta=Meta(total=len(items)), items=items)


async def show(_: Api, call: Call) -> TokenItem:
    return _shown(call.moment, await _one(call))


async def create(_: Api, call: Call) -> Step[BaseModel]:
    sent, moment = call.sent(NewToken), call.moment
    wanted = Wanted(
        name=sent.name,
        expires=sent.expires,
        read_only=sent.read_only,
        spaces=_spaces(moment, sent.spaces),
        admin=sent.admin,
        networks=sent.networks,
    )
    step = await Desk.at(moment).personal(moment.actor.person, wanted)
    shown = _shown(moment, step.result.token).model_dump()
    return Step(result=TokenMade(**shown, value=step.result.value), edits=step.edits, events=step.events)


def _spaces(moment: Moment, sent: Sequence[str] | None) -> frozenset[str] | None:
    """Only spaces that whoever asks belongs to: others are as unknown as those that are not there."""
    if sent is None:
        return None
    person, found = moment.actor.person, set[str]()
    for number, key in enumerate(sent):
        try:
            space = space_at(moment.estate, key)
        except NotThere:
            space = None
        if space is None or not (person.user.admin or space.id in person.memberships):
            remedy = "Name a space you are a member of."
            raise Invalid(Wrong(field=f"spaces/{number}", message="names no space of yours", remedy=remedy))
        found.add(space.id)
    return frozenset(found)


async def revise(_: Api, call: Call) -> Step[None]:
    sent = call.sent(TokenChange)
    step = Desk.at(call.moment).revise(await _one(call), name=sent.name, expires=sent.expires)
    return Step(result=None, edits=step.edits, events=step.events)


async def revoke(_: Api, call: Call) -> Step[None]:
    return Desk.at(call.moment).revoke(await _one(call))


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/me/tokens",
        tag=TAG,
        summary="One's own API tokens, without their values",
        permission=Permission.SELF_READ,
        where=PLATFORM,
        answer=Page[TokenItem],
        perform=find,
    ),
    Operation(
        method="POST",
        path="/me/tokens",
        tag=TAG,
        summary="Make an API token; its value is shown this once",
        permission=Permission.SELF_TOKENS,
        where=PLATFORM,
        body=NewToken,
        answer=TokenMade,
        status=201,
        audit=("user.pat.created",),
        change=create,
        held=Policy.TOKEN_CREATE,
    ),
    Operation(
        method="GET",
        path="/me/tokens/{token}",
        tag=TAG,
        summary="One of one's API tokens, without its value",
        permission=Permission.SELF_READ,
        where=PLATFORM,
        answer=TokenItem,
        perform=show,
    ),
    Operation(
        method="PUT",
        path="/me/tokens/{token}",
        tag=TAG,
        summary="Change name or end of an API token",
        permission=Permission.SELF_TOKENS,
        where=PLATFORM,
        body=TokenChange,
        answer=TokenItem,
        audit=("user.pat.updated",),
        change=revise,
    ),
    Operation(
        method="DELETE",
        path="/me/tokens/{token}",
        tag=TAG,
        summary="Revoke an API token; from the next request on it opens nothing",
        permission=Permission.SELF_TOKENS,
        where=PLATFORM,
        status=204,
        audit=("user.pat.deleted",),
        change=revoke,
    ),
)
