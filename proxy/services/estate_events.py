"""What applying estate files puts on record: one event per object, and one per membership for the space it is in.

That an instance is protected, or no longer, is an event of its own.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from proxy.model.audit import Event, Update
from proxy.model.identity import Membership
from proxy.services.audit import FILE, Scope, happened, on_resource, on_space, on_user, updates
from proxy.services.estate_plan import Plan, Sign, Step
from proxy.store import PutPerson

_VERBS: Final[Mapping[str, tuple[str, str, str]]] = {
    "instance": ("project.created", "project.settings.updated", "project.deleted"),
    "user": ("user.created-user", "user.updated-user", "user.deleted"),
    "grant": ("share.created", "share.updated", "share.deleted"),
}


def events(planned: Plan, now: float) -> Iterator[Event]:
    """The story of a plan, in the order of its steps."""
    for step in planned.steps:
        for verb, changed in _told(step):
            yield happened(
                verb,
                at=now,
                by=FILE,
                on=_on(planned, step),
                user=step.id if step.kind == "user" else None,
                updates=changed,
                body={"name": step.name},
            )
        if step.kind == "user":
            yield from _memberships(planned, step, now)


def _told(step: Step) -> Iterator[tuple[str, tuple[Update, ...]]]:
    """What is told of an object, each with what changed."""
    switched = tuple(each for each in step.updates if step.kind == "instance" and each.key == "protected")
    others = tuple(each for each in step.updates if each not in switched)
    if others or not switched:
        yield _verb(step), others
    for each in switched:
        yield "project.protected" if each.new == "true" else "project.unprotected", (each,)


def _verb(step: Step) -> str:
    usual = (f"{step.kind}.created", f"{step.kind}.updated", f"{step.kind}.deleted")
    created, updated, deleted = _VERBS.get(step.kind, usual)
    return {Sign.ADDED: created, Sign.CHANGED: updated, Sign.REMOVED: deleted}[step.sign]


def _on(planned: Plan, step: Step) -> Scope:
    """Where it is; of what is removed, where it was."""
    if step.kind == "user":
        return on_user(step.id)
    estate = planned.before if step.sign is Sign.REMOVED else planned.after
    if step.id in estate.spaces:
        return on_space(estate, estate.spaces[step.id])
    return on_resource(estate, estate.resources[step.id])


def _memberships(planned: Plan, step: Step, now: float) -> Iterator[Event]:
    """What changed for each space that the user was or is in."""
    before = step.person.memberships if step.person else {}
    after = step.edit.person.memberships if isinstance(step.edit, PutPerson) else {}
    for id_ in (*before, *(id_ for id_ in after if id_ not in before)):
        estate = planned.after if id_ in planned.after.spaces else planned.before
        space = estate.spaces[id_]
        for verb, old, new in _turns(before.get(id_), after.get(id_)):
            yield happened(
                f"{space.kind}.user.{verb}",
                at=now,
                by=FILE,
                on=on_space(estate, space),
                user=step.id,
                updates=updates(old, new),
                body={"name": step.name},
            )


_Facts = Mapping[str, object]


def _turns(old: Membership | None, new: Membership | None) -> Iterator[tuple[str, _Facts, _Facts]]:
    """Which way a membership went, and between what."""
    held, holds = _role(old), _role(new)
    if held != holds:
        yield "added" if old is None else "removed" if new is None else "role-changed", held, holds
    had, has = _overrides(old), _overrides(new)
    if had != has:
        yield "permissions-changed", had, has


def _role(membership: Membership | None) -> _Facts:
    return {"role": membership.role} if membership else {}


def _overrides(membership: Membership | None) -> _Facts:
    return dict(membership.overrides) if membership else {}
