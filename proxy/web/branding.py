"""In whose looks a page is shown, and the pictures it fetches for that."""

from dataclasses import replace
from typing import Final

from aiohttp import web

from proxy.access.branding import at_host, of_person
from proxy.model.access import Reason
from proxy.model.directory import Branding
from proxy.model.estate import Resource
from proxy.model.identity import NOTHING
from proxy.services.sites import Site, host_name
from proxy.store import Image, StoreUnavailable
from proxy.web import looks
from proxy.web.answers import Shown
from proxy.web.guards import TurnedAway, at_home
from proxy.web.keys import SENT, SITE, TOWARDS, VIEWED, WHOSE, Desk
from proxy.web.looks import Look

PICTURE: Final = looks.PICTURES + "{key}"
_FIELDS: Final = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


async def dressed(desk: Desk, request: web.Request, response: web.Response) -> web.Response:
    """An answer, which is in the right looks where it is a page."""
    if isinstance(response, Shown):
        look, viewed = await _look_of(desk, request), request.get(VIEWED)
        told = replace(look, viewed=viewed, end=desk.sites().home.origin + "/-/view-as") if viewed else look
        response.wear(told)
    return response


async def _look_of(desk: Desk, request: web.Request) -> Look:
    """At home those of where the visitor is going, then the visitor's own, then the host's; elsewhere the host's alone,
    whoever comes: its scripts could read from the page whom it knows.
    """
    site = request.get(SITE)
    if site is not None and site.home:
        return looks.at_home(_at_home(desk, request, site))
    branding = _at(desk, host_name(request.headers.get("Host", "").encode()), request.raw_path)
    logo, icon = await _picture(desk, branding.logo), await _picture(desk, branding.favicon)
    return looks.elsewhere(branding, logo, icon)


def ways_shown(desk: Desk, request: web.Request) -> tuple[str, ...]:
    """Names of the ways in that the login page shows to whoever comes with this request; empty for all."""
    return _at_home(desk, request, request[SITE]).ways_in


def _at_home(desk: Desk, request: web.Request, site: Site) -> Branding:
    sealed = request.query.get("to", "") or request.get(SENT, NOTHING).get("to", "")
    towards = request.get(TOWARDS) or desk.logins.unseal(sealed)
    if towards is not None:
        return _at(desk, towards.host.encode(), towards.path)
    person = request.get(WHOSE)
    return at_host(desk.estate(), site.name) if person is None else of_person(desk.estate(), person)


def _at(desk: Desk, host: bytes, path: str) -> Branding:
    site = desk.sites().find(host)
    return at_host(desk.estate(), host.decode("latin-1"), _instances(site, path.encode("utf-8", "surrogateescape")))


def _instances(site: Site | None, path: bytes) -> list[Resource]:
    """The instance that a path leads to; where it leads to none, all of the host's."""
    if site is None:
        return []
    mount = site.mount(path)
    return [mount.resource] if mount else [each.resource for each in site.mounts]


async def _picture(desk: Desk, key: str) -> Image | None:
    """A page is shown without its pictures rather than not at all."""
    try:
        return await desk.pictures.of(key)
    except StoreUnavailable:
        return None


def is_shown(desk: Desk, path: str) -> bool:
    """Whether a path is that of a picture which some page shows: asked for with every such page, and answered from memory."""
    return path.startswith(looks.PICTURES) and path.removeprefix(looks.PICTURES) in desk.estate().pictures


async def show(desk: Desk, request: web.Request) -> web.Response:
    """GET /-/branding/KEY: a picture that some page shows, or will, once all know of a change; for anybody."""
    at_home(request)
    key = request.match_info["key"]
    found = await (desk.pictures.of(key) if is_shown(desk, request.path) else desk.database.image(key))
    if found is None:
        raise TurnedAway(Reason.NOT_FOUND, 404)
    return web.Response(body=found.content, content_type=found.type, headers=_FIELDS)
