"""The people of a customer: its owners, and those above, make them, hand on their links and say what they see first.

Their usernames end in the customer's slug, so that no customer takes a name from others, or learns which ones they have; a
mail address becomes theirs once they have opened a link that was mailed there.

A link is a login as whoever it is for, and a login may what no token may. So by a token there are people and links of those
alone who look at dashboards.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from proxy.access.decide import Sight, acting, space_role
from proxy.access.landing import OPENED, landing, opens
from proxy.model.access import Decision, Permission, Reason, Role
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Resource
from proxy.model.identity import Membership, Person, User, UserState
from proxy.services import users
from proxy.services.administration.members import member
from proxy.services.administration.references import resource_named, unknown
from proxy.services.audit import changes
from proxy.services.authority import refuse_stated, require, space_at, told
from proxy.services.problems import Denied, Exists, Invalid, NotPossible, Wrong
from proxy.services.writer import Moment, Step
from proxy.store import PutPerson

LONGEST: Final = 128
"""Characters of a username."""


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """What somebody sees first."""

    dashboard: Resource | None
    """What is said of them alone."""
    fullscreen: bool
    landing: Resource | None
    """What they come to now: that, or what their spaces say, as far as they may open it."""


async def make(moment: Moment, key: str, *, id_: str, username: str, name: str, role: Role) -> Step[Person]:
    """A new person of a customer, who chooses a password by an activation link. Raises Exists, and Denied for a token that
    gives more than dashboard.
    """
    space = _customer(moment, key)
    membership = Membership(space=space.id, role=role)
    _refuse_token(moment, space, [membership])
    user = User(id=id_, username=f"{username}.{space.slug}", name=name, state=UserState.PENDING)
    if len(user.username) > LONGEST:
        message = f"must leave room for .{space.slug} within {LONGEST} characters"
        raise Invalid(Wrong(field="username", message=message, remedy="Choose a shorter one."))
    if await moment.database.account(user.username) is not None:
        raise Exists("username", user.username)
    made = Person(user=user, memberships={space.id: membership})
    body = {"name": user.username, "admin": False, "memberships": {space.slug: role.label}}
    events = [
        told(moment, "user.created-user", user, body=body),
        told(moment, "customer.user.added", space, user=user.id, body={"role": role.label}),
    ]
    return Step(result=made, edits=[PutPerson(person=made)], events=events)


async def invited(moment: Moment, key: str, user_id: str) -> User:
    """A person of a customer who has not chosen a password yet, so that a link may be made for them.

    Tags of their own are an admin's word on which rows they see: whoever opened the account would see those. Raises Denied
    for a token where they may more than look at dashboards.
    """
    space = _customer(moment, key)
    person = await _person(moment, space, user_id)
    user = person.user
    _refuse_token(moment, space, person.memberships.values(), admin=user.admin)
    if user.tags and not acting(moment.actor.person, moment.actor.token).user.admin:
        raise _kept_by_admins(user)
    if user.state is not UserState.PENDING:
        detail = f"{user.username} has chosen a password already. They get another by themselves, or from an admin."
        raise NotPossible("activated", detail)
    users.refuse_link(user)
    return user


async def delete(moment: Moment, key: str, user_id: str) -> Step[None]:
    """Remove the account of a person who is a customer's alone. Raises DeclaredInFile and NotPossible."""
    person = await _person(moment, _customer(moment, key), user_id)
    return await users.delete(moment, person.user.id)


async def first_of(moment: Moment, key: str, user_id: str) -> First:
    """What a person of a customer sees first."""
    return first(moment, await _person(moment, _customer(moment, key), user_id))


async def set_first(moment: Moment, key: str, user_id: str, *, dashboard: str | None, fullscreen: bool) -> Step[Person]:
    """Say what a person of a customer sees first."""
    person = await _person(moment, _customer(moment, key), user_id)
    return put_first(moment, person, dashboard=dashboard, fullscreen=fullscreen)


def first(moment: Moment, person: Person) -> First:
    """What somebody sees first."""
    user, resources = person.user, moment.estate.resources
    return First(
        dashboard=resources.get(user.default_dashboard or ""),
        fullscreen=user.fullscreen,
        landing=landing(moment.estate, person),
    )


def put_first(moment: Moment, person: Person, *, dashboard: str | None, fullscreen: bool) -> Step[Person]:
    """The step that lets somebody see this first. Raises DeclaredInFile."""
    wanted = dashboard_named(moment, dashboard)
    id_ = wanted.id if wanted else None
    after = replace(person, user=replace(person.user, default_dashboard=id_, fullscreen=fullscreen))
    if after == person:
        return Step(result=person)
    if after.user.default_dashboard != person.user.default_dashboard:
        refuse_stated(person.user, "default_dashboard", f"What {person.user.username} sees first")
    if fullscreen != person.user.fullscreen:
        refuse_stated(person.user, "fullscreen", f"Whether {person.user.username} sees nothing else")
    event = told(moment, "user.updated-user", after.user, updates=changes(person.user, after.user))
    return Step(result=after, edits=[PutPerson(person=after)], events=[event])


def set_home(moment: Moment, key: str, dashboard: str | None) -> Step[Space]:
    """Say what the people of a space see first, unless something is said of them alone."""
    space = space_at(moment.estate, key)
    require(moment, Permission.CUSTOMER_EDIT if space.kind is SpaceKind.CUSTOMER else Permission.SPACE_EDIT, space)
    wanted = dashboard_named(moment, dashboard)
    after = replace(space, home_dashboard=wanted.id if wanted else None)
    if after == space:
        return Step(result=space)
    event = told(moment, f"{space.kind}.updated", space, updates=changes(space, after))
    return Step(result=after, edits=[after], events=[event])


def dashboard_named(moment: Moment, key: str | None) -> Resource | None:
    """The instance or page that a member of the body names, and whoever acts may open. Raises Invalid and Denied."""
    if key is None:
        return None
    found = resource_named(moment, "dashboard", key, Permission.DASHBOARD_LIST)
    if found.kind not in OPENED:
        raise unknown("dashboard", "instance or page")
    return found


def seen(moment: Moment, resources: Iterable[Resource | None]) -> list[Resource | None]:
    """Those of which whoever acts may know; None for others."""
    sight = Sight(moment.estate, moment.actor, now=moment.now)
    return [each if each is not None and opens(sight, each) else None for each in resources]


def _customer(moment: Moment, key: str) -> Space:
    space = space_at(moment.estate, key)
    require(moment, Permission.CUSTOMER_USERS, space)
    if space.kind is not SpaceKind.CUSTOMER:
        detail = (
            f"{space.slug} is a {space.kind}: accounts are made by a customer's owners for its people, or by admins."
        )
        raise NotPossible("no_customer", detail)
    return space


def _refuse_token(moment: Moment, space: Space, memberships: Iterable[Membership], *, admin: bool = False) -> None:
    """Raises Denied for a token that would come by a login of somebody with these memberships."""
    roles = (role for held in memberships for role in (held.role, *held.overrides.values()))
    if moment.actor.token is not None and (admin or any(role > Role.DASHBOARD for role in roles)):
        refused = Decision(allowed=False, reason=Reason.INTERACTIVE_SESSION_REQUIRED, status=403)
        raise Denied(refused, Permission.CUSTOMER_USERS, space)


async def _person(moment: Moment, space: Space, user_id: str) -> Person:
    """A person who is of nothing but what whoever acts owns, so that no account of others is theirs to open or change."""
    person = await member(moment, space, user_id)
    acts = acting(moment.actor.person, moment.actor.token)
    if acts.user.admin:
        return person
    spaces = (moment.estate.spaces[id_] for id_ in person.memberships)
    owned = all(space_role(moment.estate, acts, each) >= Role.OWNER for each in spaces)
    user = person.user
    if not owned or user.admin or user.declared is not None or user.provider is not None:
        raise _kept_by_admins(user)
    return person


def _kept_by_admins(user: User) -> NotPossible:
    return NotPossible("kept_by_admins", f"The account of {user.username} is kept by admins. Ask one of them.")
