"""From what a provider says about a visitor to a user of ours: which account it opens, and what its groups make of it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from auth_plugins import Identity, Refused, Unavailable
from auth_plugins.registry import Provider
from config.auth_schema import AuthEntry
from proxy.access import linking as rules
from proxy.access.groups import Mapped, Reading, mapped
from proxy.access.linking import Found, How, Link
from proxy.access.passwords import NOBODY
from proxy.model.access import Role
from proxy.model.audit import Source
from proxy.model.directory import SpaceKind
from proxy.model.identity import Person, UserState
from proxy.services import users
from proxy.services.accounts import may_log_in
from proxy.services.audit import PLATFORM, By, happened
from proxy.services.linking_events import told_of
from proxy.services.mingled import mingled_by, on_record
from proxy.services.token_changes import Desk
from proxy.services.writer import Occasion, Step, Writer, joined
from proxy.store import Conflict, Database, Outdated, PutPerson, Shared, StoreUnavailable

NOTED_AGAIN: Final = 60.0
"""Seconds after which the same refusal of the same person is put on record once more."""
_NOTED: Final = frozenset(
    {"foreign_domain", "username_taken", "username_reserved", "plus_address", "identity_malformed"}
)
"""Refusals in which a provider claims what is not its to claim."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an identity comes to here."""

    how: How
    person: Person
    """As the account is from now on."""
    readings: Sequence[Reading] = ()
    """What each of its groups means."""
    kept_admin: bool = False
    """They are an admin still although no group says so: the last one there is."""

    @property
    def made(self) -> bool:
        """Whether there was no account before."""
        return self.how is How.MADE


@dataclass(frozen=True, slots=True, kw_only=True)
class Linking:
    """Finds or makes the account of whoever a provider vouches for, and keeps it as the provider's groups want it."""

    writer: Writer
    shared: Shared
    providers: Callable[[], Sequence[Provider]]
    """Those that are at work."""
    new_id: Callable[[], str]
    end_sessions: Callable[[str], Awaitable[None]]
    """End every session of a user."""

    async def person(self, provider: Provider, identity: Identity, *, address: str) -> Person:
        """The user an identity belongs to, made or brought up to date where the provider's entry says so.

        Raises Refused, whose code says which rule forbids it, and Unavailable.
        """
        return (await self.outcome(provider, identity, address=address)).person

    async def outcome(self, provider: Provider, identity: Identity, *, address: str) -> Outcome:
        """As `person`, with how it came about."""
        speaker = self._speaker(provider)
        if speaker.plugin.local_accounts:
            return Outcome(how=How.LOCAL, person=await self._local(identity))
        by = By(name=speaker.name, source=Source.SSO, address=address)
        try:
            identity = rules.sound(identity)
            return await self._written(speaker.entry, identity, by)
        except Refused as refused:
            await self._note(speaker.name, identity, refused, by)
            raise
        except Conflict as error:
            raise Refused("username_taken", f"somebody else got {error.args} just now") from error
        except StoreUnavailable as error:
            raise Unavailable("store_unavailable") from error

    async def _written(self, entry: AuthEntry, identity: Identity, by: By) -> Outcome:
        outcome = await self.writer.write_by(by, partial(self._step, entry, identity))
        if outcome.how is How.LINKED:
            # Whoever knew the password that opened it until now may be somebody else.
            await self.end_sessions(outcome.person.user.id)
        return outcome

    async def preview(self, provider: Provider, identity: Identity) -> Outcome:
        """What an identity would come to, while nothing is written. Raises Refused and StoreUnavailable."""
        speaker = self._speaker(provider)
        if speaker.plugin.local_accounts:
            return Outcome(how=How.LOCAL, person=await self._local(identity))
        occasion = await self.writer.occasion(By(name=speaker.name, source=Source.SSO))
        try:
            return (await self._step(speaker.entry, rules.sound(identity), occasion)).result
        except Outdated as error:
            raise StoreUnavailable("something was changed at the same time") from error

    async def again(self, provider: Provider, user_id: str, identity: Identity) -> Person | None:
        """Bring a user up to date with what their provider says now; None where the account is no longer theirs.

        Raises Refused and StoreUnavailable.
        """
        entry = self._speaker(provider).entry
        identity = rules.sound(identity)
        by = By(name=entry.name, source=Source.SSO)
        return await self.writer.write_by(by, partial(self._renewed, entry, user_id, identity))

    def _speaker(self, provider: Provider) -> Provider:
        """The way in whose accounts these are. Raises Refused where it is not at work."""
        name = provider.plugin.speaks_for()
        if name == provider.plugin.kit.name:
            return provider
        found = next((each for each in self.providers() if each.name == name), None)
        if found is None:
            raise Refused("provider_unknown", f"{provider.name} asks {name}, which is not among the active ways in")
        return found

    async def _local(self, identity: Identity) -> Person:
        try:
            person = await self.writer.database.person(identity.subject)
        except StoreUnavailable as error:
            raise Unavailable("store_unavailable") from error
        if person is None or person.user.state is not UserState.ACTIVE or not may_log_in(person.user):
            raise Refused("account_unknown")
        return person

    async def _step(self, entry: AuthEntry, identity: Identity, occasion: Occasion) -> Step[Outcome]:
        rules.refuse_foreign(entry, identity, self._elsewhere(entry))
        found = await _found(occasion.database, entry.name, identity)
        try:
            linked = rules.link(entry, identity, found, new_id=self.new_id())
        except Refused as refused:
            if await occasion.database.version() != occasion.estate.version:
                # What was found may be of two versions: another login of theirs is just making the account.
                raise Outdated from refused
            raise
        if entry.groups is not None and entry.groups.required and identity.groups is None:
            detail = (
                f"{entry.name} named no groups for {identity.username!r}; have it send them, or write required: false"
            )
            raise Refused("groups_missing", detail)
        before = next((each for each in _known(found) if each.user.id == linked.person.user.id), None)
        return await _kept(entry, identity, occasion, linked, before)

    async def _renewed(
        self, entry: AuthEntry, user_id: str, identity: Identity, occasion: Occasion
    ) -> Step[Person | None]:
        person = await occasion.database.person(user_id)
        if person is None or person.user.provider != entry.name or person.user.subject != identity.subject:
            return Step(result=None)
        step = await _kept(entry, identity, occasion, Link(how=How.KNOWN, person=person), person)
        return Step(result=step.result.person, edits=step.edits, events=step.events)

    def _elsewhere(self, entry: AuthEntry) -> frozenset[str]:
        """Domains of which other providers speak."""
        return frozenset(domain for each in self.providers() for domain in each.entry.domains) - set(entry.domains)

    async def _note(self, provider: str, identity: Identity, refused: Refused, by: By) -> None:
        """Put on record what a provider claimed in vain; the same claim once a minute."""
        _log.info("identity-refused", provider=provider, code=refused.code, detail=refused.detail)
        if refused.code not in _NOTED:
            return
        now, key = self.writer.now(), f"refused:{provider}:{refused.code}:{identity.subject[:255]!r}"
        try:
            if await self.shared.get(key, now) is None:
                await self.shared.put(key, refused.code, now + NOTED_AGAIN)
                said = {name: getattr(identity, name)[:255] for name in ("subject", "username", "email")}
                body = {"provider": provider, "detail": refused.detail, **said}
                event = happened("platform.sso.refused", at=now, by=by, on=PLATFORM, error=refused.code, body=body)
                await self.writer.database.record(event)
        except StoreUnavailable as error:
            raise Unavailable("store_unavailable") from error


async def _found(database: Database, provider: str, identity: Identity) -> Found:
    return Found(
        by_subject=await database.linked(provider, identity.subject),
        by_username=await _by_login(database, identity.username),
        by_email=await _by_login(database, identity.email) if identity.email else None,
    )


async def _by_login(database: Database, login: str) -> Person | None:
    account = await database.account(login)
    return await database.person(account.user.id) if account else None


def _known(found: Found) -> Sequence[Person]:
    return [each for each in (found.by_subject, found.by_username, found.by_email) if each is not None]


async def _last_owner_of(occasion: Occasion, person: Person) -> frozenset[str]:
    """Ids of the teams that nobody but a person owns."""
    spaces = occasion.estate.spaces
    teams = [
        at
        for at, held in person.memberships.items()
        if held.role is Role.OWNER and at in spaces and spaces[at].kind is SpaceKind.TEAM
    ]
    return frozenset([at for at in teams if set(await occasion.database.owners(at)) <= {person.user.id}])


async def _kept(
    entry: AuthEntry, identity: Identity, occasion: Occasion, linked: Link, before: Person | None
) -> Step[Outcome]:
    """What is to be written so that the account is as it should be: nothing, where it is so already."""
    result = Mapped(person=linked.person, readings=())
    if entry.groups is not None and identity.groups is not None:
        user = linked.person.user
        last = user.admin and set(await occasion.database.admins()) <= {user.id}
        owner = await _last_owner_of(occasion, linked.person)
        named, person = identity.groups, linked.person
        result = mapped(entry.groups, named, occasion.estate, person, last_admin=last, last_owner=owner)
    if result.kept_admin:
        _log.warning("last-admin-kept", provider=entry.name, user=result.person.user.id)
    for space in sorted(result.kept_owner):
        slug = occasion.estate.spaces[space].slug
        _log.warning("last-owner-kept", provider=entry.name, user=result.person.user.id, team=slug)
    outcome = Outcome(how=linked.how, person=result.person, readings=result.readings, kept_admin=result.kept_admin)
    if before == result.person:
        return Step(result=outcome)
    groups = await mingled_by(occasion, before, result.person)
    if groups:
        names = [group.slug for group in groups]
        _log.warning("groups-mingled", provider=entry.name, user=result.person.user.id, groups=names)
    warnings = on_record(occasion, groups, result.person)
    events = [*told_of(occasion, linked.how, before, result.person), *warnings]
    # What an admin has goes on to be good where the provider is gone. Anybody else's would become an admin's if they were made
    # one, or have the roles that the provider gives, for whoever knew the password.
    gone = linked.how is How.LINKED and before is not None and not before.user.admin
    put = PutPerson(person=result.person, password_hash=NOBODY if gone else None)
    rest = await _of_before(occasion, result.person) if gone else Step(result=None)
    return Step(result=outcome, edits=[put, *rest.edits], events=[*events, *rest.events])


async def _of_before(occasion: Occasion, person: Person) -> Step[None]:
    """Away with the tokens and second factors that were made before an account passed to its provider."""
    desk, user = Desk.at(occasion), person.user.id
    steps = [desk.revoke(token) for token in await occasion.database.tokens(user=user)]
    factors = await users.reset_factors(occasion, user) if await occasion.database.factors(user) else Step(result=None)
    return joined(*steps, factors)
