"""Users as estate files declare them, with their memberships and overrides."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from config.estate_schema import UserEntry
from config.problems import Problem
from proxy.model.access import Role
from proxy.model.directory import Space
from proxy.model.estate import Estate, Resource, ResourceKind
from proxy.model.identity import Membership, Person, User, UserState
from proxy.services.estate_ledger import Ledger, Place, Whole


def people_wanted(
    before: Whole, estate: Estate, resources: Mapping[str, Resource], ledger: Ledger
) -> tuple[dict[str, Person], dict[str, str]]:
    """Everyone as they will be, and the password hashes that will hold, both by user id."""
    known = {person.user.username.casefold(): person for person in before.people.values()}
    staying = (person for person in before.people.values() if ledger.stays(person.user))
    after = {person.user.id: _without_the_gone(person, estate) for person in staying}
    hashes = dict(before.hashes)
    for place, entry in (found for file in ledger.files for found in file.users()):
        login = entry.username.casefold()
        old = known.get(login)
        if not ledger.claim(place, "user", login, old.user if old else None):
            continue
        user_id = old.user.id if old else ledger.new_id()
        told = entry.password_hash or ledger.hashes.get(f"user {login}")
        known_user = old.user if old else User(id=user_id, username="")
        if told and told != hashes.get(user_id):
            hashes[user_id] = told
            known_user = replace(known_user, password_expired=False)
        user = _user(place, entry, known_user, has_password=user_id in hashes)
        user = _with_dashboard(place, entry, user, resources, ledger)
        after[user_id] = Person(user=user, memberships=_memberships(place, entry, old, estate, resources, ledger))
    _refuse_shared_logins(after.values(), ledger)
    return after, hashes


def _without_the_gone(person: Person, estate: Estate) -> Person:
    """Memberships in removed spaces and overrides on removed resources go with them."""
    return replace(
        person,
        memberships={
            space: _on_what_is_there(held, estate)
            for space, held in person.memberships.items()
            if space in estate.spaces
        },
    )


def _on_what_is_there(held: Membership, estate: Estate) -> Membership:
    overrides = {on: role for on, role in held.overrides.items() if on in estate.resources}
    return replace(held, overrides=overrides, managed=held.managed & overrides.keys())


def _managed_alone(held: Membership, estate: Estate) -> Membership:
    """The membership with those overrides that a login provider keeps up, and no others."""
    return _on_what_is_there(replace(held, overrides={on: held.overrides[on] for on in held.managed}), estate)


def _user(place: Place, entry: UserEntry, old: User, *, has_password: bool) -> User:
    return replace(
        old,
        username=entry.username,
        email=entry.email or "",
        name=entry.name,
        admin=entry.admin,
        provider=entry.provider,
        subject=old.subject if entry.provider is not None and old.provider == entry.provider else None,
        state=_state(entry, old, has_password=has_password),
        declared=place.origin,
        stated=frozenset(_stated(entry)),
    )


def _stated(entry: UserEntry) -> Iterator[str]:
    if entry.password_hash or entry.password:
        yield "password"
    if entry.default_dashboard is not None:
        yield "default_dashboard"
    if entry.fullscreen is not None:
        yield "fullscreen"


def _with_dashboard(
    place: Place, entry: UserEntry, user: User, resources: Mapping[str, Resource], ledger: Ledger
) -> User:
    """What is seen first, and the tags: where the file says nothing of them, they stay."""
    if entry.tags is not None:
        user = replace(user, tags=dict(entry.tags))
    if entry.fullscreen is not None:
        user = replace(user, fullscreen=entry.fullscreen)
    if entry.default_dashboard is None:
        return user
    found = resources.get(entry.default_dashboard)
    if found is None or found.kind not in (ResourceKind.INSTANCE, ResourceKind.PAGE):
        message, remedy = (
            f"names {entry.default_dashboard}, which is no instance or page",
            "Declare it or correct the path.",
        )
        ledger.wrong(place, message, remedy, key=("default_dashboard",))
        return user
    return replace(user, default_dashboard=found.id)


def _state(entry: UserEntry, old: User, *, has_password: bool) -> UserState:
    """Pending until the activation link is used. A suspension made by hand lasts unless the file says `state`."""
    said = "state" in entry.model_fields_set
    if entry.state == "suspended" or (old.state is UserState.SUSPENDED and not said):
        return UserState.SUSPENDED
    waits = entry.link is not None and not has_password
    return UserState.PENDING if waits else UserState.ACTIVE


def _memberships(
    place: Place,
    entry: UserEntry,
    old: Person | None,
    estate: Estate,
    resources: Mapping[str, Resource],
    ledger: Ledger,
) -> dict[str, Membership]:
    """The declared memberships with their overrides; what a login provider keeps up stays beside them."""
    linked = old is not None and old.user.provider is not None and old.user.provider == entry.provider
    kept = [held for held in old.memberships.values() if held.space in estate.spaces] if old and linked else []
    managed = {held.space: _managed_alone(held, estate) for held in kept}
    after = {space: held for space, held in managed.items() if held.source == "sso"}
    spaces = {space.slug: space.id for space in estate.spaces.values()}
    for slug, role in entry.memberships.items():
        if slug in spaces:
            before = managed.get(spaces[slug], Membership(space=spaces[slug], role=Role.NONE))
            after[spaces[slug]] = replace(before, role=Role[role.upper()], source="manual")
        else:
            message, remedy = "names a space that is not there", "Declare that space or correct the slug."
            ledger.wrong(place, message, remedy, key=("memberships", slug))
    for path, said in entry.overrides.items():
        _override(place, entry.username, path, Role[said.upper()], after, estate, resources.get(path), ledger)
    return after


def _override(
    place: Place,
    username: str,
    path: str,
    role: Role,
    memberships: dict[str, Membership],
    estate: Estate,
    target: Resource | None,
    ledger: Ledger,
) -> None:
    """Attach an override to the membership nearest in the owner's lineage."""
    key = ("overrides", path)
    if target is None:
        message, remedy = "names a resource that is not there", "Declare it or correct the path."
        ledger.wrong(place, message, remedy, key=key)
        return
    owner = estate.owner(target)
    above: Iterator[Space] = estate.lineage(owner) if owner else iter(())
    space = next((space.id for space in above if space.id in memberships), None)
    if space is None:
        remedy = f"Add memberships: {{{path.partition('/')[0]}: viewer}}, or remove the override."
        ledger.wrong(place, f"needs a membership of {username} in a space above {path}", remedy, key=key)
        return
    held = memberships[space]
    overrides = {**held.overrides, target.id: role}
    memberships[space] = replace(held, overrides=overrides, managed=held.managed - {target.id})


def _refuse_shared_logins(people: Iterable[Person], ledger: Ledger) -> None:
    """What is typed to log in, username or e-mail, means one user."""
    holders: dict[str, User] = {}
    for user in (person.user for person in people):
        for login in sorted({user.username.casefold(), user.email.casefold()} - {""}):
            other = holders.setdefault(login, user)
            if other is not user:
                mine, theirs = (user, other) if user.declared in ledger.origins else (other, user)
                message = (
                    f"has the login {login}, which {theirs.username} ({theirs.declared or 'made by hand'}) has too"
                )
                remedy = "Give one of them another username or e-mail address."
                problem = Problem(
                    file=mine.declared or "", key=f"users.{mine.username}", message=message, remedy=remedy
                )
                ledger.problems.append(problem)
