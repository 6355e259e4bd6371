"""One attempt to log in, whichever way it comes: held to the limits, and on record when it fails."""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog
from aiohttp import web

from auth_plugins import Form, LoginRequest, Redirect, Refused, Unavailable
from auth_plugins.registry import Provider
from proxy.model.access import Reason
from proxy.model.identity import Person
from proxy.store import StoreUnavailable
from proxy.web.guards import TurnedAway
from proxy.web.keys import ADDRESS, Desk
from proxy.web.visitors import login_failed

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """Somebody who proved who they are."""

    person: Person
    amr: tuple[str, ...]
    """How (RFC 8176)."""


async def attempt(
    desk: Desk, request: web.Request, provider: Provider, fields: Mapping[str, str]
) -> Proven | Form | Redirect:
    """Who that is, or what the provider asks next. Raises TurnedAway, Refused and Unavailable."""
    address, account = request[ADDRESS], fields.get("username", "")
    if not desk.throttle.admit(address, account):
        wait = desk.throttle.wait(address, account)
        detail = f"There were too many attempts to log in. Try again in {wait} seconds."
        raise TurnedAway(Reason.TOO_MANY_REQUESTS, 429, detail, retry_after=wait)
    try:
        step = await provider.plugin.login(LoginRequest(fields=fields))
        if isinstance(step, Form | Redirect):
            return step
        person = await desk.accounts.linked(step, provider.name, local=provider.plugin.local_accounts)
        return Proven(person=person, amr=step.amr)
    except Refused as refused:
        _log.info("login-refused", provider=provider.name, code=refused.code, client=address)
        await login_failed(desk, request, account, provider=provider.name, code=refused.code)
        raise
    except (Unavailable, StoreUnavailable):
        desk.throttle.give_back(address, account)
        raise


def chosen(desk: Desk, name: str) -> Provider:
    """The way in that was asked for, else the first that has a login page."""
    offered = [provider for provider in desk.providers if provider.plugin.offers_login()]
    if not offered:
        raise TurnedAway(Reason.NOT_FOUND, 404, "None of the configured ways in has a login page.")
    return next((provider for provider in offered if provider.name == name), offered[0])
