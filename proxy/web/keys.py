"""What the front of the aiohttp lane puts on each request, and what the pages need to answer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from auth_plugins.registry import Provider
from proxy.gate.principal import Principal
from proxy.model.estate import Estate
from proxy.model.identity import Person
from proxy.services.accounts import Accounts
from proxy.services.allowances import Allowances
from proxy.services.branding import Pictures
from proxy.services.devices import Devices
from proxy.services.factors import Factors
from proxy.services.flows import Flows
from proxy.services.linking import Linking
from proxy.services.lockout import Lockout
from proxy.services.login import Logins, Target
from proxy.services.self_help import SelfHelp
from proxy.services.sessions import Sessions
from proxy.services.sites import Site, Sites
from proxy.store import Database

SITE = web.RequestKey("site", Site)
ADDRESS = web.RequestKey("address", str)
SECURE = web.RequestKey("secure", bool)
VIEWED = web.RequestKey("viewed", str)
"""Name of the user whom an admin looks on as; absent for everybody else."""
IDENTIFIED = web.RequestKey("identified", Principal)
"""Whom a plugin took a request to the API for."""
TOWARDS = web.RequestKey("towards", Target)
"""Where the visitor is going: pages on the way have the looks of that host."""
SENT = web.RequestKey("sent", Mapping[str, str])
"""The fields of the form that was posted."""
WHOSE = web.RequestKey("whose", Person)
"""Whom the page is for, where that is known: theirs are its looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """All that the gateway's own pages reach for. What a reload may change is a function."""

    sites: Callable[[], Sites]
    estate: Callable[[], Estate]
    person: Callable[[str], Awaitable[Person | None]]
    jwks: Callable[[], Mapping[str, object]]
    providers: tuple[Provider, ...]
    local: Provider
    """The gateway's own accounts: one of those, or for admins alone where nobody else is to log in by them."""
    database: Database
    sessions: Sessions
    accounts: Accounts
    linking: Linking
    logins: Logins
    flows: Flows
    factors: Factors
    devices: Devices
    allowances: Allowances
    lockout: Lockout
    self_help: SelfHelp
    pictures: Pictures
    now: Callable[[], float]
    patience: float = 2.5
    """Seconds a login provider may take for an answer: with what else there is to do, a visitor has theirs within three."""
