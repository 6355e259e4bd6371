"""Tags: which values say that a row is a visitor's. Pure.

An admin has all values. Anybody else has their own, or those of their groups and customers, or the tag's default, or none:
who has no value sees no row. Only spaces of the team that owns the instance give values there, and only its things count:
whoever owns another team makes groups and things in it as they like, and calls them whatever they please.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from proxy.access.decide import acting, in_scope
from proxy.access.standing import Standing
from proxy.access.teams import Team
from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, Resource, ResourceKind
from proxy.model.identity import Person, Token

THINGS: Final = "@things"
"""The external ids of the things of the instance's team that somebody may see: ownership and shares decide."""
TENANT: Final = "@tenant"
"""The slugs of somebody's customers; of who has none, those of their teams.

Whosever team they belong to: no two spaces of the platform have one slug, so nobody makes one that is called as another's.
Nor as one that is gone, or was renamed: whoever does not own the team has the slug of the space above put behind what they
choose, with a separator that stands in no slug of the team's owners (`administration.slugs`); and they rename nothing else.
Who comes from a team with which an instance is shared keeps the slug that its rows know them by.
"""
BUILT_IN: Final = frozenset({THINGS, TENANT})

Values = frozenset[str] | None
"""What a row may say to be somebody's; None for every row, whatever it says."""
_NO_ROW: Final = "nobody has given them a value: no row is theirs"
_BUILT_IN: Final = {
    THINGS: "the external ids of the things they may see",
    TENANT: "their customers, or else their teams",
}
_NOTHING: Final[frozenset[str]] = frozenset()
_TENANTS: Final = (frozenset({SpaceKind.CUSTOMER}), frozenset({SpaceKind.TEAM}))
_TAGGED: Final = (frozenset({SpaceKind.CUSTOMER, SpaceKind.GROUP}), frozenset({SpaceKind.TEAM}))


def tag_values(
    estate: Estate, person: Person | None, tag: str, instance: Resource, token: Token | None = None
) -> Values:
    """The values that a tag has on an instance for somebody, or for nobody in particular; `token` acts for them."""
    return Tags(estate, person, instance, token).values(tag)


class Tags:
    """One visitor's tags on one instance. What was worked out is kept."""

    __slots__ = ("_found", "_instance", "_standing", "_token", "estate", "person")

    def __init__(self, estate: Estate, person: Person | None, instance: Resource, token: Token | None = None) -> None:
        self.estate, self.person, self._instance, self._token = estate, person, instance, token
        self._standing = Standing(estate, acting(person, token)) if person is not None else None
        self._found: dict[str, Values] = {}

    def values(self, tag: str) -> Values:
        """What a row may say under this tag to be theirs."""
        if tag not in self._found:
            self._found[tag] = self._worked_out(tag)
        return self._found[tag]

    def why(self, tag: str) -> str:
        """Where the values come from, for people."""
        values, standing = self.values(tag), self._standing
        if values is None:
            return "an admin sees every row"
        if standing is None or tag in BUILT_IN or standing.everywhere is Role.NONE:
            return _BUILT_IN.get(tag, "the tag's default") if values else _NO_ROW
        if tag in standing.person.user.tags:
            return "the user's own value"
        if said := [space.slug for space, _ in self._given(standing, tag)]:
            return f"what {', '.join(sorted(said))} gives its people"
        return "the tag's default" if values else _NO_ROW

    def _worked_out(self, tag: str) -> Values:
        standing = self._standing
        if standing is None:
            return _NOTHING if tag in BUILT_IN else self._default(tag)
        if standing.everywhere is Role.NONE:
            return _NOTHING
        if standing.everywhere is Role.ADMIN and not (self._token and self._token.spaces is not None):
            return None
        match tag:
            case "@things":
                return self._things(standing)
            case "@tenant":
                return frozenset(space.slug for space in _of_first(self._spaces(standing), _TENANTS))
            case _:
                return self._said(standing, tag)

    def _said(self, standing: Standing, tag: str) -> frozenset[str]:
        own = standing.person.user.tags
        if tag in own:
            return _text(own[tag])
        given = self._given(standing, tag)
        return _NOTHING.union(*(_text(value) for _, value in given)) if given else self._default(tag)

    def _given(self, standing: Standing, tag: str) -> Sequence[tuple[Space, str]]:
        """The spaces that have a value for somebody, nearest first on the way up from each of theirs; those of the team
        alone that owns the instance, and all of them where it is everyone's.
        """
        team = Team(self.estate, self._instance)
        near = [space for space in self._spaces(standing) if team.has(space)]
        lineages = (self.estate.lineage(space) for space in _of_first(near, _TAGGED))
        nearest = (next((at for at in lineage if tag in at.tags), None) for lineage in lineages)
        return [(space, space.tags[tag]) for space in nearest if space is not None]

    def _default(self, tag: str) -> frozenset[str]:
        return _text(self.estate.settings.tags.get(tag) or "")

    def _spaces(self, standing: Standing) -> Sequence[Space]:
        """The spaces that somebody is in."""
        known = (self.estate.spaces.get(id_) for id_ in standing.person.memberships)
        return [
            space
            for space in known
            if space is not None and standing.role_in(space) > Role.NONE and in_scope(self.estate, self._token, space)
        ]

    def _things(self, standing: Standing) -> frozenset[str]:
        """An external id counts only for who may see every thing of the team that bears it: nobody gains by calling theirs
        alike, and nobody of another team takes anything away by it.
        """
        called, estate, team = self.estate.things_called, self.estate, Team(self.estate, self._instance)
        near = {thing.external_id for thing in _things_near(standing, team)}
        return frozenset(
            name
            for name in near
            if name and all(self._may_see(standing, one) or not team.has(estate.owner(one)) for one in called[name])
        )

    def _may_see(self, standing: Standing, thing: Resource) -> bool:
        return standing.role(thing) >= Role.DASHBOARD and in_scope(self.estate, self._token, thing)


def _of_first(spaces: Sequence[Space], choices: Iterable[frozenset[SpaceKind]]) -> Sequence[Space]:
    """Of the first choice of kinds of which there are any."""
    for kinds in choices:
        if found := [space for space in spaces if space.kind in kinds]:
            return found
    return ()


def _things_near(standing: Standing, team: Team) -> Iterator[Resource]:
    """The things of a team on which somebody may have a role, and hardly any more: those of their spaces, those at or below
    what is shared with these, and those at or below what an override names.
    """
    estate, memberships = standing.estate, standing.person.memberships
    for space in _spaces_near(standing):
        if team.has(space):
            yield from estate.things_of.get(space.id, ())
    shared = (
        grant.target for space in estate.everyone.union(memberships) for grant in estate.shared_with.get(space, ())
    )
    named = (at for held in memberships.values() for at in held.overrides)
    yield from (thing for thing in _at_or_below(estate, {*shared, *named}) if team.has(estate.owner(thing)))


def _spaces_near(standing: Standing) -> Iterator[Space]:
    """Somebody's spaces, what is everyone's, and all below those that they own."""
    estate, seen = standing.estate, set[str]()
    waiting = [*estate.everyone, *standing.person.memberships]
    while waiting:
        space = estate.spaces.get(waiting.pop())
        if space is None or space.id in seen:
            continue
        seen.add(space.id)
        yield space
        if standing.role_over(space) >= Role.OWNER:
            waiting += (below.id for below in estate.spaces_below.get(space.id, ()))


def _at_or_below(estate: Estate, targets: Iterable[str]) -> Iterator[Resource]:
    """The things that lie in any of these, that a folder of them holds, or that they are themselves."""
    waiting, seen = list(targets), set[str]()
    while waiting:
        resource = estate.resources.get(waiting.pop())
        if resource is None or resource.id in seen:
            continue
        seen.add(resource.id)
        if resource.kind is ResourceKind.THING:
            yield resource
        waiting += (child.id for child in estate.children.get(resource.id, ()))
        waiting += resource.members


def _text(value: str) -> frozenset[str]:
    """One value; an empty one says nothing."""
    return frozenset({value}) if value else _NOTHING
