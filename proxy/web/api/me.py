"""Oneself: profile, password, sessions."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from proxy.access.decide import in_scope
from proxy.model.access import Permission
from proxy.model.estate import Estate
from proxy.model.identity import Person, Session
from proxy.services.audit import updates
from proxy.services.authority import offered, refuse_declared, told
from proxy.services.writer import Step
from proxy.store import PutPerson
from proxy.web.api.callers import csrf_of
from proxy.web.api.keys import Api
from proxy.web.api.models import Answer, Body, Line
from proxy.web.api.operation import PLATFORM, Call, Operation

TAG: Final = "me"


class Belonging(Answer):
    """A membership."""

    space: str
    """Id of the space."""
    slug: str
    title: str
    kind: str
    role: str


class SessionInfo(Answer):
    """A login that is going on. Times are seconds since the epoch."""

    id: str
    provider: str
    amr: tuple[str, ...]
    """How the user authenticated (RFC 8176)."""
    created: float
    expires: float
    proved: float
    """When the user last proved who they are; what needs a recent proof needs one of the last ten minutes."""
    viewer: str | None
    """Id of the admin who looks on as the user by it, and changes nothing; null for a login of the user's own."""


class Me(Answer):
    """Who asks."""

    id: str
    username: str
    name: str
    email: str
    image: str
    admin: bool
    kind: str
    password_expired: bool
    """Nothing but a new password can be chosen."""
    tenant_mode: bool
    memberships: tuple[Belonging, ...]
    session: SessionInfo | None
    """Null for a token."""
    csrf: str | None
    """What changes by this session carry in the header X-Flowward-CSRF; null for a token."""
    actions: tuple[str, ...] = ()


class Profile(Body):
    """What one may change of oneself."""

    name: Line
    """Name for people."""


def session_info(session: Session) -> SessionInfo:
    return SessionInfo(
        id=session.id,
        provider=session.provider,
        amr=session.amr,
        created=session.created,
        expires=session.expires,
        proved=session.proved,
        viewer=session.viewer or None,
    )


def belongings(estate: Estate, person: Person) -> Iterator[Belonging]:
    """The memberships of a person, by slug."""
    held = ((estate.spaces[id_], member) for id_, member in person.memberships.items() if id_ in estate.spaces)
    for space, member in sorted(held, key=lambda each: each[0].slug):
        yield Belonging(space=space.id, slug=space.slug, title=space.title, kind=space.kind, role=member.role.label)


async def show(api: Api, call: Call) -> Me:
    actor, estate = call.moment.actor, call.moment.estate
    user, session = actor.person.user, actor.session
    return Me(
        id=user.id,
        username=user.username,
        name=user.name,
        email=user.email,
        image=user.image,
        admin=user.admin,
        kind=user.kind,
        password_expired=user.password_expired,
        tenant_mode=estate.settings.tenant_mode,
        memberships=tuple(
            each
            for each in belongings(estate, actor.person)
            if in_scope(estate, actor.token, estate.spaces[each.space])
        ),
        session=session_info(session) if session else None,
        csrf=csrf_of(api.desk, session) if session else None,
        actions=offered(call.moment, None),
    )


async def rename(_: Api, call: Call) -> Step[None]:
    person = call.moment.actor.person
    user, name = person.user, call.sent(Profile).name
    if name == user.name:
        return Step(result=None)
    refuse_declared(user, f"The user {user.username}")
    event = told(call.moment, "user.updated-user", user, updates=updates({"name": user.name}, {"name": name}))
    put = PutPerson(person=replace(person, user=replace(user, name=name)))
    return Step(result=None, edits=[put], events=[event])


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/me",
        tag=TAG,
        summary="Who asks, and the session's value for X-Flowward-CSRF",
        permission=Permission.SELF_READ,
        where=PLATFORM,
        answer=Me,
        perform=show,
        while_expired=True,
        while_unproven=True,
    ),
    Operation(
        method="PUT",
        path="/me",
        tag=TAG,
        summary="Change one's own profile",
        permission=Permission.SELF_EDIT,
        where=PLATFORM,
        body=Profile,
        answer=Me,
        audit=("user.updated-user",),
        change=rename,
    ),
)
