"""One attempt to log in, whichever way it comes: held to the limits, and on record when it fails."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import structlog
from aiohttp import web

from auth_plugins import Form, LoginRequest, Redirect, Refused, Unavailable
from auth_plugins.registry import Provider
from proxy.model.access import Reason
from proxy.model.audit import Event
from proxy.model.identity import User
from proxy.services.lockout import Standing
from proxy.store import StoreUnavailable
from proxy.web.guards import TurnedAway
from proxy.web.keys import ADDRESS, Desk
from proxy.web.visitors import Proven, login_failed

_log = structlog.get_logger(__name__)
WRONG: Final = "Wrong username or password. After too many wrong ones an account refuses every login for a while."
"""The same whatever was wrong: nobody learns here whether an account is there, or locked."""
_NO_GUESS: Final = frozenset({"credentials_missing"})
"""Refusals of attempts in which no password was sent."""


async def attempt(
    desk: Desk, request: web.Request, provider: Provider, fields: Mapping[str, str]
) -> Proven | Form | Redirect:
    """Who that is, or what the provider asks next. Raises TooOften, Refused, Unavailable and StoreUnavailable."""
    address, login = request[ADDRESS], fields.get("username", "")
    await desk.allowances.login(address, login)
    try:
        found = await _answered(desk, provider, fields, address)
        if isinstance(found, Form | Redirect):
            return found
        standing = Standing.COUNTS
        if not isinstance(found, Refused) or found.code not in _NO_GUESS:
            account = await desk.lockout.account_of(login)
            standing = await desk.lockout.settle(account, address, right=isinstance(found, Proven))
    except (Unavailable, StoreUnavailable):
        with suppress(StoreUnavailable):
            await desk.allowances.login_was_none(address, login)
        raise
    if standing is Standing.LOCKED:
        found = Refused("account_locked")
    if isinstance(found, Proven):
        return found
    _log.info("login-refused", provider=provider.name, code=found.code, client=address)
    locked = standing is Standing.LOCKED_NOW
    await login_failed(desk, request, login, provider=provider.name, code=found.code, locked=locked)
    raise found


async def _answered(
    desk: Desk, provider: Provider, fields: Mapping[str, str], address: str
) -> Proven | Refused | Form | Redirect:
    """What comes of it as far as the provider knows."""
    try:
        step = await provider.plugin.login(LoginRequest(fields=fields))
        if isinstance(step, Form | Redirect):
            return step
        person = await desk.linking.person(provider, step, address=address)
    except Refused as refused:
        return refused
    return Proven(person=person, identity=step, provider=provider, amr=step.amr)


async def change_password(desk: Desk, request: web.Request, user: User, sent: Mapping[str, str], event: Event) -> None:
    """Another password for who knows the one that is: guesses at it count as attempts to log in do.

    `sent` has `current` and `new`. Raises TooOften, Refused, WeakPassword, Unavailable and StoreUnavailable.
    """
    address = request[ADDRESS]
    await desk.allowances.login(address, user.username)
    if await desk.lockout.holds(user.id, address):
        raise Refused("account_locked")
    try:
        await desk.accounts.change_password(user, sent["current"], sent["new"], event)
    except Refused:
        await desk.lockout.settle(user.id, address, right=False)
        raise


def chosen(desk: Desk, name: str) -> Provider:
    """The way in that was asked for, else the first that has a login page."""
    offered = [provider for provider in desk.providers if provider.plugin.offers_login()]
    if not offered:
        raise TurnedAway(Reason.NOT_FOUND, 404, "None of the configured ways in has a login page.")
    return next((provider for provider in offered if provider.name == name), offered[0])
