"""`/-/view-as`: where an admin begins to look on as somebody else, and ends it.

The admin's login stays, but no browser has a cookie for it meanwhile: this browser sees on every host what that somebody
sees, and nothing that it sends changes anything.
"""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from proxy.access.decide import decide
from proxy.model.access import Permission, Reason
from proxy.model.audit import Event
from proxy.model.identity import Actor, Person, Session, User, UserKind, UserState
from proxy.services import viewing
from proxy.services.audit import PLATFORM, by_user, happened
from proxy.services.problems import NotPossible
from proxy.services.viewing import Looking
from proxy.web.answers import see_other
from proxy.web.forms import STALE, form, made_here
from proxy.web.guards import TurnedAway, at_home, own_form
from proxy.web.keys import ADDRESS, SITE, Desk
from proxy.web.visitors import Visitor, visitor

PATH: Final = "/-/view-as"
PROVE: Final = "/-/security/confirm?do=view-as"
_END: Final = f"{PATH}/end"
_OPEN: Final = frozenset({_END, "/-/logout"})
"""What somebody who looks on may send: what ends it."""
_SAFE: Final = frozenset({"GET", "HEAD"})
_NOBODY: Final = "Nobody here is called that."


async def refuse_changes(desk: Desk, request: web.Request) -> None:
    """Raises TurnedAway for what somebody who looks on as another one sends to a page of ours."""
    if request.method in _SAFE or request.path in _OPEN or SITE not in request:
        return
    somebody = await visitor(desk, request, unproven=True)
    if somebody is not None and somebody.session.viewer:
        raise TurnedAway(Reason.VIEWING_AS, 403)


async def show(desk: Desk, request: web.Request) -> web.Response:
    """GET: whom to look on as, or how to end it."""
    somebody = await _admin(desk, request)
    return somebody if isinstance(somebody, web.Response) else _form(desk, request, somebody)


async def submit(desk: Desk, request: web.Request) -> web.Response:
    """POST: look on as the user that was named."""
    fields = await own_form(request)
    somebody = await _admin(desk, request)
    if isinstance(somebody, web.Response):
        return somebody
    if not made_here(desk, request, fields):
        return _form(desk, request, somebody, fields, status=403, problem=STALE)
    account = await desk.database.account(fields.get("username", "").strip())
    person = await desk.person(account.user.id) if account is not None else None
    if person is None:
        return _form(desk, request, somebody, fields, status=404, problem=_NOBODY)
    try:
        _, cookie = await begin(desk, request, somebody, person)
    except NotPossible as error:
        return _form(desk, request, somebody, fields, status=409, problem=error.detail)
    return see_other("/", [cookie])


async def leave(desk: Desk, request: web.Request) -> web.Response:
    """POST /-/view-as/end: back to the admin's own login."""
    at_home(request)
    fields = await own_form(request)
    somebody = await visitor(desk, request, unproven=True)
    if somebody is None:
        return see_other("/-/login")
    if not somebody.session.viewer:
        return see_other(PATH)
    if not made_here(desk, request, fields):
        return _form(desk, request, somebody, status=403, problem=STALE)
    return await lead_back(desk, request, somebody)


async def lead_back(desk: Desk, request: web.Request, somebody: Visitor) -> web.Response:
    """The looking on ends, and the admin is themselves again; logged out, where their own login has ended meanwhile."""
    names = desk.logins.cookies
    cookie = await end(desk, request, somebody)
    return see_other(PATH, [cookie]) if cookie is not None else see_other("/-/login", [names.remove(names.session)])


async def begin(desk: Desk, request: web.Request, own: Visitor, person: Person) -> tuple[Session, str]:
    """The session by which an admin looks on as a person, and the Set-Cookie for it. It is on record first.

    Raises NotPossible.
    """
    viewed = person.user
    if viewed.id == own.person.user.id:
        raise NotPossible("yourself", "That is you: nobody looks on as themselves.")
    if viewed.kind is not UserKind.PERSON or viewed.state is not UserState.ACTIVE:
        raise NotPossible("not_active", f"{viewed.username} cannot log in, so there is nothing that they would see.")
    until = min(own.session.expires, desk.now() + viewing.LASTS)
    await desk.database.record(_event(desk, request, "started", own.person.user, viewed, {"until": until}))
    looking = Looking(
        user_id=viewed.id,
        host=request[SITE].name,
        address=request[ADDRESS],
        agent=own.session.agent,
    )
    session, value = await viewing.begin(desk.sessions, own.session, looking)
    return session, desk.logins.cookies.set(desk.logins.cookies.session, value, session.expires - desk.now())


async def end(desk: Desk, request: web.Request, somebody: Visitor) -> str | None:
    """The Set-Cookie of the admin's own login; None where that has ended. It is on record first."""
    viewer = await desk.person(somebody.session.viewer)
    if viewer is not None:
        await desk.database.record(_event(desk, request, "ended", viewer.user, somebody.person.user, {}))
    back = await viewing.end(desk.sessions, somebody.session, request[SITE].name)
    if back is None:
        return None
    own, value = back
    return desk.logins.cookies.set(desk.logins.cookies.session, value, own.expires - desk.now())


def _event(
    desk: Desk, request: web.Request, what: str, viewer: User, viewed: User, more: Mapping[str, object]
) -> Event:
    return happened(
        f"platform.view-as.{what}",
        at=desk.now(),
        by=by_user(viewer, address=request[ADDRESS]),
        on=PLATFORM,
        user=viewed.id,
        body={"username": viewed.username, **more},
    )


async def _admin(desk: Desk, request: web.Request) -> Visitor | web.Response:
    """Somebody who may look on, or does; where to go first. Raises TurnedAway for everybody else."""
    at_home(request)
    somebody = await visitor(desk, request)
    if somebody is None:
        return see_other("/-/login")
    if somebody.session.viewer:
        return somebody
    actor = Actor(person=somebody.person, session=somebody.session)
    decision = decide(desk.estate(), actor, Permission.PLATFORM_VIEW_AS, None, now=desk.now())
    if decision.reason is Reason.REAUTHENTICATION_REQUIRED:
        return see_other(PROVE)
    if not decision.allowed:
        raise TurnedAway(Reason.NOT_FOUND, 404)
    return somebody


def _form(
    desk: Desk,
    request: web.Request,
    somebody: Visitor,
    fields: Mapping[str, str] | None = None,
    *,
    status: int = 200,
    problem: str = "",
) -> web.Response:
    return form(
        desk,
        request,
        "view_as.html",
        status=status,
        user=somebody.name,
        viewing=bool(somebody.session.viewer),
        username=(fields or {}).get("username", ""),
        minutes=round(viewing.LASTS / 60),
        problem=problem,
    )
