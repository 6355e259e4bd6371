"""Who is a member of a space, and with which role."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from proxy.access.decide import acting, space_role
from proxy.access.directory import spaces_known
from proxy.model.access import Decision, Permission, Reason, Role
from proxy.model.audit import Update
from proxy.model.directory import Space, SpaceKind
from proxy.model.identity import Membership, Person, UserKind
from proxy.services.administration.references import unknown
from proxy.services.authority import refuse_declared, require, space_at, told
from proxy.services.mingled import mingled_by, on_record, refuse_mingled
from proxy.services.problems import Denied, Exists, NotPossible, NotThere
from proxy.services.writer import Moment, Step
from proxy.store import Invitation, PutPerson, Remove


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """Somebody who was made a member."""

    person: Person
    mingled: Sequence[Space]
    """Groups in which they are together with people of other customers, as far as whoever acts may know of those."""


async def add(moment: Moment, key: str, *, person: Person | None, role: Role, strict: bool = False) -> Step[Added]:
    """Make somebody a member without asking them: admins and owners of a space above may, others invite.

    `person` is None for somebody whom whoever acts does not know of, which reads as nobody. With `strict` nobody is added
    who would be with people of other customers in a group.
    """
    space = _space(moment, key, Permission.SPACE_MEMBERS_INVITE)
    if not _from_above(moment, space):
        refused = Decision(allowed=False, reason=Reason.ROLE_TOO_LOW, role=Role.OWNER, status=403)
        raise Denied(refused, Permission.SPACE_MEMBERS_INVITE, space)
    if person is None or person.user.kind is UserKind.SERVICE:
        raise unknown("user", "user")
    if space.id in person.memberships:
        raise Exists("user", person.user.username)
    refuse_kept_by_file(person)
    after = with_membership(person, Membership(space=space.id, role=role))
    seen = await mingled_by(moment, person, after, known=spaces_known(moment.estate, moment.actor))
    if strict:
        refuse_mingled(seen)
    event = told(moment, f"{space.kind}.user.added", space, user=person.user.id, body={"role": role.label})
    events = [event, *on_record(moment, await mingled_by(moment, person, after), after)]
    return Step(result=Added(person=after, mingled=seen), edits=[PutPerson(person=after)], events=events)


async def set_role(moment: Moment, key: str, user_id: str, role: Role) -> Step[Person]:
    """Give a member another role; the last active owner of a team stays one."""
    space = _space(moment, key, Permission.SPACE_MEMBERS_ROLE)
    person = await member(moment, space, user_id)
    held = person.memberships[space.id]
    if held.role is role:
        return Step(result=person)
    refuse_kept(person, space)
    if role < Role.OWNER:
        await _keep_an_owner(moment, space, person)
    after = with_membership(person, replace(held, role=role))
    changed = (Update(key="role", old=held.role.label, new=role.label),)
    event = told(moment, f"{space.kind}.user.role-changed", space, user=user_id, updates=changed)
    return Step(result=after, edits=[PutPerson(person=after)], events=[event])


async def remove(moment: Moment, key: str, user_id: str) -> Step[None]:
    """End a membership with its overrides, and what would lead back in: an owner another's, anybody their own."""
    space = space_at(moment.estate, key)
    leaving = user_id == moment.actor.user_id and space.id in moment.actor.person.memberships
    if leaving:
        require(moment, Permission.SELF_EDIT, None)
    else:
        require(moment, Permission.SPACE_MEMBERS_REMOVE, space)
    person = await member(moment, space, user_id)
    refuse_kept(person, space)
    await _keep_an_owner(moment, space, person)
    rest = {at: held for at, held in person.memberships.items() if at != space.id}
    open_ = await moment.database.invitations(space=space.id)
    back = [Remove(kind=Invitation, id=each.id) for each in open_ if each.user == user_id]
    body = {"role": person.memberships[space.id].role.label, "left": leaving}
    event = told(moment, f"{space.kind}.user.removed", space, user=user_id, body=body)
    return Step(result=None, edits=[PutPerson(person=replace(person, memberships=rest)), *back], events=[event])


async def member(moment: Moment, space: Space, user_id: str) -> Person:
    """A person who is a member of a space. Raises NotThere, also for a service account, which is of one space for good."""
    person = await held_by(moment, space, user_id)
    if person.user.kind is UserKind.SERVICE:
        raise NotThere(user_id)
    return person


async def held_by(moment: Moment, space: Space, user_id: str) -> Person:
    """A member of a space, or a service account of it. Raises NotThere."""
    person = await moment.database.person(user_id)
    if person is None or space.id not in person.memberships:
        raise NotThere(user_id)
    return person


def with_membership(person: Person, held: Membership) -> Person:
    """The person with this membership instead of the one in the same space."""
    return replace(person, memberships={**person.memberships, held.space: held})


def refuse_kept(person: Person, space: Space) -> None:
    """Raises NotPossible for a membership that something else keeps up: a login provider, or a file."""
    if person.memberships[space.id].source == "sso":
        name = person.user.username
        detail = f"The membership of {name} in {space.slug} is kept up by the login provider. Change it there."
        raise NotPossible("managed_by_sso", detail)
    refuse_kept_by_file(person)


def refuse_kept_by_file(person: Person) -> None:
    """Raises DeclaredInFile for somebody whom an estate file declares."""
    refuse_declared(person.user, f"The user {person.user.username}, with every membership,")


def _space(moment: Moment, key: str, permission: Permission) -> Space:
    space = space_at(moment.estate, key)
    require(moment, permission, space)
    if space.kind is SpaceKind.EVERYONE:
        raise NotPossible("built_in", "Everyone is a member of it, and nobody more than others.")
    return space


def _from_above(moment: Moment, space: Space) -> bool:
    person = acting(moment.actor.person, moment.actor.token)
    above = moment.estate.spaces.get(space.parent or "")
    return person.user.admin or (above is not None and space_role(moment.estate, person, above) >= Role.OWNER)


async def _keep_an_owner(moment: Moment, space: Space, person: Person) -> None:
    """A team without an owner could be managed by admins alone. Below a team, its owners remain."""
    if space.kind is not SpaceKind.TEAM or person.memberships[space.id].role < Role.OWNER:
        return
    if set(await moment.database.owners(space.id)) == {person.user.id}:
        detail = f"{person.user.username} is the last active owner of {space.slug}. Make somebody else an owner first."
        raise NotPossible("last_owner", detail)
