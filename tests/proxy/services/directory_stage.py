"""A provider that says what a test wants said, in front of a real store."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import count

from typing_extensions import override

from auth_plugins import AuthPlugin, Finding, Identity, LoginRequest, PluginSettings, Refused
from auth_plugins.local import Local, LocalSettings
from auth_plugins.registry import Provider
from auth_plugins.testkit import kit
from config.auth_schema import AuthEntry
from proxy.model.audit import AuditQuery, Event
from proxy.model.identity import Person, Session, User
from proxy.services.linking import Linking
from proxy.services.sealing import Seal
from proxy.services.sessions import Sessions, Visit
from proxy.services.snapshot import Snapshot
from proxy.services.writer import Writer
from proxy.store import PutPerson, Store
from tests.conformance.things import ACME, CUSTOMER, LINE, PLANT, opened
from tests.proxy.web.house import Time

ADA = Identity(
    subject="77", username="ada", email="ada@acme.example", email_verified=True, name="Ada", groups=("ff-acme-member",)
)


class Said(AuthPlugin[PluginSettings]):
    """Says of everybody what it was told to say, or raises it."""

    says: Identity | Exception = ADA
    asked: "list[Identity]"
    finds: Sequence[Finding] | Exception = ()

    @override
    async def login(self, request: LoginRequest) -> Identity:
        raise Refused("not_asked")

    @override
    async def refresh(self, identity: Identity) -> Identity:
        self.asked.append(identity)
        return self._answer()

    @override
    async def examine(self, sample: str) -> Identity:
        return self._answer()

    @override
    async def findings(self) -> Sequence[Finding]:
        if isinstance(self.finds, Exception):
            raise self.finds
        return self.finds

    def _answer(self) -> Identity:
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def corp(**entry: object) -> Provider:
    """The provider corp of acme.example."""
    said = {"name": "corp", "plugin": "said", "domains": ["acme.example"], **entry}
    plugin = Said(PluginSettings(), kit(name=str(said["name"])))
    plugin.asked = []
    return Provider(entry=AuthEntry.model_validate(said), plugin=plugin)


@dataclass(slots=True)
class Stage:
    """A store with the team acme, its customer, and the application plant."""

    store: Store
    time: Time
    linking: Linking
    sessions: Sessions
    providers: list[Provider] = field(default_factory=list)

    async def put(self, user: User, *memberships: object, password_hash: str | None = None) -> Person:
        held = {each.space: each for each in memberships}  # type: ignore[attr-defined]
        person = Person(user=user, memberships=held)  # type: ignore[arg-type]
        await self.store.database.edit([PutPerson(person=person, password_hash=password_hash)], [])
        return person

    async def enter(self, provider: Provider, identity: Identity = ADA) -> Person:
        return await self.linking.person(provider, identity, address="192.0.2.1")

    async def logged_in(self, provider: Provider, person: Person, identity: Identity = ADA) -> Session:
        visit = Visit(
            user_id=person.user.id,
            provider=provider.name,
            amr=("pwd",),
            host="gate.example",
            groups=identity.groups or (),
            keep=identity.keep,
        )
        return (await self.sessions.start(visit))[0]

    async def events(self, *names: str) -> Sequence[Event]:
        """What is on record, oldest first."""
        found = await self.store.database.events(AuditQuery(events=names, limit=200))
        return [each.event for each in reversed(found.items)]


@asynccontextmanager
async def stage(place: str, *providers: Provider) -> AsyncIterator[Stage]:
    time, numbers = Time(), count(1)
    async with opened(place) as store:
        await store.database.edit([ACME, CUSTOMER, PLANT, LINE], [])
        snapshot = Snapshot(store.database, await store.database.estate())
        writer = Writer(database=store.database, shared=store.shared, snapshot=snapshot, now=time, wake=store.bus.tell)
        known = [*providers, Provider(entry=AuthEntry(name="local", plugin="local"), plugin=_local())]
        linking = Linking(
            writer=writer,
            shared=store.shared,
            providers=lambda: known,
            new_id=lambda: f"id-{next(numbers)}",
            end_sessions=store.shared.end_sessions_of,
        )
        sessions = Sessions(
            store.shared,
            now=time,
            absolute=7 * 86400.0,
            idle=86400.0,
            seal=Seal(b"k" * 32),
            forget=lambda _: None,
            wake=store.bus.tell,
            asked_again={each.name for each in providers},
        )
        yield Stage(store=store, time=time, linking=linking, sessions=sessions, providers=known)


def _local() -> Local:
    return Local(LocalSettings(), kit(name="local"))


def said(provider: Provider) -> Said:
    """The plugin of `corp`, to be told what to say."""
    assert isinstance(provider.plugin, Said)
    return provider.plugin


def of_ada(**changed: object) -> Identity:
    return replace(ADA, **changed)  # type: ignore[arg-type]
