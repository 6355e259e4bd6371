"""Short ways to make what a store keeps."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from proxy.model.access import Role
from proxy.model.audit import Event
from proxy.model.directory import Space, SpaceKind
from proxy.model.estate import InstanceSettings, Resource, ResourceKind
from proxy.model.identity import Membership, Person, Session, User
from proxy.store import PutPerson, Store
from tests.peers.state import open_postgresql, open_store

ACME = Space(id="acme", kind=SpaceKind.TEAM, slug="acme", title="Acme")
CUSTOMER = Space(
    id="customer",
    kind=SpaceKind.CUSTOMER,
    slug="customer-a",
    parent="acme",
    tags={"region": "north"},
    details={"address": {"street": "Kanal 1"}, "since": 2019},
    labels=frozenset({"Office renters", "North"}),
    home_dashboard="line",
)
PLANT = Resource(id="plant", kind=ResourceKind.APPLICATION, slug="plant", owner="acme")
LINE = Resource(
    id="line",
    kind=ResourceKind.INSTANCE,
    slug="line-3",
    parent="plant",
    instance=InstanceSettings(upstream="http://127.0.0.1:1880", hosts=("line-3.localhost",)),
)


def opened(place: str) -> AbstractAsyncContextManager[Store]:
    """The store in a folder, or at the URL of a PostgreSQL."""
    return open_postgresql(place) if place.startswith("postgresql:") else open_store(Path(place))


def user(name: str, email: str = "") -> User:
    return User(id=name, username=name, email=email)


def put(name: str, memberships: Mapping[str, Role] | None = None, **overrides: Role) -> PutPerson:
    """A user with roles by space; overrides hang on the first membership."""
    spaces = [
        Membership(space=space, role=role, overrides=overrides if number == 0 else {})
        for number, (space, role) in enumerate((memberships or {}).items())
    ]
    return PutPerson(person=Person(user=user(name), memberships={each.space: each for each in spaces}))


def session(name: str, of: str = "ada", seen: float = 100.0) -> Session:
    return Session(
        id=name, user_id=of, provider="local", amr=("pwd",), created=100.0, seen=seen, expires=10_000.0, idle=1_000.0
    )


def cookie(name: str) -> bytes:
    return name.encode().ljust(32, b".")


EVENT = Event(event="account.login", at=100.0, actor="ada", body={"provider": "local"})
