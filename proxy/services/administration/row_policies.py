"""Row policies: whose rows the visitors of an instance see."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from proxy.access.directory import knows
from proxy.access.rows import BadRowsPath, Judged, judge_rows, rows_path
from proxy.access.tags import BUILT_IN, Tags, Values
from proxy.model.access import Permission
from proxy.model.audit import Update
from proxy.model.estate import Estate, InstanceSettings, Resource, ResourceKind, RowKind, RowPolicy
from proxy.services.administration.references import resource_named, unknown
from proxy.services.administration.resources import refuse_kept
from proxy.services.audit import changes
from proxy.services.authority import require, resource_at, told
from proxy.services.problems import Exists, Invalid, NotPossible, NotThere, Wrong
from proxy.services.users import user_at
from proxy.services.writer import Moment, Step

MOST: Final = 50
"""Policies of one instance."""
_OF_HTTP: Final = ("paths", "methods")
_OF_SOCKETS: Final = ("widgets", "types", "pages")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A policy, and the instance it is of."""

    instance: Resource
    policy: RowPolicy

    @property
    def id(self) -> str:
        return f"{self.instance.id}:{self.policy.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What somebody would get of a sample under a policy."""

    judged: Judged
    values: Values
    why: str
    """Where their values come from."""


def placed_in(instance: Resource) -> Sequence[Placed]:
    """The policies of one instance, by name."""
    rows = instance.instance.rows if instance.instance is not None else ()
    return [Placed(instance=instance, policy=policy) for policy in sorted(rows, key=lambda each: each.name)]


def policy_at(estate: Estate, key: str) -> Placed:
    """A policy by its id: that of its instance, a colon, and its name. Raises NotThere."""
    instance_id, _, name = key.partition(":")
    instance = resource_at(estate, instance_id, ResourceKind.INSTANCE)
    found = next((each for each in placed_in(instance) if each.policy.name == name), None)
    if found is None:
        raise NotThere(key)
    return found


async def create(moment: Moment, instance: str, policy: RowPolicy) -> Step[Placed]:
    """A new policy. Raises Exists, Invalid and NotPossible."""
    on = manageable(moment, instance)
    rows = _settings(on).rows
    if any(each.name == policy.name for each in rows):
        raise Exists("name", policy.name)
    if len(rows) >= MOST:
        raise NotPossible("too_many", f"{on.slug} has {MOST} row policies, and that is all it may have. Delete one.")
    _refuse_wrong(moment.estate, policy)
    return _put(moment, on, (*rows, policy), Placed(instance=on, policy=policy), "row-policy.created")


async def update(moment: Moment, key: str, policy: RowPolicy) -> Step[Placed]:
    """Change a policy; its name stays."""
    before = policy_at(moment.estate, key)
    _require(moment, before.instance)
    after = Placed(instance=before.instance, policy=replace(policy, name=before.policy.name))
    if after == before:
        return Step(result=before)
    _refuse_wrong(moment.estate, after.policy)
    rows = (after.policy if each == before.policy else each for each in _settings(before.instance).rows)
    updates = changes(before.policy, after.policy)
    return _put(moment, before.instance, rows, after, "row-policy.updated", updates)


async def delete(moment: Moment, key: str) -> Step[None]:
    """Delete a policy: from then on its rows are everybody's who may open the instance."""
    gone = policy_at(moment.estate, key)
    _require(moment, gone.instance)
    rows = (each for each in _settings(gone.instance).rows if each != gone.policy)
    step = _put(moment, gone.instance, rows, gone, "row-policy.deleted")
    return Step(result=None, edits=step.edits, events=step.events)


async def trial(moment: Moment, instance: str, policy: RowPolicy, user: str | None, sample: object) -> Trial:
    """What a user, or nobody in particular, would get of a sample; the policy need not be kept anywhere."""
    at = manageable(moment, instance)
    _refuse_wrong(moment.estate, policy)
    try:
        person = await user_at(moment, user) if user is not None else None
    except NotThere:
        raise unknown("user", "user") from None
    if person is not None and not knows(moment.estate, moment.actor, person):
        raise unknown("user", "user")
    tags = Tags(moment.estate, person, at)
    values = tags.values(policy.tag)
    return Trial(judged=judge_rows(policy, values, sample), values=values, why=tags.why(policy.tag))


def manageable(moment: Moment, instance: str) -> Resource:
    """An instance, named in a body, whose policies whoever acts may manage. Raises Invalid, Denied."""
    found = resource_named(moment, "instance", instance, Permission.INSTANCE_READ, ResourceKind.INSTANCE)
    _require(moment, found)
    return found


def _require(moment: Moment, instance: Resource) -> None:
    require(moment, Permission.INSTANCE_READ, instance)  # who may not know of it hears nothing of its owner
    require(moment, Permission.ROW_POLICY_MANAGE, moment.estate.owner(instance))


def _put(
    moment: Moment,
    instance: Resource,
    rows: Iterable[RowPolicy],
    placed: Placed,
    event: str,
    updates: tuple[Update, ...] = (),
) -> Step[Placed]:
    refuse_kept(instance)
    after = replace(instance, instance=replace(_settings(instance), rows=tuple(rows)))
    body = {"name": placed.policy.name, "tag": placed.policy.tag}
    return Step(result=placed, edits=[after], events=[told(moment, event, after, updates=updates, body=body)])


def _settings(instance: Resource) -> InstanceSettings:
    if instance.instance is None:
        raise NotThere(instance.id)
    return instance.instance


def _refuse_wrong(estate: Estate, policy: RowPolicy) -> None:
    """Raises Invalid with all that is wrong with a policy."""
    wrongs: list[Wrong] = []
    if policy.tag not in BUILT_IN and policy.tag not in estate.settings.tags:
        known = ", ".join([*sorted(estate.settings.tags), *sorted(BUILT_IN)])
        wrongs.append(Wrong(field="tag", message="names no tag that is defined", remedy=f"Take one of {known}."))
    try:
        rows_path(policy.rows)
    except BadRowsPath as error:
        wrongs.append(Wrong(field="rows", message=str(error), remedy="Say where the rows are, or $ for all of it."))
    other = _OF_SOCKETS if policy.kind is RowKind.HTTP else _OF_HTTP
    wrongs += (
        Wrong(field=name, message=f"means nothing in a policy of kind {policy.kind}", remedy="Leave it out.")
        for name in other
        if getattr(policy, name)
    )
    if wrongs:
        raise Invalid(*wrongs)
