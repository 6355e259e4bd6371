"""Bringing what is there in line with estate files: read, plan, do, all or nothing.

A user with `link: activation` is made pending, and is invited once: the caller turns `Plan.invited` into links. A link
that was lost or has run out is made anew by `flowward user link`, never by applying again.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import uuid4

from config.problems import ConfigurationError
from proxy.access.passwords import LONGEST, hash_password, verify
from proxy.model.identity import Person
from proxy.services.estate_events import events
from proxy.services.estate_ledger import Applied, Place, Whole
from proxy.services.estate_plan import NOTHING, Plan, Sign, plan
from proxy.services.offload import Offload
from proxy.store import Database, Outdated, Shared, StoreUnavailable

TRIES: Final = 10
"""How often a plan is made anew because others write at the same time, such as replicas that start together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hashing:
    """argon2id beside the loop."""

    verify: Callable[[str, str | None], Awaitable[bool]]
    """Whether a password has a hash."""
    hash: Callable[[str], Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What applying works with."""

    database: Database
    shared: Shared
    hashing: Hashing
    new_id: Callable[[], str]


def workshop(database: Database, shared: Shared, offload: Offload) -> Workshop:
    """What applying works with, as the gateway and the command line have it."""
    hashing = Hashing(
        verify=lambda password, kept: offload(verify, password, kept),
        hash=lambda password: offload(hash_password, password),
    )
    return Workshop(database=database, shared=shared, hashing=hashing, new_id=lambda: uuid4().hex)


async def prepare(work: Workshop, files: Sequence[Applied], *, prune: bool = True) -> Plan:
    """What applying these files would do now; writes nothing. Raises ConfigurationError with every problem."""
    _refuse_long_passwords(files)
    basis = await work.database.version()  # first: what changes while the rest is read is noticed then
    before = await _whole(work.database, files, await _concerned(work.database, files))
    kept = dict(_kept_hashes(before))
    hashes = {name: hashed async for name, hashed in _hashes(work.hashing, files, kept)}
    planned = plan(files, before, hashes, prune=prune, new_id=work.new_id)
    if any(step.sign is Sign.REMOVED and step.kind not in {"user", "grant"} for step in planned.steps):
        # Anybody may have a role where something goes: only then everybody is looked at, which takes time.
        before = await _whole(work.database, files, await work.database.people())
        planned = plan(files, before, hashes, prune=prune, new_id=work.new_id)
    return replace(planned, basis=basis)


async def carry_out(work: Workshop, planned: Plan, *, now: float) -> None:
    """Do what a plan says, in one transaction with its audit events; an empty plan writes nothing.

    Raises Outdated where anything was changed since the plan was made; then nothing has changed.
    """
    if not planned:
        return
    edits = [step.edit for step in planned.steps]
    await work.database.edit(edits, list(events(planned, now)), basis=planned.basis)
    for user_id in planned.ended:
        await work.shared.end_sessions_of(user_id)


async def apply(work: Workshop, files: Sequence[Applied], *, now: float, prune: bool = True) -> Plan:
    """Prepare a plan, carry it out, and return it. Raises StoreUnavailable where others never stop writing."""
    if not files:
        return NOTHING
    for _ in range(TRIES):
        basis = await work.database.version()
        try:
            planned = await prepare(work, files, prune=prune)
            await carry_out(work, planned, now=now)
        except Outdated:
            continue
        except ConfigurationError:
            if await work.database.version() == basis:
                raise
            continue  # what was read in several steps may not fit together
        return planned
    raise StoreUnavailable("Too much is being changed at the same time. Try again.")


async def _concerned(database: Database, files: Sequence[Applied]) -> Sequence[Person]:
    """The people that applying these files could change, or that stand in their way."""
    entries = [entry for file in files for _, entry in file.users()]
    logins = {login for entry in entries for login in (entry.username, entry.email) if login}
    return await database.people_of({file.origin for file in files}, logins)


async def _whole(database: Database, files: Sequence[Applied], people: Sequence[Person]) -> Whole:
    hashes: dict[str, str] = {}
    for _, entry in (found for file in files for found in file.users()):
        account = await database.account(entry.username)
        # An account is found by e-mail address too; then this is somebody else's hash.
        if account and account.password_hash and account.user.username.casefold() == entry.username.casefold():
            hashes[account.user.id] = account.password_hash
    return Whole(estate=await database.estate(), people={person.user.id: person for person in people}, hashes=hashes)


def _kept_hashes(before: Whole) -> Iterator[tuple[str, str]]:
    """The hashes there are now, by the names of `_passwords`."""
    for person in before.people.values():
        hashed = before.hashes.get(person.user.id)
        if hashed:
            yield f"user {person.user.username.casefold()}", hashed
    for resource in before.estate.resources.values():
        if resource.instance and resource.instance.basic_password_hash:
            yield f"instance {before.estate.address(resource)}", resource.instance.basic_password_hash


def _passwords(files: Sequence[Applied]) -> Iterator[tuple[Place, str, str]]:
    """Where each password in a file is declared, the name of its holder, and the password."""
    for file in files:
        for place, user in file.users():
            if user.password:
                yield place, f"user {user.username.casefold()}", user.password.get_secret_value()
        for place, instance in file.instances():
            if instance.http_auth.password:
                password = instance.http_auth.password.get_secret_value()
                yield place, f"instance {instance.resource_path}", password


def _refuse_long_passwords(files: Sequence[Applied]) -> None:
    message = f"has a password of more than {LONGEST} characters, which no login accepts"
    remedy = "Choose a shorter one."
    long = (place for place, _, password in _passwords(files) if len(password) > LONGEST)
    problems = [place.applied.file.source.problem(place.key, message, remedy) for place in long]
    if problems:
        raise ConfigurationError(problems)


async def _hashes(
    hashing: Hashing, files: Sequence[Applied], kept: Mapping[str, str]
) -> AsyncIterator[tuple[str, str]]:
    """A hash for each password in a file: the kept one while the password still has it, else a new one."""
    for _, name, password in _passwords(files):
        here = kept.get(name)
        fits = here is not None and await hashing.verify(password, here)
        yield name, here if fits and here is not None else await hashing.hash(password)
