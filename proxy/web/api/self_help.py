"""Getting in again without the password, and making an account by oneself."""

from typing import Annotated, Final

from pydantic import Field, SecretStr, StringConstraints

from auth_plugins import Refused
from proxy.services.accounts import Purpose, WeakPassword
from proxy.services.allowances import Policy
from proxy.services.problems import NotPossible, Unfit
from proxy.services.sign_up import LASTS, Wanted
from proxy.web import forgot, registration
from proxy.web.api.auth import TAG
from proxy.web.api.keys import Api
from proxy.web.api.models import Answer, Body, Line, NewSecret
from proxy.web.api.operation import Operation, Visit
from proxy.web.api.refusing import Stop
from proxy.web.keys import ADDRESS
from proxy.wire.address import subject


class Forgotten(Body):
    """Whose password was forgotten."""

    login: Annotated[Line, StringConstraints(min_length=1)]
    """Username or mail address."""


class Told(Answer):
    """What was done, which is the same for everybody."""

    detail: str


class Chosen(Body):
    """A password that is to hold from now on."""

    password: NewSecret


class OwnAccount(Body):
    """The account that somebody wants."""

    username: Line
    """What is typed to log in: letters, digits and ._+-"""
    email: Line
    password: NewSecret
    name: Line = ""


class Ticket(Answer):
    """What a code belongs to that is mailed, where an account may be made."""

    ticket: str
    expires: float
    """Seconds since the epoch."""


class Code(Body):
    """The code that was mailed."""

    ticket: Line
    code: Annotated[SecretStr, Field(max_length=64)]
    """Six digits."""
    username: Line = ""
    """Another username, where the one at first is taken."""


class Made(Answer):
    """An account that can log in."""

    id: str
    username: str


async def forget(api: Api, visit: Visit) -> Told:
    desk = api.desk
    if not desk.self_help.outbox.configured:
        raise NotPossible("mail_missing", f"No mail is sent from here. Ask {desk.self_help.whom} for a link.")
    await forgot.ask(desk, visit.request, visit.sent(Forgotten).login)
    return Told(detail=forgot.ON_ITS_WAY)


async def reset(api: Api, visit: Visit) -> None:
    desk, address = api.desk, visit.request[ADDRESS]
    await desk.allowances.take(Policy.ACTIVATION, subject(address))
    password = visit.sent(Chosen).password.get_secret_value()
    try:
        await desk.self_help.recovery.choose(Purpose.RESET, visit.path["token"], password, address=address)
    except WeakPassword as error:
        raise Unfit(*error.wrongs("password")) from None
    except Refused:
        detail = "The link was used, is too old, or was never made. Ask for another one."
        raise Stop(400, "link_spent", detail) from None


async def register(api: Api, visit: Visit) -> Ticket:
    sent = visit.sent(OwnAccount)
    wanted = Wanted(username=sent.username, email=sent.email, password=sent.password.get_secret_value(), name=sent.name)
    ticket = await registration.ask(api.desk, visit.request, wanted)
    return Ticket(ticket=ticket, expires=api.desk.now() + LASTS)


async def verify(api: Api, visit: Visit) -> Made:
    sent = visit.sent(Code)
    code = sent.code.get_secret_value()
    try:
        user = await registration.verified(api.desk, visit.request, sent.ticket, code, sent.username)
    except Refused:
        raise Stop(400, "code_wrong", registration.WRONG_CODE) from None
    return Made(id=user.id, username=user.username)


OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/auth/forgot",
        tag=TAG,
        summary="Have a link to a new password mailed to an account's owner; the answer is the same for nobody",
        body=Forgotten,
        answer=Told,
        status=202,
        audit=("account.forgot-password",),
        greet=forget,
    ),
    Operation(
        method="POST",
        path="/auth/reset/{token}",
        tag=TAG,
        summary="Choose a password by a link that was mailed; every session and every such link ends",
        body=Chosen,
        status=204,
        audit=("account.reset-password",),
        greet=reset,
    ),
    Operation(
        method="POST",
        path="/auth/register",
        tag=TAG,
        summary="Ask for an account; a code is mailed, and the answer is the same where there is one already",
        body=OwnAccount,
        answer=Ticket,
        status=202,
        audit=("account.verify.request-token",),
        greet=register,
    ),
    Operation(
        method="POST",
        path="/auth/verify",
        tag=TAG,
        summary="Make the account by the code that was mailed",
        body=Code,
        answer=Made,
        status=201,
        audit=("account.verify.verify-token", "account.register"),
        greet=verify,
    ),
)
