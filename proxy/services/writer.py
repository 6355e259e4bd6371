"""Writing what was decided, only if it still holds: every change through the API and the console goes this way.

A change reads, decides and says what to write, all at one version of the state. It is written in one transaction with its
events if nothing else has changed since; otherwise it is decided once more. So no two admins overwrite each other, and no
permission is stale when it is used.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, Generic, TypeVar

from proxy.model.audit import Event
from proxy.model.estate import Estate
from proxy.model.identity import Actor, Person, User, UserState
from proxy.services.audit import By, by
from proxy.services.snapshot import Snapshot
from proxy.store import TIMEOUT, Database, Edit, Outdated, Remove, Shared, StoreUnavailable

T = TypeVar("T")
Seen = TypeVar("Seen", bound="Occasion")
T_co = TypeVar("T_co", covariant=True)

TRIES: Final = 10
"""How often a change is decided anew because other processes write at the same time."""
_BUSY: Final = "too much is being changed at the same time"


class ActorGone(Exception):
    """Whoever acts is no longer there, or suspended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """The state at one version, and by whom it is changed when. Whether they may is not asked of it."""

    estate: Estate
    now: float
    """Seconds since the epoch."""
    database: Database
    """For what the estate does not hold; what it says is of this version or younger, and younger is noticed."""
    by: By


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment(Occasion):
    """An occasion that knows its principal, so that it can be asked whether they may."""

    actor: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Generic[T_co]):
    """What is to be written, and what to answer once it is."""

    result: T_co
    edits: Sequence[Edit] = ()
    events: Sequence[Event] = ()


def joined(*steps: Step[object]) -> Step[None]:
    """All that several steps write, as one."""
    return Step(
        result=None,
        edits=[edit for step in steps for edit in step.edits],
        events=[event for step in steps for event in step.events],
    )


async def _in_time(_: int) -> None:
    """Where nobody is served, nothing needs to hold at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Carries out changes."""

    database: Database
    shared: Shared
    snapshot: Snapshot
    now: Callable[[], float]
    wake: Callable[[], None]
    """Let what was written take effect everywhere at once."""
    heed: Callable[[int], Awaitable[None]] = _in_time
    """Wait until what was written up to a version holds in this process: whoever has the answer may rely on it here."""
    patience: float = TIMEOUT
    """Seconds for a change to have its turn, and to make use of it."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def moment(self, actor: Actor) -> Moment:
        """The state as it is now. Raises ActorGone and StoreUnavailable."""
        estate = await self.snapshot.current()
        person = await self.database.person(actor.user_id)
        if person is None or person.user.state is not UserState.ACTIVE:
            raise ActorGone(actor.user_id)
        actor = replace(actor, person=person)
        return Moment(
            estate=estate, actor=actor, now=self.now(), database=self.database, by=await self._by(actor, person)
        )

    async def _by(self, actor: Actor, person: Person) -> By:
        """By whom it is done: an admin who looks on as somebody does it themselves."""
        if actor.session is None or not actor.session.viewer:
            return by(actor)
        viewer = await self.database.person(actor.session.viewer)
        return by(replace(actor, person=viewer or person))

    async def write(self, actor: Actor, change: Callable[[Moment], Awaitable[Step[T]]]) -> T:
        """Decide and write; a step without edits only records its events. Raises what `change` and the store raise."""
        return await self._write(partial(self.moment, actor), change)

    async def occasion(self, by: By) -> Occasion:
        """The state as it is now, for what the gateway does by itself. Raises StoreUnavailable."""
        estate = await self.snapshot.current()
        return Occasion(estate=estate, now=self.now(), database=self.database, by=by)

    async def write_by(self, by: By, change: Callable[[Occasion], Awaitable[Step[T]]]) -> T:
        """As `write`, where nobody's permission is asked: what the gateway does by itself, or by a provider's word."""
        return await self._write(partial(self.occasion, by), change)

    async def _write(self, look: Callable[[], Awaitable[Seen]], change: Callable[[Seen], Awaitable[Step[T]]]) -> T:
        with suppress(Outdated):
            return await self._try(look, change, self._alone())
        for _ in range(TRIES):
            # Whoever takes longer to decide than others to write would come too late again and again.
            with suppress(Outdated):
                async with self._alone():
                    return await self._try(look, change, nullcontext())
        raise StoreUnavailable(_BUSY)

    async def _try(
        self,
        look: Callable[[], Awaitable[Seen]],
        change: Callable[[Seen], Awaitable[Step[T]]],
        turn: AbstractAsyncContextManager[None],
    ) -> T:
        seen = await look()
        step = await change(seen)
        if not step.edits:
            await _carry_out(self.database, step, seen)
            return step.result
        async with turn:
            version = await _carry_out(self.database, step, seen)
        await self._forget_sessions(step.edits)
        self.wake()
        await self.heed(version)
        return step.result

    async def _forget_sessions(self, edits: Sequence[Edit]) -> None:
        """Sessions of a user who is no more open nothing; where they are kept elsewhere, they need not stay till they end."""
        for edit in edits:
            if isinstance(edit, Remove) and edit.kind is User:
                with suppress(StoreUnavailable):
                    await self.shared.end_sessions_of(edit.id)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Nobody else of this process writes. Raises StoreUnavailable where that does not come about in time."""
        try:
            async with asyncio.timeout(self.patience), self.turn:
                yield
        except TimeoutError as error:
            raise StoreUnavailable(_BUSY) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class ByHand:
    """Carries out changes of whoever has access to the gateway's machine, who may make them all."""

    database: Database
    now: Callable[[], float]
    by: By

    async def occasion(self) -> Occasion:
        """The state as it is now. Raises StoreUnavailable."""
        return Occasion(estate=await self.database.estate(), now=self.now(), database=self.database, by=self.by)

    async def write(self, change: Callable[[Occasion], Awaitable[Step[T]]]) -> T:
        """Decide and write. Raises what `change` and the store raise."""
        for _ in range(TRIES):
            occasion = await self.occasion()
            step = await change(occasion)
            with suppress(Outdated):
                await _carry_out(self.database, step, occasion)
                return step.result
        raise StoreUnavailable(_BUSY)


async def _carry_out(database: Database, step: Step[object], decided: Occasion) -> int:
    """Write what was decided, if it still holds; return the version that the state has then. Raises Outdated."""
    if step.edits:
        return await database.edit(step.edits, step.events, basis=decided.estate.version)
    if step.events:
        await database.record(*step.events)
    return decided.estate.version
