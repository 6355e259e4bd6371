"""Events before a reader who may not know of every space: what they name of others' is left out.

A space that is gone reads like one that was never to be known: nobody tells the two apart.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import Final

from proxy.access.decide import Sight
from proxy.access.directory import FOREIGN, Names
from proxy.model.access import Role
from proxy.model.audit import Event, Source, Update
from proxy.model.directory import SpaceKind
from proxy.services.administration.kinds import KINDS
from proxy.services.authority import resource_at
from proxy.services.problems import NotThere

_ADDRESSED: Final = frozenset(name for kind in KINDS.values() for name in (kind.created, kind.deleted))
"""Events whose body has an address for a name."""
_SPACES: Final = tuple(f"{kind}." for kind in SpaceKind)


class Places:
    """What one reader may read of where things are, whose they are and with whom they are shared."""

    def __init__(self, sight: Sight) -> None:
        self._names = Names(sight)

    def over(self, event: Event) -> Event:
        """The event as this reader may read it; the same one where that is all of it."""
        body, updates = self._body(event), self._updates(event)
        within = tuple(id_ for id_ in event.within if id_ == event.scope_id or self._may_know(id_))
        masked = replace(event, body=body, updates=updates, within=within)
        if event.actor is None and not self._manages(event):
            name = FOREIGN if event.token is not None else event.actor_name
            masked = replace(masked, actor_name=name, token=None, address="")
        return event if masked == event else masked

    def _may_know(self, id_: str) -> bool:
        estate = self._names.sight.estate
        space = estate.spaces.get(id_)
        return self._names.knows(space) if space else self._names.reaches(estate.resources.get(id_))

    def _manages(self, event: Event) -> bool:
        """Whether the reader may know which token came to a resource, and from where people without an account did."""
        resource = self._names.sight.estate.resources.get(event.scope_id)
        return resource is None or self._names.all_ or self._names.sight.standing.role(resource) >= Role.OWNER

    def _body(self, event: Event) -> Mapping[str, object]:
        if event.source == Source.FILE:
            return MappingProxyType({})
        if event.event in _ADDRESSED and isinstance(name := event.body.get("name"), str):
            return MappingProxyType({**event.body, "name": self._address(name)})
        return event.body

    def _updates(self, event: Event) -> tuple[Update, ...]:
        if event.source == Source.FILE:  # whoever runs the gateway writes of everybody in one file
            return ()
        if event.event.startswith("share."):
            return tuple(each for each in event.updates if self._slug(each.key.removeprefix("shares.")) != FOREIGN)
        if event.event == "resource.owner-changed":
            return tuple(_told(each, self._slug) for each in event.updates)
        if event.event.startswith(("device.", "folder.")):
            return tuple(
                _told(each, self._address) for each in event.updates if each.key in ("place", "items")
            ) + tuple(each for each in event.updates if each.key not in ("place", "items"))
        if event.event.startswith(_SPACES):
            return tuple(
                replace(each, key=self._address(each.key)) if "/" in each.key else each for each in event.updates
            )
        return event.updates

    @cached_property
    def _slugs(self) -> frozenset[str]:
        spaces = self._names.sight.estate.spaces.values()
        return frozenset(space.slug for space in spaces if self._names.knows(space))

    def _slug(self, text: str) -> str:
        return text if text in self._slugs else FOREIGN

    def _address(self, text: str) -> str:
        """A path of slugs, the first of a space."""
        slug, _, way = text.partition("/")
        if slug not in self._slugs:
            return FOREIGN
        try:
            there = resource_at(self._names.sight.estate, text) if way else None
        except NotThere:
            return text
        return text if there is None else self._names.place(there)


def _told(update: Update, shown: Callable[[str], str]) -> Update:
    return replace(update, old=_each(update.old, shown), new=_each(update.new, shown))


def _each(value: object, shown: Callable[[str], str]) -> object:
    match value:
        case str():
            return shown(value)
        case list() | tuple():
            return [shown(str(each)) for each in value]
        case _:
            return value
