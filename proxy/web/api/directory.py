"""People to choose from: those of whom whoever asks may know."""

from typing import Final

from proxy.access.directory import spaces_known
from proxy.model.access import Permission
from proxy.model.identity import UserState
from proxy.store import PeopleQuery
from proxy.web.api.keys import Api
from proxy.web.api.models import Answer, Line, Meta, Page, PageQuery
from proxy.web.api.operation import PLATFORM, Call, Operation
from proxy.web.api.paging import cursor, name_of


class Known(Answer):
    """Somebody whom whoever asks may know of."""

    id: str
    username: str
    name: str
    image: str
    kind: str
    """person or service."""


class DirectoryQuery(PageQuery):
    """Who is looked for."""

    query: Line = ""
    """Looked for in username, name and e-mail address, without case."""


async def look_up(_: Api, call: Call) -> Page[Known]:
    moment, asked = call.moment, call.asked(DirectoryQuery)
    query = PeopleQuery(
        text=asked.query,
        spaces=spaces_known(moment.estate, moment.actor),
        also=moment.actor.user_id,
        states=frozenset({UserState.ACTIVE}),
        after=name_of(asked),
        limit=asked.limit,
    )
    found = await moment.database.search(query)
    people = [person.user for person in found.items]
    items = tuple(
        Known(id=user.id, username=user.username, name=user.name, image=user.image, kind=user.kind) for user in people
    )
    onward = cursor(people[-1].username) if found.more and people else None
    return Page[Known](meta=Meta(total=found.total, next_cursor=onward), items=items)


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/directory",
        tag="directory",
        summary="Look people up, as far as one may know of them",
        permission=Permission.DIRECTORY_READ,
        where=PLATFORM,
        query=DirectoryQuery,
        answer=Page[Known],
        perform=look_up,
        picker=True,
    ),
)
