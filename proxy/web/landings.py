"""Where somebody goes who is logged in and was on the way to nothing else: to the dashboard they see first, if any."""

from dataclasses import dataclass

from aiohttp import web

from proxy.access.landing import landing
from proxy.model.estate import Estate, PageSettings, Resource, ResourceKind
from proxy.model.identity import Person
from proxy.services.sites import Sites
from proxy.web.answers import answer
from proxy.web.keys import Desk
from proxy.web.render import passage


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """A dashboard that is seen first."""

    id: str
    name: str
    origin: str
    address: str
    """Its address, on the instance's own host."""
    fullscreen: bool
    """Whether it is all of the gateway that is seen."""


def landing_of(estate: Estate, sites: Sites, person: Person) -> Landing | None:
    """What somebody sees first; None for the launcher."""
    found = landing(estate, person)
    return _landing(estate, sites, person, found) if found is not None else None


def _landing(estate: Estate, sites: Sites, person: Person, found: Resource) -> Landing | None:
    settings = next((at.instance for at in estate.path(found) if at.instance is not None), None)
    site = sites.find(settings.hosts[0].rpartition("://")[2].encode()) if settings and settings.hosts else None
    if settings is None or site is None:
        return None
    page = PageSettings.of(found).path if found.kind is ResourceKind.PAGE else ""
    path = settings.path.rstrip("/") + settings.node_root.rstrip("/") + settings.dashboard + page
    return Landing(
        id=found.id,
        name=found.name or found.slug,
        origin=site.origin,
        address=site.origin + path,
        fullscreen=person.user.fullscreen,
    )


def lead_on(desk: Desk, person: Person, *, only_fullscreen: bool = False) -> web.Response | None:
    """A page that goes on to what somebody sees first.

    No redirect: Chromium holds the policy of a login's form against all that follow it, and whither this leads is not known
    when that form is made.
    """
    found = landing_of(desk.estate(), desk.sites(), person)
    if found is None or (only_fullscreen and not found.fullscreen):
        return None
    return answer(passage((found.origin,), title=found.name, address=found.address, sent={}))
