"""Logging in and out, and proving once more who one is."""

from typing import Annotated, Final

from multidict import CIMultiDict
from pydantic import Field, SecretStr, StringConstraints

from auth_plugins import Refused
from auth_plugins.registry import Provider
from proxy.access.passwords import LONGEST
from proxy.model.access import Reason
from proxy.model.identity import Session
from proxy.services.audit import by, happened, on_user
from proxy.services.problems import NotPossible
from proxy.web import choosing
from proxy.web.api.callers import csrf_of
from proxy.web.api.keys import Api
from proxy.web.api.me import SessionInfo, session_info
from proxy.web.api.models import Answer, Body, Line
from proxy.web.api.operation import Call, Operation, Reply, Visit
from proxy.web.api.refusing import Stop
from proxy.web.attempts import WRONG, Sent, attempt
from proxy.web.visitors import Proven, log_in

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


class Proof(Body):
    """The password of whoever is logged in."""

    password: Secret


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
    session, cookie = await log_in(desk, request, proven)
    content = _logged_in(api, session, expired=proven.person.user.password_expired)
    return Reply(content=content, fields=CIMultiDict({"Set-Cookie": cookie}))


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
    session, user = own_session(call), call.moment.actor.person.user
    local = session.provider == api.desk.local.name
    provider = api.desk.local if local else choosing.named(api.desk, session.provider)
    proven = await _proven(api, call, user.username, call.sent(Proof).password, provider, local=local)
    if proven.person.user.id != user.id:
        raise Stop(401, Reason.CREDENTIALS_WRONG, "Wrong password.")
    await api.desk.sessions.prove(session.id)
    return _logged_in(api, session, expired=user.password_expired, proved=api.desk.now())


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


def _logged_in(api: Api, session: Session, *, expired: bool, proved: float | None = None) -> LoggedIn:
    info = session_info(session)
    shown = info if proved is None else info.model_copy(update={"proved": proved})
    return LoggedIn(session=shown, csrf=csrf_of(api.desk, session), password_expired=expired)


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
        path="/auth/reauth",
        tag=TAG,
        summary="Prove once more who one is, for what asks for a proof of the last ten minutes",
        body=Proof,
        answer=LoggedIn,
        audit=("account.login",),
        perform=reauthenticate,
        while_expired=True,
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
    ),
)
