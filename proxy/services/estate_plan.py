"""From what is there to what estate files want: the edits, in an order the store can take, each with its story."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Final

from proxy.model.access import Role
from proxy.model.audit import Update
from proxy.model.directory import Space
from proxy.model.estate import Estate, Grant, InstanceSettings, Resource, RowPolicy
from proxy.model.identity import Person, User, UserState
from proxy.services.audit import updates
from proxy.services.estate_ledger import Applied, Ledger, Whole
from proxy.services.estate_people import people_wanted
from proxy.services.estate_places import grants_wanted, refuse_orphans, resources_wanted, spaces_wanted
from proxy.store import Edit, PutPerson, Remove, RemoveGrant

SECRET: Final = frozenset({"basic_password_hash", "admin_token", "password"})
"""Facts that are compared but never shown."""


class Sign(StrEnum):
    ADDED = "+"
    CHANGED = "~"
    REMOVED = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One object that comes, changes or goes."""

    sign: Sign
    kind: str
    """team, customer, group, application, instance, user or grant."""
    id: str
    name: str
    edit: Edit
    updates: tuple[Update, ...] = ()
    """Of a changed object, each fact that is another, secrets included."""
    person: Person | None = None
    """Of a user who was there: as they were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What applying would do; empty when everything is as declared."""

    steps: tuple[Step, ...]
    ended: tuple[str, ...]
    """Ids of users whose sessions must end: removed, suspended, or with another password."""
    invited: tuple[User, ...]
    """Users who wait for an activation link since this plan."""
    before: Estate = field(default_factory=Estate)
    after: Estate = field(default_factory=Estate)
    basis: int | None = None
    """The version of the state it was made from."""

    def __bool__(self) -> bool:
        return bool(self.steps)


NOTHING: Final = Plan(steps=(), ended=(), invited=())
"""The plan of who declares nothing, or leaves applying to another process."""


def plan(
    files: Sequence[Applied], before: Whole, hashes: Mapping[str, str], *, prune: bool, new_id: Callable[[], str]
) -> Plan:
    """The way from what is there to what the files declare.

    `hashes` are those of passwords kept in files, by `user NAME` or `instance PATH`. Raises ConfigurationError with
    every name that is taken and every reference that leads nowhere.
    """
    return _way(before, _wanted(before, Ledger(files=files, prune=prune, new_id=new_id, hashes=hashes)))


def render_diff(planned: Plan) -> str:
    """One line per object that comes or goes and per field that changes; the empty text for an empty plan."""
    return "\n".join(line for step in planned.steps for line in _lines(step))


def _lines(step: Step) -> Iterator[str]:
    head = f"{step.sign} {step.kind} {step.name}"
    yield from (f"{head}: {_change(each)}" for each in sorted(step.updates, key=lambda each: each.key))
    if not step.updates:
        yield head


def _change(update: Update) -> str:
    """As `field before -> after`; secrets are not shown."""
    key = update.key
    return f"{key} changed" if key in SECRET else f"{key} {_shown(update.old)} -> {_shown(update.new)}"


def _shown(value: object) -> str:
    if value is None:
        return "(none)"
    text = str(value)
    return text if text and text.isprintable() else json.dumps(text)


def _wanted(before: Whole, ledger: Ledger) -> Whole:
    """Everything as it will be: declared objects as declared, those gone from their file gone, the rest untouched."""
    spaces = spaces_wanted(before.estate, ledger)
    resources = resources_wanted(before.estate, spaces, ledger)
    by_id = {each.id: each for each in resources.values()}
    bare = replace(before.estate, spaces=spaces, resources=by_id, grants=())
    refuse_orphans(before.estate, bare, ledger)
    # Owners and lineages are walked from here on, which needs trees without circles.
    ledger.settle()
    grants = grants_wanted(before.estate, bare, resources, ledger)
    people, hashes = people_wanted(before, bare, resources, ledger)
    ledger.settle()
    return Whole(estate=replace(bare, grants=grants), people=people, hashes=hashes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """One object: what it is, how to keep or forget it, and what to tell of it."""

    kind: str
    name: str
    value: object
    put: Edit
    remove: Edit
    facts: Mapping[str, str]
    person: Person | None = None


_Items = Mapping[tuple[str, ...], _Item]


def _way(before: Whole, after: Whole) -> Plan:
    known = before.hashes
    spaces = _steps(_spaces(before.estate), _spaces(after.estate))
    # Of very many resources usually none is another than before: what is told of them takes long to make.
    touched = _touched(before.estate.resources, after.estate.resources)
    resources = _steps(_resources(before.estate, touched), _resources(after.estate, touched))
    people = _steps(_people(before, known), _people(after, known))
    grants = _steps(_grants(before.estate), _grants(after.estate))
    # Removed users free their addresses before others take them; what others hung on goes last, children first.
    first = [step for step in (*grants, *people) if step.sign is Sign.REMOVED]
    kept = [step for step in (*spaces, *resources, *people, *grants) if step.sign is not Sign.REMOVED]
    last = [step for step in reversed([*spaces, *resources]) if step.sign is Sign.REMOVED]
    ended, invited = tuple(_ended(before, after)), tuple(_invited(before, after))
    return Plan(steps=(*first, *kept, *last), ended=ended, invited=invited, before=before.estate, after=after.estate)


def _steps(before: _Items, after: _Items) -> list[Step]:
    steps = []
    for key, item in after.items():
        was = before.get(key)
        if was is None:
            steps.append(Step(sign=Sign.ADDED, kind=item.kind, id=key[0], name=item.name, edit=item.put))
        elif was.value != item.value:
            step = Step(
                sign=Sign.CHANGED,
                kind=item.kind,
                id=key[0],
                name=item.name,
                edit=item.put,
                updates=updates(was.facts, item.facts),
                person=was.person,
            )
            steps.append(step)
    gone = [(key, item) for key, item in before.items() if key not in after]
    removed = [
        Step(sign=Sign.REMOVED, kind=it.kind, id=key[0], name=it.name, edit=it.remove, person=it.person)
        for key, it in gone
    ]
    return [*steps, *removed]


def _spaces(estate: Estate) -> _Items:
    """Those above first."""
    order = sorted(estate.spaces.values(), key=lambda space: (len(list(estate.lineage(space))), space.slug))
    return {(space.id,): _space(space, estate) for space in order}


def _space(space: Space, estate: Estate) -> _Item:
    above = estate.spaces.get(space.parent or "")
    facts = {"kind": space.kind.value, "title": space.title, "active": _word(space.active)}
    facts |= ({"parent": above.slug} if above else {}) | _tags(space.tags)
    return _Item(
        kind=space.kind.value,
        name=space.slug,
        value=space,
        put=space,
        remove=Remove(kind=Space, id=space.id),
        facts=facts | _origin(space.declared),
    )


def _tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {f"tags.{name}": value for name, value in tags.items()}


def _origin(declared: str | None) -> dict[str, str]:
    return {"file": declared} if declared else {}


def _touched(before: Mapping[str, Resource], after: Mapping[str, Resource]) -> frozenset[str]:
    return frozenset(id_ for id_ in before.keys() | after.keys() if before.get(id_) != after.get(id_))


def _resources(estate: Estate, touched: frozenset[str]) -> _Items:
    """Those of them that there are, those above first."""
    found = (estate.resources[id_] for id_ in touched if id_ in estate.resources)
    order = sorted(found, key=lambda each: (len(list(estate.path(each))), estate.address(each)))
    return {(each.id,): _resource(each, estate) for each in order}


def _resource(resource: Resource, estate: Estate) -> _Item:
    owner = estate.spaces.get(resource.owner or "")
    facts = {"title": resource.name} | ({"owner": owner.slug} if owner else {})
    facts |= _instance_facts(resource.instance) if resource.instance else {}
    facts |= {name: _word(value) for name, value in resource.attributes.items() if value}
    return _Item(
        kind=resource.kind.value,
        name=estate.address(resource),
        value=resource,
        put=resource,
        remove=Remove(kind=Resource, id=resource.id),
        facts=facts | _origin(resource.declared),
    )


def _instance_facts(settings: InstanceSettings) -> dict[str, str]:
    nested = {"upstream_tls", "rows"}
    values = {one.name: getattr(settings, one.name) for one in fields(settings) if one.name not in nested}
    rows = {f"rows.{policy.name}": _policy(policy) for policy in settings.rows}
    tls = {
        f"upstream_tls.{one.name}": getattr(settings.upstream_tls, one.name) for one in fields(settings.upstream_tls)
    }
    return {name: _word(value) for name, value in (values | tls | rows).items() if value is not None}


def _policy(policy: RowPolicy) -> str:
    said = {one.name: getattr(policy, one.name) for one in fields(policy) if one.name != "name"}
    return ", ".join(f"{name} {_word(value)}" for name, value in said.items() if value)


def _word(value: object) -> str:
    match value:
        case Role():
            return value.label
        case bool():
            return str(value).lower()
        case tuple() | list():
            return f"[{', '.join(map(str, value))}]"
        case _:
            return str(value)


def _people(whole: Whole, known: Mapping[str, str]) -> _Items:
    order = sorted(whole.people.values(), key=lambda person: person.user.username)
    return {(person.user.id,): _person(person, whole, known) for person in order}


def _person(person: Person, whole: Whole, known: Mapping[str, str]) -> _Item:
    hashed = whole.hashes.get(person.user.id)
    # A hash that stays is not written again: its owner may have chosen another password just now.
    new_hash = hashed if hashed != known.get(person.user.id) else None
    return _Item(
        kind="user",
        name=person.user.username,
        value=(person, hashed),
        put=PutPerson(person=person, password_hash=new_hash),
        remove=Remove(kind=User, id=person.user.id),
        facts=_person_facts(person, whole.estate) | ({"password": hashed} if hashed else {}),
        person=person,
    )


def _person_facts(person: Person, estate: Estate) -> dict[str, str]:
    user = person.user
    facts = {"username": user.username, "email": user.email, "name": user.name, "admin": _word(user.admin)}
    facts |= {"state": user.state.value} | _origin(user.declared) | _tags(user.tags)
    facts |= {"fullscreen": _word(user.fullscreen)} if user.fullscreen else {}
    facts |= {"stated": ", ".join(sorted(user.stated))} if user.stated else {}
    if (first := estate.resources.get(user.default_dashboard or "")) is not None:
        facts["default_dashboard"] = estate.address(first)
    for held in person.memberships.values():
        facts[f"memberships.{estate.spaces[held.space].slug}"] = held.role.label
        for target, role in held.overrides.items():
            facts[f"overrides.{estate.address(estate.resources[target])}"] = role.label
    return facts


def _grants(estate: Estate) -> _Items:
    found = {(grant.target, grant.space): _grant(grant, estate) for grant in estate.grants}
    return dict(sorted(found.items(), key=lambda item: item[1].name))


def _grant(grant: Grant, estate: Estate) -> _Item:
    return _Item(
        kind="grant",
        name=f"{estate.address(estate.resources[grant.target])} with {estate.spaces[grant.space].slug}",
        value=grant,
        put=grant,
        remove=RemoveGrant(target=grant.target, space=grant.space),
        facts={"role": grant.role.label} | _origin(grant.declared),
    )


def _ended(before: Whole, after: Whole) -> Iterator[str]:
    for user_id, was in before.people.items():
        person = after.people.get(user_id)
        suspended = person is not None and person.user.state is UserState.SUSPENDED
        newly = suspended and was.user.state is not UserState.SUSPENDED
        if person is None or newly or after.hashes.get(user_id) != before.hashes.get(user_id):
            yield user_id


def _invited(before: Whole, after: Whole) -> Iterator[User]:
    for user_id, person in after.people.items():
        was = before.people.get(user_id)
        if person.user.state is UserState.PENDING and (was is None or was.user.state is not UserState.PENDING):
            yield person.user
