"""Parts of lists, by cursor or offset, in the order that is asked for; filtered before, so only the last one is short.

A cursor says behind what to go on and in which order, so that a page is right whatever was added or removed meanwhile.
"""

import base64
import binascii
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, get_args

from proxy.access.standing import Listed
from proxy.access.visible import Position, position
from proxy.model.directory import Space
from proxy.model.estate import Resource
from proxy.model.identity import Person
from proxy.store import Page as Found
from proxy.store import PeopleQuery
from proxy.web.api.models import Fault, ListQuery, Meta, NameSort, PageQuery, PeopleSort, RosterQuery
from proxy.web.api.refusing import Stop, invalid

_BACKWARDS: Final = "-"


def cut(found: Sequence[Listed], query: ListQuery) -> tuple[Sequence[Listed], Meta]:
    """The part of a list of resources or spaces that a query asks for; `found` is in the order of `access.visible`."""
    sort, after = _begun(query)
    by = _ORDERS[sort.removeprefix(_BACKWARDS)]
    ordered = found if by is position else sorted(found, key=by)
    if sort.startswith(_BACKWARDS):
        end = bisect_left(ordered, after, key=by) if after else max(0, len(ordered) - query.offset)
        items, more = ordered[max(0, end - query.limit) : end][::-1], end > query.limit
    else:
        start = bisect_right(ordered, after, key=by) if after else query.offset
        items, more = ordered[start : start + query.limit], start + query.limit < len(ordered)
    return items, Meta(total=len(found), next_cursor=cursor(sort, *by(items[-1])) if more else None)


def _by_slug(listed: Resource | Space) -> Position:
    return listed.slug, listed.id


_ORDERS: Final[Mapping[str, Callable[[Resource | Space], Position]]] = {"name": position, "slug": _by_slug}
_NAME_SORTS: Final[Mapping[str, NameSort]] = {sort: sort for sort in get_args(NameSort)}
_PEOPLE_SORTS: Final[Mapping[str, PeopleSort]] = {sort: sort for sort in get_args(PeopleSort)}


def _begun(query: ListQuery) -> tuple[NameSort, Position | None]:
    """In which order to go on, and behind what. Raises Stop for a cursor that we never gave."""
    if not query.cursor:
        return query.sort, None
    match _parts(query.cursor):
        case [str(told), str(key), str(id_)] if sort := _NAME_SORTS.get(told):
            _refuse_other(query, sort)
            return sort, (key, id_)
        case _:
            raise _unknown()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Which people of a list are wanted."""

    sort: PeopleSort
    after: str
    """The username behind which to go on; empty for the beginning."""
    skip: int
    limit: int

    @property
    def backwards(self) -> bool:
        return self.sort.startswith(_BACKWARDS)

    def of(self, query: PeopleQuery) -> PeopleQuery:
        """The query for this part of what it finds."""
        return replace(query, after=self.after, skip=self.skip, limit=self.limit, backwards=self.backwards)

    def among(self, people: Sequence[Person]) -> Found[Person]:
        """This part of people who were found already, in the order of their usernames."""
        after = self.after.casefold()
        names = [person.user.username.casefold() for person in people]
        if self.backwards:
            rest = people[: bisect_left(names, after) if after else None][::-1]
        else:
            rest = people[bisect_right(names, after) :]
        end = self.skip + self.limit
        return Found(items=rest[self.skip : end], total=len(people), more=len(rest) > end)

    def meta(self, found: Found[Person]) -> Meta:
        """Where this part stands."""
        last = found.items[-1].user.username if found.more and found.items else None
        return Meta(total=found.total, next_cursor=cursor(self.sort, last) if last else None)


def stretch(query: RosterQuery) -> Stretch:
    """The part of a list of people that a query asks for. Raises Stop for a cursor that we never gave."""
    if not query.cursor:
        return Stretch(sort=query.sort, after="", skip=query.offset, limit=query.limit)
    match _parts(query.cursor):
        case [str(told), str(name)] if name.isprintable() and (sort := _PEOPLE_SORTS.get(told)):
            _refuse_other(query, sort)
            return Stretch(sort=sort, after=name, skip=0, limit=query.limit)
        case _:
            raise _unknown()


def number_of(query: PageQuery) -> int | None:
    """The number that a cursor stands for. Raises Stop for one that we never gave."""
    if not query.cursor:
        return None
    match _parts(query.cursor):
        case [int(number)] if 0 <= number < 2**53:
            return number
        case _:
            raise _unknown()


def cursor(*parts: str | int) -> str:
    """What leads behind these parts."""
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")


def _parts(text: str) -> object:
    try:
        raw = base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        parts: object = json.loads(raw)
    except (ValueError, binascii.Error, RecursionError):
        return None
    return parts


def _refuse_other(query: ListQuery | RosterQuery, sort: str) -> None:
    """A list cannot be gone on with in another order than it was begun in."""
    if "sort" in query.model_fields_set and query.sort != sort:
        remedy = "Leave it out, or begin anew without cursor."
        raise invalid([Fault(pointer="?sort", message=f"must be {sort}, as the cursor has it", remedy=remedy)])


def _unknown() -> Stop:
    remedy = "Take `meta.next_cursor` of the page before, or leave it out."
    return invalid([Fault(pointer="?cursor", message="is no cursor of this list", remedy=remedy)])
