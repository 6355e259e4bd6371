"""The accounts of people, as admins and the command line manage them. Nothing is written here, but answered."""

from collections.abc import Mapping
from dataclasses import replace

from proxy.model.access import Role
from proxy.model.audit import Update
from proxy.model.directory import SpaceKind
from proxy.model.identity import Factor, Membership, Person, User, UserKind, UserState
from proxy.services.audit import changes
from proxy.services.authority import refuse_declared, refuse_stated, told
from proxy.services.mingled import mingled_by, on_record
from proxy.services.problems import Exists, Invalid, NotPossible, NotThere, Wrong
from proxy.services.writer import Occasion, Step
from proxy.store import PutPerson, Remove


async def user_at(occasion: Occasion, key: str) -> Person:
    """A user by id or username. Raises NotThere."""
    person = await occasion.database.person(key)
    if person is None:
        account = await occasion.database.account(key)
        named = account.user if account and account.user.username.casefold() == key.casefold() else None
        person = await occasion.database.person(named.id) if named else None
    if person is None:
        raise NotThere(key)
    return person


async def create(occasion: Occasion, user: User, roles: Mapping[str, Role]) -> Step[Person]:
    """A user who chooses a password by an activation link, unless they log in by a provider; `roles` by space id or slug.

    Raises Exists and Invalid.
    """
    await refuse_taken(occasion, user)
    state = UserState.PENDING if user.provider is None else UserState.ACTIVE
    made = Person(user=replace(user, state=state), memberships=_memberships(occasion, roles))
    spaces = occasion.estate.spaces
    held = {spaces[id_].slug: member.role.label for id_, member in made.memberships.items()}
    body = {"name": user.username, "admin": user.admin, "memberships": held}
    event = told(occasion, "user.created-user", made.user, body=body)
    warnings = on_record(occasion, await mingled_by(occasion, None, made), made)
    return Step(result=made, edits=[PutPerson(person=made)], events=[event, *warnings])


def _memberships(occasion: Occasion, roles: Mapping[str, Role]) -> dict[str, Membership]:
    known = {space.slug: space for space in occasion.estate.spaces.values()} | dict(occasion.estate.spaces)
    open_ = {key: known[key].id for key in roles if key in known and known[key].kind is not SpaceKind.EVERYONE}
    wrongs = [
        Wrong(field=f"memberships/{key}", message="names no space that has members", remedy="Take an id or slug.")
        for key in roles
        if key not in open_
    ]
    if wrongs:
        raise Invalid(*wrongs)
    return {id_: Membership(space=id_, role=roles[key]) for key, id_ in open_.items()}


async def update(occasion: Occasion, key: str, *, username: str, name: str, email: str, admin: bool) -> Step[Person]:
    """Change an account. Raises Exists, DeclaredInFile, and NotPossible for the last admin."""
    person = await user_at(occasion, key)
    after = replace(person.user, username=username, name=name, email=email, admin=admin)
    if after == person.user:
        return Step(result=person)
    _refuse_declared(person.user)
    await refuse_taken(occasion, after)
    if not admin:
        await _keep_an_admin(occasion, person.user)
    if email != person.user.email and person.user.provider is not None:
        detail = f"The e-mail address of {username} is what {person.user.provider} says it is. Change it there."
        raise NotPossible("managed_by_sso", detail)
    if admin and person.user.kind is UserKind.SERVICE:
        raise NotPossible("service_account", f"{username} is a service account, and those are never admins.")
    return _put(occasion, replace(person, user=after), "user.updated-user", changes(person.user, after))


async def delete(occasion: Occasion, key: str) -> Step[None]:
    """Remove an account with its memberships, tokens and sessions. Raises NotPossible for the last admin or owner."""
    person = await user_at(occasion, key)
    user = person.user
    _refuse_declared(user)
    await _keep_an_admin(occasion, user)
    await _keep_owners(occasion, person)
    event = told(occasion, "user.deleted", user, body={"name": user.username})
    return Step(result=None, edits=[Remove(kind=User, id=user.id)], events=[event])


async def suspend(occasion: Occasion, key: str) -> Step[Person]:
    """Shut a user out; their sessions are to be ended besides. Raises NotPossible for the last admin."""
    person = await user_at(occasion, key)
    if person.user.state is UserState.SUSPENDED:
        return Step(result=person)
    await _keep_an_admin(occasion, person.user)
    return _put(occasion, _in_state(person, UserState.SUSPENDED), "user.suspended")


async def reset_factors(occasion: Occasion, key: str) -> Step[Person]:
    """Take away all that a user could prove a second factor by; their sessions are to be ended besides."""
    person = await user_at(occasion, key)
    factors = await occasion.database.factors(person.user.id)
    event = told(occasion, "user.mfa.reset", person.user, body={"factors": sum(each.confirmed for each in factors)})
    return Step(result=person, edits=[Remove(kind=Factor, id=each.id) for each in factors], events=[event])


async def resume(occasion: Occasion, key: str) -> Step[Person]:
    """Let a suspended user in again; one who never chose a password is pending still.

    For anybody else it goes on record that locks are lifted, which is to be done besides.
    """
    person = await user_at(occasion, key)
    if person.user.state is not UserState.SUSPENDED:
        return Step(result=person, events=[told(occasion, "user.unlocked", person.user)])
    account = await occasion.database.account(person.user.username)
    opened = person.user.kind is UserKind.SERVICE or person.user.provider is not None
    usable = opened or (account is not None and account.password_hash is not None)
    state = UserState.ACTIVE if usable else UserState.PENDING
    changed = (Update(key="state", old=UserState.SUSPENDED.value, new=state.value),)
    return _put(occasion, _in_state(person, state), "user.updated-user", changed)


async def expire_password(occasion: Occasion, key: str) -> Step[Person]:
    """From now on the user can do nothing but choose a new password. Raises DeclaredInFile for one that a file states."""
    person = await user_at(occasion, key)
    user = person.user
    refuse_stated_password(user)
    if user.provider is not None or user.kind is UserKind.SERVICE:
        raise NotPossible("no_password", f"{user.username} has no password here.")
    if user.password_expired:
        return Step(result=person)
    changed = (Update(key="password_expired", old=False, new=True),)
    after = replace(person, user=replace(user, password_expired=True))
    return _put(occasion, after, "user.updated-user", changed)


def refuse_stated_password(user: User) -> None:
    """Raises DeclaredInFile: the next time the file is applied, the password that it states would be good again."""
    refuse_stated(user, "password", f"The password of {user.username}")


def refuse_link(user: User) -> None:
    """Raises NotPossible for somebody who could not use an activation link."""
    refuse_stated_password(user)
    if user.provider is not None or user.kind is UserKind.SERVICE:
        raise NotPossible("no_password", f"{user.username} has no password here, so a link would open nothing.")
    if user.state is UserState.SUSPENDED:
        raise NotPossible("suspended", f"{user.username} is suspended. Resume them first.")


def _in_state(person: Person, state: UserState) -> Person:
    return replace(person, user=replace(person.user, state=state))


def _put(occasion: Occasion, after: Person, event: str, changed: tuple[Update, ...] = ()) -> Step[Person]:
    return Step(
        result=after,
        edits=[PutPerson(person=after)],
        events=[told(occasion, event, after.user, updates=changed)],
    )


def _refuse_declared(user: User) -> None:
    refuse_declared(user, f"The user {user.username}")


async def refuse_taken(occasion: Occasion, user: User) -> None:
    """What is typed to log in, username or e-mail, means one user."""
    for field, login in (("username", user.username), ("email", user.email)):
        account = await occasion.database.account(login) if login else None
        if account is not None and account.user.id != user.id:
            raise Exists(field, login)


async def _keep_an_admin(occasion: Occasion, user: User) -> None:
    if user.admin and set(await occasion.database.admins()) == {user.id}:
        detail = f"{user.username} is the last active admin. Make another one first."
        raise NotPossible("last_admin", detail)


async def _keep_owners(occasion: Occasion, person: Person) -> None:
    """A team without an owner could be managed by admins alone."""
    for id_, held in person.memberships.items():
        space = occasion.estate.spaces.get(id_)
        if space is None or space.kind is not SpaceKind.TEAM or held.role < Role.OWNER:
            continue
        if set(await occasion.database.owners(id_)) == {person.user.id}:
            name = person.user.username
            raise NotPossible("last_owner", f"{name} is the last active owner of {space.slug}. Make another one first.")
