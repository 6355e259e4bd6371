"""One attempt to log in by a form, whichever way it comes: held to the limits, and on record when it fails."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog
from aiohttp import web

from auth_plugins import Form, Identity, LoginRequest, Redirect, Refused, Unavailable
from auth_plugins.registry import Provider
from proxy.model.audit import Event
from proxy.model.identity import User
from proxy.services.lockout import Standing
from proxy.store import StoreUnavailable
from proxy.web.asking import in_time, proven_by
from proxy.web.choosing import may_by_password
from proxy.web.keys import ADDRESS, Desk
from proxy.web.visitors import Proven, login_failed

_log = structlog.get_logger(__name__)
WRONG: Final = "Wrong username or password. After too many wrong ones an account refuses every login for a while."
"""The same whatever was wrong: nobody learns here whether an account is there, or locked."""
_NO_GUESS: Final = frozenset({"credentials_missing"})
"""Refusals of attempts in which no password was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a form brought."""

    provider: Provider
    fields: Mapping[str, str]
    flow: str = ""
    """Name of the flow that begins where the provider sends the visitor elsewhere."""
    local: bool = False
    """Whether it came by the door for admins."""

    @property
    def login(self) -> str:
        return self.fields.get("username", "")


async def attempt(desk: Desk, request: web.Request, sent: Sent) -> Proven | Form | Redirect:
    """Who that is, or what the provider asks next. Raises TooOften, Refused, Unavailable and StoreUnavailable."""
    address, login = request[ADDRESS], sent.login
    await desk.allowances.login(address, login)
    try:
        found = await _answered(desk, request, sent)
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
    await refused(desk, request, sent, found, locked=standing is Standing.LOCKED_NOW)
    raise found


async def refused(desk: Desk, request: web.Request, sent: Sent, error: Refused, *, locked: bool = False) -> None:
    """Put on record that an attempt failed, and why."""
    name = sent.provider.name
    _log.info("login-refused", provider=name, code=error.code, detail=error.detail, client=request[ADDRESS])
    await login_failed(desk, request, sent.login, sent.provider, error, locked=locked)


async def _answered(desk: Desk, request: web.Request, sent: Sent) -> Proven | Refused | Form | Redirect:
    """What comes of it as far as the provider knows."""
    try:
        step = await _step(desk, sent)
        if isinstance(step, Form | Redirect):
            return step
        proven = await proven_by(desk, request, sent.provider, step)
    except Refused as error:
        return error
    if sent.provider.plugin.local_accounts and not may_by_password(desk, proven.person.user, local=sent.local):
        return Refused("sso_required")
    return proven


async def _step(desk: Desk, sent: Sent) -> Identity | Form | Redirect:
    provider, fields = sent.provider, sent.fields
    if not sent.local:
        return await in_time(desk, provider, provider.plugin.login(LoginRequest(fields=fields, flow=sent.flow)))
    username, password = sent.login.strip(), fields.get("password", "")
    if not username or not password:
        raise Refused("credentials_missing")
    return await desk.accounts.check(username, password, admins=True)


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
