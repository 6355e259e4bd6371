"""The login page at home. On an instance's host there is no form: `/-/login` leads home from there."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, assert_never
from urllib.parse import urlencode

import structlog
from aiohttp import web

from auth_plugins import Form, Identity, LoginRequest, Redirect, Refused, Unavailable
from auth_plugins.registry import Provider
from proxy.model.access import Reason
from proxy.services.login import HOP_LASTS, Target, safe_path
from proxy.store import StoreUnavailable
from proxy.web import render
from proxy.web.answers import answer, see_other
from proxy.web.guards import TurnedAway, at_home, cookie_field, own_form
from proxy.web.keys import ADDRESS, SITE, Desk
from proxy.web.visitors import log_in, login_failed, onward, visitor

_log = structlog.get_logger(__name__)

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
WRONG: Final = "Wrong username or password."
STALE: Final = "This page was open for too long, or your browser refuses cookies. Please try again."


async def show(desk: Desk, request: web.Request) -> web.Response:
    """GET /-/login: the form, or straight on for somebody who is logged in already."""
    site = request[SITE]
    if not site.home:
        return await _lead_home(desk, request)
    target = desk.logins.unseal(request.query.get("to", ""))
    somebody = await visitor(desk, request, target)
    if somebody is not None:
        return see_other(await onward(desk, request, somebody.session, target))
    provider = _chosen(desk, request.query.get("with", ""))
    return await _offer(desk, request, provider, target)


async def submit(desk: Desk, request: web.Request) -> web.Response:
    """POST /-/login: one attempt."""
    at_home(request)
    fields = await own_form(request)
    target = desk.logins.unseal(fields.get("to", ""))
    provider = _chosen(desk, fields.get("with", ""))
    if not desk.logins.csrf_right(desk.logins.known_hop(cookie_field(request)), fields.get("csrf", "")):
        return await _offer(desk, request, provider, target, status=403, problem=STALE, values=fields)
    return await _attempt(desk, request, provider, target, fields)


async def _attempt(
    desk: Desk, request: web.Request, provider: Provider, target: Target | None, fields: dict[str, str]
) -> web.Response:
    address, account = request[ADDRESS], fields.get("username", "")
    if not desk.throttle.admit(address, account):
        wait = desk.throttle.wait(address, account)
        detail = f"There were too many attempts to log in. Try again in {wait} seconds."
        raise TurnedAway(Reason.TOO_MANY_REQUESTS, 429, detail, retry_after=wait)
    try:
        step = await provider.plugin.login(LoginRequest(fields=fields))
        if isinstance(step, Form):
            return _form(desk, request, provider, target, step, values=fields)
        if isinstance(step, Redirect):
            return see_other(step.url)
        return await _welcome(desk, request, provider, target, step)
    except Refused as refused:
        _log.info("login-refused", provider=provider.name, code=refused.code, client=address)
        await login_failed(desk, request, account, provider=provider.name, code=refused.code)
        return await _offer(desk, request, provider, target, status=403, problem=WRONG, values=fields)
    except (Unavailable, StoreUnavailable):
        desk.throttle.give_back(address, account)
        raise


async def _welcome(
    desk: Desk, request: web.Request, provider: Provider, target: Target | None, identity: Identity
) -> web.Response:
    person = await desk.accounts.linked(identity, provider.name, local=provider.plugin.local_accounts)
    session, cookie = await log_in(desk, request, person, provider=provider.name, amr=identity.amr)
    _log.info("login", provider=provider.name, user=person.user.id, client=request[ADDRESS])
    return see_other(await onward(desk, request, session, target), [cookie])


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
            return await _welcome(desk, request, provider, target, step)
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


def _chosen(desk: Desk, name: str) -> Provider:
    """The way in that was asked for, else the first that has a login page."""
    offered = [provider for provider in desk.providers if provider.plugin.offers_login()]
    if not offered:
        raise TurnedAway(Reason.NOT_FOUND, 404, "None of the configured ways in has a login page.")
    return next((provider for provider in offered if provider.name == name), offered[0])
