"""`/-/password`: whoever is logged in chooses a new password. Where the old one has expired, every other way leads here."""

from typing import Final

from aiohttp import web

from auth_plugins import Refused
from proxy.model.identity import User
from proxy.services.accounts import WeakPassword
from proxy.web.answers import see_other
from proxy.web.attempts import change_password
from proxy.web.forms import DIFFER, STALE, form, made_here, message, of_password
from proxy.web.guards import at_home, own_form
from proxy.web.keys import ADDRESS, Desk
from proxy.web.visitors import Visitor, account_event, visitor

_LOGIN: Final = "/-/login"


async def show(desk: Desk, request: web.Request) -> web.Response:
    """GET: the form."""
    at_home(request)
    somebody = await visitor(desk, request)
    if somebody is None:
        return see_other(_LOGIN)
    return _kept_elsewhere(somebody.person.user) or _form(desk, request, somebody)


async def submit(desk: Desk, request: web.Request) -> web.Response:
    """POST: the new password holds, and every other session ends."""
    at_home(request)
    fields = await own_form(request)
    somebody = await visitor(desk, request)
    if somebody is None:
        return see_other(_LOGIN)
    elsewhere = _kept_elsewhere(somebody.person.user)
    if elsewhere is not None:
        return elsewhere
    if not made_here(desk, request, fields):
        return _form(desk, request, somebody, status=403, problem=STALE)
    new = fields.get("password", "")
    if new != fields.get("again", ""):
        return _form(desk, request, somebody, status=422, problem=DIFFER)
    return await _change(desk, request, somebody, fields.get("current", ""), new)


async def _change(desk: Desk, request: web.Request, somebody: Visitor, current: str, new: str) -> web.Response:
    user, passwords = somebody.person.user, {"current": current, "new": new}
    event = account_event(desk, request, "user.updated-password", somebody.person)
    try:
        await change_password(desk, request, user, passwords, event)
    except WeakPassword as error:
        return _form(desk, request, somebody, status=422, problem=str(error))
    except Refused:
        return _form(desk, request, somebody, status=422, problem="That is not your password until now.")
    await desk.sessions.end_all(user.id, but=somebody.session.id)
    await desk.self_help.recovery.tell_of_change(user, address=request[ADDRESS])
    return message("Your password is set", "All your other sessions have ended.", link="/", link_text="Go on")


def _kept_elsewhere(user: User) -> web.Response | None:
    """What to say to those whose password is not theirs to change here; None for everybody else."""
    if user.provider is not None:
        said = "Somebody else logs you in, and keeps your password. Change it there."
    elif "password" in user.stated:
        said = f"It stands in the file {user.declared}. Ask whoever runs this gateway to change it there."
    else:
        return None
    return message(
        "Your password is not kept here",
        said,
        status=409,
        link="/-/security",
        link_text="Your security",
    )


def _form(desk: Desk, request: web.Request, somebody: Visitor, *, status: int = 200, problem: str = "") -> web.Response:
    user = somebody.person.user
    return form(
        desk,
        request,
        "password.html",
        status=status,
        user=somebody.name,
        username=user.username,
        expired=user.password_expired,
        problem=problem,
        hint=of_password(desk),
    )
