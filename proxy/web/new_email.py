"""`/-/email/TOKEN`: the owner of a new mail address confirms it. Until then nothing has changed."""

from aiohttp import web

from auth_plugins import Refused
from proxy.services.allowances import Policy
from proxy.services.problems import Exists
from proxy.web.forms import STALE, form, made_here, message
from proxy.web.guards import at_home, own_form
from proxy.web.keys import ADDRESS, Desk
from proxy.wire.address import subject


async def show(desk: Desk, request: web.Request) -> web.Response:
    """GET: a form, since programs that look into mails open links too."""
    at_home(request)
    return await _form(desk, request)


async def submit(desk: Desk, request: web.Request) -> web.Response:
    """POST: the address is changed, and every session ends."""
    at_home(request)
    await desk.allowances.take(Policy.ACTIVATION, subject(request[ADDRESS]))
    fields = await own_form(request)
    if not made_here(desk, request, fields):
        return await _form(desk, request, status=403, problem=STALE)
    try:
        user = await desk.self_help.addresses.confirm(request.match_info["token"], address=request[ADDRESS])
    except Refused:
        return _spent()
    except Exists:
        text = "Somebody else has that address by now, so nothing was changed."
        return message("The address is taken", text, status=409, link="/", link_text="Go on")
    text = f"{user.username} has the address {user.email} now. All sessions have ended."
    return message("Your mail address was changed", text, link="/-/login", link_text="Log in")


async def _form(desk: Desk, request: web.Request, *, status: int = 200, problem: str = "") -> web.Response:
    pending = await desk.self_help.addresses.pending(request.match_info["token"])
    if pending is None:
        return _spent()
    return form(
        desk,
        request,
        "new_email.html",
        status=status,
        action=request.path,
        username=pending.user.username,
        email=pending.email,
        problem=problem,
    )


def _spent() -> web.Response:
    return message(
        "This link no longer works",
        "It is good once, for two days, and only until the password or the address is changed in another way.",
        status=409,
        link="/",
        link_text="Go on",
    )
