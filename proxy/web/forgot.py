"""`/-/forgot`: a link to a new password by mail. What is answered does not depend on whether there is such an account."""

from typing import Final

from aiohttp import web

from auth_plugins import Unavailable
from proxy.services.allowances import Policy
from proxy.store import StoreUnavailable
from proxy.web.forms import STALE, form, made_here, message
from proxy.web.guards import at_home, own_form
from proxy.web.keys import ADDRESS, Desk
from proxy.wire.address import subject

ON_ITS_WAY: Final = (
    "If there is an account of that name or address, a link to a new password is on its way to its owner."
)
GOOD_FOR: Final = "It is good once, for half an hour. Look into the folder for unwanted mail too."
LOGGED_IN_ELSEWHERE: Final = (
    "Where an organisation logs you in, your password is kept there, and no mail comes from here."
)


async def show(desk: Desk, request: web.Request) -> web.Response:
    """GET: the form; where nothing can be mailed, whom to ask."""
    at_home(request)
    if not desk.self_help.outbox.configured:
        return nothing_mailed(desk, "Forgot your password?", "can make you a link to a new one.")
    return form(desk, request, "forgot.html", problem="", login="")


async def submit(desk: Desk, request: web.Request) -> web.Response:
    """POST."""
    at_home(request)
    fields = await own_form(request)
    if not desk.self_help.outbox.configured:
        return nothing_mailed(desk, "Forgot your password?", "can make you a link to a new one.")
    login = fields.get("login", "").strip()[:254]
    if not made_here(desk, request, fields):
        return form(desk, request, "forgot.html", status=403, problem=STALE, login=login)
    if not login:
        return form(desk, request, "forgot.html", status=422, problem="Type your username or address.", login="")
    await ask(desk, request, login)
    return message(
        "Look into your mail", ON_ITS_WAY, GOOD_FOR, LOGGED_IN_ELSEWHERE, link="/-/login", link_text="Back to the login"
    )


async def ask(desk: Desk, request: web.Request, login: str) -> None:
    """Raises TooOften; Unavailable and StoreUnavailable, which count as nothing."""
    where = subject(request[ADDRESS])
    await desk.allowances.take(Policy.FORGOT, where)
    try:
        await desk.self_help.recovery.ask(login, address=request[ADDRESS])
    except (Unavailable, StoreUnavailable):
        await desk.allowances.was_none(Policy.FORGOT, where)
        raise


def nothing_mailed(desk: Desk, title: str, what: str) -> web.Response:
    """Where people cannot help themselves, they are told who can help them."""
    whom = desk.self_help.whom
    return message(
        title,
        f"No mail is sent from here. Please ask {whom}, who {what}",
        link="/-/login",
        link_text="Back to the login",
    )
