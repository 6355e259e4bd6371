"""Closing a customer: what it owns goes back to the space above, its own people and shares go. Devices go on running."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from proxy.model.audit import Event, Update
from proxy.model.directory import Space
from proxy.model.estate import Estate, Grant, Resource
from proxy.model.identity import Person, User, UserKind
from proxy.services.administration.resources import refuse_kept
from proxy.services.authority import refuse_declared, told
from proxy.services.writer import Moment, Step
from proxy.store import Edit, PeopleQuery, Remove, RemoveGrant

AT_ONCE: Final = 500
"""People looked for at once."""
LONGEST_SLUG: Final = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """What becomes of what a customer has."""

    above: Space
    returned: Sequence[Resource]
    """What it owns, as it is afterwards: the space above owns it. One whose slug is taken there has another."""
    people: Sequence[User]
    """Those who are members of nothing else; they are deleted."""
    accounts: Sequence[User]
    """Its service accounts; they are deleted."""
    ended: Sequence[Grant]
    """Shares with it, and of what it owns."""


async def closing(moment: Moment, space: Space) -> Closing:
    """What deleting a customer would do."""
    estate = moment.estate
    above = estate.spaces[space.parent or ""]
    return Closing(
        above=above,
        returned=tuple(_returned(estate, space, above)),
        people=[each.user for each in await _people(moment, space, UserKind.PERSON) if _is_its_own(each, space)],
        accounts=[each.user for each in await _people(moment, space, UserKind.SERVICE)],
        ended=tuple(_ended(estate, space)),
    )


def closed(moment: Moment, space: Space, found: Closing) -> Step[None]:
    """The edits that do it, all in one transaction. Raises DeclaredInFile."""
    estate, users = moment.estate, (*found.people, *found.accounts)
    for before in (estate.resources[each.id] for each in found.returned):
        refuse_kept(before)
    for grant in found.ended:
        refuse_declared(grant, f"The share of {estate.address(estate.resources[grant.target])}")
    edits: list[Edit] = [
        *found.returned,
        *(RemoveGrant(target=grant.target, space=grant.space) for grant in found.ended),
        *(Remove(kind=User, id=user.id) for user in users),
        Remove(kind=Space, id=space.id),
    ]
    return Step(result=None, edits=edits, events=[*_told(moment, space, found, users)])


def _told(moment: Moment, space: Space, found: Closing, users: Sequence[User]) -> Iterator[Event]:
    estate = moment.estate
    owner = Update(key="owner", old=space.slug, new=found.above.slug)
    for resource in found.returned:
        before = estate.resources[resource.id]
        renamed = () if before.slug == resource.slug else (Update(key="slug", old=before.slug, new=resource.slug),)
        yield told(moment, "resource.owner-changed", before, updates=(owner, *renamed))
    for grant in found.ended:
        updates = (Update(key=f"shares.{estate.spaces[grant.space].slug}", old=grant.role.label),)
        yield told(moment, "share.deleted", estate.resources[grant.target], updates=updates)
    for user in users:
        yield told(moment, "user.deleted", user, body={"name": user.username})
    body: Mapping[str, object] = {
        "name": space.slug,
        "title": space.title,
        "users": len(users),
        "resources": len(found.returned),
        "shares": len(found.ended),
    }
    yield told(moment, f"{space.kind}.deleted", space, body=body)


def _returned(estate: Estate, space: Space, above: Space) -> Iterator[Resource]:
    """What names the customer as its owner. What lies in that follows by itself, as folders keep what they hold."""
    taken = {each.slug for each in estate.resources.values() if each.parent is None and each.owner == above.id}
    for resource in estate.resources.values():
        if resource.owner != space.id:
            continue
        parent = estate.resources.get(resource.parent or "")
        if parent is not None:
            owner = estate.owner(parent)
            inherits = owner is space or owner is above
            yield replace(resource, owner=None if inherits else above.id)
            continue
        slug = _free(resource.slug, space.slug.replace("_", "-"), taken)
        taken.add(slug)
        yield replace(resource, owner=above.id, slug=slug)


def _free(slug: str, of: str, taken: set[str]) -> str:
    """A slug that nothing has yet: its own, else with the customer's behind it, else with a number."""
    wanted, number = slug, 1
    while wanted in taken:
        end = f"-{of}"[:40] if number == 1 else f"-{of}"[:36] + f"-{number}"
        wanted, number = slug[: LONGEST_SLUG - len(end)].rstrip("-") + end.rstrip("-"), number + 1
    return wanted


def _ended(estate: Estate, space: Space) -> Iterator[Grant]:
    yield from (grant for grant in estate.grants if grant.space == space.id)
    for target, shares in estate.shares.items():
        if estate.owner(estate.resources[target]) is space:
            yield from (grant for grant in shares if grant.space != space.id)


def _is_its_own(person: Person, space: Space) -> bool:
    """Not of anything else, nor an admin, nor kept up by a file: those are members no longer, and stay."""
    user = person.user
    return person.memberships.keys() == {space.id} and not user.admin and user.declared is None


async def _people(moment: Moment, space: Space, kind: UserKind) -> Sequence[Person]:
    found: list[Person] = []
    query, more = PeopleQuery(spaces=frozenset({space.id}), kind=kind, limit=AT_ONCE), True
    while more:
        page = await moment.database.search(query)
        found += page.items
        more = page.more and bool(page.items)
        query = replace(query, after=found[-1].user.username) if found else query
    return found
