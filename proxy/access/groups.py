"""What the groups that a provider names mean here: memberships, roles on single resources, and who is an admin. Pure.

Every group gets an answer, also one that means nothing: a mapping that silently does nothing is the hardest to put right.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from config.auth_schema import GroupMapping
from proxy.model.access import Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Estate, Resource, ResourceKind
from proxy.model.identity import Membership, Person

SSO: Final = "sso"
"""The source of a membership that a provider keeps up."""
_ROLES: Final = {role.label: role for role in (Role.NONE, Role.DASHBOARD, Role.VIEWER, Role.MEMBER, Role.OWNER)}
_TARGETS: Final = (ResourceKind.APPLICATION, ResourceKind.INSTANCE, ResourceKind.DEVICE)
_NAMED: Final = re.compile(r"(.+)-([^-]+)", re.DOTALL)
_BRACKETS: Final = re.compile(r"([^\[\]]+)\[(.+)\]", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one group came to."""

    group: str
    """As the provider wrote it."""
    name: str
    """As it was read: by its name, and cut."""
    role: Role | None = None
    space: Space | None = None
    resource: Resource | None = None
    admin: bool = False
    ignored: str = ""
    """Why it means nothing; empty where it means something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """A person as their groups want them."""

    person: Person
    readings: Sequence[Reading]
    kept_admin: bool = False
    """They are an admin still although they are not in that group: the last one there is."""
    kept_owner: frozenset[str] = frozenset()
    """Ids of the teams whose owner they are still although no group says so: the last one there is."""


def mapped(
    mapping: GroupMapping,
    groups: Iterable[str],
    estate: Estate,
    person: Person,
    *,
    last_admin: bool = False,
    last_owner: Collection[str] = (),
) -> Mapped:
    """The person with the memberships that these groups give, and without those that no group gives any more.

    What an estate file declares stands beside it, unchanged; so do overrides made by hand, until a group says otherwise.
    `last_owner`: ids of the teams that would have no owner without them.
    """
    read = [each for group in dict.fromkeys(groups) for each in _read(mapping, group, estate)]
    roles = _highest((each.space.id, each.role) for each in read if _of_space(each) and each.space and each.role)
    held = _memberships(mapping, estate, person, roles)
    owned = {at: person.memberships[at] for at in last_owner if at not in held or held[at].role < Role.OWNER}
    held |= owned
    read = [_needing_membership(each, held) for each in read]
    wanted = _wanted(read)
    after = {at: _with_overrides(each, wanted.get(at, {}), person) for at, each in held.items()}
    result, kept = _admin(mapping, read, replace(person, memberships=after), last_admin=last_admin)
    told = [_outdone(each, roles, person, owned) for each in read]
    return Mapped(person=result, readings=told, kept_admin=kept, kept_owner=frozenset(owned))


def _of_space(reading: Reading) -> bool:
    return not reading.ignored and reading.resource is None and not reading.admin


def _highest(said: Iterable[tuple[str, Role]]) -> dict[str, Role]:
    found: dict[str, Role] = {}
    for at, role in said:
        found[at] = max(role, found.get(at, role))
    return found


def _read(mapping: GroupMapping, group: str, estate: Estate) -> Iterator[Reading]:
    """What a group means: by the table, as the group of admins, by its name."""
    name = mapping.names.get(group, group)
    names = {group.casefold(), name.casefold()}
    found = False
    if mapping.admin and mapping.admin.casefold() in names:
        found = True
        yield Reading(group=group, name=name, admin=True)
    for key, row in mapping.table.items():
        if key.casefold() in names:
            found = True
            for target, role in row.items():
                yield _placed(mapping, estate, Reading(group=group, name=name, role=_ROLES[role]), *_split(target))
    by_name = _by_name(mapping, group, name, estate)
    if not found or not by_name.ignored:
        yield by_name


def _split(target: str) -> tuple[str, str]:
    """A team, and what in it; the latter is empty for the team itself."""
    team, _, rest = target.partition("/")
    return team, rest


def _by_name(mapping: GroupMapping, group: str, name: str, estate: Estate) -> Reading:
    """Of a name such as ff-acme-owner or ff-acme[plant]-viewer."""
    cut = name[mapping.strip_prefix : len(name) - mapping.strip_suffix]
    told = Reading(group=group, name=cut)
    if not mapping.prefix:
        return replace(told, ignored="it is not in the table, and names are not read (prefix is empty)")
    if not cut.casefold().startswith(mapping.prefix.casefold()):
        return replace(told, ignored=f"it is not in the table and does not start with {mapping.prefix}")
    form = _NAMED.fullmatch(cut[len(mapping.prefix) :])
    if form is None:
        return replace(told, ignored=f"it is not {mapping.prefix}TEAM-ROLE or {mapping.prefix}TEAM[APPLICATION]-ROLE")
    role = _ROLES.get(form[2].casefold())
    if role is None:
        return replace(told, ignored=f"{form[2]} is no role; these are: {', '.join(_ROLES)}")
    inner = _BRACKETS.fullmatch(form[1])
    team, application = (inner[1], inner[2]) if inner else (form[1], "")
    return _placed(mapping, estate, replace(told, role=role), team, application)


def _placed(mapping: GroupMapping, estate: Estate, told: Reading, team: str, within: str) -> Reading:
    """The place that is meant: a space, or something in it."""
    slug = team.casefold()
    space = next((each for each in estate.spaces.values() if each.slug == slug), None)
    if space is None or space.kind is SpaceKind.EVERYONE:
        return replace(told, ignored=f"no team, customer or group has the slug {slug}")
    if mapping.teams is not None and slug not in mapping.teams:
        return replace(told, ignored=f"{slug} is not among the teams these groups decide about (teams)")
    if not within:
        nothing = "the role none keeps nobody out of a whole team; leave the group out" if not told.role else ""
        return replace(told, space=space, ignored=nothing)
    found = _resources(estate, space, within)
    if len(found) != 1:
        why = "more than one is called that; use its id" if found else "there is no such application"
        return replace(told, space=space, ignored=f"{slug}[{within}]: {why}")
    return replace(told, space=space, resource=found[0])


def _resources(estate: Estate, space: Space, called: str) -> Sequence[Resource]:
    """What of a space is meant: by id, else by its way below the space, else an application by its name."""
    known = estate.resources.get(called)
    if known is not None and known.kind in _TARGETS:
        return [known] if _within(estate, known, space) else []
    mine = [each for kind in _TARGETS for each in estate.by_kind[kind] if _within(estate, each, space)]
    by_way = [each for each in mine if estate.address(each).partition("/")[2] == called.casefold()]
    by_name = [each for each in mine if each.kind is ResourceKind.APPLICATION and _is_called(each, called)]
    found = by_way or by_name
    return [each for each in found if estate.owner(each) is space] or found


def _is_called(resource: Resource, name: str) -> bool:
    return resource.name.casefold() == name.casefold()


def _within(estate: Estate, resource: Resource, space: Space) -> bool:
    owner = estate.owner(resource)
    return owner is not None and any(at.id == space.id for at in estate.lineage(owner))


def _memberships(
    mapping: GroupMapping, estate: Estate, person: Person, roles: Mapping[str, Role]
) -> dict[str, Membership]:
    """What they are a member of afterwards, with the overrides that were there."""
    held = {at: each for at, each in person.memberships.items() if _stays(mapping, estate, person, each)}
    for at, role in roles.items():
        before = person.memberships.get(at)
        if before is None:
            held[at] = Membership(space=at, role=role, source=SSO)
        elif not _is_files(person, before):
            held[at] = replace(before, role=role, source=SSO)
    return held


def _stays(mapping: GroupMapping, estate: Estate, person: Person, held: Membership) -> bool:
    """Whether a membership that no group gives goes on."""
    if _is_files(person, held):
        return True
    space = estate.spaces.get(held.space)
    if held.source == SSO or space is None:
        return False
    if mapping.teams is None:
        return space.kind is not SpaceKind.TEAM
    return space.slug not in mapping.teams and mapping.other_teams


def _is_files(person: Person, held: Membership) -> bool:
    """Whether an estate file keeps the membership up, and would put it back."""
    return person.user.declared is not None and held.source != SSO


def _needing_membership(reading: Reading, held: Mapping[str, Membership]) -> Reading:
    if reading.ignored or reading.resource is None or reading.space is None or reading.space.id in held:
        return reading
    return replace(reading, ignored=f"it needs a membership in {reading.space.slug}, which no group gives")


def _wanted(readings: Iterable[Reading]) -> Mapping[str, Mapping[str, Role]]:
    """Space id -> resource id -> the highest role that a group gives there."""
    found: dict[str, dict[str, Role]] = {}
    for each in readings:
        if not each.ignored and each.resource is not None and each.space is not None and each.role is not None:
            here = found.setdefault(each.space.id, {})
            here[each.resource.id] = max(each.role, here.get(each.resource.id, each.role))
    return found


def _with_overrides(held: Membership, wanted: Mapping[str, Role], person: Person) -> Membership:
    """The membership with the overrides that groups give, and those made by hand where no group says anything."""
    by_hand = {at: role for at, role in held.overrides.items() if at not in held.managed}
    if _is_files(person, held):
        wanted = {at: role for at, role in wanted.items() if at not in by_hand}
    after = {**by_hand, **wanted}
    if after == dict(held.overrides) and held.managed == wanted.keys():
        return held
    return replace(held, overrides=MappingProxyType(after), managed=frozenset(wanted))


def _admin(
    mapping: GroupMapping, readings: Iterable[Reading], person: Person, *, last_admin: bool
) -> tuple[Person, bool]:
    user = person.user
    if not mapping.admin or user.declared is not None:
        return person, False
    admin = any(each.admin for each in readings)
    if user.admin and not admin and last_admin:
        return person, True
    return replace(person, user=replace(user, admin=admin)), False


def _outdone(reading: Reading, roles: Mapping[str, Role], person: Person, owned: Collection[str]) -> Reading:
    """The reading, with what a higher role, an estate file or a team without another owner makes of it."""
    if reading.admin and person.user.declared is not None:
        return replace(reading, ignored=f"{person.user.declared} says whether they are an admin")
    if not _of_space(reading) or reading.space is None or reading.role is None:
        return reading
    held = person.memberships.get(reading.space.id)
    if held is not None and _is_files(person, held):
        return replace(reading, ignored=f"{person.user.declared} declares the membership, as {held.role.label}")
    if reading.space.id in owned:
        return replace(reading, ignored=f"they are the last active owner of {reading.space.slug}, and stay it")
    highest = roles[reading.space.id]
    if reading.role < highest:
        return replace(reading, ignored=f"another group gives the higher role {highest.label}")
    return reading
