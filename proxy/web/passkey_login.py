"""`/-/passkey`: logging in by a passkey alone. It is held by whoever unlocked it, so it stands for both factors."""

import json
from typing import Final

from aiohttp import web

from auth_plugins import Identity, Refused
from proxy.model.identity import UserState
from proxy.services.accounts import may_log_in
from proxy.services.login import Target
from proxy.services.passkeys import Asserted
from proxy.web import choosing, render
from proxy.web.answers import answer, see_other
from proxy.web.arriving import arrive
from proxy.web.guards import at_home, cookie_field, own_form
from proxy.web.keys import ADDRESS, Desk
from proxy.web.visitors import Proven, login_failed

_LOGIN: Final = "/-/login"


def offered(desk: Desk, hop: str) -> str:
    """What the browser needs to offer passkeys on the login page, as JSON; empty where nobody may log in by one."""
    return desk.factors.passkeys.to_assert((), _binder(hop)) if desk.local in desk.providers else ""


async def show(_: Desk, request: web.Request) -> web.Response:
    """GET, as after reloading the answer: there is nothing to see here."""
    at_home(request)
    return see_other(_LOGIN)


async def submit(desk: Desk, request: web.Request) -> web.Response:
    """POST: one attempt."""
    at_home(request)
    fields = await own_form(request)
    hop = desk.logins.known_hop(cookie_field(request))
    target = desk.logins.unseal(fields.get("to", ""))
    if hop is None or not desk.logins.csrf_right(hop, fields.get("csrf", "")):
        return _not_let_in(desk, target)
    sent = fields.get("assertion", "")
    await desk.allowances.login(request[ADDRESS], f"passkey {_credential(sent)}")
    try:
        asserted = await desk.factors.passkeys.asserted(sent, _binder(hop), now=desk.now())
        proven = await _proven(desk, asserted)
    except Refused as refused:
        await login_failed(desk, request, "", desk.local, refused, locked=False)
        return _not_let_in(desk, target)
    return await arrive(desk, request, proven, target)


async def _proven(desk: Desk, asserted: Asserted) -> Proven:
    """Raises Refused for whoever could not log in by a password of the gateway's own either: their provider decides."""
    person = await desk.person(asserted.factor.user)
    if person is None or person.user.state is not UserState.ACTIVE or not may_log_in(person.user):
        raise Refused("account_unknown")
    if person.user.provider is not None or not choosing.may_by_password(desk, person.user, local=False):
        raise Refused("sso_required", "a passkey of somebody who logs in elsewhere")
    identity = Identity(subject=person.user.id, username=person.user.username)
    amr = (*asserted.amr, "user", "mfa")
    return Proven(person=person, identity=identity, provider=desk.local, amr=amr, factor=desk.now())


def _credential(sent: str) -> str:
    """What attempts are counted by; whatever is no assertion counts as one."""
    try:
        named = json.loads(sent)["id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return named[:200] if isinstance(named, str) and named.isascii() else ""


def _binder(hop: str) -> str:
    return f"login {hop}"


def _not_let_in(desk: Desk, target: Target | None) -> web.Response:
    page = render.page(
        "message.html",
        status=403,
        title="That passkey was not accepted",
        text=("It may be unknown here, or the login page was open for too long. Please log in with your password.",),
        link=_LOGIN + (f"?to={desk.logins.seal(target)}" if target else ""),
        link_text="Back to the login page",
    )
    return answer(page)
