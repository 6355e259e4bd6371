"""What providers say about logouts: `/-/auth/NAME/slo` through a browser, `/backchannel` by themselves."""

from collections.abc import Sequence
from typing import Final

import structlog
from aiohttp import web

from auth_plugins import Ended, ProviderMessage, Refused, Unavailable
from auth_plugins.registry import Provider
from proxy.model.access import Reason
from proxy.model.audit import Source
from proxy.model.identity import Session
from proxy.services.allowances import Policy
from proxy.services.audit import PLATFORM, By, happened, on_user
from proxy.store import StoreUnavailable
from proxy.web import choosing, render
from proxy.web.answers import answer, document, see_other
from proxy.web.asking import in_time, told
from proxy.web.departing import LOGOUT, lead
from proxy.web.guards import TurnedAway, at_home, cookie_field, foreign_form
from proxy.web.keys import ADDRESS, Desk
from proxy.wire.address import subject

DONE: Final = "/-/logout?done"
_log = structlog.get_logger(__name__)


async def through_browser(desk: Desk, request: web.Request) -> web.Response:
    """GET and POST /-/auth/NAME/slo: a provider's logout, or its answer to one that began here."""
    provider = _provider(desk, request)
    await desk.allowances.take(Policy.CALLBACK, subject(request[ADDRESS]))
    message = await _message(request)
    name = message.fields.get(provider.plugin.flow_field, "")
    ours = await desk.flows.take(LOGOUT, name, desk.logins.known_hop(cookie_field(request))) is not None
    try:
        ended = await in_time(desk, provider, provider.plugin.ended(message))
    except Refused as error:
        if ours:  # they came back from where we sent them: there is nothing else to do
            return see_other(DONE)
        await _refused(desk, request, provider, error)
        return _not_understood()
    await end(desk, request, provider, ended)
    return lead(provider, ended.then) if ended.then is not None else see_other(DONE)


async def by_itself(desk: Desk, request: web.Request) -> web.Response:
    """POST /-/auth/NAME/backchannel (OpenID Connect Back-Channel Logout 1.0, section 2.8)."""
    provider = _provider(desk, request)
    await desk.allowances.back_channel(request[ADDRESS])
    try:
        ended = await in_time(desk, provider, provider.plugin.ended(await _message(request)))
        await end(desk, request, provider, ended)
    except Refused as error:
        # Each is put on record: strangers have no more of them than visitors who bring such messages.
        await desk.allowances.take(Policy.CALLBACK, subject(request[ADDRESS]))
        await _refused(desk, request, provider, error)
        return document({"error": "invalid_request"}, status=400)
    except (Unavailable, StoreUnavailable) as error:
        _log.warning("logout-not-done", provider=provider.name, reason=str(error))
        return document({"error": "temporarily_unavailable"}, status=503)
    return web.Response(headers={"Cache-Control": "no-store"})


async def metadata(desk: Desk, request: web.Request) -> web.Response:
    """GET /-/auth/NAME/metadata: what the plugin publishes."""
    provider = _provider(desk, request)
    found = await in_time(desk, provider, provider.plugin.document())
    if found is None:
        raise TurnedAway(Reason.NOT_FOUND, 404)
    fields = {"Content-Type": found.content_type, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=found.body, headers=fields)


async def end(desk: Desk, request: web.Request, provider: Provider, ended: Ended) -> Sequence[Session]:
    """End the sessions that a provider named, everywhere at once; on record where there were any."""
    if not (ended.subject or ended.session):
        return ()
    user_id = await _whose(desk, provider, ended)
    sessions = await desk.sessions.end_by_provider(user_id, provider.name, ended.session) if user_id else ()
    if user_id and sessions:
        by = By(name=provider.name, source=Source.SSO, address=request[ADDRESS])
        body = {"provider": provider.name, "sessions": len(sessions)}
        event = happened("account.logout", at=desk.now(), by=by, on=on_user(user_id), user=user_id, body=body)
        await desk.database.record(event)
    _log.info("logout-by-provider", provider=provider.name, user=user_id, sessions=len(sessions))
    return sessions


async def _whose(desk: Desk, provider: Provider, ended: Ended) -> str | None:
    person = await desk.database.linked(provider.name, ended.subject) if ended.subject else None
    if person is not None:
        return person.user.id
    return await desk.sessions.user_at(provider.name, ended.session) if ended.session else None


async def _refused(desk: Desk, request: web.Request, provider: Provider, error: Refused) -> None:
    """Put on record that a message about a logout was not the provider's, or made no sense."""
    told(provider, error, request[ADDRESS])
    body = {"provider": provider.name} | ({"detail": error.detail[:500]} if error.detail else {})
    by = By(address=request[ADDRESS])
    await desk.database.record(
        happened("account.logout", at=desk.now(), by=by, on=PLATFORM, error=error.code, body=body)
    )


async def _message(request: web.Request) -> ProviderMessage:
    query = request.raw_path.partition("?")[2]
    sent = await foreign_form(request) if request.method == "POST" else {}
    return ProviderMessage(fields={**request.query, **sent}, query=query)


def _provider(desk: Desk, request: web.Request) -> Provider:
    """Raises TurnedAway."""
    at_home(request)
    found = choosing.named(desk, request.match_info["name"])
    if found is None:
        raise TurnedAway(Reason.NOT_FOUND, 404)
    return found


def _not_understood() -> web.Response:
    page = render.page(
        "message.html",
        status=403,
        title="That logout was not understood",
        text=(
            "A login provider sent you here to be logged out, but what it sent could not be verified.",
            "You can log out of this gateway by yourself.",
        ),
        link="/-/logout",
        link_text="Log out",
    )
    return answer(page)
