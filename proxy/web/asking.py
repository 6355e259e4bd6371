"""Asking a plugin: for a bounded time, and with what the gateway has found out about the visitor."""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

import structlog
from aiohttp import web

from auth_plugins import CredentialRequest, Identity, Refused, Unavailable
from auth_plugins.registry import Provider
from proxy.web.keys import ADDRESS, Desk
from proxy.web.visitors import Proven

T = TypeVar("T")

LONGEST_KEPT: Final = 16 * 1024
"""Characters of what a plugin keeps with a session."""
_log = structlog.get_logger(__name__)


async def in_time(desk: Desk, provider: Provider, answer: Awaitable[T]) -> T:
    """What a plugin answers. Raises Unavailable where it takes too long, and whatever the plugin raises.

    The gateway's own accounts ask nobody outside: how many passwords may wait for their check is bounded elsewhere.
    """
    try:
        async with asyncio.timeout(None if provider.plugin.local_accounts else desk.patience):
            return await answer
    except TimeoutError as error:
        raise Unavailable("provider_slow", f"no answer within {desk.patience} s") from error


async def proven_by(desk: Desk, request: web.Request, provider: Provider, identity: Identity) -> Proven:
    """Whoever a provider says this is, as a user of ours. Raises Refused and Unavailable."""
    if identity.ends is not None and identity.ends <= desk.now():
        raise Refused("login_ended", f"the provider let the login end at {identity.ends:.0f}, which is past")
    if len(identity.keep) > LONGEST_KEPT:
        raise Unavailable("keep_too_long", f"the plugin keeps {len(identity.keep)} characters of {LONGEST_KEPT}")
    person = await desk.linking.person(provider, identity, address=request[ADDRESS])
    return Proven(person=person, identity=identity, provider=provider, amr=identity.amr)


async def recognised(desk: Desk, request: web.Request) -> tuple[Provider, Proven | Refused] | None:
    """Whoever a way in without a login page knows by what this very request carries. Raises Unavailable.

    A credential in Authorization is a program's: it comes with every request, and needs no session.
    """
    for provider in desk.providers:
        plugin = provider.plugin
        if not plugin.identifies() or plugin.offers_login() or "authorization" in plugin.reads:
            continue
        carried = _credential(request, plugin.reads)
        try:
            identity = await in_time(desk, provider, plugin.identify(carried)) if carried is not None else None
            if identity is not None:
                return provider, await proven_by(desk, request, provider, identity)
        except Refused as error:
            return provider, error
    return None


def _credential(request: web.Request, reads: frozenset[str]) -> CredentialRequest | None:
    """What a plugin looks at; None where the request has nothing of it."""
    headers = {name: ", ".join(request.headers.getall(name)) for name in reads if name in request.headers}
    tls = request.transport.get_extra_info("ssl_object") if request.transport else None
    certificate = (tls.getpeercert(binary_form=True) or b"") if tls and "certificate" in reads else b""
    if not headers and not certificate and reads != {"peer"}:
        return None
    return CredentialRequest(
        headers=headers, peer=(request.remote or "") if "peer" in reads else "", certificate=certificate
    )


def told(provider: Provider, error: Refused | Unavailable, client: str) -> None:
    """Log why nobody came in."""
    event = "login-refused" if isinstance(error, Refused) else "provider-unavailable"
    _log.warning(event, provider=provider.name, code=error.code, detail=error.detail, client=client)
