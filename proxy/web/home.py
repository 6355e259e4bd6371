"""What home shows to somebody who is logged in: the launcher, and who they are."""

from aiohttp import web

from proxy.model.access import Reason
from proxy.web.answers import answer, document, problem, see_other
from proxy.web.guards import at_home
from proxy.web.keys import Desk
from proxy.web.openings import openings
from proxy.web.render import page
from proxy.web.visitors import CHOOSE, visitor


async def launcher(desk: Desk, request: web.Request) -> web.Response:
    """GET / and /-/: the instances this person may open."""
    at_home(request)
    somebody = await visitor(desk, request)
    if somebody is None:
        return see_other("/-/login")
    if somebody.person.user.password_expired:
        return see_other(CHOOSE)
    found = openings(desk.estate(), desk.sites(), somebody.person)
    return answer(page("launcher.html", user=somebody.name, openings=found, whom=desk.self_help.whom))


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
            },
        }
    )


async def jwks(desk: Desk, _: web.Request) -> web.Response:
    """GET /-/jwks.json, on every host: the keys that sign assertions (RFC 7517)."""
    response = document(desk.jwks())
    response.headers["Cache-Control"] = "public, max-age=60"
    return response
