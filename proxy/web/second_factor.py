"""`/-/second-factor`: what stands between a proven visitor and their session, and between a session and what asks for more."""

from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from auth_plugins import Refused
from proxy.access.second_factor import Ask, asked
from proxy.model.access import Reason
from proxy.model.identity import Person
from proxy.services import cookies
from proxy.services.factors import Answer, Held
from proxy.services.login import HOP_LASTS, Target
from proxy.web import factor_attempts, half_logins, render
from proxy.web.answers import answer, see_other
from proxy.web.guards import TurnedAway, at_further_home, at_home, cookie_field, own_form
from proxy.web.half_logins import Half
from proxy.web.keys import SITE, TOWARDS, WHOSE, Desk
from proxy.web.visitors import (
    FACTOR,
    Proven,
    Visitor,
    instance_at,
    lacks_factor,
    onward,
    visitor,
    vouches,
    welcome,
)

ENROL: Final = f"{FACTOR}/enrol"
STALE: Final = "This page was open for too long, or your browser refuses cookies. Please try again."
RECOVERY: Final = "recovery"
"""In the address of a page that asks for a recovery code: the keyboards that phones show for an app's code have no letters."""
WRONG: Final = "That was not right. A code is good once, and only for about a minute."
_NO_RECOVERY: Final = "That is none of your recovery codes, or it was used already. Each is good once."
_NOT_IN_THEIR_NAME: Final = (
    "A second factor is asked for here. End it, prove yours on your security page, then look on again."
)
NO_PASSKEY: Final = "That passkey was not accepted. Please try again, or use a code."


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Whoever is in front of the page: in a half login, or in a session that is to prove more."""

    person: Person
    target: Target | None
    half: Half | None = None
    session: Visitor | None = None

    @property
    def binder(self) -> str:
        """What challenges and limits of this login are bound to."""
        return f"flow {self.half.name}" if self.half else f"session {self.session.session.id if self.session else ''}"

    def fields(self, desk: Desk) -> dict[str, str]:
        """What leads back here, in an address or a form."""
        if self.half is not None:
            return {"flow": self.half.name}
        return {"to": desk.logins.seal(self.target)} if self.target else {}

    def address(self, desk: Desk, path: str = FACTOR) -> str:
        fields = self.fields(desk)
        return f"{path}?{urlencode(fields)}" if fields else path


async def weigh(desk: Desk, request: web.Request, proven: Proven, target: Target | None) -> tuple[Ask, Proven]:
    """What is asked of somebody who has proved the first factor, and who they are then: a browser may be remembered."""
    person, instance = proven.person, instance_at(desk, target)
    held = await desk.factors.of(person.user.id)
    at = proven.factor or (await _remembered(desk, request, person) if held.enrolled else 0.0)
    ask = asked(
        enforced=desk.factors.policy.concerns(desk.estate(), person),
        enrolled=held.enrolled,
        vouched=vouches(proven.provider),
        proven=at > 0,
        step_up=instance is not None and instance.second_factor,
    )
    return ask, replace(proven, factor=at)


async def interpose(desk: Desk, request: web.Request, proven: Proven, target: Target | None) -> web.Response | None:
    """What comes first where a second factor is asked for; None where the visitor may go on."""
    ask, known = await weigh(desk, request, proven, target)
    if ask is Ask.NOTHING:
        return await welcome(desk, request, known, target) if known != proven else None
    hop = desk.logins.hop(cookie_field(request))
    name = await half_logins.begin(desk, hop, proven, target)
    path = ENROL if ask is Ask.ENROL else FACTOR
    keep = desk.logins.cookies.set(desk.logins.cookies.hop, hop, HOP_LASTS)
    return see_other(f"{path}?{urlencode({'flow': name})}", [keep])


async def _remembered(desk: Desk, request: web.Request, person: Person) -> float:
    """When this person last proved a second factor in this browser, where that was not too long ago."""
    found = cookies.values(cookie_field(request), desk.logins.cookies.device)
    if not found or not desk.factors.settings().remember:
        return 0.0
    account = await desk.factors.fingerprint(person.user)
    return max([await desk.devices.proven(value, person.user.id, account) for value in found])


async def claimed(desk: Desk, request: web.Request, flow: str, to: str) -> Claim | None:
    """Who is in front of a page that asks for a second factor, or sets one up."""
    if flow:
        half = await half_logins.going_on(desk, flow, desk.logins.known_hop(cookie_field(request)))
        return _half(request, half) if half else None
    found = await visitor(desk, request, unproven=True)
    if found is not None and found.session.viewer:
        raise TurnedAway(Reason.VIEWING_AS, 403, _NOT_IN_THEIR_NAME)
    return Claim(person=found.person, target=desk.logins.unseal(to), session=found) if found else None


def _half(request: web.Request, half: Half) -> Claim:
    """Its pages have the looks of where they are going, or else their own: there is no session yet that says either."""
    request[WHOSE] = half.proven.person
    if half.target is not None:
        request[TOWARDS] = half.target
    return Claim(person=half.proven.person, target=half.target, half=half)


async def show(desk: Desk, request: web.Request) -> web.Response:
    """GET: the form; straight on for a session that has proved one, or has none to prove and of which none is asked."""
    at_home(request)
    claim = await claimed(desk, request, request.query.get("flow", ""), request.query.get("to", ""))
    if claim is None:
        return see_other("/-/login")
    found, held = claim.session, await desk.factors.of(claim.person.user.id)
    proven = found is not None and (found.session.factor > 0 or not held.enrolled)
    if found is not None and proven and not lacks_factor(desk, claim.person, found.session, claim.target):
        return see_other(await onward(desk, request, claim.person, found.session, claim.target))
    return _form(desk, request, claim, held) if held.enrolled else see_other(claim.address(desk, ENROL))


async def submit(desk: Desk, request: web.Request) -> web.Response:
    """POST: one attempt."""
    at_home(request)
    fields = await own_form(request)
    claim = await claimed(desk, request, fields.get("flow", ""), fields.get("to", ""))
    if claim is None:
        return see_other("/-/login")
    held, hop = await desk.factors.of(claim.person.user.id), desk.logins.known_hop(cookie_field(request))
    if not held.enrolled:
        return see_other(claim.address(desk, ENROL))
    if hop is None or not desk.logins.csrf_right(hop, fields.get("csrf", "")):
        return _form(desk, request, claim, held, status=403, problem=STALE)
    given = Answer(code=fields.get("code", ""), assertion=fields.get("assertion", ""))
    try:
        proof = await factor_attempts.prove(desk, request, claim.person, given, claim.binder)
    except Refused:
        return await _refused(desk, request, claim, held, hop, given)
    return await passed(desk, request, claim, proof.amr, remember="remember" in fields)


async def _refused(desk: Desk, request: web.Request, claim: Claim, held: Held, hop: str, given: Answer) -> web.Response:
    if claim.half is not None and not await half_logins.failed(desk, claim.half, hop):
        return see_other("/-/login" + (f"?{urlencode({'to': desk.logins.seal(claim.target)})}" if claim.target else ""))
    problem = NO_PASSKEY if given.assertion else _NO_RECOVERY if RECOVERY in request.query else WRONG
    return _form(desk, request, claim, held, status=403, problem=problem)


async def passed(
    desk: Desk, request: web.Request, claim: Claim, amr: tuple[str, ...], *, remember: bool = False
) -> web.Response:
    """Whoever proved a second factor goes on: with a session, or with theirs as another one."""
    cookie = await _cookie(desk, claim.person) if remember else None
    if claim.half is not None:
        if not await half_logins.finish(desk, claim.half, desk.logins.known_hop(cookie_field(request))):
            return see_other("/-/login")
        done = with_factor(claim.half.proven, amr, desk.now())
        response = await welcome(desk, request, done, claim.target)
    else:
        response = await _reissued(desk, request, claim, amr)
    if cookie is not None:
        response.headers.add("Set-Cookie", cookie)
    return response


def with_factor(proven: Proven, amr: tuple[str, ...], now: float) -> Proven:
    """Somebody who has just proved a second factor, too."""
    return replace(proven, factor=now, amr=tuple(dict.fromkeys((*proven.amr, *amr))))


async def _reissued(desk: Desk, request: web.Request, claim: Claim, amr: tuple[str, ...]) -> web.Response:
    if claim.session is None:
        return see_other("/-/login")
    before, names = claim.session.session, desk.logins.cookies
    session, value = await desk.sessions.reissue(before, request[SITE].name, amr=amr, factor=desk.now())
    onwards = await onward(desk, request, claim.person, session, claim.target)
    return see_other(onwards, [names.set(names.session, value, session.expires - desk.now())])


async def _cookie(desk: Desk, person: Person) -> str | None:
    """The Set-Cookie by which this browser is remembered, where the settings let it."""
    seconds, names = desk.factors.settings().remember, desk.logins.cookies
    if not seconds:
        return None
    account = await desk.factors.fingerprint(person.user)
    return names.set(names.device, await desk.devices.remember(person.user.id, account, seconds), seconds)


def _form(
    desk: Desk, request: web.Request, claim: Claim, held: Held, *, status: int = 200, problem: str = ""
) -> web.Response:
    hop = desk.logins.hop(cookie_field(request))
    site = desk.sites().find(claim.target.host.encode()) if claim.target else None
    usable = held.passkeys and not at_further_home(desk.sites(), request)
    options = desk.factors.passkeys.to_assert(held.passkeys, claim.binder) if usable else ""
    recovery = RECOVERY in request.query
    other = {} if recovery else {RECOVERY: "1"}
    page = render.form(
        "second_factor.html",
        status=status,
        target=site.origin if site else "",
        passkeys=bool(options),
        options=options,
        app=held.totp is not None and not recovery,
        action=f"{FACTOR}?{RECOVERY}=1" if recovery else FACTOR,
        instead=f"{FACTOR}?{urlencode({**claim.fields(desk), **other})}" if held.totp else "",
        whom=desk.self_help.whom,
        left=len(held.left),
        username=claim.person.user.username,
        days=round(desk.factors.settings().remember / 86400),
        going_to=site.name if site else "",
        problem=problem,
        hidden_fields={**claim.fields(desk), "csrf": desk.logins.csrf(hop)},
    )
    return answer(page, [desk.logins.cookies.set(desk.logins.cookies.hop, hop, HOP_LASTS)])
