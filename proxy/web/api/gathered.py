"""What lies across kinds: dashboards, numbers, search."""

from collections.abc import Iterable, Sequence
from heapq import merge
from typing import Annotated, Final

from pydantic import Field

from proxy.access.decide import Sight
from proxy.access.visible import position, visible_in
from proxy.model.access import Permission
from proxy.model.estate import Resource, ResourceKind
from proxy.services.administration.kinds import KINDS
from proxy.web.api.items import Eyes, Tile
from proxy.web.api.keys import Api
from proxy.web.api.models import Answer, Item, Line, ListQuery, Page, Query
from proxy.web.api.operation import EACH, Call, Operation
from proxy.web.api.paging import cut
from proxy.web.api.spaces import eyes
from proxy.web.api.states import State, in_state

TAG: Final = "resources"
_OPENED: Final = (ResourceKind.INSTANCE, ResourceKind.PAGE)
"""What a dashboard can be opened of."""


class Counts(Answer):
    """How many there are, for whoever asks: as many as the lists hold."""

    applications: int | None = None
    instances: int | None = None
    devices: int | None = None
    pages: int | None = None
    things: int | None = None
    folders: int | None = None
    dashboards: int | None = None


class CountsQuery(Query):
    """What is to be counted."""

    kind: ResourceKind | None = None
    """Only these; else all kinds, and dashboards."""
    state: State | None = None
    """Of instances, only those that are protected, or open to deploys; public: anybody may use them; up, down or
    unknown: as this process of the gateway found when it last had something to ask of them."""


class Found(Item):
    """Something that was found."""

    id: str
    kind: ResourceKind
    name: str
    address: str | None
    """Null where part of it is not for whoever asks."""


class SearchQuery(ListQuery):
    """What is looked for."""

    q: Annotated[Line, Field(min_length=1)]
    """A part of a name, slug or address, without case."""
    kind: ResourceKind | None = None


def seen(sight: Sight, kinds: Iterable[ResourceKind]) -> Sequence[Resource]:
    """Everything of these kinds that whoever acts may see, in the order of names.

    Of an instance whose dashboard is all they may use, they see that it is there.
    """
    lists = [visible_in(sight, kind, _least(kind)) for kind in kinds]
    return list(merge(*lists, key=position))


def _least(kind: ResourceKind) -> Permission:
    return Permission.DASHBOARD_LIST if kind is ResourceKind.INSTANCE else KINDS[kind].list_


async def dashboards(api: Api, call: Call) -> Page[Tile]:
    view = eyes(api, call)
    items, meta = cut(seen(view.sight, _OPENED), call.asked(ListQuery))
    return Page[Tile](meta=meta, items=tuple(view.tile(resource) for resource in items))


async def count(api: Api, call: Call) -> Counts:
    sight, asked = eyes(api, call).sight, call.asked(CountsQuery)
    kinds = (asked.kind,) if asked.kind else tuple(ResourceKind)
    numbers: dict[str, int] = {}
    for kind in kinds:
        found = visible_in(sight, kind, KINDS[kind].list_)
        numbers[f"{kind}s"] = sum(in_state(api, resource, asked.state) for resource in found)
    if asked.kind is None:
        numbers["dashboards"] = sum(len(visible_in(sight, kind, _least(kind))) for kind in _OPENED)
    return Counts(**numbers)


async def search(api: Api, call: Call) -> Page[Found]:
    asked, view = call.asked(SearchQuery), eyes(api, call)
    text = asked.q.casefold()
    kinds = (asked.kind,) if asked.kind else tuple(ResourceKind)
    matching = [
        each
        for each in seen(view.sight, kinds)
        if text in each.name.casefold() or text in each.slug or _at(view, each, text)
    ]
    items, meta = cut(matching, asked)
    return Page[Found](
        meta=meta,
        items=tuple(
            Found(
                id=each.id,
                kind=each.kind,
                name=each.name or each.slug,
                address=view.address(each),
                actions=view.actions(each),
            )
            for each in items
        ),
    )


def _at(view: Eyes, resource: Resource, text: str) -> bool:
    """Whether a text is in the address. What takes longest, whether it is theirs to see, is asked last."""
    above = view.above(resource)
    return above is not None and text in f"{above}/{resource.slug}" and view.sees(resource)


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/dashboards",
        tag=TAG,
        summary="The dashboards one may open",
        permission=Permission.DASHBOARD_LIST,
        where=EACH,
        query=ListQuery,
        answer=Page[Tile],
        perform=dashboards,
    ),
    Operation(
        method="GET",
        path="/counts",
        tag=TAG,
        summary="How many there are of each kind: as many as the lists hold",
        permission=Permission.DASHBOARD_LIST,
        where=EACH,
        query=CountsQuery,
        answer=Counts,
        perform=count,
    ),
    Operation(
        method="GET",
        path="/search",
        tag=TAG,
        summary="Find resources of every kind by a part of their name or address",
        permission=Permission.DASHBOARD_LIST,
        where=EACH,
        query=SearchQuery,
        answer=Page[Found],
        perform=search,
        picker=True,
    ),
)
