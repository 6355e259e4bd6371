"""Teams, customers and groups."""

from dataclasses import replace
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, Field

from proxy.access.visible import visible, visible_spaces
from proxy.model.access import Permission
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Grant, Resource, ResourceKind
from proxy.services.administration import spaces
from proxy.services.administration.kinds import KINDS
from proxy.services.authority import space_at
from proxy.services.writer import Moment, Step
from proxy.store import PutPerson
from proxy.web.api.drafts import Json
from proxy.web.api.items import Eyes, Ref, ResourceItem, SpaceItem
from proxy.web.api.keys import Api
from proxy.web.api.models import Answer, Body, Line, ListQuery, Name, Page, Slug, SpaceSlug, Trial
from proxy.web.api.operation import EACH, SENT, Call, Operation, Preview, in_space
from proxy.web.api.paging import cut

TAG: Final = "spaces"

NewKind = Literal["team", "customer", "group", "everyone"]
SHOWN: Final = 200
"""Things of one sort that a preview names at most."""


def _single(labels: tuple[str, ...]) -> tuple[str, ...]:
    if len({label.casefold() for label in labels}) < len(labels):
        raise ValueError("must name each label once")
    return labels


Labels = Annotated[
    tuple[Annotated[Name, Field(max_length=64)], ...],
    AfterValidator(_single),
    Field(max_length=20, examples=[["Office renters"]]),
]


class SpacesQuery(ListQuery):
    """Which spaces are wanted."""

    kind: SpaceKind | None = None
    parent: Line = ""
    """Id or slug of the space above."""
    label: Line = ""
    """Only those that are sorted under this label, such as Office renters; without case."""
    query: Line = ""
    """Looked for in slug and title, without case."""


class OwnedQuery(ListQuery):
    """Which of the resources are wanted."""

    kind: ResourceKind = ResourceKind.APPLICATION


class NewSpace(Body):
    """A space to be made."""

    kind: NewKind
    """everyone, of which there is one at most: all are its members without being named, and admins make it."""
    slug: Slug
    """Unique on the whole gateway: the first part of every address below it. Where whoever asks does not own the team, _ and
    the slug of the space above are put behind it."""
    title: Line = ""
    """Name for people, unlike those that one knows of in the space above; the slug where empty."""
    parent: Line | None = None
    """Id or slug of the team or customer that a customer or group belongs to."""
    details: Json = Field(default={})
    """What is to be kept about it, such as an address: at most 16 KiB as JSON."""
    labels: Labels = ()
    """What it is sorted under; labels decide nothing."""


class NewCustomer(Body):
    """A customer to be made."""

    slug: Slug
    """Where whoever asks does not own the team, _ and the slug of the space above are put behind it."""
    title: Line = ""
    details: Json = Field(default={})
    labels: Labels = ()


class SpaceChange(Body):
    """What is to be different; what is absent stays as it is."""

    slug: SpaceSlug | None = None
    """Another one takes an owner of the space above, of teams an admin, in a session that proved who it is within the last
    ten minutes; and that no setting names the old one (409 slug_in_settings)."""
    title: Line | None = None
    active: bool | None = None
    """false suspends it: nobody has a role through it, nor through what lies below it."""
    details: Json | None = None
    """All of it: what is not in it is gone."""
    labels: Labels | None = None
    """All of them."""


class Ending(Answer):
    """A share that would end."""

    resource: Ref | None
    """Null where whoever asks may not know of it."""
    space: Ref | None
    """The space it is shared with; the same."""
    role: str


class Doomed(Answer):
    """What deleting a space would meet. Of each sort, at most 200 are named."""

    possible: bool
    """Whether it can be deleted as it is."""
    spaces: tuple[Ref, ...]
    """Spaces in it: as long as there are any, it cannot be deleted."""
    resources: tuple[Ref, ...]
    """What it owns. A customer's goes back to the space above, with the slug that is told here; any other space that owns
    something cannot be deleted."""
    returned: int
    """How many resources would go back to the space above."""
    service_accounts: tuple[str, ...]
    """Usernames of its service accounts. A customer's would be deleted; any other space that has some cannot be."""
    users: tuple[str, ...]
    """Usernames of people who would be deleted: those of a customer who are members of nothing else."""
    deleted: int
    """How many users and service accounts would be deleted."""
    members: int
    """People who would be members no longer."""
    ending: tuple[Ending, ...]
    """Shares that would end: with it, and of what a customer owns."""
    shares: int
    """How many shares would end."""


def eyes(api: Api, call: Call) -> Eyes:
    return Eyes(call.moment, api.desk.sites().home.origin)


async def find(api: Api, call: Call) -> Page[SpaceItem]:
    asked = call.asked(SpacesQuery)
    found = [space for space in _all(call) if _fits(space, asked)]
    if asked.parent:
        above = eyes(api, call).named(asked.parent)
        found = [space for space in found if above is not None and space.parent == above.id]
    return _page(api, call, found, asked)


def _all(call: Call) -> list[Space]:
    moment = call.moment
    return list(visible_spaces(moment.estate, moment.actor, now=moment.now))


def _fits(space: Space, asked: SpacesQuery) -> bool:
    text = asked.query.casefold()
    named = text in space.slug or text in space.title.casefold()
    label = asked.label.casefold()
    sorted_ = not label or any(each.casefold() == label for each in space.labels)
    return named and sorted_ and asked.kind in (None, space.kind)


def _page(api: Api, call: Call, found: list[Space], asked: ListQuery) -> Page[SpaceItem]:
    items, meta = cut(found, asked)
    seen = eyes(api, call)
    return Page[SpaceItem](meta=meta, items=tuple(seen.space(space) for space in items))


async def show(api: Api, call: Call) -> SpaceItem:
    return eyes(api, call).space(space_at(call.moment.estate, call.path["space"]))


async def children(api: Api, call: Call) -> Page[SpaceItem]:
    above = space_at(call.moment.estate, call.path["space"])
    return _page(api, call, [space for space in _all(call) if space.parent == above.id], call.asked(ListQuery))


async def owned(api: Api, call: Call) -> Page[ResourceItem]:
    estate, space = call.moment.estate, space_at(call.moment.estate, call.path["space"])
    found = [each for each in _listed(call) if estate.owner(each) == space]
    return _resources(api, call, found)


async def shared(api: Api, call: Call) -> Page[ResourceItem]:
    estate, space = call.moment.estate, space_at(call.moment.estate, call.path["space"])
    targets = {grant.target for grant in estate.grants if grant.space == space.id}
    return _resources(api, call, [each for each in _listed(call) if each.id in targets])


def _listed(call: Call) -> list[Resource]:
    moment, kind = call.moment, call.asked(OwnedQuery).kind
    return list(visible(moment.estate, moment.actor, kind, KINDS[kind].list_, now=moment.now))


def _resources(api: Api, call: Call, found: list[Resource]) -> Page[ResourceItem]:
    items, meta = cut(found, call.asked(OwnedQuery))
    seen = eyes(api, call)
    return Page[ResourceItem](meta=meta, items=tuple(seen.resource(each) for each in items))


async def create(api: Api, call: Call) -> Step[BaseModel]:
    sent = call.sent(NewSpace)
    step = await spaces.create(
        call.moment,
        id_=api.new_id(),
        kind=SpaceKind(sent.kind),
        slug=sent.slug,
        title=sent.title,
        parent=sent.parent,
        details=sent.details,
        labels=frozenset(sent.labels),
    )
    return _shown(api, replace(call, moment=_founded(call.moment, step)), step)


def _founded(moment: Moment, step: Step[Space]) -> Moment:
    """With whoever acts as the member that they become."""
    put = next((edit for edit in step.edits if isinstance(edit, PutPerson)), None)
    return replace(moment, actor=replace(moment.actor, person=put.person)) if put else moment


async def create_customer(api: Api, call: Call) -> Step[BaseModel]:
    sent = call.sent(NewCustomer)
    step = await spaces.create(
        call.moment,
        id_=api.new_id(),
        kind=SpaceKind.CUSTOMER,
        slug=sent.slug,
        title=sent.title,
        parent=call.path["space"],
        details=sent.details,
        labels=frozenset(sent.labels),
    )
    return _shown(api, call, step)


async def update(api: Api, call: Call) -> Step[BaseModel]:
    sent = call.sent(SpaceChange)
    key = call.path["space"]
    step = await spaces.update(
        call.moment,
        api.premises.settings,
        key,
        slug=sent.slug,
        title=sent.title,
        active=sent.active,
        details=sent.details,
        labels=None if sent.labels is None else frozenset(sent.labels),
    )
    return _shown(api, call, step)


async def delete(_: Api, call: Call) -> Step[None]:
    return await spaces.delete(call.moment, call.path["space"])


async def doomed(api: Api, call: Call) -> Doomed:
    inside = await spaces.contents(call.moment, call.path["space"])
    seen, closing = eyes(api, call), inside.closing
    below = (seen.space_ref(space) for space in inside.spaces[:SHOWN])
    owned_, people = (closing.returned, closing.people) if closing else (inside.resources, ())
    accounts = closing.accounts if closing else inside.accounts
    held = (seen.resource_ref(resource) for resource in owned_[:SHOWN])
    return Doomed(
        possible=not inside.in_the_way,
        spaces=tuple(ref for ref in below if ref),
        resources=tuple(ref for ref in held if ref),
        returned=len(owned_) if closing else 0,
        service_accounts=tuple(account.username for account in accounts[:SHOWN]),
        users=tuple(user.username for user in people[:SHOWN]),
        deleted=len(people) + len(accounts) if closing else 0,
        members=inside.members,
        ending=tuple(_ending(seen, grant) for grant in inside.ended[:SHOWN]),
        shares=len(inside.ended),
    )


def _ending(seen: Eyes, grant: Grant) -> Ending:
    resource, space = seen.estate.resources[grant.target], seen.estate.spaces[grant.space]
    return Ending(resource=seen.resource_ref(resource), space=seen.space_ref(space), role=grant.role.label)


def _shown(api: Api, call: Call, step: Step[Space]) -> Step[BaseModel]:
    return Step(result=eyes(api, call).space(step.result), edits=step.edits, events=step.events)


_KINDS: Final = ("team", "customer", "group")


def _events(verb: str) -> tuple[str, ...]:
    return tuple(f"{kind}.{verb}" for kind in _KINDS)


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/spaces",
        tag=TAG,
        summary="Teams, customers and groups that one may see",
        permission=Permission.SPACE_READ,
        where=EACH,
        query=SpacesQuery,
        answer=Page[SpaceItem],
        perform=find,
        picker=True,
    ),
    Operation(
        method="POST",
        path="/spaces",
        tag=TAG,
        summary="Make a team, a customer or group below a space, or the space of everyone; who makes a team owns it",
        permission=Permission.SPACE_CREATE,
        where=SENT,
        body=NewSpace,
        answer=SpaceItem,
        status=201,
        audit=(*_events("created"), "everyone.created"),
        change=create,
    ),
    Operation(
        method="GET",
        path="/spaces/{space}",
        tag=TAG,
        summary="One space, by id or slug",
        permission=Permission.SPACE_READ,
        where=in_space(),
        answer=SpaceItem,
        perform=show,
    ),
    Operation(
        method="PUT",
        path="/spaces/{space}",
        tag=TAG,
        summary="Rename a space, suspend it or let it in again",
        permission=Permission.SPACE_EDIT,
        where=in_space(),
        body=SpaceChange,
        answer=SpaceItem,
        audit=(*_events("updated"), *_events("suspended")),
        change=update,
    ),
    Operation(
        method="DELETE",
        path="/spaces/{space}",
        tag=TAG,
        summary="Delete a customer with its people, while what it owns goes back to the space above, or another space in "
        "which nothing stands any more; with preview, what would become of all that",
        permission=Permission.SPACE_DELETE,
        where=in_space(),
        query=Trial,
        status=204,
        audit=(*_events("deleted"), "resource.owner-changed", "share.deleted", "user.deleted"),
        change=delete,
        preview=Preview(answer=Doomed, perform=doomed),
    ),
    Operation(
        method="POST",
        path="/spaces/{space}/customers",
        tag=TAG,
        summary="Make a customer below a space",
        permission=Permission.CUSTOMER_CREATE,
        where=in_space(),
        body=NewCustomer,
        answer=SpaceItem,
        status=201,
        audit=("customer.created",),
        change=create_customer,
    ),
    Operation(
        method="GET",
        path="/spaces/{space}/children",
        tag=TAG,
        summary="The spaces right below one",
        permission=Permission.SPACE_READ,
        where=in_space(),
        query=ListQuery,
        answer=Page[SpaceItem],
        perform=children,
    ),
    Operation(
        method="GET",
        path="/spaces/{space}/owned",
        tag=TAG,
        summary="What a space owns, of one kind",
        permission=Permission.SPACE_READ,
        where=in_space(),
        query=OwnedQuery,
        answer=Page[ResourceItem],
        perform=owned,
    ),
    Operation(
        method="GET",
        path="/spaces/{space}/shared",
        tag=TAG,
        summary="What is shared with a space, of one kind",
        permission=Permission.SPACE_READ,
        where=in_space(),
        query=OwnedQuery,
        answer=Page[ResourceItem],
        perform=shared,
    ),
)
