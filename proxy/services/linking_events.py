"""What is put on record where a provider makes, links or changes an account."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from proxy.access.linking import How
from proxy.model.audit import Event, Update
from proxy.model.directory import Space
from proxy.model.estate import Estate
from proxy.model.identity import Membership, Person
from proxy.services.audit import changes
from proxy.services.authority import told
from proxy.services.writer import Occasion


def told_of(occasion: Occasion, how: How, before: Person | None, after: Person) -> Sequence[Event]:
    """The events of an account that is from now on as `after`; `before` is None for one that was made."""
    return [*_of_account(occasion, how, before, after), *_of_memberships(occasion, before, after)]


def _of_account(occasion: Occasion, how: How, before: Person | None, after: Person) -> Iterator[Event]:
    user = after.user
    if before is None:
        body = {"name": user.username, "admin": user.admin, "provider": user.provider}
        yield told(occasion, "user.created-user", user, body=body)
        return
    if how in (How.BOUND, How.LINKED):
        body = {"name": user.username, "provider": user.provider, "rule": how.value}
        yield told(occasion, "user.provider-linked", user, body=body)
    rest = changes(replace(before.user, provider=user.provider, subject=user.subject), user)
    if rest:
        yield told(occasion, "user.updated-user", user, updates=rest)


def _of_memberships(occasion: Occasion, before: Person | None, after: Person) -> Iterator[Event]:
    held = before.memberships if before else {}
    for at in dict.fromkeys((*held, *after.memberships)):
        space = occasion.estate.spaces.get(at)
        if space is not None:
            yield from _of_membership(occasion, space, after, held.get(at), after.memberships.get(at))


def _of_membership(
    occasion: Occasion, space: Space, person: Person, old: Membership | None, new: Membership | None
) -> Iterator[Event]:
    user = person.user.id
    if old is None and new is not None:
        yield told(occasion, f"{space.kind}.user.added", space, user=user, body={"role": new.role.label})
    elif old is not None and new is None:
        body = {"role": old.role.label, "left": False}
        yield told(occasion, f"{space.kind}.user.removed", space, user=user, body=body)
    elif old is not None and new is not None:
        changed = [Update(key="role", old=old.role.label, new=new.role.label)] if old.role is not new.role else []
        if old.source != new.source:
            changed.append(Update(key="source", old=old.source, new=new.source))
        if changed:
            yield told(occasion, f"{space.kind}.user.role-changed", space, user=user, updates=tuple(changed))
    overridden = _overridden(occasion.estate, old, new)
    if overridden and new is not None:
        yield told(occasion, f"{space.kind}.user.permissions-changed", space, user=user, updates=overridden)


def _overridden(estate: Estate, old: Membership | None, new: Membership | None) -> tuple[Update, ...]:
    before, after = old.overrides if old else {}, new.overrides if new else {}
    changed = [at for at in dict.fromkeys((*before, *after)) if before.get(at) is not after.get(at)]
    there = {at: estate.resources.get(at) for at in changed}
    return tuple(
        Update(
            key=estate.address(resource) if (resource := there[at]) else at,
            old=before[at].label if at in before else None,
            new=after[at].label if at in after else None,
        )
        for at in changed
    )
