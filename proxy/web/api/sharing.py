"""Shares: members of another space reach a resource with at most a role."""

from typing import Final, Literal

from pydantic import BaseModel

from proxy.model.access import Permission
from proxy.model.directory import Space
from proxy.model.estate import Grant
from proxy.services.administration import sharing
from proxy.services.authority import offered
from proxy.services.writer import Moment, Step
from proxy.web.api.conditions import refuse_unseen
from proxy.web.api.items import Ref
from proxy.web.api.keys import Api
from proxy.web.api.members import MemberRole
from proxy.web.api.models import Answer, Body, Item, Line, Meta, Page, Trial, role_of
from proxy.web.api.operation import SENT, Call, Operation, Preview, on_resource

TAG: Final = "sharing"


class GrantItem(Item):
    """A share."""

    space: Ref
    """The space it is shared with."""
    role: str
    """What its members get at most."""
    declared: str | None
    """The estate file that declares it, and alone may change it; null where it was made by hand."""


class NewGrant(Body):
    """A share to be made, or to have another role."""

    space: Line
    """Id or slug of the owner, of a space above or below it, or for admins of everyone."""
    role: MemberRole


class GainItem(Answer):
    """What a share would change for one person."""

    id: str
    username: str
    name: str
    before: str
    after: str


class PreviewItem(Answer):
    """What a share would change for people of whom one may know."""

    gains: tuple[GainItem, ...]
    more: bool
    """Whether there are further people in that space who were not looked at."""
    warnings: tuple[Literal["mingled_group", "no_row_policy"], ...]
    """`mingled_group`: people of several customers are in that group, and would see what is each other's. `no_row_policy`:
    in tenant mode, no row policy says whose rows each of them sees, so all of them see all."""


async def find(_: Api, call: Call) -> Page[GrantItem]:
    found = await sharing.grants(call.moment, call.path["resource"])
    items = tuple(_item(call.moment, grant, space) for grant, space in found)
    return Page[GrantItem](meta=Meta(total=len(items)), items=items)


def _item(moment: Moment, grant: Grant, space: Space) -> GrantItem:
    ref = Ref(id=space.id, slug=space.slug, name=space.title)
    may = offered(moment, moment.estate.resources[grant.target], {Permission.SHARE_CREATE, Permission.SHARE_DELETE})
    return GrantItem(space=ref, role=grant.role.label, declared=grant.declared, actions=may)


async def show(_: Api, call: Call) -> GrantItem:
    return _item(call.moment, *await sharing.grant(call.moment, call.path["resource"], call.path["space"]))


async def share(_: Api, call: Call) -> Step[BaseModel]:
    """Whoever gives a share another role has to have seen the one it has; the same once more changes nothing."""
    sent, moment = call.sent(NewGrant), call.moment
    step = await sharing.share(moment, call.path["resource"], space=sent.space, role=role_of(sent.role))
    space = moment.estate.spaces[step.result.space]
    if step.edits:
        before = sharing.before(moment, step.result)
        refuse_unseen(call.request, _item(moment, before, space) if before else None)
    item = _item(moment, step.result, space)
    return Step(result=item, edits=step.edits, events=step.events)


async def preview(_: Api, call: Call) -> PreviewItem:
    sent = call.sent(NewGrant)
    found = await sharing.preview(call.moment, call.path["resource"], space=sent.space, role=role_of(sent.role))
    gains = tuple(
        GainItem(
            id=gain.user.id,
            username=gain.user.username,
            name=gain.user.name,
            before=gain.before.label,
            after=gain.after.label,
        )
        for gain in found.gains
    )
    warnings: list[Literal["mingled_group", "no_row_policy"]] = ["mingled_group"] if found.mingled else []
    warnings += ["no_row_policy"] if found.all_rows else []
    return PreviewItem(gains=gains, more=found.more, warnings=tuple(warnings))


async def unshare(_: Api, call: Call) -> Step[None]:
    return await sharing.unshare(call.moment, call.path["resource"], call.path["space"])


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/resources/{resource}/grants",
        tag=TAG,
        summary="With whom something is shared, as far as one may know",
        permission=Permission.SHARE_CREATE,
        where=SENT,
        answer=Page[GrantItem],
        perform=find,
    ),
    Operation(
        method="POST",
        path="/resources/{resource}/grants",
        tag=TAG,
        summary="Share something, or with If-Match change the role of a share; with preview, who would gain what",
        permission=Permission.SHARE_CREATE,
        where=on_resource(),
        query=Trial,
        body=NewGrant,
        answer=GrantItem,
        audit=("share.created", "share.updated"),
        change=share,
        overwrites=True,
        preview=Preview(answer=PreviewItem, perform=preview),
    ),
    Operation(
        method="GET",
        path="/resources/{resource}/grants/{space}",
        tag=TAG,
        summary="A share, as far as one may know of it",
        permission=Permission.SHARE_CREATE,
        where=SENT,
        answer=GrantItem,
        perform=show,
    ),
    Operation(
        method="DELETE",
        path="/resources/{resource}/grants/{space}",
        tag=TAG,
        summary="Take a share back",
        permission=Permission.SHARE_DELETE,
        where=on_resource(),
        status=204,
        audit=("share.deleted",),
        change=unshare,
    ),
)
