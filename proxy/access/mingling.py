"""Whether a group brings people of several customers together, so that what is shared with it is shared between them."""

from collections.abc import Iterable

from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate


def mingles(estate: Estate, spaces: Iterable[str]) -> bool:
    """Whether these spaces (ids), of the people of one group, belong to more than one customer."""
    known = (estate.spaces[id_] for id_ in spaces if id_ in estate.spaces)
    tops = {top.id for space in known if (top := _top_customer(estate, space)) is not None}
    return len(tops) > 1


def _top_customer(estate: Estate, space: Space) -> Space | None:
    """The highest customer at or above a space: sub-customers are of one house."""
    customers = [each for each in estate.lineage(space) if each.kind is SpaceKind.CUSTOMER]
    return customers[-1] if customers else None
