"""One attempt to prove a second factor, or to prove oneself once more: held to the limits, and on record when it fails."""

from contextlib import suppress

import structlog
from aiohttp import web

from auth_plugins import Refused, Unavailable
from proxy.model.identity import FactorKind, Person
from proxy.services.factors import Answer, Proof
from proxy.services.lockout import SECOND_FACTOR, Standing
from proxy.store import StoreUnavailable
from proxy.web.keys import ADDRESS, Desk
from proxy.web.visitors import account_event

_log = structlog.get_logger(__name__)


async def prove(desk: Desk, request: web.Request, person: Person, answer: Answer, binder: str) -> Proof:
    """How they proved it. `binder` names the login it is for.

    Raises TooOften, Refused, Unavailable and StoreUnavailable.
    """
    user, address = person.user, request[ADDRESS]
    await desk.allowances.second_factor(binder, user.id)
    found: Proof | Refused
    try:
        found = await desk.factors.prove(user, answer, binder)
    except Refused as refused:
        found = refused
    right = isinstance(found, Proof)
    standing = await desk.lockout.settle(user.id, address, right=right, what=SECOND_FACTOR)
    if standing is Standing.LOCKED:
        found = Refused("account_locked")
    if isinstance(found, Proof):
        if found.kind is FactorKind.RECOVERY:
            await desk.database.record(account_event(desk, request, "user.mfa.recovery-used", person))
        return found
    _log.info("second-factor-refused", user=user.id, code=found.code, detail=found.detail, client=address)
    failed = account_event(desk, request, "account.login", person, {"second_factor": True}, error=found.code)
    locked = [account_event(desk, request, "account.locked", person)] if standing is Standing.LOCKED_NOW else []
    await desk.database.record(failed, *locked)
    raise found


async def prove_password(desk: Desk, request: web.Request, person: Person, password: str) -> None:
    """Raises TooOften, Refused, Unavailable and StoreUnavailable; a guess counts as an attempt to log in does."""
    user, address = person.user, request[ADDRESS]
    await desk.allowances.login(address, user.username)
    try:
        await desk.accounts.check(user.username, password)
    except Refused as refused:
        await desk.lockout.settle(user.id, address, right=False)
        await desk.database.record(account_event(desk, request, "account.login", person, error=refused.code))
        raise
    except (Unavailable, StoreUnavailable):
        with suppress(StoreUnavailable):
            await desk.allowances.login_was_none(address, user.username)
        raise
    if await desk.lockout.settle(user.id, address, right=True) is Standing.LOCKED:
        raise Refused("account_locked")
