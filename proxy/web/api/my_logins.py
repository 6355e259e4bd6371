"""One's own password and sessions."""

from typing import Annotated, Final

from pydantic import StringConstraints

from auth_plugins import Refused, Unavailable
from proxy.model.access import Permission
from proxy.model.identity import Session
from proxy.services.accounts import WeakPassword
from proxy.services.allowances import Policy
from proxy.services.authority import told
from proxy.services.new_addresses import LASTS
from proxy.services.problems import Invalid, NotPossible, NotThere, Unfit, Wrong
from proxy.services.users import refuse_stated_password
from proxy.store import StoreUnavailable
from proxy.web import attempts
from proxy.web.api.auth import Secret
from proxy.web.api.keys import Api
from proxy.web.api.me import TAG
from proxy.web.api.models import Answer, Body, Item, Line, Meta, NewSecret, Page
from proxy.web.api.operation import PLATFORM, Call, Operation
from proxy.web.keys import ADDRESS


class NewPassword(Body):
    """The password that is, and the one that shall be."""

    current: Secret
    new: NewSecret
    """As the rules of passwords have it; each that it breaks is an error with a code of its own."""


class NewEmail(Body):
    """The mail address that one wants."""

    email: Annotated[Line, StringConstraints(min_length=1)]


class Pending(Answer):
    """A change that is to be confirmed by a link, mailed to the new address."""

    email: str
    expires: float
    """Seconds since the epoch."""


class SessionItem(Item):
    """A login that is going on. Times are seconds since the epoch."""

    id: str
    provider: str
    created: float
    seen: float
    expires: float
    address: str
    """Where it began."""
    agent: str
    """What the browser called itself."""
    current: bool
    """Whether it is the one that asks."""


async def change_password(api: Api, call: Call) -> None:
    """Every other session ends: whoever knew the old password is out."""
    sent, moment = call.sent(NewPassword), call.moment
    user = moment.actor.person.user
    if user.provider is not None:
        raise NotPossible("no_password", f"Your password is kept by {user.provider}. Change it there.")
    refuse_stated_password(user)
    passwords = {"current": sent.current.get_secret_value(), "new": sent.new.get_secret_value()}
    event = told(moment, "user.updated-password", user)
    try:
        await attempts.change_password(api.desk, call.request, user, passwords, event)
    except Refused:
        raise Invalid(Wrong(field="current", message="is not your password")) from None
    except WeakPassword as error:
        raise Unfit(*error.wrongs("new")) from None
    api.writer.wake()
    own = moment.actor.session
    await api.desk.sessions.end_all(user.id, but=own.id if own else None)
    await api.desk.self_help.recovery.tell_of_change(user, address=call.request[ADDRESS])


async def change_email(api: Api, call: Call) -> Pending:
    """Nobody learns whether somebody has that address: its owner is told instead."""
    desk, person, email = api.desk, call.moment.actor.person, call.sent(NewEmail).email
    await desk.allowances.take(Policy.VERIFY, person.user.id)
    try:
        await desk.self_help.addresses.ask(person, email, address=call.request[ADDRESS])
    except (Unavailable, StoreUnavailable):
        await desk.allowances.was_none(Policy.VERIFY, person.user.id)
        raise
    return Pending(email=email, expires=desk.now() + LASTS)


async def sessions(api: Api, call: Call) -> Page[SessionItem]:
    actor = call.moment.actor
    found = await api.desk.sessions.of(actor.user_id)
    items = tuple(
        _item(session, current=actor.session is not None and actor.session.id == session.id) for session in found
    )
    return Page[SessionItem](meta=Meta(total=len(items)), items=items)


def _item(session: Session, *, current: bool) -> SessionItem:
    return SessionItem(
        id=session.id,
        provider=session.provider,
        created=session.created,
        seen=session.seen,
        expires=session.expires,
        address=session.address,
        agent=session.agent,
        current=current,
        actions=(Permission.SELF_EDIT,),
    )


async def end_session(api: Api, call: Call) -> None:
    actor, wanted = call.moment.actor, call.path["session"]
    if all(session.id != wanted for session in await api.desk.sessions.of(actor.user_id)):
        raise NotThere(wanted)
    await _record_end(call, 1)
    await api.desk.sessions.end(wanted)


async def end_others(api: Api, call: Call) -> None:
    actor = call.moment.actor
    own = actor.session.id if actor.session else None
    others = [session for session in await api.desk.sessions.of(actor.user_id) if session.id != own]
    if others:
        await _record_end(call, len(others))
        await api.desk.sessions.end_all(actor.user_id, but=own)


async def _record_end(call: Call, count: int) -> None:
    event = told(call.moment, "user.session.revoked", call.moment.actor.person.user, body={"sessions": count})
    await call.moment.database.record(event)


OPERATIONS: Final = (
    Operation(
        method="PUT",
        path="/me/password",
        tag=TAG,
        summary="Choose a new password; every other session ends",
        permission=Permission.SELF_PASSWORD,
        where=PLATFORM,
        body=NewPassword,
        status=204,
        audit=("user.updated-password",),
        perform=change_password,
        while_expired=True,
    ),
    Operation(
        method="PUT",
        path="/me/email",
        tag=TAG,
        summary="Ask for another mail address, which takes effect once a link that is mailed to it was followed",
        permission=Permission.SELF_PASSWORD,
        where=PLATFORM,
        body=NewEmail,
        answer=Pending,
        status=202,
        audit=("account.change-email-request", "account.change-email-confirmed"),
        perform=change_email,
    ),
    Operation(
        method="GET",
        path="/me/sessions",
        tag=TAG,
        summary="One's own logins that are going on",
        permission=Permission.SELF_READ,
        where=PLATFORM,
        answer=Page[SessionItem],
        perform=sessions,
    ),
    Operation(
        method="DELETE",
        path="/me/sessions",
        tag=TAG,
        summary="End all of one's sessions but this one",
        permission=Permission.SELF_EDIT,
        where=PLATFORM,
        status=204,
        audit=("user.session.revoked",),
        perform=end_others,
    ),
    Operation(
        method="DELETE",
        path="/me/sessions/{session}",
        tag=TAG,
        summary="End one of one's sessions, with its sockets, on every host",
        permission=Permission.SELF_EDIT,
        where=PLATFORM,
        status=204,
        audit=("user.session.revoked",),
        perform=end_session,
    ),
)
