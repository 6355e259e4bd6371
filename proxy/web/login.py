"""The login page at home. On an instance's host there is no form: `/-/login` leads home from there."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, assert_never
from urllib.parse import urlencode

from aiohttp import web

from auth_plugins import Form, Identity, LoginRequest, Redirect, Refused
from auth_plugins.registry import Provider
from proxy.services.login import HOP_LASTS, Target, safe_path
from proxy.web import render
from proxy.web.answers import answer, see_other
from proxy.web.arriving import arrive
from proxy.web.attempts import WRONG, attempt, chosen
from proxy.web.guards import at_home, cookie_field, own_form
from proxy.web.keys import ADDRESS, SITE, Desk
from proxy.web.visitors import Proven, onward, visitor

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
STALE: Final = "This page was open for too long, or your browser refuses cookies. Please try again."


async def show(desk: Desk, request: web.Request) -> web.Response:
    """GET /-/login: the form, or straight on for somebody who is logged in already."""
    site = request[SITE]
    if not site.home:
        return await _lead_home(desk, request)
    target = desk.logins.unseal(request.query.get("to", ""))
    somebody = await visitor(desk, request, target)
    if somebody is not None:
        return see_other(await onward(desk, request, somebody.person, somebody.session, target))
    provider = chosen(desk, request.query.get("with", ""))
    return await _offer(desk, request, provider, target)


async def submit(desk: Desk, request: web.Request) -> web.Response:
    """POST /-/login: one attempt."""
    at_home(request)
    fields = await own_form(request)
    target = desk.logins.unseal(fields.get("to", ""))
    provider = chosen(desk, fields.get("with", ""))
    if not desk.logins.csrf_right(desk.logins.known_hop(cookie_field(request)), fields.get("csrf", "")):
        return await _offer(desk, request, provider, target, status=403, problem=STALE, values=fields)
    return await _attempt(desk, request, provider, target, fields)


async def _attempt(
    desk: Desk, request: web.Request, provider: Provider, target: Target | None, fields: dict[str, str]
) -> web.Response:
    try:
        step = await attempt(desk, request, provider, fields)
    except Refused:
        return await _offer(desk, request, provider, target, status=403, problem=WRONG, values=fields)
    if isinstance(step, Form):
        return _form(desk, request, provider, target, step, values=fields)
    if isinstance(step, Redirect):
        return see_other(step.url)
    return await arrive(desk, request, step, target)


async def _offer(
    desk: Desk,
    request: web.Request,
    provider: Provider,
    target: Target | None,
    *,
    status: int = 200,
    problem: str = "",
    values: Mapping[str, str] = NOTHING,
) -> web.Response:
    """The provider's first step."""
    match step := await provider.plugin.login(LoginRequest()):
        case Form():
            return _form(desk, request, provider, target, step, status=status, problem=problem, values=values)
        case Redirect():
            return see_other(step.url)
        case Identity():
            person = await desk.linking.person(provider, step, address=request[ADDRESS])
            proven = Proven(person=person, identity=step, provider=provider, amr=step.amr)
            return await arrive(desk, request, proven, target)
        case _:
            assert_never(step)


def _form(
    desk: Desk,
    request: web.Request,
    provider: Provider,
    target: Target | None,
    form: Form,
    *,
    status: int = 200,
    problem: str = "",
    values: Mapping[str, str] = NOTHING,
) -> web.Response:
    hop = desk.logins.hop(cookie_field(request))
    to = desk.logins.seal(target) if target else ""
    site = desk.sites().find(target.host.encode()) if target else None
    typed = {field.name: values.get(field.name, "")[:254] for field in form.fields if field.kind == "text"}
    empty = next((field.name for field in form.fields if not typed.get(field.name)), "")
    page = render.form(
        "login.html",
        status=status,
        target=site.origin if site else "",
        fields=form.fields,
        message=form.message,
        problem=problem,
        values=typed,
        focus=empty,
        going_to=site.name if site else "",
        hidden_fields={"to": to, "csrf": desk.logins.csrf(hop), "with": provider.name},
        others=[
            {"name": other.name, "address": "/-/login?" + urlencode({"with": other.name, "to": to})}
            for other in desk.providers
            if other.plugin.offers_login() and other.name != provider.name
        ],
    )
    return answer(page, [desk.logins.cookies.set(desk.logins.cookies.hop, hop, HOP_LASTS)])


async def _lead_home(desk: Desk, request: web.Request) -> web.Response:
    """GET /-/login?next=PATH on an instance's host: a live session bounces straight back, anybody else goes home."""
    site = request[SITE]
    path = safe_path(request.query.get("next", "/"))
    if await visitor(desk, request) is not None:
        return see_other(site.origin + path)
    step = desk.logins.begin(desk.sites(), site, path, cookie_field(request))
    return see_other(step.location, step.cookies)
