"""Sending a visitor away to a provider: the flow they come back to, and the page that takes them there."""

import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from auth_plugins import Redirect, Unavailable
from auth_plugins.registry import Provider
from proxy.services.login import HOP_LASTS, Target
from proxy.web import render
from proxy.web.answers import answer, see_other
from proxy.web.guards import at_further_home, cookie_field
from proxy.web.keys import SITE, TOWARDS, Desk

LOGIN: Final = "login"
LOGOUT: Final = "logout"
"""Kinds of flows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Away:
    """A login that waits for a provider, as it is kept."""

    provider: str
    to: str
    """The sealed target; empty for none."""
    keep: Mapping[str, str]

    def kept(self) -> Mapping[str, str]:
        return {"provider": self.provider, "to": self.to, "keep": json.dumps(dict(self.keep))}

    @classmethod
    def of(cls, kept: Mapping[str, str]) -> Self:
        return cls(provider=kept["provider"], to=kept["to"], keep=json.loads(kept["keep"]))


def new_flow() -> str:
    """A name for a flow that is kept only once a provider wants to be visited."""
    return secrets.token_urlsafe(32)


async def depart(
    desk: Desk,
    request: web.Request,
    provider: Provider,
    redirect: Redirect,
    *,
    flow: str,
    target: Target | None,
    after_form: bool = False,
) -> web.Response:
    """Send somebody to their provider; they come back to the flow, in this browser and once.

    `after_form`: where a form of ours was posted just now.
    """
    hop = desk.logins.hop(cookie_field(request))
    if at_further_home(desk.sites(), request):
        return _depart_from_home(desk, request, provider, hop, target)
    away = Away(provider=provider.name, to=desk.logins.seal(target) if target else "", keep=redirect.keep)
    await desk.flows.put(LOGIN, flow, hop, away.kept())
    # A provider may let the browser post its answer. What is bound to the hop is opened by nothing that is in the hop alone,
    # so that it may come along from another site: without it, a redirect of our own would have to fetch it.
    cookie = desk.logins.cookies.set(desk.logins.cookies.hop, hop, HOP_LASTS, cross_site=True)
    if target is not None:
        request[TOWARDS] = target
    site = desk.sites().find(target.host.encode()) if target else None
    further = (request[SITE].origin, *([site.origin] if site else []))
    return lead(provider, redirect, [cookie], further=further, after_form=after_form)


def _depart_from_home(
    desk: Desk, request: web.Request, provider: Provider, hop: str, target: Target | None
) -> web.Response:
    """Providers know the address of the first home alone: the way to them begins there."""
    going = target or desk.logins.target(request[SITE], "/", hop)
    query = urlencode({"with": provider.name, "to": desk.logins.seal(going)})
    cookie = desk.logins.cookies.set(desk.logins.cookies.hop, hop, HOP_LASTS)
    return see_other(f"{desk.sites().home.origin}/-/login?{query}", [cookie])


def lead(
    provider: Provider,
    redirect: Redirect,
    cookies: Iterable[str] = (),
    *,
    further: Iterable[str] = (),
    after_form: bool = False,
) -> web.Response:
    """Send the browser where a plugin says. Raises Unavailable for what is no address of the web.

    Chromium holds a form's policy against the redirects that follow it, and whither a provider leads is not known when the
    form is made: so after a form it is a page that goes on by itself. `further` are origins that may come after the provider.
    """
    parts = urlsplit(redirect.url)
    if parts.scheme not in ("https", "http") or not parts.netloc:
        raise Unavailable("redirect_unusable", f"{redirect.url[:200]!r} is not an https address")
    if not redirect.post and not after_form:
        return see_other(redirect.url, cookies)
    origins = tuple(dict.fromkeys((f"{parts.scheme}://{parts.netloc}", *further)))
    page = render.passage(origins, title=provider.title, address=redirect.url, sent=dict(redirect.post))
    return answer(page, cookies)
