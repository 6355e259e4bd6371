"""Groups in which people of several customers are together: looked for, and told of where they come about.

They are not forbidden, since a group across customers may be meant. But whatever is shared with one is shared between them.
Whoever may know of only one of the customers is not warned: it would tell them that there is another.
"""

from collections.abc import Collection, Iterator, Sequence

from proxy.access.mingling import concerned, mingled, mingles
from proxy.model.audit import Event
from proxy.model.directory import Space
from proxy.model.estate import Estate
from proxy.model.identity import Person
from proxy.services.authority import told
from proxy.services.problems import NotPossible
from proxy.services.writer import Occasion
from proxy.store import Database


async def mingled_groups(database: Database, estate: Estate) -> Sequence[Space]:
    """All of them, by slug."""
    return mingled(estate, await database.spaces_met())


async def mingled_by(
    occasion: Occasion, before: Person | None, after: Person, *, known: Collection[str] | None = None
) -> Sequence[Space]:
    """The groups of a person that are mingled once their memberships are as in `after`, if those have to do with it.

    `known`: only as far as can be told from these spaces (ids).
    """
    joined = after.memberships.keys() - (before.memberships.keys() if before else set())
    groups = concerned(occasion.estate, after, joined) if joined else ()
    found = []
    for group in groups:
        met = {*await occasion.database.spaces_of_members(group.id), *after.memberships}
        if mingles(occasion.estate, met if known is None else met.intersection(known)):
            found.append(group)
    return found


def on_record(occasion: Occasion, groups: Sequence[Space], person: Person) -> Iterator[Event]:
    """The warnings that a person's memberships give rise to: on the log of the team, whose owners know all its customers."""
    for group in groups:
        *_, team = occasion.estate.lineage(group)
        yield told(occasion, "group.mingled", team, user=person.user.id, body={"group": group.slug})


def refuse_mingled(groups: Sequence[Space]) -> None:
    """Raises NotPossible where there are any."""
    if groups:
        names = ", ".join(group.slug for group in groups)
        detail = f"People of several customers would be together in {names}. Make a group of each customer's own."
        raise NotPossible("mingled_group", detail)
