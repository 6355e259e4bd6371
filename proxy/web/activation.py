"""`/-/activate/TOKEN` and `/-/reset/TOKEN`: by a link, somebody chooses a password who has none, or forgot theirs."""

from typing import Final

from aiohttp import web

from auth_plugins import Identity, Refused
from config.times import duration_words
from proxy.model.identity import User
from proxy.services.accounts import RESET_LASTS, Purpose, WeakPassword
from proxy.services.allowances import Policy
from proxy.web.arriving import arrive
from proxy.web.forms import DIFFER, STALE, form, made_here, message, of_password
from proxy.web.guards import at_home, own_form
from proxy.web.keys import ADDRESS, WHOSE, Desk
from proxy.web.visitors import Proven
from proxy.wire.address import subject

SPENT: Final = 409


async def show(desk: Desk, request: web.Request) -> web.Response:
    """GET: the form, while the link is good."""
    at_home(request)
    user = await _invited(desk, request)
    return _form(desk, request, user) if user else _spent(desk, _purpose(request))


async def submit(desk: Desk, request: web.Request) -> web.Response:
    """POST: the link is used up only by a password that is taken."""
    at_home(request)
    await desk.allowances.take(Policy.ACTIVATION, subject(request[ADDRESS]))
    fields = await own_form(request)
    user = await _invited(desk, request)
    if user is None:
        return _spent(desk, _purpose(request))
    if not made_here(desk, request, fields):
        return _form(desk, request, user, status=403, problem=STALE)
    if fields.get("password", "") != fields.get("again", ""):
        return _form(desk, request, user, status=422, problem=DIFFER)
    return await _choose(desk, request, user, fields.get("password", ""))


async def _invited(desk: Desk, request: web.Request) -> User | None:
    """Whose link it is, while it is good: theirs are the page's looks."""
    user = await desk.accounts.invited(request.match_info["token"], _purpose(request))
    person = await desk.person(user.id) if user else None
    if person is not None:
        request[WHOSE] = person
    return user


async def _choose(desk: Desk, request: web.Request, user: User, password: str) -> web.Response:
    purpose, token = _purpose(request), request.match_info["token"]
    try:
        await desk.self_help.recovery.choose(purpose, token, password, address=request[ADDRESS])
    except WeakPassword as error:
        return _form(desk, request, user, status=422, problem=str(error))
    except Refused:
        return _spent(desk, purpose)
    if purpose is Purpose.RESET:
        return message("Your password is set", "Log in with it now.", link="/-/login", link_text="Log in")
    await desk.self_help.addresses.reached(token, user, address=request[ADDRESS])
    return await _let_in(desk, request, user)


async def _let_in(desk: Desk, request: web.Request, user: User) -> web.Response:
    """Who was given a link by an admin is logged in at once; what else is asked of them is asked on the way."""
    person = await desk.database.person(user.id)
    if person is None:
        return _spent(desk, Purpose.ACTIVATE)
    identity = Identity(subject=person.user.id, username=person.user.username)
    proven = Proven(person=person, identity=identity, provider=desk.local, amr=identity.amr)
    return await arrive(desk, request, proven, None)


def _purpose(request: web.Request) -> Purpose:
    return Purpose(request.match_info["purpose"])


def _form(desk: Desk, request: web.Request, user: User, *, status: int = 200, problem: str = "") -> web.Response:
    return form(
        desk,
        request,
        "activate.html",
        status=status,
        username=user.username,
        action=request.path,
        problem=problem,
        reset=_purpose(request) is Purpose.RESET,
        hint=of_password(desk),
    )


def _spent(desk: Desk, purpose: Purpose) -> web.Response:
    if purpose is Purpose.RESET:
        lasts = duration_words(RESET_LASTS)
        return message(
            "This link no longer works",
            f"A link to a new password is good once, for {lasts}, and only until the password or address is changed.",
            status=SPENT,
            link="/-/forgot",
            link_text="Ask for another link",
        )
    lasts = duration_words(desk.accounts.rules().activation)
    return message(
        "This link no longer works",
        f"An activation link is good once, and for {lasts}; a newer link replaces an older one.",
        "If you have chosen a password already, log in with it. Otherwise ask whoever sent you the link for a new one.",
        status=SPENT,
        link="/-/login",
        link_text="Log in",
    )
