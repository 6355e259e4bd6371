"""`/-/register` and `/-/verify`: somebody makes an account by themselves, and shows that their address is theirs."""

from collections.abc import Mapping

from aiohttp import web

from auth_plugins import Identity, Refused, Unavailable
from proxy.model.access import Reason
from proxy.model.identity import User
from proxy.services.allowances import Policy
from proxy.services.problems import Exists, Unfit
from proxy.services.sign_up import Wanted
from proxy.store import StoreUnavailable
from proxy.web.arriving import arrive
from proxy.web.forms import DIFFER, STALE, form, made_here, of_password
from proxy.web.guards import TurnedAway, at_home, own_form
from proxy.web.keys import ADDRESS, Desk
from proxy.web.visitors import Proven
from proxy.wire.address import subject

WRONG_CODE = "That is not the code, or it is too old. After five wrong ones, begin again."
TAKEN = "Somebody has that username already. Choose another; the code stays the same."


async def show(desk: Desk, request: web.Request) -> web.Response:
    """GET /-/register."""
    _refuse_closed(desk, request)
    return _form(desk, request, {})


async def submit(desk: Desk, request: web.Request) -> web.Response:
    """POST /-/register: a code goes out; the page for it is the same whether there is an account already."""
    _refuse_closed(desk, request)
    fields = await own_form(request)
    if not made_here(desk, request, fields):
        return _form(desk, request, fields, status=403, problem=STALE)
    if fields.get("password", "") != fields.get("again", ""):
        return _form(desk, request, fields, status=422, problem=DIFFER)
    wanted = Wanted(
        username=fields.get("username", "").strip(),
        email=fields.get("email", "").strip(),
        name=fields.get("name", "").strip(),
        password=fields.get("password", ""),
    )
    try:
        ticket = await ask(desk, request, wanted)
    except Unfit as error:
        return _form(desk, request, fields, status=422, problem=_told(error))
    return _code_form(desk, request, ticket)


async def verify(desk: Desk, request: web.Request) -> web.Response:
    """POST /-/verify: the right code makes the account, and logs in."""
    _refuse_closed(desk, request)
    fields = await own_form(request)
    ticket, username = fields.get("ticket", ""), fields.get("username", "").strip()
    if not made_here(desk, request, fields):
        return _code_form(desk, request, ticket, status=403, problem=STALE)
    try:
        user = await verified(desk, request, ticket, fields.get("code", ""), username)
    except Refused:
        return _code_form(desk, request, ticket, status=422, problem=WRONG_CODE, naming=bool(username))
    except Unfit as error:
        return _code_form(desk, request, ticket, status=422, problem=_told(error), naming=True)
    except Exists as error:
        problem = TAKEN if error.field == "username" else WRONG_CODE
        return _code_form(desk, request, ticket, status=422, problem=problem, naming=error.field == "username")
    return await _let_in(desk, request, user)


async def ask(desk: Desk, request: web.Request, wanted: Wanted) -> str:
    """The ticket that a code belongs to. Raises TooOften, Unfit, NotPossible; Unavailable and StoreUnavailable, which count
    as nothing.
    """
    where = subject(request[ADDRESS])
    await desk.allowances.take(Policy.SIGN_UP, where)
    try:
        return await desk.self_help.sign_up.ask(wanted, address=request[ADDRESS])
    except (Unavailable, StoreUnavailable):
        await desk.allowances.was_none(Policy.SIGN_UP, where)
        raise


async def verified(desk: Desk, request: web.Request, ticket: str, code: str, username: str) -> User:
    """The account that was made. Raises TooOften, Refused, Unfit and Exists."""
    address = request[ADDRESS]
    await desk.allowances.take(Policy.VERIFY, subject(address))
    return await desk.self_help.sign_up.verify(ticket, code, username=username, address=address)


def _refuse_closed(desk: Desk, request: web.Request) -> None:
    """Raises TurnedAway where nobody makes an account by themselves."""
    at_home(request)
    if not desk.self_help.sign_up.open:
        detail = f"Nobody makes an account by themselves here. Please ask {desk.self_help.whom}."
        raise TurnedAway(Reason.NOT_FOUND, 404, detail)


async def _let_in(desk: Desk, request: web.Request, user: User) -> web.Response:
    person = await desk.database.person(user.id)
    if person is None:
        raise TurnedAway(Reason.NOT_FOUND, 404)
    identity = Identity(subject=user.id, username=user.username, email=user.email)
    proven = Proven(person=person, identity=identity, provider=desk.local, amr=identity.amr)
    return await arrive(desk, request, proven, None)


def _told(error: Unfit) -> str:
    """What is wrong, as sentences: rules of passwords are sentences already."""
    names = {"username": "The username", "email": "The mail address", "name": "The name"}
    return " ".join(
        f"{names[each.field]} {each.message}." if each.field in names else each.message for each in error.wrongs
    )


def _form(
    desk: Desk, request: web.Request, typed: Mapping[str, str], *, status: int = 200, problem: str = ""
) -> web.Response:
    values = {name: typed.get(name, "")[:254] for name in ("username", "email", "name")}
    return form(desk, request, "register.html", status=status, problem=problem, values=values, hint=of_password(desk))


def _code_form(
    desk: Desk, request: web.Request, ticket: str, *, status: int = 200, problem: str = "", naming: bool = False
) -> web.Response:
    hidden = {"ticket": ticket[:64]}
    return form(desk, request, "verify.html", status=status, problem=problem, naming=naming, hidden=hidden)
