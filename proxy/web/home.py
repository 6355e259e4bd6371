"""What home shows to somebody who is logged in: the dashboard they see first, the launcher, and who they are."""

from aiohttp import web

from proxy.model.access import Reason
from proxy.web import viewing
from proxy.web.answers import answer, document, problem, see_other
from proxy.web.guards import at_home
from proxy.web.keys import Desk
from proxy.web.landings import lead_on
from proxy.web.openings import openings
from proxy.web.render import page
from proxy.web.visitors import CHOOSE, Visitor, visitor


async def start(desk: Desk, request: web.Request) -> web.Response:
    """GET /: on to the dashboard this person sees first, or the launcher."""
    somebody = await _arrived(desk, request)
    if isinstance(somebody, web.Response):
        return somebody
    return lead_on(desk, somebody.person) or _launcher(desk, somebody)


async def launcher(desk: Desk, request: web.Request) -> web.Response:
    """GET /-/: the instances this person may open, unless one dashboard is all they are to see."""
    somebody = await _arrived(desk, request)
    if isinstance(somebody, web.Response):
        return somebody
    return lead_on(desk, somebody.person, only_fullscreen=True) or _launcher(desk, somebody)


async def _arrived(desk: Desk, request: web.Request) -> Visitor | web.Response:
    """Who is there, or where they have to go first."""
    at_home(request)
    somebody = await visitor(desk, request)
    if somebody is None:
        return see_other("/-/login")
    return see_other(CHOOSE) if somebody.person.user.password_expired else somebody


def _launcher(desk: Desk, somebody: Visitor) -> web.Response:
    found = openings(desk.estate(), desk.sites(), somebody.person)
    view_as = viewing.PATH if somebody.person.user.admin and not somebody.session.viewer else ""
    return answer(page("launcher.html", user=somebody.name, openings=found, whom=desk.self_help.whom, view_as=view_as))


async def me(desk: Desk, request: web.Request) -> web.Response:
    """GET /-/me: who the gateway takes this browser for."""
    at_home(request)
    somebody = await visitor(desk, request)
    if somebody is None:
        return problem(Reason.LOGIN_REQUIRED, 401, "Not logged in")
    user, session = somebody.person.user, somebody.session
    return document(
        {
            "id": user.id,
            "username": user.username,
            "name": user.name,
            "email": user.email,
            "image": user.image,
            "admin": user.admin,
            "session": {
                "id": session.id,
                "provider": session.provider,
                "amr": session.amr,
                "created": session.created,
                "expires": session.expires,
                "viewer": session.viewer or None,
            },
        }
    )


async def jwks(desk: Desk, _: web.Request) -> web.Response:
    """GET /-/jwks.json, on every host: the keys that sign assertions (RFC 7517)."""
    response = document(desk.jwks())
    response.headers["Cache-Control"] = "public, max-age=60"
    return response
