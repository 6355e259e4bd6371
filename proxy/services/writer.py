"""Writing what was decided, only if it still holds: every change through the API and the console goes this way.

A change reads, decides and says what to write, all at one version of the state. It is written in one transaction with its
events if nothing else has changed since; otherwise it is decided once more. So no two admins overwrite each other, and no
permission is stale when it is used.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from proxy.model.audit import Event
from proxy.model.estate import Estate
from proxy.model.identity import Actor, UserState
from proxy.services.snapshot import Snapshot
from proxy.store import Database, Edit, Outdated, StoreUnavailable

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

TRIES: Final = 10
"""How often a change is decided anew because others write at the same time."""


class ActorGone(Exception):
    """Whoever acts is no longer there, or suspended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The state at one version, and who acts on it when."""

    estate: Estate
    actor: Actor
    now: float
    """Seconds since the epoch."""
    database: Database
    """For what the estate does not hold; what it says is of this version or younger, and younger is noticed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(Generic[T_co]):
    """What is to be written, and what to answer once it is."""

    result: T_co
    edits: Sequence[Edit] = ()
    events: Sequence[Event] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Carries out changes."""

    database: Database
    snapshot: Snapshot
    now: Callable[[], float]
    wake: Callable[[], None]
    """Let what was written take effect in this process at once."""

    async def moment(self, actor: Actor) -> Moment:
        """The state as it is now. Raises ActorGone and StoreUnavailable."""
        estate = await self.snapshot.current()
        person = await self.database.person(actor.user_id)
        if person is None or person.user.state is not UserState.ACTIVE:
            raise ActorGone(actor.user_id)
        return Moment(estate=estate, actor=replace(actor, person=person), now=self.now(), database=self.database)

    async def write(self, actor: Actor, change: Callable[[Moment], Awaitable[Step[T]]]) -> T:
        """Decide and write; a step without edits only records its events. Raises what `change` and the store raise."""
        for _ in range(TRIES):
            moment = await self.moment(actor)
            step = await change(moment)
            if not step.edits:
                if step.events:
                    await self.database.record(*step.events)
                return step.result
            try:
                await self.database.edit(step.edits, step.events, basis=moment.estate.version)
            except Outdated:
                continue
            self.wake()
            return step.result
        raise StoreUnavailable("too much is being changed at the same time")
