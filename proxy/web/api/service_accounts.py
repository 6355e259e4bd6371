"""Service accounts of a space, which act by their tokens alone, and those tokens."""

from typing import Annotated, Final

from pydantic import BaseModel, Field, StringConstraints

from proxy.model.access import Permission
from proxy.model.directory import Space
from proxy.model.identity import Person, Token, UserKind
from proxy.services.allowances import Policy
from proxy.services.authority import offered, space_at
from proxy.services.problems import NotThere
from proxy.services.token_changes import Desk, Wanted
from proxy.services.users import user_at
from proxy.services.writer import Step
from proxy.store import PeopleQuery
from proxy.web.api.keys import Api
from proxy.web.api.members import MemberRole
from proxy.web.api.models import Body, Item, Line, Meta, Page, RosterQuery, role_of
from proxy.web.api.my_tokens import TokenChange, TokenItem, TokenMade, token_item
from proxy.web.api.operation import Call, Operation, in_space
from proxy.web.api.paging import stretch

TAG: Final = "service accounts"

AccountName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+\-]{0,63}$"), Field(examples=["deploy-bot"])
]


class AccountItem(Item):
    """A service account."""

    id: str
    username: str
    """What instances and logs call it."""
    name: str
    role: str
    """In the space."""
    state: str
    """active or suspended."""


class NewServiceAccount(Body):
    """A service account to be made."""

    name: AccountName
    """Unique in the space, whatever the case; the gateway adds something to make a username of it."""
    role: MemberRole


class ServiceAccountChange(Body):
    """The role that a service account is to have."""

    role: MemberRole


class NewServiceToken(TokenChange):
    """A token that is wanted. It can do what the account's role allows."""

    read_only: bool = False
    networks: Annotated[tuple[Line, ...], Field(max_length=100)] = ()
    """CIDRs it may be used from; none for anywhere."""


def _space(call: Call) -> Space:
    return space_at(call.moment.estate, call.path["space"])


async def _account(call: Call) -> Person:
    """The account that the path names, by id or username. Raises NotThere for one of another space, and for people."""
    key, space = call.path["account"], _space(call)
    person = await user_at(call.moment, key)
    if person.user.kind is not UserKind.SERVICE or space.id not in person.memberships:
        raise NotThere(key)
    return person


def _item(call: Call, account: Person) -> AccountItem:
    space, user = _space(call), account.user
    return AccountItem(
        id=user.id,
        username=user.username,
        name=user.name,
        role=account.memberships[space.id].role.label,
        state=user.state,
        actions=_actions(call),
    )


def _actions(call: Call) -> tuple[str, ...]:
    return offered(call.moment, _space(call), {Permission.SPACE_TOKENS})


def _token(call: Call, token: Token) -> TokenItem:
    return token_item(token, _actions(call))


async def find(_: Api, call: Call) -> Page[AccountItem]:
    part = stretch(call.asked(RosterQuery))
    query = PeopleQuery(spaces=frozenset({_space(call).id}), kind=UserKind.SERVICE)
    found = await call.moment.database.search(part.of(query))
    return Page[AccountItem](meta=part.meta(found), items=tuple(_item(call, each) for each in found.items))


async def show(_: Api, call: Call) -> AccountItem:
    return _item(call, await _account(call))


async def create(_: Api, call: Call) -> Step[BaseModel]:
    sent = call.sent(NewServiceAccount)
    return _shown(call, await Desk.at(call.moment).account_named(_space(call), sent.name, role_of(sent.role)))


async def set_role(_: Api, call: Call) -> Step[BaseModel]:
    role = role_of(call.sent(ServiceAccountChange).role)
    return _shown(call, Desk.at(call.moment).set_role(_space(call), await _account(call), role))


async def delete(_: Api, call: Call) -> Step[None]:
    return Desk.at(call.moment).remove_account(_space(call), await _account(call))


def _shown(call: Call, step: Step[Person]) -> Step[BaseModel]:
    return Step(result=_item(call, step.result), edits=step.edits, events=step.events)


async def tokens(_: Api, call: Call) -> Page[TokenItem]:
    account = await _account(call)
    items = tuple(_token(call, each) for each in await call.moment.database.tokens(user=account.user.id))
    return Page[TokenItem](meta=Meta(total=len(items)), items=items)


async def make_token(_: Api, call: Call) -> Step[BaseModel]:
    sent, account = call.sent(NewServiceToken), await _account(call)
    wanted = Wanted(name=sent.name, expires=sent.expires, read_only=sent.read_only, networks=sent.networks)
    step = await Desk.at(call.moment).service(account, wanted)
    shown = _token(call, step.result.token).model_dump()
    return Step(result=TokenMade(**shown, value=step.result.value), edits=step.edits, events=step.events)


async def revoke_token(_: Api, call: Call) -> Step[None]:
    account, key = await _account(call), call.path["token"]
    found = await call.moment.database.tokens(user=account.user.id)
    token = next((each for each in found if each.id == key), None)
    if token is None:
        raise NotThere(key)
    return Desk.at(call.moment).revoke(token, account)


_ALL: Final = "/spaces/{space}/service-accounts"
_ONE: Final = "/spaces/{space}/service-accounts/{account}"

OPERATIONS: Final = (
    Operation(
        method="GET",
        path=_ALL,
        tag=TAG,
        summary="The service accounts of a space",
        permission=Permission.SPACE_TOKENS,
        where=in_space(),
        query=RosterQuery,
        answer=Page[AccountItem],
        perform=find,
    ),
    Operation(
        method="POST",
        path=_ALL,
        tag=TAG,
        summary="Make a service account: a member that never logs in and acts by its tokens",
        permission=Permission.SPACE_TOKENS,
        where=in_space(),
        body=NewServiceAccount,
        answer=AccountItem,
        status=201,
        audit=("user.created-user",),
        change=create,
    ),
    Operation(
        method="GET",
        path=_ONE,
        tag=TAG,
        summary="A service account, by id or username",
        permission=Permission.SPACE_TOKENS,
        where=in_space(),
        answer=AccountItem,
        perform=show,
    ),
    Operation(
        method="PUT",
        path=_ONE,
        tag=TAG,
        summary="Give a service account another role; its tokens have it at once",
        permission=Permission.SPACE_TOKENS,
        where=in_space(),
        body=ServiceAccountChange,
        answer=AccountItem,
        audit=tuple(f"{kind}.user.role-changed" for kind in ("team", "customer", "group")),
        change=set_role,
    ),
    Operation(
        method="DELETE",
        path=_ONE,
        tag=TAG,
        summary="Delete a service account with all of its tokens",
        permission=Permission.SPACE_TOKENS,
        where=in_space(),
        status=204,
        audit=("user.deleted",),
        change=delete,
    ),
    Operation(
        method="GET",
        path=f"{_ONE}/tokens",
        tag=TAG,
        summary="The tokens of a service account, without their values",
        permission=Permission.SPACE_TOKENS,
        where=in_space(),
        answer=Page[TokenItem],
        perform=tokens,
    ),
    Operation(
        method="POST",
        path=f"{_ONE}/tokens",
        tag=TAG,
        summary="Make a token of a service account; its value is shown this once",
        permission=Permission.SPACE_TOKENS,
        where=in_space(),
        body=NewServiceToken,
        answer=TokenMade,
        status=201,
        audit=("user.pat.created",),
        change=make_token,
        held=Policy.TOKEN_CREATE,
    ),
    Operation(
        method="DELETE",
        path=f"{_ONE}/tokens/{{token}}",
        tag=TAG,
        summary="Revoke a token of a service account; from the next request on it opens nothing",
        permission=Permission.SPACE_TOKENS,
        where=in_space(),
        status=204,
        audit=("user.pat.deleted",),
        change=revoke_token,
    ),
)
