"""People to choose from: those of whom whoever asks may know."""

from typing import Final

from proxy.access.directory import spaces_known
from proxy.model.access import Permission
from proxy.model.identity import UserState
from proxy.store import PeopleQuery
from proxy.web.api.keys import Api
from proxy.web.api.models import Answer, Line, Page, RosterQuery
from proxy.web.api.operation import PLATFORM, Call, Operation
from proxy.web.api.paging import stretch


class Known(Answer):
    """Somebody whom whoever asks may know of."""

    id: str
    username: str
    name: str
    image: str
    kind: str
    """person or service."""


class DirectoryQuery(RosterQuery):
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
    )
    part = stretch(asked)
    found = await moment.database.search(part.of(query))
    people = [person.user for person in found.items]
    items = tuple(
        Known(id=user.id, username=user.username, name=user.name, image=user.image, kind=user.kind) for user in people
    )
    return Page[Known](meta=part.meta(found), items=items)


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
