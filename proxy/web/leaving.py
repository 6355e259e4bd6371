"""Logging out: asked at home, and it ends the session on every host, then the provider's own."""

from aiohttp import web

from auth_plugins import LogoutRequest, Refused, Unavailable
from proxy.services.login import HOP_LASTS
from proxy.web import choosing, render, viewing
from proxy.web.answers import answer, see_other
from proxy.web.asking import in_time, told
from proxy.web.departing import LOGOUT, lead, new_flow
from proxy.web.ending import DONE
from proxy.web.guards import cookie_field, own_form
from proxy.web.keys import ADDRESS, SITE, Desk
from proxy.web.login import STALE
from proxy.web.visitors import Visitor, account_event, visitor


async def show(desk: Desk, request: web.Request) -> web.Response:
    """GET /-/logout: a form, since a link in somebody else's page must not log anybody out."""
    if not request[SITE].home:
        return see_other(desk.sites().door(request[SITE]) + "/-/logout")
    somebody = None if "done" in request.query else await visitor(desk, request, unproven=True)
    if somebody is not None and somebody.session.viewer:
        return see_other(viewing.PATH)
    return _ask(desk, request, somebody) if somebody else _done()


async def submit(desk: Desk, request: web.Request) -> web.Response:
    """POST /-/logout."""
    if not request[SITE].home:
        return see_other(desk.sites().door(request[SITE]) + "/-/logout")
    fields = await own_form(request)
    somebody = await visitor(desk, request, unproven=True)
    names = desk.logins.cookies
    gone = names.remove(names.session)
    if somebody is None:
        return see_other(DONE, [gone])
    if not desk.logins.csrf_right(desk.logins.known_hop(cookie_field(request)), fields.get("csrf", "")):
        return _ask(desk, request, somebody, status=403, problem=STALE)
    if somebody.session.viewer:
        return await viewing.lead_back(desk, request, somebody)
    await desk.database.record(account_event(desk, request, "account.logout", somebody.person))
    await desk.sessions.end(somebody.session.id)
    return await _farewell(desk, request, somebody, gone)


async def _farewell(desk: Desk, request: web.Request, somebody: Visitor, gone: str) -> web.Response:
    """Where somebody goes who is logged out here: to their provider, where that has a session of theirs to end."""
    session, flow = somebody.session, new_flow()
    provider = choosing.named(desk, session.provider)
    if provider is None:
        return see_other(DONE, [gone])
    subject = somebody.person.user.subject or ""
    try:
        keep = desk.sessions.kept(session)
        whose = LogoutRequest(subject=subject, session=session.provider_session, keep=keep, flow=flow)
        redirect = await in_time(desk, provider, provider.plugin.logout(whose))
        if redirect is not None:
            hop = desk.logins.hop(cookie_field(request))
            await desk.flows.put(LOGOUT, flow, hop, {"provider": provider.name})
            cookies = [gone, desk.logins.cookies.set(desk.logins.cookies.hop, hop, HOP_LASTS)]
            return lead(provider, redirect, cookies, further=(request[SITE].origin,), after_form=True)
    except (Refused, Unavailable) as error:
        told(provider, error, request[ADDRESS])
    return see_other(DONE, [gone])


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
