"""Who is in front of one of the gateway's pages, and how they become somebody."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog
from aiohttp import web

from auth_plugins import Identity, Refused
from auth_plugins.registry import Provider
from proxy.access.second_factor import lacks
from proxy.model.access import Reason
from proxy.model.audit import Event
from proxy.model.estate import InstanceSettings
from proxy.model.identity import Person, Session, UserState
from proxy.services import cookies
from proxy.services.audit import PLATFORM, By, by_user, happened, on_user
from proxy.services.login import Target
from proxy.services.sessions import Visit, may_look_on
from proxy.web.answers import see_other
from proxy.web.guards import TurnedAway, cookie_field
from proxy.web.keys import ADDRESS, SITE, VIEWED, WHOSE, Desk

_log = structlog.get_logger(__name__)
FACTOR: Final = "/-/second-factor"
"""Where a second factor is proven, and must be before all else where one is asked for."""
CHOOSE: Final = "/-/password"
"""Where somebody chooses a new password, and must before all else where the old one has expired."""
_LONGEST_DETAIL: Final = 500
"""Characters of what a provider said that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody with a living session on this host."""

    session: Session
    person: Person

    @property
    def name(self) -> str:
        return self.person.user.name or self.person.user.username


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """Somebody who proved who they are."""

    person: Person
    identity: Identity
    """What the way in said of them."""
    provider: Provider
    amr: tuple[str, ...]
    """How (RFC 8176)."""
    factor: float = 0.0
    """When they proved a second factor of the gateway's own; 0 where none was asked."""


async def visitor(
    desk: Desk, request: web.Request, going_to: Target | None = None, *, unproven: bool = False
) -> Visitor | None:
    """Whose session this request carries on this host: the first cookie of ours that opens it.

    Nobody's, where the instance they are `going_to` has shorter times of its own and asks for a new login, nor where they
    lack a second factor that they must have; pages that lead them there, or out, take them as `unproven`.
    """
    for value in cookies.values(cookie_field(request), desk.logins.cookies.session):
        session = await desk.sessions.open(value, request[SITE].name)
        person = await _behind(desk, session) if session else None
        if session and person and person.user.state is UserState.ACTIVE and _admitted(desk, session, going_to):
            if not unproven and lacks_factor(desk, person, session, None):
                return None
            desk.sessions.touch(session.id)
            request[WHOSE] = person
            somebody = Visitor(session=session, person=person)
            if session.viewer:
                desk.sessions.touch(session.provider_session)  # the admin is there: their own login is not idle
                request[VIEWED] = somebody.name
            return somebody
    return None


async def _behind(desk: Desk, session: Session) -> Person | None:
    """Whose session it is; nobody's, where it is for looking on as them, and the one who does is no admin any more."""
    if session.viewer and not may_look_on(await desk.person(session.viewer)):
        return None
    return await desk.person(session.user_id)


def lacks_factor(desk: Desk, person: Person, session: Session, target: Target | None) -> bool:
    """Whether a second factor is to be proven before anything else: at all, or where the target is."""
    instance = instance_at(desk, target)
    return lacks(
        desk.factors.policy,
        desk.estate(),
        person,
        vouched=session.vouched,
        proven=session.factor > 0,
        step_up=instance is not None and instance.second_factor,
    )


def instance_at(desk: Desk, target: Target | None) -> InstanceSettings | None:
    """The instance that somebody was going to."""
    site = desk.sites().find(target.host.encode()) if target else None
    mount = site.mount(target.path.encode()) if site and target else None
    return mount.resource.instance if mount else None


def _admitted(desk: Desk, session: Session, target: Target | None) -> bool:
    """Whether the instance at the target lets a session of this age in."""
    instance = instance_at(desk, target)
    if instance is None:
        return True
    return session.alive(desk.now(), idle=instance.session_idle, absolute=instance.session_absolute)


async def welcome(desk: Desk, request: web.Request, proven: Proven, target: Target | None) -> web.Response:
    """Whoever has proven who they are, and all that is asked of them, is logged in and goes on to where they were going."""
    session, cookie = await log_in(desk, request, proven)
    return see_other(await onward(desk, request, proven.person, session, target), [cookie])


async def log_in(desk: Desk, request: web.Request, proven: Proven) -> tuple[Session, str]:
    """A new session for somebody who proved who they are, and the Set-Cookie for this host. It is on record first."""
    before = await visitor(desk, request, unproven=True)
    if before is not None and before.session.viewer:
        raise TurnedAway(Reason.VIEWING_AS, 403, "End it before you log in as somebody else.")
    name, person = proven.provider.name, proven.person
    await desk.database.record(account_event(desk, request, "account.login", person, {"provider": name}))
    session, value = await desk.sessions.start(_visit(request, proven), replaces=before.session if before else None)
    _log.info("login", provider=name, user=person.user.id, client=request[ADDRESS])
    return session, desk.logins.cookies.set(desk.logins.cookies.session, value, session.expires - session.created)


def _visit(request: web.Request, proven: Proven) -> Visit:
    entry, identity = proven.provider.entry, proven.identity
    return Visit(
        user_id=proven.person.user.id,
        provider=entry.name,
        amr=proven.amr,
        host=request[SITE].name,
        address=request[ADDRESS],
        agent=_readable(request.headers.get("User-Agent", "")),
        factor=proven.factor,
        vouched=vouches(proven.provider),
        groups=identity.groups or (),
        provider_session=identity.session,
        keep=identity.keep,
        ends=identity.ends,
        absolute=entry.session.absolute,
        idle=entry.session.idle,
    )


def vouches(provider: Provider) -> bool:
    """Whether a login by it counts as two factors; a password of the gateway's own, whoever checks it, never does."""
    plugin = provider.plugin
    own = plugin.local_accounts or plugin.speaks_for() != provider.name
    return provider.entry.second_factor == "trust" and not own


def _readable(value: str) -> str:
    """A field as text that can be kept: bytes that are no UTF-8 are replaced."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


async def onward(desk: Desk, request: web.Request, person: Person, session: Session, target: Target | None) -> str:
    """Where a visitor goes who is logged in: back to where they came from, by way of its `enter`, or to the launcher."""
    if lacks_factor(desk, person, session, target):
        return f"{FACTOR}?to={desk.logins.seal(target) if target else ''}"
    if person.user.password_expired:
        return CHOOSE
    site = desk.sites().find(target.host.encode()) if target else None
    if target is None or site is None:
        return "/"
    if site.name == request[SITE].name:
        return site.origin + target.path
    code = await desk.logins.code(session.id, target)
    return f"{site.origin}/-/enter?code={code}&to={desk.logins.seal(target)}"


def account_event(
    desk: Desk,
    request: web.Request,
    event: str,
    person: Person,
    body: Mapping[str, object] | None = None,
    *,
    error: str = "",
) -> Event:
    user = person.user
    return happened(
        event,
        at=desk.now(),
        by=by_user(user, address=request[ADDRESS]),
        on=on_user(user.id),
        user=user.id,
        error=error,
        body=body or {},
    )


async def login_failed(
    desk: Desk, request: web.Request, login: str, provider: Provider, error: Refused, *, locked: bool
) -> None:
    """Put a failed attempt on record, and that it `locked` the account. All of it takes as long for a name nobody has.

    Such a name is left out: it may be a password in the wrong field.
    """
    account = await desk.database.account(login) if 0 < len(login) <= 254 else None
    whose = account.user if account else None
    elsewhere = whose is not None and whose.provider is not None and provider.plugin.local_accounts
    code = "sso_required" if elsewhere and error.code == "credentials_wrong" else error.code
    body = {"provider": provider.name} | ({"detail": error.detail[:_LONGEST_DETAIL]} if error.detail else {})
    note = partial(
        happened,
        at=desk.now(),
        by=By(name=whose.username if whose else "", address=request[ADDRESS]),
        on=on_user(whose.id) if whose else PLATFORM,
        user=whose.id if whose else None,
        body=body,
    )
    events = [note("account.login", error=code), *([note("account.locked")] if locked else [])]
    await desk.database.record(*events)
