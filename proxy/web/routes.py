"""The gateway's own addresses. The front of the lane brings here what is below `/-/`, and home's `/`."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from auth_plugins import Unavailable
from proxy.model.access import Reason
from proxy.services.ratelimit import TooOften
from proxy.store import StoreUnavailable
from proxy.web import (
    activation,
    branding,
    ending,
    enrolling,
    entering,
    forgot,
    home,
    leaving,
    login,
    my_sessions,
    new_email,
    passkey_login,
    password,
    registration,
    returning,
    second_factor,
    security,
    viewing,
)
from proxy.web.answers import answer, problem, see_other
from proxy.web.guards import TurnedAway, is_navigation, public_address
from proxy.web.keys import SITE, Desk
from proxy.web.refusals import refusal
from proxy.web.visitors import CHOOSE, FACTOR

Answer = Callable[[Desk, web.Request], Awaitable[web.Response]]
Handler = Callable[[web.Request], Awaitable[web.Response]]


def routes(desk: Desk) -> list[web.RouteDef]:
    """Every route; what none of them knows is 404. A host that is no site of ours has the JWKS and nothing else."""

    def bound(handler: Answer, *, any_host: bool = False) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            at_stranger = SITE not in request and not any_host
            response = _stranger(desk, request) if at_stranger else await _answered(desk, request, handler)
            return await branding.dressed(desk, request, response)

        return handle

    return [
        web.get("/-/login", bound(login.show)),
        web.post("/-/login", bound(login.submit)),
        *_provider_routes(bound),
        web.get("/-/enter", bound(entering.enter), allow_head=False),
        web.get("/-/logout", bound(leaving.show)),
        web.post("/-/logout", bound(leaving.submit)),
        *_self_help_routes(bound),
        web.get(CHOOSE, bound(password.show)),
        web.post(CHOOSE, bound(password.submit)),
        *_factor_routes(bound),
        web.get(viewing.PATH, bound(viewing.show)),
        web.post(viewing.PATH, bound(viewing.submit)),
        web.post(f"{viewing.PATH}/end", bound(viewing.leave)),
        web.get(branding.PICTURE, bound(branding.show)),
        web.get("/-/me", bound(home.me)),
        web.get("/-/jwks.json", bound(home.jwks, any_host=True)),
        web.get("/", bound(home.start)),
        web.get("/-/", bound(home.launcher)),
        web.route("*", "/{anything:.*}", bound(_nothing)),
    ]


async def _answered(desk: Desk, request: web.Request, handler: Answer) -> web.Response:
    try:
        await viewing.refuse_changes(desk, request)
        return await handler(desk, request)
    except TurnedAway as error:
        return _turned_away(desk, request, error)
    except TooOften as error:
        return too_often(desk, request, error)
    except (StoreUnavailable, Unavailable):  # trouble is never an answer about a visitor
        return _turned_away(desk, request, TurnedAway(Reason.FACTS_UNAVAILABLE, 503))


def _provider_routes(bound: Callable[[Answer], Handler]) -> list[web.RouteDef]:
    """What the plugins know as theirs. A HEAD would use up what is good once."""
    below = "/-/auth/{name}"
    back = bound(returning.come_back)
    return [
        web.get(f"{below}/login", bound(login.begin), allow_head=False),
        *(web.get(f"{below}/{last}", back, allow_head=False) for last in ("callback", "acs")),
        *(web.post(f"{below}/{last}", back) for last in ("callback", "acs")),
        web.get(f"{below}/resume", bound(returning.resume), allow_head=False),
        web.get(f"{below}/slo", bound(ending.through_browser), allow_head=False),
        web.post(f"{below}/slo", bound(ending.through_browser)),
        web.post(f"{below}/backchannel", bound(ending.by_itself)),
        web.get(f"{below}/metadata", bound(ending.metadata)),
    ]


def _self_help_routes(bound: Callable[[Answer], Handler]) -> list[web.RouteDef]:
    by_link = "/-/{purpose:activate|reset}/{token}"
    return [
        web.get(by_link, bound(activation.show)),
        web.post(by_link, bound(activation.submit)),
        web.get("/-/forgot", bound(forgot.show)),
        web.post("/-/forgot", bound(forgot.submit)),
        web.get("/-/register", bound(registration.show)),
        web.post("/-/register", bound(registration.submit)),
        web.post("/-/verify", bound(registration.verify)),
        web.get("/-/email/{token}", bound(new_email.show)),
        web.post("/-/email/{token}", bound(new_email.submit)),
        web.get(my_sessions.PATH, bound(my_sessions.show)),
        web.post(my_sessions.PATH, bound(my_sessions.submit)),
    ]


def _factor_routes(bound: Callable[[Answer], Handler]) -> list[web.RouteDef]:
    return [
        web.get(FACTOR, bound(second_factor.show)),
        web.post(FACTOR, bound(second_factor.submit)),
        web.get(second_factor.ENROL, bound(enrolling.show)),
        web.post(second_factor.ENROL, bound(enrolling.submit)),
        web.get("/-/passkey", bound(passkey_login.show)),
        web.post("/-/passkey", bound(passkey_login.submit)),
        web.get(enrolling.SECURITY, bound(security.show)),
        web.get(enrolling.CONFIRM, bound(security.ask)),
        web.post(enrolling.CONFIRM, bound(security.confirm)),
    ]


async def _nothing(_: Desk, __: web.Request) -> web.Response:
    raise TurnedAway(Reason.NOT_FOUND, 404)


def _stranger(desk: Desk, request: web.Request) -> web.Response:
    location = public_address(request.headers.get("Host", "").encode(), desk.sites(), request.raw_path)
    if location is not None and request.method in {"GET", "HEAD"}:
        return see_other(location)
    return _turned_away(desk, request, TurnedAway(Reason.UNKNOWN_HOST, 404))


def _turned_away(desk: Desk, request: web.Request, error: TurnedAway) -> web.Response:
    if not is_navigation(request):
        return problem(error.reason, error.status, error.detail)
    sites, site = desk.sites(), request.get(SITE)
    home_origin = sites.door(site) if site else sites.home.origin
    return answer(refusal(error.reason, error.status, home=home_origin, detail=error.detail))


def too_often(desk: Desk, request: web.Request, error: TooOften) -> web.Response:
    """The answer to somebody who tries a page of ours too often."""
    response = _turned_away(desk, request, TurnedAway(Reason.TOO_MANY_REQUESTS, 429, error.detail))
    response.headers.update(error.late.fields)
    return response
