"""`/-/activate/TOKEN`: a new user chooses a password and is logged in."""

from aiohttp import web

from auth_plugins import Identity, Refused
from proxy.access.passwords import LONGEST, SHORTEST
from proxy.model.identity import User
from proxy.services.accounts import WeakPassword
from proxy.services.allowances import Policy
from proxy.services.login import HOP_LASTS
from proxy.web import render
from proxy.web.answers import answer
from proxy.web.arriving import arrive
from proxy.web.guards import at_home, cookie_field, own_form
from proxy.web.keys import ADDRESS, Desk
from proxy.web.login import STALE
from proxy.web.visitors import Proven
from proxy.wire.address import subject


async def show(desk: Desk, request: web.Request) -> web.Response:
    """GET: the form, while the link is good."""
    at_home(request)
    user = await desk.accounts.invited(request.match_info["token"])
    return _form(desk, request, user) if user else _spent()


async def submit(desk: Desk, request: web.Request) -> web.Response:
    """POST: the link is used up only by a password that is taken."""
    at_home(request)
    await desk.allowances.take(Policy.ACTIVATION, subject(request[ADDRESS]))
    fields = await own_form(request)
    user = await desk.accounts.invited(request.match_info["token"])
    if user is None:
        return _spent()
    if not desk.logins.csrf_right(desk.logins.known_hop(cookie_field(request)), fields.get("csrf", "")):
        return _form(desk, request, user, status=403, problem=STALE)
    if fields.get("password", "") != fields.get("again", ""):
        return _form(desk, request, user, status=422, problem="The two passwords differ. Please type both again.")
    return await _activate(desk, request, user, fields.get("password", ""))


async def _activate(desk: Desk, request: web.Request, user: User, password: str) -> web.Response:
    try:
        await desk.accounts.activate(request.match_info["token"], password, address=request[ADDRESS])
    except WeakPassword as error:
        return _form(desk, request, user, status=422, problem=error.args[0])
    except Refused:
        return _spent()
    await desk.lockout.lift(user.id)
    person = await desk.database.person(user.id)
    if person is None:
        return _spent()
    identity = Identity(subject=person.user.id, username=person.user.username)
    proven = Proven(person=person, identity=identity, provider=desk.local, amr=identity.amr)
    return await arrive(desk, request, proven, None)


def _form(desk: Desk, request: web.Request, user: User, *, status: int = 200, problem: str = "") -> web.Response:
    hop = desk.logins.hop(cookie_field(request))
    page = render.form(
        "activate.html",
        status=status,
        username=user.username,
        action=request.path,
        problem=problem,
        shortest=SHORTEST,
        longest=LONGEST,
        hidden_fields={"csrf": desk.logins.csrf(hop)},
    )
    return answer(page, [desk.logins.cookies.set(desk.logins.cookies.hop, hop, HOP_LASTS)])


def _spent() -> web.Response:
    page = render.page(
        "message.html",
        status=410,
        title="This link no longer works",
        text=(
            "An activation link is good once, and for 24 hours; a newer link replaces an older one.",
            "If you have chosen a password already, log in with it. Otherwise ask whoever sent you the link for a new one.",
        ),
        link="/-/login",
        link_text="Log in",
    )
    return answer(page)
