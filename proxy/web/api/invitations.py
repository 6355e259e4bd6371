"""Invitations into spaces. Those made out to oneself are among what is there for oneself."""

from typing import Annotated, Final

from pydantic import BaseModel, StringConstraints

from config.mail_schema import is_mailbox
from proxy.access.branding import composed
from proxy.model.access import Permission
from proxy.services.administration import invitations
from proxy.services.allowances import Policy
from proxy.services.authority import offered, space_at
from proxy.services.mailboxes import takes_one_more
from proxy.services.outbox import Outgoing
from proxy.services.writer import Step
from proxy.store import Invitation
from proxy.web.api.conditions import refuse_unseen
from proxy.web.api.keys import Api
from proxy.web.api.members import MemberRole
from proxy.web.api.models import Body, Item, Line, Meta, Page, role_of
from proxy.web.api.operation import Call, Operation, in_space

TAG: Final = "invitations"


class InvitationItem(Item):
    """An offer of membership. Times are seconds since the epoch."""

    id: str
    to: str
    """Username or e-mail address as it was typed: whether anybody has it is not told."""
    role: str
    created: float
    expires: float


class NewInvitation(Body):
    """Whom to invite."""

    to: Annotated[Line, StringConstraints(min_length=1)]
    """Username or e-mail address."""
    role: MemberRole


def _item(call: Call, invitation: Invitation) -> InvitationItem:
    return InvitationItem(
        id=invitation.id,
        to=invitation.email,
        role=invitation.role.label,
        created=invitation.created,
        expires=invitation.expires,
        actions=offered(call.moment, call.place, {Permission.SPACE_MEMBERS_INVITE}),
    )


async def find(_: Api, call: Call) -> Page[InvitationItem]:
    found = await invitations.open_invitations(call.moment, call.path["space"])
    return Page[InvitationItem](meta=Meta(total=len(found)), items=tuple(_item(call, each) for each in found))


async def show(_: Api, call: Call) -> InvitationItem:
    found = await invitations.invitation(call.moment, call.path["space"], call.path["invitation"])
    return _item(call, found)


async def invite(api: Api, call: Call) -> Step[BaseModel]:
    """Whoever gives an open invitation another role has to have seen the one it has."""
    sent = call.sent(NewInvitation)
    step = await invitations.invite(
        call.moment, call.path["space"], id_=api.new_id(), login=sent.to, role=role_of(sent.role)
    )
    open_ = await invitations.open_invitations(call.moment, call.path["space"])
    before = next((each for each in open_ if each.id == step.result.id), None)
    if before is None or before.role is not step.result.role:
        refuse_unseen(call.request, _item(call, before) if before else None)
    return Step(result=_item(call, step.result), edits=step.edits, events=step.events)


async def mail(api: Api, call: Call) -> None:
    """Write to whoever was invited, where there is an address; nobody learns from it whether they have an account."""
    await _mail(api, call, call.sent(NewInvitation).to)


async def mail_again(api: Api, call: Call) -> None:
    found = await call.moment.database.invitation(call.path["invitation"])
    if found is not None:
        await _mail(api, call, found.email)


async def _mail(api: Api, call: Call, to: str) -> None:
    help_, moment = api.desk.self_help, call.moment
    if not help_.outbox.configured:
        return
    account = await moment.database.account(to)
    user, address = (account.user, account.user.email) if account else (None, to)
    space, by = space_at(moment.estate, call.path["space"]), moment.actor.person.user
    may_sign_up = user is None and help_.sign_up.admits(address)
    head = help_.outbox.letterhead().called(composed(moment.estate, space).product)
    written = head.invitation(by.name or by.username, space.title or space.slug, sign_up=may_sign_up)
    until = moment.now + invitations.LASTS
    letter = Outgoing(to=address, written=written, until=until, user=user.id if user else None)
    sent = is_mailbox(address) and await takes_one_more(help_.recovery.shared, "invitation", address)
    await help_.outbox.post([letter] if sent else [])


async def resend(_: Api, call: Call) -> Step[BaseModel]:
    step = await invitations.resend(call.moment, call.path["space"], call.path["invitation"])
    return Step(result=_item(call, step.result), edits=step.edits, events=step.events)


async def withdraw(_: Api, call: Call) -> Step[None]:
    return await invitations.withdraw(call.moment, call.path["space"], call.path["invitation"])


def _events(verb: str) -> tuple[str, ...]:
    return tuple(f"{kind}.user.{verb}" for kind in ("team", "customer", "group"))


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/spaces/{space}/invitations",
        tag=TAG,
        summary="The open invitations into a space",
        permission=Permission.SPACE_MEMBERS_INVITE,
        where=in_space(),
        answer=Page[InvitationItem],
        perform=find,
    ),
    Operation(
        method="POST",
        path="/spaces/{space}/invitations",
        tag=TAG,
        summary="Invite somebody, or with If-Match to another role; whether there is such a user is not told",
        permission=Permission.SPACE_MEMBERS_INVITE,
        where=in_space(),
        body=NewInvitation,
        answer=InvitationItem,
        status=202,
        audit=_events("invited"),
        change=invite,
        overwrites=True,
        afterwards=mail,
        held=Policy.INVITES,
    ),
    Operation(
        method="GET",
        path="/spaces/{space}/invitations/{invitation}",
        tag=TAG,
        summary="An invitation into a space",
        permission=Permission.SPACE_MEMBERS_INVITE,
        where=in_space(),
        answer=InvitationItem,
        perform=show,
    ),
    Operation(
        method="DELETE",
        path="/spaces/{space}/invitations/{invitation}",
        tag=TAG,
        summary="Take an invitation back",
        permission=Permission.SPACE_MEMBERS_INVITE,
        where=in_space(),
        status=204,
        audit=_events("uninvited"),
        change=withdraw,
    ),
    Operation(
        method="POST",
        path="/spaces/{space}/invitations/{invitation}/resend",
        tag=TAG,
        summary="Let an invitation last for another seven days",
        permission=Permission.SPACE_MEMBERS_INVITE,
        where=in_space(),
        answer=InvitationItem,
        audit=_events("invited"),
        change=resend,
        afterwards=mail_again,
        held=Policy.INVITES,
    ),
)
