"""Logging out: asked at home, and it ends the session on every host."""

from aiohttp import web

from proxy.services.login import HOP_LASTS
from proxy.web import render
from proxy.web.answers import answer, see_other
from proxy.web.guards import cookie_field, own_form
from proxy.web.keys import SITE, Desk
from proxy.web.login import STALE
from proxy.web.visitors import Visitor, account_event, visitor


async def show(desk: Desk, request: web.Request) -> web.Response:
    """GET /-/logout: a form, since a link in somebody else's page must not log anybody out."""
    if not request[SITE].home:
        return see_other(desk.sites().home.origin + "/-/logout")
    somebody = None if "done" in request.query else await visitor(desk, request)
    return _ask(desk, request, somebody) if somebody else _done()


async def submit(desk: Desk, request: web.Request) -> web.Response:
    """POST /-/logout."""
    if not request[SITE].home:
        return see_other(desk.sites().home.origin + "/-/logout")
    fields = await own_form(request)
    somebody = await visitor(desk, request)
    if somebody is not None:
        if not desk.logins.csrf_right(desk.logins.known_hop(cookie_field(request)), fields.get("csrf", "")):
            return _ask(desk, request, somebody, status=403, problem=STALE)
        await desk.database.record(account_event(desk, request, "account.logout", somebody.person))
        await desk.sessions.end(somebody.session.id)
    names = desk.logins.cookies
    return see_other("/-/logout?done", [names.remove(names.session)])


def _ask(desk: Desk, request: web.Request, somebody: Visitor, *, status: int = 200, problem: str = "") -> web.Response:
    hop = desk.logins.hop(cookie_field(request))
    page = render.form(
        "logout.html",
        status=status,
        user=somebody.name,
        problem=problem,
        hidden_fields={"csrf": desk.logins.csrf(hop)},
    )
    return answer(page, [desk.logins.cookies.set(desk.logins.cookies.hop, hop, HOP_LASTS)])


def _done() -> web.Response:
    page = render.page(
        "message.html",
        title="You are logged out",
        text=("Every dashboard and editor that was open with this session is closed.",),
        link="/-/login",
        link_text="Log in again",
    )
    return answer(page)
