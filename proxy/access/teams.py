"""Whose word counts on an instance: that of the team that owns it, and of all that lies below that team. Pure."""

from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, Resource


class Team:
    """The team that owns an instance, with all of its tree. What was worked out is kept."""

    __slots__ = ("_all", "_estate", "_known", "_topmost")

    def __init__(self, estate: Estate, instance: Resource) -> None:
        owner = estate.owner(instance)
        self._estate = estate
        self._all = owner is not None and owner.kind is SpaceKind.EVERYONE
        self._topmost = _topmost(estate, owner) if owner is not None else None
        self._known: dict[str, bool] = {}

    def has(self, space: Space | None) -> bool:
        """Whether a space is in it: every one where the instance is everyone's, none where it is nobody's."""
        if self._all or space is None:
            return self._all
        found = self._known.get(space.id)
        if found is None:
            found = self._known[space.id] = _topmost(self._estate, space) == self._topmost
        return found


def _topmost(estate: Estate, space: Space) -> str:
    return [at.id for at in estate.lineage(space)][-1]
