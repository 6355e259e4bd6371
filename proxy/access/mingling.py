"""Whether a group brings people of several customers together, so that what is shared with it is shared between them."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate
from proxy.model.identity import Person


def mingles(estate: Estate, spaces: Iterable[str]) -> bool:
    """Whether these spaces (ids), of the people of one group, belong to more than one customer."""
    return len({top.id for top in _tops(estate, spaces)}) > 1


def mingled(estate: Estate, met: Mapping[str, Collection[str]]) -> Sequence[Space]:
    """The groups that do so, by slug; `met` is group id -> ids of the spaces that its people are members of."""
    found = (estate.spaces[id_] for id_, spaces in met.items() if id_ in estate.spaces and mingles(estate, spaces))
    return sorted(found, key=lambda group: group.slug)


def concerned(estate: Estate, person: Person, joined: Iterable[str]) -> Sequence[Space]:
    """The groups that a person may make mingle by having joined these spaces (ids): a group, or a customer of theirs.

    People of a team, who see all of it, bring nobody together.
    """
    held = [estate.spaces[id_] for id_ in person.memberships if id_ in estate.spaces]
    if any(space.kind is SpaceKind.TEAM for space in held):
        return ()
    new = set(joined)
    customers = any(True for _ in _tops(estate, new))
    return [space for space in held if space.kind is SpaceKind.GROUP and (customers or space.id in new)]


def _tops(estate: Estate, spaces: Iterable[str]) -> Iterator[Space]:
    """The highest customer at or above each space that has one: sub-customers are of one house."""
    for space in (estate.spaces[id_] for id_ in spaces if id_ in estate.spaces):
        customers = [each for each in estate.lineage(space) if each.kind is SpaceKind.CUSTOMER]
        yield from customers[-1:]
