"""`/-/password`: whoever is logged in chooses a new password. Where the old one has expired, every other way leads here."""

from typing import Final

from aiohttp import web

from auth_plugins import Refused
from proxy.access.passwords import LONGEST, SHORTEST
from proxy.services.accounts import WeakPassword
from proxy.services.login import HOP_LASTS
from proxy.web import render
from proxy.web.answers import answer, see_other
from proxy.web.attempts import change_password
from proxy.web.guards import at_home, cookie_field, own_form
from proxy.web.keys import Desk
from proxy.web.login import STALE
from proxy.web.visitors import Visitor, account_event, visitor

_LOGIN: Final = "/-/login"


async def show(desk: Desk, request: web.Request) -> web.Response:
    """GET: the form."""
    at_home(request)
    somebody = await visitor(desk, request)
    return _form(desk, request, somebody) if somebody else see_other(_LOGIN)


async def submit(desk: Desk, request: web.Request) -> web.Response:
    """POST: the new password holds, and every other session ends."""
    at_home(request)
    fields = await own_form(request)
    somebody = await visitor(desk, request)
    if somebody is None:
        return see_other(_LOGIN)
    if not desk.logins.csrf_right(desk.logins.known_hop(cookie_field(request)), fields.get("csrf", "")):
        return _form(desk, request, somebody, status=403, problem=STALE)
    new = fields.get("password", "")
    if new != fields.get("again", ""):
        return _form(desk, request, somebody, status=422, problem="The two passwords differ. Please type both again.")
    return await _change(desk, request, somebody, fields.get("current", ""), new)


async def _change(desk: Desk, request: web.Request, somebody: Visitor, current: str, new: str) -> web.Response:
    user, passwords = somebody.person.user, {"current": current, "new": new}
    event = account_event(desk, request, "user.updated-password", somebody.person)
    try:
        await change_password(desk, request, user, passwords, event)
    except WeakPassword as error:
        return _form(desk, request, somebody, status=422, problem=error.args[0])
    except Refused:
        return _form(desk, request, somebody, status=422, problem="That is not your password until now.")
    await desk.sessions.end_all(user.id, but=somebody.session.id)
    return see_other("/")


def _form(desk: Desk, request: web.Request, somebody: Visitor, *, status: int = 200, problem: str = "") -> web.Response:
    hop = desk.logins.hop(cookie_field(request))
    page = render.form(
        "password.html",
        status=status,
        username=somebody.person.user.username,
        expired=somebody.person.user.password_expired,
        problem=problem,
        shortest=SHORTEST,
        longest=LONGEST,
        hidden_fields={"csrf": desk.logins.csrf(hop)},
    )
    return answer(page, [desk.logins.cookies.set(desk.logins.cookies.hop, hop, HOP_LASTS)])
