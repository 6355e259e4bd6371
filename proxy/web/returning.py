"""`/-/auth/NAME/callback` and `/acs`: somebody comes back from a provider, with what it says of them.

A provider that lets the browser post does so from another site. Over https the hop comes along; where it does not, as over
http, what was brought is kept for a moment, and a redirect to an address of our own goes on with it, cookies and all.
"""

import json
import re
import secrets
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from auth_plugins import Form, LoginRequest, Redirect, Refused, Unavailable
from auth_plugins.registry import Provider
from proxy.model.access import Reason
from proxy.services.allowances import Policy
from proxy.services.login import Target, safe_path
from proxy.web import choosing
from proxy.web.answers import see_other
from proxy.web.arriving import arrive
from proxy.web.asking import in_time, proven_by
from proxy.web.departing import LOGIN, Away, depart, new_flow
from proxy.web.guards import TurnedAway, at_home, cookie_field, foreign_form
from proxy.web.keys import ADDRESS, SITE, Desk
from proxy.web.login import aside, get_nowhere, not_let_in
from proxy.web.login_page import Door, page
from proxy.web.visitors import Proven, visitor
from proxy.wire.address import subject

_STALE: Final = "That login took too long, was used already, or began in another browser. Please log in again."
_ARRIVED: Final = "arrived"
_ARRIVAL_LASTS: Final = 60.0
_NAMED: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
"""What the name of a flow looks like; anything else that a provider sends in its place is not ours."""


async def come_back(desk: Desk, request: web.Request) -> web.Response:
    """GET and POST of both addresses."""
    provider = _provider(desk, request)
    await desk.allowances.take(Policy.CALLBACK, subject(request[ADDRESS]))
    if request.method != "POST":
        return await _go_on(desk, request, provider, dict(request.query))
    fields = await foreign_form(request)
    if desk.logins.known_hop(cookie_field(request)) is not None:
        return await _go_on(desk, request, provider, fields)
    name = secrets.token_urlsafe(32)
    kept = {"provider": provider.name, "fields": json.dumps(fields)}
    await desk.flows.put(_ARRIVED, name, name, kept, lasts=_ARRIVAL_LASTS)
    return see_other(f"/-/auth/{provider.name}/resume?at={name}")


async def resume(desk: Desk, request: web.Request) -> web.Response:
    """GET /-/auth/NAME/resume?at=…: what was posted from another site, once."""
    provider = _provider(desk, request)
    name = request.query.get("at", "")
    kept = await desk.flows.take(_ARRIVED, name, name)
    if kept is None or kept["provider"] != provider.name:
        return await _stale(desk, request, provider)
    fields: dict[str, str] = json.loads(kept["fields"])
    return await _go_on(desk, request, provider, fields)


async def _go_on(desk: Desk, request: web.Request, provider: Provider, fields: Mapping[str, str]) -> web.Response:
    sent = fields.get(provider.plugin.flow_field, "")
    kept = await desk.flows.take(LOGIN, sent, desk.logins.known_hop(cookie_field(request)))
    if kept is None:
        if _NAMED.fullmatch(sent):
            return await _stale(desk, request, provider)
        target = _asked(request, sent)
        return await _answered(desk, request, provider, LoginRequest(fields=fields, returned=True), target)
    away = Away.of(kept)
    target = desk.logins.unseal(away.to)
    if away.provider != provider.name:
        mixed = Refused("provider_mixed_up", f"the login began at {away.provider} and came back from {provider.name}")
        return await not_let_in(desk, request, provider, mixed, Door(target=target))
    asked = LoginRequest(fields=fields, flow=sent, returned=True, keep=away.keep)
    return await _answered(desk, request, provider, asked, target)


async def _answered(
    desk: Desk, request: web.Request, provider: Provider, asked: LoginRequest, target: Target | None
) -> web.Response:
    """What the provider makes of it."""
    door, login = Door(target=target), ""
    try:
        step = await in_time(desk, provider, provider.plugin.login(asked))
        if isinstance(step, Redirect):
            return await depart(desk, request, provider, step, flow=new_flow(), target=target)
        if isinstance(step, Form):
            return page(desk, request, provider, door, step)
        login = step.username
        proven: Proven = await proven_by(desk, request, provider, step)
    except Refused as error:
        return await not_let_in(desk, request, provider, error, door, login)
    except Unavailable as error:
        return await get_nowhere(desk, request, provider, error, door)
    return await arrive(desk, request, proven, target)


async def _stale(desk: Desk, request: web.Request, provider: Provider) -> web.Response:
    """A login that is over; for somebody who is logged in, as by the back button, there is nothing to do."""
    if await visitor(desk, request) is not None:
        return see_other("/")
    return await aside(desk, request, provider, Door(target=None, status=403, problem=_STALE))


def _asked(request: web.Request, sent: str) -> Target | None:
    """Where somebody goes whom a provider sent without being asked to: a path at home, and nothing else."""
    path = safe_path(sent)
    return Target(host=request[SITE].name, path=path, hop="") if path != "/" else None


def _provider(desk: Desk, request: web.Request) -> Provider:
    """Raises TurnedAway."""
    at_home(request)
    found = choosing.named(desk, request.match_info["name"])
    if found is None or not found.plugin.offers_login():
        raise TurnedAway(Reason.NOT_FOUND, 404)
    return found
