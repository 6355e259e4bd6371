"""Logging in and out, and proving once more who one is."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Final

from aiohttp import web
from multidict import CIMultiDict
from pydantic import Field, JsonValue, SecretStr, StringConstraints

from auth_plugins import Refused
from auth_plugins.registry import Provider
from proxy.access.passwords import LONGEST
from proxy.access.second_factor import Ask
from proxy.model.access import Reason
from proxy.model.identity import Person, Session
from proxy.services.audit import by, happened, on_user
from proxy.services.factors import Answer as Given
from proxy.services.login import HOP_LASTS
from proxy.services.problems import NotPossible
from proxy.web import choosing, factor_attempts, half_logins
from proxy.web.api.callers import csrf_of
from proxy.web.api.keys import Api
from proxy.web.api.me import SessionInfo, session_info
from proxy.web.api.models import Answer, Body, Line
from proxy.web.api.operation import Call, Operation, Reply, Visit
from proxy.web.api.refusing import Stop
from proxy.web.attempts import WRONG, Sent, attempt
from proxy.web.guards import cookie_field
from proxy.web.keys import Desk
from proxy.web.second_factor import Claim, weigh, with_factor
from proxy.web.visitors import Proven, Visitor, log_in

TAG: Final = "auth"

Secret = Annotated[SecretStr, Field(max_length=LONGEST)]
"""A password as it is typed; it appears in no log and no answer."""


class Login(Body):
    """Who wants in."""

    username: Annotated[Line, StringConstraints(min_length=1)]
    """Username or e-mail address."""
    password: Secret
    provider: Line = ""
    """Name of a way in; empty for the first that has a login page."""


class SecondFactor(Body):
    """What a login of which a second factor is asked goes on with."""

    flow: Line
    """As the refusal of the password named it."""
    code: Annotated[SecretStr, Field(max_length=64)] = SecretStr("")
    """Of an authenticator app, or a recovery code."""
    assertion: Mapping[str, JsonValue] | None = None
    """Instead of a code: what navigator.credentials.get() answered, its bytes as base64url."""


class Proof(Body):
    """The password of whoever is logged in, and a second factor, where they have one."""

    password: Secret
    code: Annotated[SecretStr, Field(max_length=64)] = SecretStr("")
    """Of an authenticator app, or a recovery code."""
    assertion: Mapping[str, JsonValue] | None = None
    """Instead of a code: what navigator.credentials.get() answered, its bytes as base64url."""


class LoggedIn(Answer):
    """A session that has begun, or was proved anew."""

    session: SessionInfo
    csrf: str
    """What changes by this session carry in the header X-Flowward-CSRF."""
    password_expired: bool
    """Nothing but a new password can be chosen."""


async def login(api: Api, visit: Visit) -> Reply:
    desk, request, sent = api.desk, visit.request, visit.sent(Login)
    provider = choosing.chosen(desk, sent.provider)
    if sent.provider and (provider is None or sent.provider != provider.name):
        raise NotPossible("provider_unknown", f"No way in with a login page is called {sent.provider}.")
    speaks = choosing.speaker(desk, sent.username)
    if speaks is not None and not sent.provider:
        provider = speaks
    proven = await _proven(api, visit, sent.username, sent.password, provider)
    ask, known = await weigh(desk, request, proven, None)
    if ask is not Ask.NOTHING:
        raise await _half(desk, request, proven, ask)
    return await _begun(api, request, known)


async def _half(desk: Desk, request: web.Request, proven: Proven, ask: Ask) -> Stop:
    """Why there is no session yet, and how the login goes on."""
    if ask is Ask.ENROL:
        detail = f"Set up a second factor first: log in at {desk.sites().home.origin}/-/login."
        return Stop(403, "mfa_enrolment_required", detail)
    names, hop = desk.logins.cookies, desk.logins.hop(cookie_field(request))
    flow = await half_logins.begin(desk, hop, proven, None)
    detail = "Send a second factor to /-/api/v1/auth/second-factor, with `flow` and the cookie of this answer."
    return Stop(403, "mfa_required", detail, flow=flow, fields={"Set-Cookie": names.set(names.hop, hop, HOP_LASTS)})


async def second_factor(api: Api, visit: Visit) -> Reply:
    desk, request, sent = api.desk, visit.request, visit.sent(SecondFactor)
    hop = desk.logins.known_hop(cookie_field(request))
    half = await half_logins.going_on(desk, sent.flow, hop)
    if half is None or hop is None:
        raise Stop(403, "flow_over", "This login is over, or another browser's. Log in once more.")
    assertion = json.dumps(dict(sent.assertion)) if sent.assertion else ""
    given = Given(code=sent.code.get_secret_value(), assertion=assertion)
    claim = Claim(person=half.proven.person, target=None, half=half)
    try:
        proof = await factor_attempts.prove(desk, request, claim.person, given, claim.binder)
    except Refused:
        going_on = await half_logins.failed(desk, half, hop)
        detail = "Send one that was not used before." if going_on else "There were too many. Log in once more."
        raise Stop(403, "second_factor_wrong", detail) from None
    if not await half_logins.finish(desk, half, hop):
        raise Stop(403, "flow_over", "This login has become a session already.")
    return await _begun(api, request, with_factor(half.proven, proof.amr, desk.now()))


async def _begun(api: Api, request: web.Request, proven: Proven) -> Reply:
    session, cookie = await log_in(api.desk, request, proven)
    return Reply(content=logged_in(api, session, proven.person), fields=CIMultiDict({"Set-Cookie": cookie}))


async def _proven(
    api: Api, visit: Visit, username: str, password: SecretStr, provider: Provider | None, *, local: bool = False
) -> Proven:
    if provider is None or not provider.plugin.checks_passwords():
        name = provider.name if provider else "Every way in"
        raise NotPossible("not_by_password", f"{name} asks for more than a password. Use the login page.")
    fields = {"username": username, "password": password.get_secret_value()}
    try:
        step = await attempt(api.desk, visit.request, Sent(provider=provider, fields=fields, local=local))
    except Refused:
        raise Stop(401, Reason.CREDENTIALS_WRONG, WRONG) from None
    if not isinstance(step, Proven):
        raise NotPossible("not_by_password", f"{provider.name} asks for more than a password. Use the login page.")
    return step


async def reauthenticate(api: Api, call: Call) -> LoggedIn:
    session, user, sent = own_session(call), call.moment.actor.person.user, call.sent(Proof)
    local = session.provider == api.desk.local.name
    provider = api.desk.local if local else choosing.named(api.desk, session.provider)
    proven = await _proven(api, call, user.username, sent.password, provider, local=local)
    if proven.person.user.id != user.id:
        raise Stop(401, Reason.CREDENTIALS_WRONG, "Wrong password.")
    await _prove_factor(api, call, session, sent)
    await api.desk.sessions.prove(session.id)
    return logged_in(api, replace(session, proved=api.desk.now()), call.moment.actor.person)


async def _prove_factor(api: Api, call: Call, session: Session, sent: Proof) -> None:
    """Whoever has one shows it too: else a cookie and a password were enough to add another one. Raises Stop."""
    person, desk = call.moment.actor.person, api.desk
    if not (await desk.factors.of(person.user.id)).enrolled:
        return
    assertion = json.dumps(dict(sent.assertion)) if sent.assertion else ""
    given = Given(code=sent.code.get_secret_value(), assertion=assertion)
    claim = Claim(person=person, target=None, session=Visitor(session=session, person=person))
    try:
        await factor_attempts.prove(desk, call.request, person, given, claim.binder)
    except Refused:
        raise Stop(403, "second_factor_wrong", "Send a second factor too, one that was not used before.") from None


async def logout(api: Api, call: Call) -> Reply:
    actor, session, desk = call.moment.actor, own_session(call), api.desk
    on = on_user(actor.user_id)
    event = happened("account.logout", at=desk.now(), by=by(actor), on=on, user=actor.user_id)
    await desk.database.record(event)
    await desk.sessions.end(session.id)
    names = desk.logins.cookies
    return Reply(content=None, fields=CIMultiDict({"Set-Cookie": names.remove(names.session)}))


def own_session(call: Call) -> Session:
    """The session of whoever calls. Raises Stop for a token."""
    session = call.moment.actor.session
    if session is None:
        raise Stop(403, Reason.INTERACTIVE_SESSION_REQUIRED, "A token has no session.")
    return session


def logged_in(api: Api, session: Session, person: Person) -> LoggedIn:
    csrf = csrf_of(api.desk, session)
    return LoggedIn(session=session_info(session), csrf=csrf, password_expired=person.user.password_expired)


OPERATIONS: Final = (
    Operation(
        method="POST",
        path="/auth/login",
        tag=TAG,
        summary="Log in with a password; the answer sets the session's cookie",
        body=Login,
        answer=LoggedIn,
        audit=("account.login",),
        greet=login,
        while_expired=True,
    ),
    Operation(
        method="POST",
        path="/auth/second-factor",
        tag=TAG,
        summary="Go on with a login that was refused with mfa_required; the answer sets the session's cookie",
        body=SecondFactor,
        answer=LoggedIn,
        audit=("account.login", "user.mfa.recovery-used"),
        greet=second_factor,
        while_expired=True,
    ),
    Operation(
        method="POST",
        path="/auth/reauth",
        tag=TAG,
        summary="Prove once more who one is, for what asks for a proof of the last ten minutes",
        body=Proof,
        answer=LoggedIn,
        audit=("account.login", "user.mfa.recovery-used"),
        perform=reauthenticate,
        while_expired=True,
        while_unproven=True,
    ),
    Operation(
        method="POST",
        path="/auth/logout",
        tag=TAG,
        summary="End this session on every host",
        status=204,
        audit=("account.logout",),
        perform=logout,
        while_expired=True,
        while_unproven=True,
    ),
)
