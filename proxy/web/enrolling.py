"""`/-/second-factor/enrol`: where a second factor is set up; before anything else by whoever must have one."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from auth_plugins import Refused
from proxy.access.decide import PROOF_LASTS
from proxy.model.audit import Event
from proxy.services.audit import NOTHING
from proxy.services.factors import PASSKEYS, Enrolled, Held, Tell
from proxy.services.login import HOP_LASTS
from proxy.services.problems import NotPossible
from proxy.web import render
from proxy.web.answers import answer, see_other
from proxy.web.guards import at_further_home, at_home, cookie_field, own_form
from proxy.web.keys import Desk
from proxy.web.second_factor import ENROL, STALE, Claim, claimed, passed
from proxy.web.visitors import FACTOR, account_event, lacks_factor

SECURITY: Final = "/-/security"
CONFIRM: Final = f"{SECURITY}/confirm"
_OTHER_CODE: Final = (
    "That code was not right. Delete what you added to your app, then scan this QR code: it is a new one."
)
_NO_PASSKEY: Final = "The passkey could not be kept: {}. Please try again."


async def show(desk: Desk, request: web.Request) -> web.Response:
    """GET: what can be set up, or the secret that waits for its first code."""
    at_home(request)
    claim = await claimed(desk, request, request.query.get("flow", ""), request.query.get("to", ""))
    held = await desk.factors.of(claim.person.user.id) if claim else Held()
    elsewhere = _elsewhere(desk, claim, held)
    if claim is None or elsewhere:
        return see_other(elsewhere)
    return await _page(desk, request, claim, held)


async def submit(desk: Desk, request: web.Request) -> web.Response:
    """POST: begin with an app, confirm it by a code, or keep a passkey."""
    at_home(request)
    fields = await own_form(request)
    claim = await claimed(desk, request, fields.get("flow", ""), fields.get("to", ""))
    held = await desk.factors.of(claim.person.user.id) if claim else Held()
    elsewhere = _elsewhere(desk, claim, held)
    if claim is None or elsewhere:
        return see_other(elsewhere)
    if not desk.logins.csrf_right(desk.logins.known_hop(cookie_field(request)), fields.get("csrf", "")):
        return await _page(desk, request, claim, held, status=403, problem=STALE)
    try:
        return await _step(desk, request, claim, fields)
    except NotPossible as error:
        return await _page(desk, request, claim, held, status=409, problem=error.detail)


def _elsewhere(desk: Desk, claim: Claim | None, held: Held) -> str:
    """Where somebody goes first who may not set one up just now; empty for who may."""
    if claim is None:
        return "/-/login"
    if claim.half is not None:
        # They have proved a password and nothing else: that must not be enough to add what shall stand beside it.
        return claim.address(desk, FACTOR) if held.enrolled else ""
    session = claim.session.session if claim.session else None
    if session is None or desk.now() - session.proved > PROOF_LASTS:
        return f"{CONFIRM}?do=enrol"
    # Also whom a provider vouches for: it does not vouch for what an instance asks for besides.
    return claim.address(desk, FACTOR) if held.enrolled and session.factor <= 0 else ""


async def _step(desk: Desk, request: web.Request, claim: Claim, fields: Mapping[str, str]) -> web.Response:
    user, tell = claim.person.user, telling(desk, request, claim)
    if fields.get("do") == "begin":
        await desk.factors.begin(user, claim.binder)
        return see_other(claim.address(desk, ENROL))
    try:
        if fields.get("assertion"):
            name = fields.get("name", "")
            made = await desk.factors.register(user, fields["assertion"], claim.binder, name, tell)
            return await _done(desk, request, claim, made)
        await desk.allowances.second_factor(claim.binder, user.id)
        made = await desk.factors.confirm(user, fields.get("code", ""), claim.binder, tell)
        return await _done(desk, request, claim, made)
    except Refused as refused:
        return await _again(desk, request, claim, refused, passkey=bool(fields.get("assertion")))


async def _again(desk: Desk, request: web.Request, claim: Claim, refused: Refused, *, passkey: bool) -> web.Response:
    if not passkey:
        await desk.factors.begin(claim.person.user, claim.binder)
    problem = _NO_PASSKEY.format(refused.code.replace("_", " ")) if passkey else _OTHER_CODE
    held = await desk.factors.of(claim.person.user.id)
    return await _page(desk, request, claim, held, status=422, problem=problem)


async def _done(desk: Desk, request: web.Request, claim: Claim, made: Enrolled) -> web.Response:
    """The first factor ends all other sessions, and this one goes on as one that proved it; the codes are shown once."""
    if not made.codes:
        return see_other(SECURITY)
    own = claim.session.session.id if claim.session else None
    await desk.sessions.end_all(claim.person.user.id, but=own)
    onward = await passed(desk, request, claim, made.amr)
    to = f"?to={desk.logins.seal(claim.target)}" if claim.target else ""
    return shown_codes(made.codes, link=f"/-/login{to}" if to or claim.half else SECURITY, after=onward)


def shown_codes(codes: tuple[str, ...], *, link: str, after: web.Response | None = None) -> web.Response:
    """The page that shows recovery codes, this once; it takes along the cookies of the response it stands before."""
    page = render.page("recovery_codes.html", codes=codes, renewed=after is None, link=link)
    return answer(page, after.headers.getall("Set-Cookie", ()) if after is not None else ())


def telling(desk: Desk, request: web.Request, claim: Claim) -> Tell:
    """Makes events about whoever is in front of the page, by themselves."""

    def tell(event: str, *, body: Mapping[str, object] = NOTHING, error: str = "") -> Event:
        return account_event(desk, request, event, claim.person, body, error=error)

    return tell


async def _page(
    desk: Desk, request: web.Request, claim: Claim, held: Held, *, status: int = 200, problem: str = ""
) -> web.Response:
    hop = desk.logins.hop(cookie_field(request))
    user = claim.person.user
    full = len(held.passkeys) >= PASSKEYS or at_further_home(desk.sites(), request)
    session = claim.session.session if claim.session else None
    site = desk.sites().find(claim.target.host.encode()) if claim.target else None
    must = session is None or lacks_factor(desk, claim.person, session, claim.target)
    options = "" if full else desk.factors.passkeys.to_register(user, held.passkeys, claim.binder)
    page = render.form(
        "enrol.html",
        status=status,
        passkeys=bool(options),
        options=options,
        app=await desk.factors.pending(user, claim.binder),
        may_add_app=held.totp is None,
        must=must,
        username=user.username,
        local=user.provider is None,
        going_to=site.name if site else "",
        problem=problem,
        back="" if must else SECURITY,
        hidden_fields={**claim.fields(desk), "csrf": desk.logins.csrf(hop)},
    )
    return answer(page, [desk.logins.cookies.set(desk.logins.cookies.hop, hop, HOP_LASTS)])
