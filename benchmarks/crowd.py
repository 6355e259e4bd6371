"""A large state to measure with: people, teams, applications and instances, written to a store in bulk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from proxy.model.access import Role
from proxy.model.audit import Event
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import Grant, InstanceSettings, PlatformSettings, Resource, ResourceKind
from proxy.model.identity import Membership, Person, User
from proxy.store import Database, Edit, PutPerson

TEAMS: Final = 100
APPLICATIONS: Final = 1_000
SHARES: Final = 50
OVERRIDES: Final = 20
_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """How many there are of each.

    The first team has a tenth of the people and of the applications; 50 applications of the others are shared with it.
    user-0 is an admin, user-1 the first team's owner, user-2 a member of it with roles of their own on 20 of its
    applications. All others are members of one team and viewers of another.
    """

    users: int = 100_000
    instances: int = 10_000
    events: int = 20_000
    upstream: str = "http://10.0.0.1:1880"
    password_hash: str | None = None

    def places(self) -> Iterator[Edit]:
        """Teams, applications, instances line-0, line-1, ... and shares."""
        yield PlatformSettings(upstream_allow=("127.0.0.0/8",))
        for n in range(TEAMS):
            yield Space(id=f"s{n}", kind=SpaceKind.TEAM, slug=f"team-{n}", title=f"Team {n}")
        for n in range(APPLICATIONS):
            yield Resource(id=f"a{n}", kind=ResourceKind.APPLICATION, slug=f"plant-{n}", owner=_team(n))
        for n in range(self.instances):
            settings = InstanceSettings(upstream=self.upstream, hosts=(f"line-{n}.localhost",), admin_root="/admin")
            parent = f"a{n % APPLICATIONS}"
            yield Resource(id=f"i{n}", kind=ResourceKind.INSTANCE, slug=f"line-{n}", parent=parent, instance=settings)
        others = (n for n in range(APPLICATIONS) if _team(n) != "s0")
        for n, _ in zip(others, range(SHARES), strict=False):
            yield Grant(target=f"a{n}", space="s0", role=Role.VIEWER)

    def people(self) -> Iterator[PutPerson]:
        for n in range(self.users):
            user = User(
                id=f"u{n}",
                username=username(n),
                email=f"person{n}@example.org",
                name=f"Person Number {n}",
                admin=n == 0,
            )
            held = [Membership(space=f"s{(n * 7 + 1) % TEAMS}", role=Role.VIEWER), _first(n)]
            person = Person(user=user, memberships={each.space: each for each in held})
            yield PutPerson(person=person, password_hash=self.password_hash)

    def told(self) -> Iterator[Event]:
        for n in range(self.events):
            instance = n % self.instances
            application = instance % APPLICATIONS
            yield Event(
                event="flows.set",
                at=float(n),
                actor_name=username(n),
                scope_kind="instance",
                scope_id=f"i{instance}",
                within=(f"a{application}", _team(application)),
            )


def username(number: int) -> str:
    return f"user-{number:06}"


def _team(number: int) -> str:
    """Of every ten the first belongs to the first team."""
    return "s0" if number % 10 == 0 else f"s{number % TEAMS}"


def _first(number: int) -> Membership:
    """The team that somebody is most at home in."""
    own = [n for n in range(APPLICATIONS) if _team(n) == "s0"][:OVERRIDES]
    match number:
        case 1:
            return Membership(space="s0", role=Role.OWNER)
        case 2:
            overrides = {f"a{n}": Role.OWNER if n % 20 else Role.NONE for n in own}
            return Membership(space="s0", role=Role.MEMBER, overrides=overrides)
        case _:
            return Membership(space=_team(number), role=Role.MEMBER)


async def fill(database: Database, crowd: Crowd) -> None:
    """Write all of it into an empty database."""
    await database.edit(list(crowd.places()), [])
    everybody, told = list(crowd.people()), list(crowd.told())
    for at in range(0, len(everybody), _AT_ONCE):
        await database.edit(everybody[at : at + _AT_ONCE], [])
    for at in range(0, len(told), 1_000):
        await database.record(*told[at : at + 1_000])
