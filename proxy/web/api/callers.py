"""Who calls: a browser by its session, a program by its token. And whether it may call just now, and from here."""

from hmac import compare_digest
from math import ceil
from typing import Final

from aiohttp import web

from proxy.access.gcra import Bucket, Buckets
from proxy.model.access import Reason
from proxy.model.identity import Actor, Session
from proxy.services.problems import Denied
from proxy.web.api.keys import Api
from proxy.web.api.refusing import Stop
from proxy.web.guards import from_own_page
from proxy.web.keys import ADDRESS, Desk
from proxy.web.visitors import visitor
from proxy.wire.address import subject

CSRF: Final = "X-Flowward-CSRF"
SAFE: Final = frozenset({"GET", "HEAD"})


async def who(api: Api, request: web.Request) -> Actor:
    """Who calls: whom a token of ours stands for, else whose session it is.

    Raises Denied or Stop for a token that is not good here, and for nobody; also for nobody who asks too often.
    """
    fields = request.headers.getall("Authorization", ())
    if len(fields) > 1:
        raise Stop(400, Reason.BAD_REQUEST, "A request has one Authorization field at most.")
    try:
        actor = await _by_token(api, request, fields[0]) if fields else None
    except Denied:
        _charge_stranger(api, request)
        raise
    actor = actor or await _by_session(api, request)
    if actor is None:
        _charge_stranger(api, request)
        raise Stop(401, Reason.LOGIN_REQUIRED, "Log in, or send Authorization: Bearer with an API token.")
    return actor


async def _by_token(api: Api, request: web.Request, field: str) -> Actor | None:
    return await api.tokens.actor_of(field.encode("utf-8", "surrogateescape"), request[ADDRESS])


async def _by_session(api: Api, request: web.Request) -> Actor | None:
    found = await visitor(api.desk, request)
    if found is None:
        return None
    return Actor(person=found.person, session=found.session, address=request[ADDRESS])


def _charge_stranger(api: Api, request: web.Request) -> None:
    charge(api.strangers(), subject(request[ADDRESS]), api.steady(), "anonymous")


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


def charge(buckets: Buckets, key: str, now: float, policy: str) -> dict[str, str]:
    """Take one; what the answer says about it. Raises Stop with 429."""
    bucket = buckets.of(key, now)
    admitted = bucket.admit(now)
    told = _told(bucket, now, policy)
    if admitted:
        return told
    wait = str(max(1, ceil(bucket.wait(now))))
    raise Stop(429, Reason.TOO_MANY_REQUESTS, f"Try again in {wait} seconds.", fields={**told, "Retry-After": wait})


def _told(bucket: Bucket, now: float, policy: str) -> dict[str, str]:
    """RateLimit fields as draft-ietf-httpapi-ratelimit-headers has them."""
    used = max(0.0, bucket.whole_at - now)
    left = int((bucket.tolerance - used) / bucket.interval + 1e-6)
    quota = round(bucket.tolerance / bucket.interval)
    return {
        "RateLimit-Policy": f'"{policy}";q={quota};w={ceil(bucket.tolerance)}',
        "RateLimit": f'"{policy}";r={max(0, left)};t={ceil(used)}',
    }
