"""What is there for oneself: what one may make and open, invitations, and word of changes."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from aiohttp import web

from proxy.access.decide import Sight, acting, in_scope
from proxy.access.directory import Names
from proxy.access.visible import visible, visible_spaces
from proxy.model.access import Permission, Reason
from proxy.model.directory import Space
from proxy.model.estate import Resource, ResourceKind
from proxy.model.identity import Person
from proxy.services.administration import invitations
from proxy.services.writer import Moment, Step
from proxy.store import Invitation, StoreUnavailable
from proxy.web.api.auth import own_session
from proxy.web.api.keys import Api
from proxy.web.api.me import TAG
from proxy.web.api.models import Answer, Item, Meta, Page
from proxy.web.api.operation import PLATFORM, Call, Operation
from proxy.web.api.refusing import Stop
from proxy.web.landings import landing_of
from proxy.web.openings import openings
from proxy.web.visitors import visitor

STREAMS: Final = 1000
"""Streams of events that are open at once."""
STREAMS_EACH: Final = 8
"""The same, of one user: many logins of one leave room for the others."""
STREAM_LASTS: Final = 50.0
"""Seconds; browsers come back by themselves (HTML section 9.2)."""
LOOK: Final = 0.25
"""Seconds between two looks at the version."""
BEAT: Final = 15.0
"""Seconds of silence after which a comment says that the stream is alive."""


class Option(Answer):
    """A place where something may be made."""

    id: str
    address: str
    """Slug of a space, path of a resource; empty where a name in it is not for whoever asks."""
    name: str


class Capabilities(Answer):
    """What one may make, and where; pickers hold these places and no others."""

    create_team: bool
    create_customer: tuple[Option, ...]
    create_group: tuple[Option, ...]
    create_application: tuple[Option, ...]
    create_instance: tuple[Option, ...]
    """Applications."""
    create_device: tuple[Option, ...]
    """Applications and instances."""


class OpeningItem(Answer):
    """An instance, and the addresses of it that one may go to."""

    id: str
    name: str
    address: str
    """Its path; empty where a name in it is not for whoever asks."""
    role: str
    dashboard: str
    editor: str
    """Empty below viewer."""


class LandingItem(Answer):
    """The dashboard that one sees first after logging in."""

    id: str
    """Of an instance or page."""
    name: str
    address: str
    fullscreen: bool
    """Whether it is all of the gateway that is shown."""


class Home(Answer):
    """What home shows."""

    openings: tuple[OpeningItem, ...]
    landing: LandingItem | None
    """Null where the launcher is what one sees first."""


class MyInvitation(Item):
    """An offer of membership. Times are seconds since the epoch."""

    id: str
    space: str
    """Id of the space."""
    title: str
    role: str
    created: float
    expires: float


async def capabilities(_: Api, call: Call) -> Capabilities:
    moment = call.moment
    sight = Sight(moment.estate, moment.actor, now=moment.now)
    return Capabilities(
        create_team=sight.entitled(Permission.SPACE_CREATE, None),
        create_customer=_spaces(moment, Permission.CUSTOMER_CREATE),
        create_group=_spaces(moment, Permission.GROUP_MANAGE),
        create_application=_spaces(moment, Permission.APPLICATION_CREATE),
        create_instance=_resources(moment, Permission.INSTANCE_CREATE, ResourceKind.APPLICATION),
        create_device=(
            *_resources(moment, Permission.DEVICE_CREATE, ResourceKind.APPLICATION),
            *_resources(moment, Permission.DEVICE_CREATE, ResourceKind.INSTANCE),
        ),
    )


def _spaces(moment: Moment, permission: Permission) -> tuple[Option, ...]:
    found: Iterable[Space] = visible_spaces(moment.estate, moment.actor, permission, now=moment.now)
    return tuple(Option(id=each.id, address=each.slug, name=each.title or each.slug) for each in found)


def _resources(moment: Moment, permission: Permission, kind: ResourceKind) -> tuple[Option, ...]:
    found: Iterable[Resource] = visible(moment.estate, moment.actor, kind, permission, now=moment.now)
    names = Names(Sight(moment.estate, moment.actor, now=moment.now))
    return tuple(Option(id=each.id, address=names.address(each) or "", name=each.name or each.slug) for each in found)


async def home(api: Api, call: Call) -> Home:
    estate, actor = call.moment.estate, call.moment.actor
    found = openings(estate, api.desk.sites(), acting(actor.person, actor.token))
    items = [
        OpeningItem(
            id=each.id,
            name=each.name,
            address=each.address,
            role=each.role,
            dashboard=each.dashboard,
            editor=each.editor,
        )
        for each in found
        if in_scope(estate, actor.token, estate.resources[each.id])
    ]
    return Home(openings=tuple(items), landing=_landing(api, call))


def _landing(api: Api, call: Call) -> LandingItem | None:
    estate, actor = call.moment.estate, call.moment.actor
    found = landing_of(estate, api.desk.sites(), acting(actor.person, actor.token))
    if found is None or not in_scope(estate, actor.token, estate.resources[found.id]):
        return None
    return LandingItem(id=found.id, name=found.name, address=found.address, fullscreen=found.fullscreen)


async def my_invitations(_: Api, call: Call) -> Page[MyInvitation]:
    estate, token = call.moment.estate, call.moment.actor.token
    offers = ((each, estate.spaces[each.space]) for each in await invitations.mine(call.moment))
    items = tuple(_invitation(offer, space) for offer, space in offers if in_scope(estate, token, space))
    return Page[MyInvitation](meta=Meta(total=len(items)), items=items)


def _invitation(invitation: Invitation, space: Space) -> MyInvitation:
    return MyInvitation(
        id=invitation.id,
        space=space.id,
        title=space.title or space.slug,
        role=invitation.role.label,
        created=invitation.created,
        expires=invitation.expires,
        actions=(Permission.SELF_EDIT,),
    )


async def accept(_: Api, call: Call) -> Step[None]:
    step = await invitations.accept(call.moment, call.path["invitation"])
    return Step(result=None, edits=step.edits, events=step.events)


async def reject(_: Api, call: Call) -> Step[None]:
    step = await invitations.reject(call.moment, call.path["invitation"])
    return Step(result=None, edits=step.edits, events=step.events)


async def events(api: Api, call: Call) -> web.StreamResponse:
    """One event for each change that may concern whoever listens; it names nothing, so that it tells nobody too much."""
    user_id, listening = own_session(call).user_id, api.listening
    if listening[user_id] >= STREAMS_EACH or listening.total() >= STREAMS:
        detail = f"At most {STREAMS_EACH} streams of events are open per user, and {STREAMS} in all. Close some first."
        raise Stop(429, Reason.TOO_MANY_CONNECTIONS, detail, fields={"Retry-After": str(int(STREAM_LASTS))})
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await response.prepare(call.request)
    if call.request.method == "HEAD":
        return response
    listening[user_id] += 1
    try:
        with suppress(StoreUnavailable):  # the browser comes back by itself, and is told then
            await _tell(api, call, response)
    finally:
        listening[user_id] -= 1
        if not listening[user_id]:
            del listening[user_id]
    return response


async def _tell(api: Api, call: Call, response: web.StreamResponse) -> None:
    await response.write(f"retry: 1000\nevent: hello\ndata: {api.version()}\n\n".encode())
    version, loop = api.version(), asyncio.get_running_loop()
    known: tuple[Person, object] = (call.moment.actor.person, api.desk.estate())
    end, spoken = loop.time() + STREAM_LASTS, loop.time()
    while loop.time() < end:
        await asyncio.sleep(LOOK)
        if api.version() != version:
            version = api.version()
            somebody = await visitor(api.desk, call.request)
            if somebody is None:
                return
            if known != (now := (somebody.person, api.desk.estate())):
                known, spoken = now, loop.time()
                await response.write(f"event: permissions-changed\ndata: {version}\n\n".encode())
        if loop.time() - spoken > BEAT:
            spoken = loop.time()
            await response.write(b":\n\n")


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/me/capabilities",
        tag=TAG,
        summary="What one may make, and where",
        permission=Permission.SELF_READ,
        where=PLATFORM,
        answer=Capabilities,
        perform=capabilities,
        picker=True,
    ),
    Operation(
        method="GET",
        path="/me/home",
        tag=TAG,
        summary="The instances one may open, with their addresses, and the dashboard one sees first",
        permission=Permission.SELF_READ,
        where=PLATFORM,
        answer=Home,
        perform=home,
    ),
    Operation(
        method="GET",
        path="/me/events",
        tag=TAG,
        summary="Word of every change of permissions, as server-sent events, for as long as the session lives",
        permission=Permission.SELF_READ,
        where=PLATFORM,
        kind="text/event-stream",
        perform=events,
    ),
    Operation(
        method="GET",
        path="/me/invitations",
        tag=TAG,
        summary="The invitations one may accept",
        permission=Permission.SELF_READ,
        where=PLATFORM,
        answer=Page[MyInvitation],
        perform=my_invitations,
    ),
    Operation(
        method="POST",
        path="/me/invitations/{invitation}/accept",
        tag=TAG,
        summary="Become a member",
        permission=Permission.SELF_EDIT,
        where=PLATFORM,
        status=204,
        audit=(
            "team.user.invite.accepted",
            "customer.user.invite.accepted",
            "group.user.invite.accepted",
            "group.mingled",
        ),
        change=accept,
    ),
    Operation(
        method="POST",
        path="/me/invitations/{invitation}/reject",
        tag=TAG,
        summary="Decline an invitation",
        permission=Permission.SELF_EDIT,
        where=PLATFORM,
        status=204,
        audit=(
            "team.user.invite.rejected",
            "customer.user.invite.rejected",
            "group.user.invite.rejected",
        ),
        change=reject,
    ),
)
