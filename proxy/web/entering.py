"""`/-/enter` on an instance's host: a one-time code becomes a session there."""

from aiohttp import web

from proxy.model.access import Reason
from proxy.services.login import Target
from proxy.web import render
from proxy.web.answers import answer, see_other
from proxy.web.guards import TurnedAway, cookie_field, is_navigation
from proxy.web.keys import SITE, Desk
from proxy.web.visitors import visitor


async def enter(desk: Desk, request: web.Request) -> web.Response:
    """Take the code, set this host's cookie, go on. Without a good code: a session there may be, one more round, the end."""
    site = request[SITE]
    if site.origin == desk.sites().home.origin:
        raise TurnedAway(Reason.NOT_FOUND, 404)
    if not is_navigation(request):
        raise TurnedAway(Reason.FOREIGN_ORIGIN, 403, "This address is for going to, not for scripts to fetch.")
    target = _target(desk, request)
    path = target.path if target else "/"
    hop = desk.logins.known_hop(cookie_field(request))
    session_id = await desk.logins.redeem(request.query.get("code", ""), site.name, hop)
    if session_id is not None and hop is not None:
        if desk.logins.in_circles(hop, path):
            return _cookies_are_off(site.name, path)
        somebody = await visitor(desk, request)
        if somebody is None or somebody.session.id != session_id:
            return see_other(site.origin + path, [await _cookie(desk, session_id, site.name)])
        return see_other(site.origin + path)  # with the cookie that is there: each one is a row
    if await visitor(desk, request) is not None:
        return see_other(site.origin + path)
    if target is not None and target.round:
        return _cookies_are_off(site.name, path)
    step = desk.logins.begin(desk.sites(), site, path, cookie_field(request), round_=1)
    return see_other(step.location, step.cookies)


async def _cookie(desk: Desk, session_id: str, host: str) -> str:
    """The Set-Cookie that opens the session on this host; none that lasts if it ended since its code was made.

    Raises TooOften.
    """
    await desk.allowances.enter(session_id)
    value = await desk.sessions.add_host(session_id, host)
    session = await desk.sessions.open(value, host)
    names, site = desk.logins.cookies, desk.sites().find(host.encode())
    framed = site is not None and bool(site.framed_by)
    return names.set(names.session, value, session.expires - desk.now() if session else 0.0, cross_site=framed)


def _target(desk: Desk, request: web.Request) -> Target | None:
    target = desk.logins.unseal(request.query.get("to", ""))
    return target if target and target.host == request[SITE].name else None


def _cookies_are_off(host: str, path: str) -> web.Response:
    page = render.page(
        "message.html",
        status=403,
        title="Your browser did not keep a cookie",
        text=(
            f"You are logged in, but {host} could not remember it, because your browser refuses its cookies.",
            "Allow cookies for this address, or leave private mode, then try again.",
        ),
        link=path,
        link_text="Try again",
    )
    return answer(page)
