"""Tokens for the dashboards and endpoints of an instance."""

from typing import Annotated, Final

from pydantic import BaseModel, Field

from proxy.model.access import Permission
from proxy.model.estate import Resource, ResourceKind
from proxy.model.identity import Token, TokenKind
from proxy.services.allowances import Policy
from proxy.services.authority import offered, resource_at
from proxy.services.problems import NotThere
from proxy.services.token_changes import Desk, WantedHttp
from proxy.services.writer import Step
from proxy.web.api.keys import Api
from proxy.web.api.models import Item, Line, Meta, Page
from proxy.web.api.my_tokens import TokenChange
from proxy.web.api.operation import Call, Operation, on_resource

TAG: Final = "instances"
_HERE: Final = on_resource("instance", ResourceKind.INSTANCE)
_Lines = Annotated[tuple[Line, ...], Field(max_length=100)]


class HttpTokenItem(Item):
    """A token; its value is shown once, when it is made. Times are seconds since the epoch."""

    id: str
    name: str
    created: float
    expires: float | None
    last_used: float | None
    """To the minute; null for never."""
    paths: tuple[str, ...]
    """Prefixes of paths it may address; none for all."""
    methods: tuple[str, ...]
    """Methods it may use; none for all."""
    networks: tuple[str, ...]
    """Where it may be used from; none for anywhere."""


class HttpTokenMade(HttpTokenItem):
    """A new token with its value, which is never shown again."""

    value: str


class NewHttpToken(TokenChange):
    """A token that is wanted."""

    paths: _Lines = ()
    """Prefixes, such as /api or /api/*, as the instance knows its paths; none for all."""
    methods: _Lines = ()
    networks: _Lines = ()
    """CIDRs it may be used from; none for anywhere."""


def _item(call: Call, token: Token) -> HttpTokenItem:
    return HttpTokenItem(
        id=token.id,
        name=token.name,
        created=token.created,
        expires=token.expires,
        last_used=token.last_used,
        paths=token.paths,
        methods=token.methods,
        networks=token.networks,
        actions=offered(call.moment, _instance(call), {Permission.INSTANCE_TOKENS}),
    )


def _instance(call: Call) -> Resource:
    return resource_at(call.moment.estate, call.path["instance"], ResourceKind.INSTANCE)


async def _one(call: Call) -> Token:
    found = await call.moment.database.tokens(instance=_instance(call).id, kind=TokenKind.HTTP)
    token = next((each for each in found if each.id == call.path["token"]), None)
    if token is None:
        raise NotThere(call.path["token"])
    return token


async def find(_: Api, call: Call) -> Page[HttpTokenItem]:
    found = await call.moment.database.tokens(instance=_instance(call).id, kind=TokenKind.HTTP)
    return Page[HttpTokenItem](meta=Meta(total=len(found)), items=tuple(_item(call, each) for each in found))


async def show(_: Api, call: Call) -> HttpTokenItem:
    return _item(call, await _one(call))


async def create(_: Api, call: Call) -> Step[BaseModel]:
    sent = call.sent(NewHttpToken)
    wanted = WantedHttp(
        name=sent.name,
        expires=sent.expires,
        paths=sent.paths,
        methods=sent.methods,
        networks=sent.networks,
    )
    step = await Desk.at(call.moment).http(_instance(call), wanted)
    shown = _item(call, step.result.token).model_dump()
    made = HttpTokenMade.model_validate({**shown, "value": step.result.value})
    return Step(result=made, edits=step.edits, events=step.events)


async def revise(_: Api, call: Call) -> Step[BaseModel]:
    sent = call.sent(TokenChange)
    step = Desk.at(call.moment).revise(await _one(call), name=sent.name, expires=sent.expires)
    return Step(result=_item(call, step.result), edits=step.edits, events=step.events)


async def revoke(_: Api, call: Call) -> Step[None]:
    return Desk.at(call.moment).revoke(await _one(call))


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/instances/{instance}/tokens",
        tag=TAG,
        summary="The tokens for an instance's endpoints, without their values",
        permission=Permission.INSTANCE_TOKENS,
        where=_HERE,
        answer=Page[HttpTokenItem],
        perform=find,
    ),
    Operation(
        method="POST",
        path="/instances/{instance}/tokens",
        tag=TAG,
        summary="Make a token for an instance's endpoints; its value is shown this once",
        permission=Permission.INSTANCE_TOKENS,
        where=_HERE,
        body=NewHttpToken,
        answer=HttpTokenMade,
        status=201,
        audit=("project.httpToken.created",),
        change=create,
        held=Policy.TOKEN_CREATE,
    ),
    Operation(
        method="GET",
        path="/instances/{instance}/tokens/{token}",
        tag=TAG,
        summary="A token for an instance's endpoints, without its value",
        permission=Permission.INSTANCE_TOKENS,
        where=_HERE,
        answer=HttpTokenItem,
        perform=show,
    ),
    Operation(
        method="PUT",
        path="/instances/{instance}/tokens/{token}",
        tag=TAG,
        summary="Change name or end of a token for an instance's endpoints",
        permission=Permission.INSTANCE_TOKENS,
        where=_HERE,
        body=TokenChange,
        answer=HttpTokenItem,
        audit=("project.httpToken.updated",),
        change=revise,
    ),
    Operation(
        method="DELETE",
        path="/instances/{instance}/tokens/{token}",
        tag=TAG,
        summary="Revoke a token for an instance's endpoints; from the next request on it opens nothing",
        permission=Permission.INSTANCE_TOKENS,
        where=_HERE,
        status=204,
        audit=("project.httpToken.deleted",),
        change=revoke,
    ),
)
