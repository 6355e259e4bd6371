"""`/-/security`: one's own second factors. What weakens an account takes the password, and a second factor, once more."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from auth_plugins import Refused, Unavailable
from proxy.model.identity import Factor
from proxy.services.allowances import Policy
from proxy.services.factors import Answer, Held
from proxy.services.login import HOP_LASTS
from proxy.services.problems import NotPossible, Unfit
from proxy.store import StoreUnavailable
from proxy.web import factor_attempts, render, viewing
from proxy.web.answers import answer, see_other
from proxy.web.enrolling import CONFIRM, SECURITY, shown_codes, telling
from proxy.web.forms import message
from proxy.web.guards import at_further_home, at_home, cookie_field, own_form
from proxy.web.keys import ADDRESS, Desk
from proxy.web.second_factor import ENROL, STALE, Claim
from proxy.web.visitors import Visitor, visitor

_LOGIN: Final = "/-/login"
_FIRST: Final = {"enrol": "Set up a second factor", "view-as": "Look on as somebody"}
_WRONG: Final = "That was not right. A code is good once; a password is the one that you log in with here."


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something that is to be confirmed."""

    do: str
    title: str
    words: str
    factors: tuple[Factor, ...] = ()
    email: str | None = None
    """Of a change of address: the one that was typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A factor as it is shown."""

    id: str
    name: str
    added: str
    used: str


async def show(desk: Desk, request: web.Request) -> web.Response:
    """GET: what there is."""
    at_home(request)
    somebody = await visitor(desk, request)
    if somebody is None:
        return see_other(_LOGIN)
    held = await desk.factors.of(somebody.person.user.id)
    page = render.page(
        "security.html",
        user=somebody.name,
        app=_row(held.totp, "Codes of six digits") if held.totp else None,
        keys=[_row(each, each.name) for each in held.passkeys],
        enrolled=held.enrolled,
        left=len(held.left),
        local=somebody.person.user.provider is None,
        email=somebody.person.user.email,
        mails=desk.self_help.outbox.configured,
        enrol=ENROL,
        confirm=CONFIRM,
    )
    return answer(page)


def _row(factor: Factor, name: str) -> Row:
    used = f"last used {_day(factor.last_used)}" if factor.last_used else "never used"
    return Row(id=factor.id, name=name, added=_day(factor.created), used=used)


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


async def ask(desk: Desk, request: web.Request) -> web.Response:
    """GET /-/security/confirm: the form that asks for the password and a second factor."""
    at_home(request)
    somebody = await visitor(desk, request, unproven=True)
    if somebody is None:
        return see_other(_LOGIN)
    held = await desk.factors.of(somebody.person.user.id)
    deed = _deed(request.query, held)
    return _form(desk, request, somebody, held, deed) if deed else see_other(SECURITY)


async def confirm(desk: Desk, request: web.Request) -> web.Response:
    """POST /-/security/confirm: it is done, if what was sent is right."""
    at_home(request)
    fields = await own_form(request)
    somebody = await visitor(desk, request, unproven=True)
    if somebody is None:
        return see_other(_LOGIN)
    held = await desk.factors.of(somebody.person.user.id)
    deed = _deed(fields, held)
    if deed is None:
        return see_other(SECURITY)
    if not desk.logins.csrf_right(desk.logins.known_hop(cookie_field(request)), fields.get("csrf", "")):
        return _form(desk, request, somebody, held, deed, status=403, problem=STALE)
    try:
        await _prove(desk, request, somebody, held, fields)
        return await _do(desk, request, somebody, deed)
    except (Refused, NotPossible, Unfit, Unavailable) as error:
        status, problem = _trouble(error, deed)
        return _form(desk, request, somebody, held, deed, status=status, problem=problem)


def _trouble(error: Exception, deed: Deed) -> tuple[int, str]:
    """What stands above the form when it is not done."""
    match error:
        case NotPossible():
            return 409, error.detail
        case Unfit():
            return 400, " ".join(f"{deed.email} {each.message}. {each.remedy}".strip() for each in error.wrongs)
        case Unavailable():
            return 503, "The mail server does not answer just now, so nothing was changed. Try again in a while."
        case _:
            return 403, _WRONG


async def _prove(desk: Desk, request: web.Request, somebody: Visitor, held: Held, fields: Mapping[str, str]) -> None:
    """Raises Refused, and NotPossible for whoever has nothing that could be asked for here."""
    person = somebody.person
    if person.user.provider is not None and not held.enrolled:
        raise NotPossible("no_proof", "Log out and in again first: that proves who you are for ten minutes.")
    if person.user.provider is None:
        await factor_attempts.prove_password(desk, request, person, fields.get("password", ""))
    if held.enrolled:
        given = Answer(code=fields.get("code", ""), assertion=fields.get("assertion", ""))
        await factor_attempts.prove(desk, request, person, given, _claim(somebody).binder)
    await desk.sessions.prove(somebody.session.id)


async def _do(desk: Desk, request: web.Request, somebody: Visitor, deed: Deed) -> web.Response:
    user, tell = somebody.person.user, telling(desk, request, _claim(somebody))
    if deed.do == "enrol":
        return see_other(ENROL)
    if deed.do == "view-as":
        return see_other(viewing.PATH)
    if deed.do == "codes":
        return shown_codes(await desk.factors.renew_codes(user, tell), link=SECURITY)
    if deed.email is not None:
        return await _ask_address(desk, request, somebody, deed.email)
    enforced = desk.factors.policy.concerns(desk.estate(), somebody.person)
    await desk.factors.remove(user, deed.factors, enforced=enforced, tell=tell)
    return see_other(SECURITY)


async def _ask_address(desk: Desk, request: web.Request, somebody: Visitor, email: str) -> web.Response:
    """Raises NotPossible, Unfit, Unavailable and TooOften."""
    user = somebody.person.user
    await desk.allowances.take(Policy.VERIFY, user.id)
    try:
        await desk.self_help.addresses.ask(somebody.person, email, address=request[ADDRESS])
    except (Unavailable, StoreUnavailable, NotPossible, Unfit):
        await desk.allowances.was_none(Policy.VERIFY, user.id)
        raise
    text = f"Nothing changes until you open the link that was mailed to {email}. It is good for two days."
    return message("Look into your mail", text, link=SECURITY, link_text="Back")


def _claim(somebody: Visitor) -> Claim:
    return Claim(person=somebody.person, target=None, session=somebody)


def _deed(asked: Mapping[str, str], held: Held) -> Deed | None:
    """What is meant, where there is such a thing."""
    match asked.get("do", ""):
        case "enrol" | "view-as" as do:
            return Deed(do=do, title=_FIRST[do], words="First show once more that it is you.")
        case "email":
            words = "A link is mailed to the new address; once you open it there, the address is changed."
            return Deed(do="email", title="Change your mail address", words=words, email=asked.get("email", "").strip())
        case "codes" if held.enrolled:
            words = "You get ten new ones; those you have no longer work."
            return Deed(do="codes", title="New recovery codes", words=words)
        case "off" if held.enrolled:
            words = "A password alone will let anybody in then. All of your factors and recovery codes go."
            return Deed(do="off", title="Switch off second factors", words=words, factors=held.confirmed)
        case "remove":
            found = next((each for each in held.confirmed if each.id == asked.get("factor", "")), None)
            words = "It can no longer be used to prove that it is you."
            named = (found.name or "the authenticator app") if found else ""
            return Deed(do="remove", title=f"Remove {named}", words=words, factors=(found,)) if found else None
        case _:
            return None


def _form(
    desk: Desk,
    request: web.Request,
    somebody: Visitor,
    held: Held,
    deed: Deed,
    *,
    status: int = 200,
    problem: str = "",
) -> web.Response:
    hop = desk.logins.hop(cookie_field(request))
    binder = _claim(somebody).binder
    usable = held.passkeys and not at_further_home(desk.sites(), request)
    options = desk.factors.passkeys.to_assert(held.passkeys, binder) if usable else ""
    chosen = {"factor": deed.factors[0].id} if deed.do == "remove" else {}
    page = render.form(
        "confirm.html",
        status=status,
        passkeys=bool(options),
        options=options,
        title=deed.title,
        words=deed.words,
        local=somebody.person.user.provider is None,
        enrolled=held.enrolled,
        email=deed.email,
        username=somebody.person.user.username,
        problem=problem,
        back=SECURITY,
        hidden_fields={"do": deed.do, **chosen, "csrf": desk.logins.csrf(hop)},
    )
    return answer(page, [desk.logins.cookies.set(desk.logins.cookies.hop, hop, HOP_LASTS)])
