"""Whether what the estate files name exists, exists once, and belongs together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from config.configuration import Config, Placed, placed
from config.estate_schema import ApplicationEntry, GrantEntry, InstanceEntry, SpaceEntry, UserEntry
from config.problems import Problem
from config.shape import suggestion
from config.source import Key

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    """What can be referred to: spaces by slug with their lineage, resources by path with their owner."""

    spaces: Mapping[str, SpaceEntry]
    owners: Mapping[str, str]
    providers: frozenset[str]
    """Ways in that have accounts of their own linked to them."""

    def lineage(self, slug: str) -> Iterator[str]:
        """The space and those above it; a cycle ends where it would begin again."""
        seen: set[str] = set()
        at: str | None = slug
        while at is not None and at in self.spaces and at not in seen:
            yield at
            seen.add(at)
            at = self.spaces[at].parent


def reference_problems(config: Config) -> Iterator[Problem]:
    """Every unknown, repeated or impossible reference."""
    spaces = list(placed(config, "spaces", lambda estate: estate.spaces))
    users = list(placed(config, "users", lambda estate: estate.users))
    applications = list(placed(config, "applications", lambda estate: estate.applications))
    instances = list(placed(config, "instances", lambda estate: estate.instances))
    grants = list(placed(config, "grants", lambda estate: estate.grants))
    names = _Names(
        spaces={one.entry.slug: one.entry for one in spaces},
        owners={one.entry.path: one.entry.space for one in applications}
        | {one.entry.resource_path: one.entry.application.split("/")[0] for one in instances}
        | {path: owner for one in instances for path, owner in _pages_of(one.entry)},
        providers=frozenset(entry.name for entry in config.settings.auth if entry.plugin != "local"),
    )
    yield from _twice(spaces, "slug", lambda space: space.slug)
    yield from _twice(applications, "slug", lambda application: application.path)
    yield from _twice(instances, "slug", lambda instance: instance.resource_path)
    yield from _twice(users, "username", lambda user: user.username.lower())
    yield from _twice([one for one in users if one.entry.email], "email", lambda user: (user.email or "").lower())
    yield from _twice(grants, "target", lambda grant: f"{grant.target} for {grant.space}")
    for space in spaces:
        yield from _space(space, names)
    for application in applications:
        yield from _application(application, names)
    for instance in instances:
        yield from _instance(instance, {one.entry.path for one in applications})
        yield from _parts(instance, names)
    for user in users:
        yield from _user(user, names)
    for grant in grants:
        yield from _grant(grant, names)


def _twice(entries: Sequence[Placed[T]], key: str, name: Callable[[T], str]) -> Iterator[Problem]:
    first: dict[str, Placed[T]] = {}
    for one in entries:
        known = first.setdefault(name(one.entry), one)
        if known is not one:
            place = f"{known.source.file}:{known.source.lines[known.key]}"
            message = f"declares {name(one.entry)} again, first in {place}"
            yield one.problem((key,), message, "Remove one of the two or rename it.")


def _space(space: Placed[SpaceEntry], names: _Names) -> Iterator[Problem]:
    entry = space.entry
    parent = names.spaces.get(entry.parent or "")
    top = entry.kind in ("team", "everyone")
    called = "the space of everyone" if entry.kind == "everyone" else "a team"
    if top and entry.parent is not None:
        yield space.problem(
            ("parent",), f"must be absent, since {called} has no parent", "Remove parent or change kind."
        )
    elif not top and entry.parent is None:
        yield space.problem(("parent",), f"is missing: a {entry.kind} belongs to a team or customer", "Add parent.")
    elif entry.parent is not None and parent is None:
        yield _unknown(space, ("parent",), "space", entry.parent, names.spaces)
    elif parent is not None and parent.kind not in ("team", "customer"):
        kind = "everyone" if parent.kind == "everyone" else "a group"
        message = f"must be a team or customer, but {parent.slug} is {kind}"
        yield space.problem(("parent",), message, "Choose its parent.")
    elif parent is not None and list(names.lineage(entry.slug))[-1] != _root(entry.slug, names):
        yield space.problem(("parent",), "leads back to the space itself", "Let one of its ancestors be a team.")


def _root(slug: str, names: _Names) -> str | None:
    """The last of a lineage where it ends properly, in a space without a known parent; None in a cycle."""
    last = list(names.lineage(slug))[-1]
    return last if names.spaces[last].parent not in names.spaces else None


def _application(application: Placed[ApplicationEntry], names: _Names) -> Iterator[Problem]:
    if application.entry.space not in names.spaces:
        yield _unknown(application, ("space",), "space", application.entry.space, names.spaces)


def _instance(instance: Placed[InstanceEntry], applications: set[str]) -> Iterator[Problem]:
    if instance.entry.application not in applications:
        yield _unknown(instance, ("application",), "application", instance.entry.application, applications)


def _pages_of(instance: InstanceEntry) -> Iterator[tuple[str, str]]:
    """Path and owner of each."""
    for page in instance.pages:
        yield f"{instance.resource_path}/{page.slug}", page.space or instance.application.split("/")[0]


def _parts(instance: Placed[InstanceEntry], names: _Names) -> Iterator[Problem]:
    """Pages and row policies have names of their own, and pages may have an owner."""
    for key, parts in (
        ("pages", [each.slug for each in instance.entry.pages]),
        ("rows", [each.name for each in instance.entry.rows]),
    ):
        for at, name in enumerate(parts):
            if name in parts[:at]:
                yield instance.problem((key, at), f"declares {name} again", "Remove one of the two or rename it.")
    for at, page in enumerate(instance.entry.pages):
        if page.space is not None and page.space not in names.spaces:
            yield _unknown(instance, ("pages", at, "space"), "space", page.space, names.spaces)


def _user(user: Placed[UserEntry], names: _Names) -> Iterator[Problem]:
    entry = user.entry
    if entry.password is not None and entry.password_hash is not None:
        yield user.problem(("password_hash",), "stands beside password", "Keep one of the two.")
    yield from _provider(user, names)
    first = entry.default_dashboard
    if first is not None and (first not in names.owners or first.count("/") < 2):
        places = {path for path in names.owners if path.count("/") > 1}
        yield _unknown(user, ("default_dashboard",), "instance or page", first, places)
    for slug in entry.memberships:
        if slug not in names.spaces:
            yield _unknown(user, ("memberships", slug), "space", slug, names.spaces)
        elif names.spaces[slug].kind == "everyone":
            message = f"names {slug}, in which all are members without being named"
            yield user.problem(("memberships", slug), message, "Leave it out.")
    for path in entry.overrides:
        yield from _override(user, path, names)


def _provider(user: Placed[UserEntry], names: _Names) -> Iterator[Problem]:
    entry = user.entry
    if entry.provider is None:
        return
    if entry.provider not in names.providers:
        remedy = suggestion(entry.provider, names.providers) if names.providers else "Add it to auth in flowward.yaml."
        message = "must name a way in other than the local accounts"
        yield user.problem(("provider",), message, remedy, value=repr(entry.provider))
    for key, there in (("password", entry.password), ("password_hash", entry.password_hash), ("link", entry.link)):
        if there is not None:
            yield user.problem((key,), "stands beside provider, which alone lets the user in", "Keep one of the two.")


def _override(user: Placed[UserEntry], path: str, names: _Names) -> Iterator[Problem]:
    """An override hangs on the membership nearest in the lineage of the resource's owner, so there must be one."""
    key = ("overrides", path)
    owner = names.owners.get(path)
    if owner is None:
        yield _unknown(user, key, "application or instance", path, names.owners)
        return
    lineage = list(names.lineage(owner))
    if lineage and not user.entry.memberships.keys() & set(lineage):
        message = f"has no effect: {user.entry.username} is no member of {' or '.join(lineage)}"
        yield user.problem(key, message, f"Add a membership, for example {lineage[0]}: viewer.")


def _grant(grant: Placed[GrantEntry], names: _Names) -> Iterator[Problem]:
    entry = grant.entry
    if entry.target not in names.owners:
        yield _unknown(grant, ("target",), "application or instance", entry.target, names.owners)
    if entry.space not in names.spaces:
        yield _unknown(grant, ("space",), "space", entry.space, names.spaces)


def _unknown(at: Placed[T], key: Key, kind: str, name: str, known: Mapping[str, object] | set[str]) -> Problem:
    remedy = suggestion(name, known) if known else f"Declare the {kind} first."
    return at.problem(key, f"must name a declared {kind}", remedy, value=repr(name))
