"""The login page at home. On an instance's host there is no form: `/-/login` leads home from there."""

from dataclasses import replace
from typing import Final

from aiohttp import web

from auth_plugins import Form, Identity, LoginRequest, Redirect, Refused, Unavailable
from auth_plugins.registry import Provider
from proxy.model.access import Reason
from proxy.services.login import safe_path
from proxy.web import choosing
from proxy.web.answers import see_other
from proxy.web.arriving import arrive
from proxy.web.asking import in_time, proven_by, recognised, told
from proxy.web.attempts import WRONG, Sent, attempt, refused
from proxy.web.branding import ways_shown
from proxy.web.departing import depart, new_flow
from proxy.web.guards import TurnedAway, at_home, cookie_field, own_form
from proxy.web.keys import ADDRESS, SITE, TOWARDS, Desk
from proxy.web.login_page import Door, page
from proxy.web.visitors import Proven, onward, visitor

STALE: Final = "This page was open for too long, or your browser refuses cookies. Please try again."
BY_ADDRESS: Final = "Your organisation logs you in. Please log in with your e-mail address, and no password."
UNKNOWN: Final = "Nobody here is known by that e-mail address. Please choose how to log in."
NO_PASSWORD: Final = "Please type your password too."  # noqa: S105 - a sentence
_NOT_LET_IN: Final = "{} did not log you in here. If it should have, ask {}."
_NO_ACCOUNT: Final = "{} knows you, but you have no account here. Ask {} for one."
"""Who reads it has shown who they are: it tells them of nobody else."""
NONE: Final = "None of the configured ways in has a login page."


async def show(desk: Desk, request: web.Request) -> web.Response:
    """GET /-/login: the form, or straight on for somebody who is logged in already."""
    if not request[SITE].home:
        return await _lead_home(desk, request)
    return await _open(desk, request, request.query.get("with", ""))


async def begin(desk: Desk, request: web.Request) -> web.Response:
    """GET /-/auth/NAME/login: the same, by this way in."""
    at_home(request)
    name = request.match_info["name"]
    if choosing.named(desk, name) not in choosing.offered(desk):
        raise TurnedAway(Reason.NOT_FOUND, 404)
    return await _open(desk, request, name)


async def _open(desk: Desk, request: web.Request, name: str) -> web.Response:
    query = request.query
    door = Door(
        target=desk.logins.unseal(query.get("to", "")),
        hint=query.get("login_hint", "")[:254],
        again="again" in query,
        local="local" in query,
    )
    somebody = None if door.again else await visitor(desk, request, door.target, unproven=True)
    if somebody is not None:
        return see_other(await onward(desk, request, somebody.person, somebody.session, door.target))
    if door.local:
        return await offer(desk, request, desk.local, door)
    found = None if name or door.again else await recognised(desk, request)
    if found is None:
        return await offer(desk, request, choosing.chosen(desk, name, ways_shown(desk, request)), door)
    provider, known = found
    if isinstance(known, Refused):
        return await not_let_in(desk, request, provider, known, door)
    return await arrive(desk, request, known, door.target)


async def submit(desk: Desk, request: web.Request) -> web.Response:
    """POST /-/login: one attempt."""
    at_home(request)
    fields = await own_form(request)
    local = fields.get("local", "") == "1"
    door = Door(target=desk.logins.unseal(fields.get("to", "")), local=local, values=fields)
    provider = desk.local if local else choosing.chosen(desk, fields.get("with", ""), ways_shown(desk, request))
    if not desk.logins.csrf_right(desk.logins.known_hop(cookie_field(request)), fields.get("csrf", "")):
        return await offer(desk, request, provider, replace(door, status=403, problem=STALE))
    login = fields.get("username", "")
    speaks = None if local else choosing.speaker(desk, login)
    if speaks is not None and speaks is not provider and speaks.plugin.offers_login():
        return await _by_domain(desk, request, provider, speaks, door)
    if provider is None or not ("password" in fields or fields.get("with", "")):
        return await offer(desk, request, provider, replace(door, status=403, problem=UNKNOWN))
    return await _attempt(desk, request, provider, door)


async def _by_domain(
    desk: Desk, request: web.Request, asked: Provider | None, speaks: Provider, door: Door
) -> web.Response:
    """Somebody whose address belongs to another way in than the one asked: theirs is taken, if it takes what they sent."""
    sent = Sent(provider=speaks, fields=door.values)
    password = door.values.get("password", "")
    if password and speaks.plugin.checks_passwords():
        return await _attempt(desk, request, speaks, door)
    if password:
        await desk.allowances.login(request[ADDRESS], sent.login)
        await refused(desk, request, sent, Refused("sso_required", "a password for an address that logs in elsewhere"))
        return await offer(desk, request, asked, replace(door, status=403, problem=BY_ADDRESS))
    return await offer(desk, request, speaks, replace(door, hint=sent.login.strip(), after_form=True))


async def _attempt(desk: Desk, request: web.Request, provider: Provider, door: Door) -> web.Response:
    sent = Sent(provider=provider, fields=door.values, flow=new_flow(), local=door.local)
    try:
        step = await attempt(desk, request, sent)
    except Refused as error:
        typed = error.code != "credentials_missing" or not choosing.by_domains(desk)
        problem = WRONG if typed else NO_PASSWORD
        return await offer(desk, request, provider, replace(door, status=403, problem=problem))
    except Unavailable as error:
        return await get_nowhere(desk, request, provider, error, door)
    return await _taken(desk, request, provider, step, replace(door, after_form=True), sent.flow)


async def offer(desk: Desk, request: web.Request, provider: Provider | None, door: Door) -> web.Response:
    """The provider's first step; without one, or where there is something to read first, the buttons of all."""
    if provider is None:
        nothing = replace(door, status=404, problem=NONE) if not choosing.offered(desk) and not door.problem else door
        return page(desk, request, None, nothing)
    flow = new_flow()
    try:
        step = await _first_step(desk, request, provider, door, flow)
    except Refused as error:
        return await not_let_in(desk, request, provider, error, door)
    except Unavailable as error:
        return await get_nowhere(desk, request, provider, error, door)
    return await _taken(desk, request, provider, step, door, flow)


async def _first_step(
    desk: Desk, request: web.Request, provider: Provider, door: Door, flow: str
) -> Proven | Form | Redirect:
    asked = LoginRequest(flow=flow, hint=door.hint, again=door.again)
    step = await in_time(desk, provider, provider.plugin.login(asked))
    return await proven_by(desk, request, provider, step) if isinstance(step, Identity) else step


async def _taken(
    desk: Desk, request: web.Request, provider: Provider, step: Proven | Form | Redirect, door: Door, flow: str
) -> web.Response:
    """Where a step leads. With something to read on the page it leads nowhere else, or nobody would ever read it."""
    if isinstance(step, Form):
        return page(desk, request, provider, door, step)
    if door.problem:
        return page(desk, request, None, door)
    if isinstance(step, Redirect):
        after = door.after_form
        return await depart(desk, request, provider, step, flow=flow, target=door.target, after_form=after)
    return await arrive(desk, request, step, door.target)


async def not_let_in(
    desk: Desk, request: web.Request, provider: Provider, error: Refused, door: Door, login: str = ""
) -> web.Response:
    """A provider that refused, or whose people have no account here: it is on record, and said without a reason that others made."""
    await refused(desk, request, Sent(provider=provider, fields={"username": login}), error)
    problem = _NO_ACCOUNT if error.code == "unknown_sso_user" else _NOT_LET_IN
    problem = problem.format(provider.title, desk.self_help.whom)
    return await aside(desk, request, provider, replace(door, status=403, problem=problem, refused=provider.name))


async def get_nowhere(
    desk: Desk, request: web.Request, provider: Provider, error: Unavailable, door: Door
) -> web.Response:
    """A provider that does not answer: the other ways in are there. Raises it for the gateway's own accounts."""
    if provider.plugin.local_accounts:
        raise error
    told(provider, error, request[ADDRESS])
    problem = f"{provider.title} does not answer just now. Please try again in a moment."
    return await aside(desk, request, provider, replace(door, status=503, problem=problem))


async def aside(desk: Desk, request: web.Request, provider: Provider, door: Door) -> web.Response:
    """The login page for somebody whom a provider did not let in: with the form of another one, where there is one."""
    if door.target is not None:
        request[TOWARDS] = door.target
    other = choosing.first(desk, ways_shown(desk, request))
    return await offer(desk, request, other if other is not provider else None, door)


async def _lead_home(desk: Desk, request: web.Request) -> web.Response:
    """GET /-/login?next=PATH on an instance's host: a live session bounces straight back, anybody else goes home."""
    site = request[SITE]
    path = safe_path(request.query.get("next", "/"))
    if await visitor(desk, request) is not None:
        return see_other(site.origin + path)
    step = desk.logins.begin(desk.sites(), site, path, cookie_field(request))
    return see_other(step.location, step.cookies)
