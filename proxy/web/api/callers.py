"""Who calls: a browser by its session, a program by its token. And whether it may call just now, and from here."""

from collections.abc import Mapping
from hmac import compare_digest
from typing import Final

from aiohttp import web

from proxy.gate.checks import sent_by_itself
from proxy.model.access import Reason
from proxy.model.identity import Actor, Person, Session, UserState
from proxy.services.ratelimit import Late, TooOften, standing
from proxy.services.tokens import TokenRefused
from proxy.store import Limit
from proxy.web.api.keys import Api
from proxy.web.api.refusing import Stop
from proxy.web.guards import from_own_page
from proxy.web.keys import ADDRESS, IDENTIFIED, Desk
from proxy.web.visitors import lacks_factor, visitor
from proxy.wire.address import subject

CSRF: Final = "X-Flowward-CSRF"
SAFE: Final = frozenset({"GET", "HEAD"})


async def who(api: Api, request: web.Request) -> Actor:
    """Who calls: whom a token of ours stands for, else whom a plugin takes the request for, else whose session it is.

    A session by which an admin looks on as somebody goes before what plugins say: browsers send that by themselves.
    Raises Denied or Stop for a token that is not good here, and for nobody; TooOften for nobody who asks too often.
    """
    fields = request.headers.getall("Authorization", ())
    if len(fields) > 1:
        raise Stop(400, Reason.BAD_REQUEST, "A request has one Authorization field at most.")
    try:
        actor = await _by_token(api, request, fields[0]) if fields else None
    except TokenRefused as refused:
        api.refused(refused.by, None, None, refused.decision.reason)
        charge_stranger(api, request)
        raise
    actor = actor or await _by_browser(api, request)
    if actor is None:
        charge_stranger(api, request)
        raise Stop(401, Reason.LOGIN_REQUIRED, "Log in, or send Authorization: Bearer with an API token.")
    return actor


async def _by_token(api: Api, request: web.Request, field: str) -> Actor | None:
    return await api.tokens.actor_of(field.encode("utf-8", "surrogateescape"), request[ADDRESS])


async def _by_browser(api: Api, request: web.Request) -> Actor | None:
    own = await _by_session(api, request)
    if own is not None and own.session is not None and own.session.viewer:
        return own
    return await _by_credential(api, request) or own


async def _by_credential(api: Api, request: web.Request) -> Actor | None:
    """Neither a session nor a token: what takes a session is refused. Raises Stop for what another page may have sent."""
    principal = request.get(IDENTIFIED)
    person = await api.desk.person(principal.user_id) if principal is not None and principal.user_id else None
    if principal is None or person is None or person.user.state is not UserState.ACTIVE:
        return None
    field = request.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
    if request.method not in SAFE and sent_by_itself(principal, field) and not from_own_page(request):
        raise Stop(403, Reason.FOREIGN_ORIGIN, "This request comes from a page of another origin.")
    return Actor(person=person, address=request[ADDRESS])


async def _by_session(api: Api, request: web.Request) -> Actor | None:
    found = await visitor(api.desk, request, unproven=True)
    if found is None:
        return None
    return Actor(person=found.person, session=found.session, address=request[ADDRESS])


def charge_stranger(api: Api, request: web.Request) -> None:
    """Raises TooOften."""
    charge(api.strangers(), subject(request[ADDRESS]), "anonymous")


def csrf_of(desk: Desk, session: Session) -> str:
    """What changes by this session carry in X-Flowward-CSRF, to show that a page of ours makes them."""
    return desk.logins.csrf(f"session {session.id}")


def refuse_forgery(api: Api, request: web.Request, session: Session) -> None:
    """Raises Stop for a change that a page elsewhere had this browser ask for."""
    if not from_own_page(request):
        raise Stop(403, Reason.FOREIGN_ORIGIN, "This request comes from a page of another origin.")
    sent = request.headers.get(CSRF, "")
    if not compare_digest(sent.encode("utf-8", "surrogateescape"), csrf_of(api.desk, session).encode()):
        raise Stop(403, "csrf_missing", f"Send the header {CSRF} with the value `csrf` of GET /-/api/v1/me.")


def refuse_unproven(api: Api, person: Person, session: Session) -> None:
    """Raises Stop for a session that must prove a second factor before it does anything else."""
    if lacks_factor(api.desk, person, session, None):
        detail = "Prove a second factor first: POST /-/api/v1/me/mfa/prove, or set one up: PUT /-/api/v1/me/mfa."
        raise Stop(401, Reason.SECOND_FACTOR_REQUIRED, detail)


def charge(limit: Limit, key: str, policy: str) -> Mapping[str, str]:
    """Take one; what the answer says about it. Raises TooOften."""
    wait = limit.admit(key)
    if wait > 0:
        raise TooOften(Late(policy=policy, rate=limit.rate, wait=wait), "There were too many requests.")
    return standing(policy, limit.rate, limit.ahead(key))
