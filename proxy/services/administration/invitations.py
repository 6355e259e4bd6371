"""Invitations: an offer of membership that its receiver accepts or not.

An invitation reads the same whether anybody has the name or address it is made out to: nobody learns who has an account.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from proxy.access.decide import space_role
from proxy.access.directory import knows
from proxy.access.standing import is_active
from proxy.model.access import Permission, Role
from proxy.model.audit import Update
from proxy.model.directory import Space, SpaceKind
from proxy.model.identity import Membership, Person, UserKind
from proxy.services.administration.members import with_membership
from proxy.services.authority import refuse_declared, require, space_at, told
from proxy.services.mingled import mingled_by, on_record
from proxy.services.problems import Exists, NotPossible, NotThere
from proxy.services.writer import Moment, Step
from proxy.store import Edit, Invitation, PutPerson, Remove

LASTS: Final = 7 * 86400.0
"""Seconds."""
MOST: Final = 500
"""Open invitations of one space."""


async def invite(moment: Moment, key: str, *, id_: str, login: str, role: Role) -> Step[Invitation]:
    """Invite whoever has this username or e-mail address; an open invitation of the same is renewed.

    Raises Exists for a member of whom whoever acts knows anyway.
    """
    space = _space(moment, key)
    receiver = await _known(moment, login)
    if receiver is not None and space.id in receiver.memberships and knows(moment.estate, moment.actor, receiver):
        raise Exists("to", login)
    there = await moment.database.invitations(space=space.id)
    open_ = [each for each in there if moment.now < each.expires]
    before = next((each for each in open_ if each.email.casefold() == login.casefold()), None)
    if before is None and len(open_) >= MOST:
        detail = f"{space.slug} has {MOST} open invitations, which is the most. Take some of them back first."
        raise NotPossible("too_many_invitations", detail)
    made = Invitation(
        id=before.id if before else id_,
        space=space.id,
        role=role,
        created=moment.now,
        expires=moment.now + LASTS,
        created_by=moment.actor.user_id,
        user=receiver.user.id if receiver else None,
        email=login,
    )
    other = before is not None and before.role is not role
    updates = (Update(key="role", old=before.role.label, new=role.label),) if before and other else ()
    body = {"to": login, "role": role.label}
    event = told(moment, f"{space.kind}.user.invited", space, updates=updates, body=body)
    return Step(result=made, edits=[*_stale(there, moment.now), made], events=[event])


async def open_invitations(moment: Moment, key: str) -> Sequence[Invitation]:
    """The invitations into a space that may still be accepted."""
    space = _space(moment, key)
    found = await moment.database.invitations(space=space.id)
    return [each for each in found if moment.now < each.expires]


async def invitation(moment: Moment, key: str, id_: str) -> Invitation:
    """One of a space, open or not. Raises NotThere."""
    return await _of(moment, _space(moment, key), id_)


async def resend(moment: Moment, key: str, id_: str) -> Step[Invitation]:
    """Let an invitation last for another seven days from now."""
    space = _space(moment, key)
    before = await _of(moment, space, id_)
    receiver = await _known(moment, before.email)
    after = replace(before, expires=moment.now + LASTS, user=receiver.user.id if receiver else None)
    event = told(moment, f"{space.kind}.user.invited", space, body={"to": before.email, "role": before.role.label})
    return Step(result=after, edits=[after], events=[event])


async def withdraw(moment: Moment, key: str, id_: str) -> Step[None]:
    """Take an invitation back."""
    space = _space(moment, key)
    before = await _of(moment, space, id_)
    event = told(moment, f"{space.kind}.user.uninvited", space, body={"to": before.email, "role": before.role.label})
    return Step(result=None, edits=[Remove(kind=Invitation, id=id_)], events=[event])


async def mine(moment: Moment) -> Sequence[Invitation]:
    """The invitations that whoever acts may accept."""
    found = await moment.database.invitations(user=moment.actor.user_id)
    spaces = moment.estate.spaces
    open_ = [each for each in found if moment.now < each.expires and each.space in spaces]
    return [each for each in open_ if await _stands(moment, each, spaces[each.space])]


async def accept(moment: Moment, id_: str) -> Step[Invitation]:
    """Become a member; whoever is one already stays what they are."""
    invitation, space = await _to_me(moment, id_)
    person = moment.actor.person
    refuse_declared(person.user, f"The user {person.user.username}, with every membership,")
    if not is_active(moment.estate, space):
        raise NotPossible("suspended", f"{space.title or space.slug} is suspended. Ask whoever invited you.")
    edits: list[Edit] = [Remove(kind=Invitation, id=id_)]
    body = {"role": invitation.role.label}
    events = [told(moment, f"{space.kind}.user.invite.accepted", space, user=person.user.id, body=body)]
    if space.id not in person.memberships:
        held = Membership(space=space.id, role=invitation.role, source="invite")
        after = with_membership(person, held)
        edits.append(PutPerson(person=after))
        events += on_record(moment, await mingled_by(moment, person, after), after)
    return Step(result=invitation, edits=edits, events=events)


async def reject(moment: Moment, id_: str) -> Step[Invitation]:
    """Decline."""
    invitation, space = await _to_me(moment, id_)
    event = told(moment, f"{space.kind}.user.invite.rejected", space, user=moment.actor.user_id)
    return Step(result=invitation, edits=[Remove(kind=Invitation, id=id_)], events=[event])


def _space(moment: Moment, key: str) -> Space:
    space = space_at(moment.estate, key)
    require(moment, Permission.SPACE_MEMBERS_INVITE, space)
    if space.kind is SpaceKind.EVERYONE:
        raise NotPossible("built_in", "Everyone is a member of it already.")
    return space


async def _of(moment: Moment, space: Space, id_: str) -> Invitation:
    found = await moment.database.invitation(id_)
    if found is None or found.space != space.id:
        raise NotThere(id_)
    return found


async def _to_me(moment: Moment, id_: str) -> tuple[Invitation, Space]:
    require(moment, Permission.SELF_EDIT, None)
    found = await moment.database.invitation(id_)
    space = moment.estate.spaces.get(found.space) if found else None
    if found is None or space is None or found.user != moment.actor.user_id or found.expires <= moment.now:
        raise NotThere(id_)
    if not await _stands(moment, found, space):
        raise NotThere(id_)
    return found, space


async def _stands(moment: Moment, invitation: Invitation, space: Space) -> bool:
    """Whether who invited may still invite: nobody who was put out lets themselves in again by somebody else."""
    if invitation.created_by is None:
        return True
    person = await moment.database.person(invitation.created_by)
    return person is not None and space_role(moment.estate, person, space) >= Role.OWNER


async def _known(moment: Moment, login: str) -> Person | None:
    """Who has this username or e-mail address."""
    account = await moment.database.account(login)
    person = await moment.database.person(account.user.id) if account else None
    return person if person is not None and person.user.kind is UserKind.PERSON else None


def _stale(there: Sequence[Invitation], now: float) -> Iterator[Edit]:
    return (Remove(kind=Invitation, id=each.id) for each in there if each.expires <= now)
