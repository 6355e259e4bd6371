"""No stale permission: follow the versions of what is kept, and look again at every open connection concerned."""

import asyncio
from collections.abc import Iterable
from typing import Final

import structlog

from proxy.gate.facts import KEPT
from proxy.gate.gate import Gate
from proxy.gate.judge import view_of
from proxy.gate.live import Live, LiveConnections, place_of, rights_of
from proxy.gate.principal import Kind, Principal
from proxy.gate.pulse import Pulse
from proxy.gate.verdict import Missing
from proxy.gate.world import Ground, World, world_of
from proxy.model.access import Decision, Reason
from proxy.nodered.surfaces import Surface
from proxy.services.snapshot import Snapshot
from proxy.store import Change, Database, Shared, StoreUnavailable, Subject

POLL: Final = 0.25
"""Seconds between two looks at the version; other processes write too."""
BEAT: Final = 1.0
"""Seconds between two looks at whether sessions can be asked for."""
_WRITE_SEEN: Final = 15.0
_CLEAN: Final = 300.0
_AT_ONCE: Final = 500
_AT_A_STRETCH: Final = 0.02
"""Seconds, whatever has been looked at by then: a dashboard of many pages takes longer."""
_log = structlog.get_logger(__name__)


class Watch:
    """Applies changes to the gate and ends what they concern, within a second."""

    def __init__(
        self,
        gate: Gate,
        database: Database,
        shared: Shared,
        snapshot: Snapshot,
        live: LiveConnections,
        ground: Ground,
        grace: float,
    ) -> None:
        """`grace`: seconds for which known sessions go on while what knows them is away."""
        self._gate, self._database, self._shared, self._live = gate, database, shared, live
        self._snapshot = snapshot
        self._ground = ground
        self._version = gate.world.estate.version
        self._pending: set[Live] = set()
        self._wake, self._stopped = asyncio.Event(), asyncio.Event()
        self._turn = asyncio.Lock()
        """An older world must not replace a younger one."""
        self._judging = asyncio.Lock()
        """Apart, since nobody who has written something is to wait until thousands of sockets are judged."""
        self.failing = False
        """The store could not be read last time."""
        self._grace = grace
        self._read = gate.clock.steady()
        """When the store was last read."""
        self._pulse = Pulse(shared, gate.clock)

    @property
    def version(self) -> int:
        """The version of the state that holds in this process."""
        return self._version

    def wake(self) -> None:
        """Something was written, here or elsewhere: look now."""
        self._wake.set()

    def judge_all(self) -> None:
        """Something beside the state has changed that decisions are made on: look at everything again."""
        world = self._gate.world
        self._gate.change_world(World(world.estate, world.sites, world.stations))
        self._pending.update(self._live)
        self.wake()

    def stop(self) -> None:
        """Look no more. Cancelling could cut a question to the store in half."""
        self._stopped.set()
        self._wake.set()

    async def run(self) -> None:
        """Until stopped."""
        # Beside the looking: revocations come by the database, also while sessions cannot be asked for.
        async with asyncio.TaskGroup() as both:
            both.create_task(self._feel())
            await self._follow()

    async def _follow(self) -> None:
        wrote = cleaned = self._gate.clock.steady()
        while not self._stopped.is_set():
            self._wake.clear()
            await self.look()
            now = self._gate.clock.steady()
            if now - wrote > _WRITE_SEEN:
                wrote = now
                await self.write_seen()
            if now - cleaned > _CLEAN:
                cleaned = now
                await self._clean()
            try:
                async with asyncio.timeout(POLL):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _feel(self) -> None:
        while not self._stopped.is_set():
            await self.feel()
            try:
                async with asyncio.timeout(BEAT):
                    await self._stopped.wait()
            except TimeoutError:
                continue

    async def feel(self) -> None:
        """Find out whether sessions can be asked for; where they are lost, end what goes on under them."""
        if await self._pulse.feel():
            _log.error("sessions-lost")
            self._gate.forget_sessions()
            self._end((live for live in self._live if live.principal.ended), Reason.SESSION_ENDED)

    async def look(self) -> None:
        """Apply what has changed, and end what has run out."""
        async with self._judging:
            async with self._turn:
                await self._read_changes()
            self._see()
            self._end_what_ran_out()
            self._pending.update(self._live.take_new())
            await self._judge_pending()

    async def heed(self, version: int) -> None:
        """Let what has changed up to a version hold for whatever comes; what goes on already is judged soon after.

        Where the store cannot be read, both come about when it can.
        """
        async with self._turn:
            if self._version < version:
                await self._read_changes()

    async def _read_changes(self) -> None:
        try:
            if await self._database.version() != self._version:
                await self._apply(await self._database.changes(self._version))
            self._read, self.failing = self._gate.clock.steady(), False
        except StoreUnavailable as error:
            if not self.failing:
                _log.warning("store-unavailable", reason=str(error))
            self.failing = True

    def _see(self) -> None:
        """Known principals go on for a while without what knows them; then nobody can say which of them have ended."""
        before, blind = self._gate.blind, self._unseen()
        if blind <= before:
            self._gate.blind = blind
            return
        self._gate.lose_sight(blind)
        _log.error("sessions-suspended", seconds=self._grace, tokens=Kind.TOKEN in blind)
        self._pending.update(self._live)

    def _unseen(self) -> frozenset[Kind]:
        latest = self._gate.clock.steady() - self._grace
        if self.failing and self._read < latest:
            return KEPT
        return frozenset({Kind.SESSION}) if self._pulse.failing and self._pulse.felt < latest else frozenset()

    async def write_seen(self) -> None:
        touched = self._gate.take_touched()
        try:
            if touched:
                await self._shared.touch(touched)
            await self._gate.uses.flush(self._database)
        except StoreUnavailable as error:
            _log.warning("last-seen-not-written", sessions=len(touched), reason=str(error))

    async def _clean(self) -> None:
        try:
            await self._shared.sweep(self._gate.clock.wall())
        except StoreUnavailable as error:
            _log.warning("sweep-failed", reason=str(error))

    async def _apply(self, changes: Iterable[Change]) -> None:
        anew, version = False, self._version
        for change in changes:
            anew = self._heed(change) or anew
            version = max(version, change.version)
        if anew:
            await self._load()
        self._version = version  # only now: what could not be loaded is to be seen again

    def _heed(self, change: Change) -> bool:
        """Forget what is no longer true; whether the estate is to be loaded anew."""
        gate = self._gate
        match change.subject:
            case Subject.SESSION:
                gone = {change.id, *(principal.key for principal in gate.forget_session(change.id))}
                self._end(self._live.of(gone), Reason.SESSION_ENDED)
            case Subject.PROOF:
                self._doubt(gate.forget_proof(change.id))
            case Subject.USER:
                self._doubt(gate.forget_person(change.id))
            case Subject.TOKEN:
                self._doubt(gate.forget_token(change.id))
            case Subject.EVERYTHING:
                gate.forget_all()
                self._pending.update(self._live)
                return True
            case Subject.SPACE | Subject.RESOURCE | Subject.GRANT | Subject.SETTINGS:
                return True
        return False

    def _doubt(self, principals: Iterable[Principal]) -> None:
        self._pending.update(self._live.of([principal.key for principal in principals]))

    async def _load(self) -> None:
        estate = await self._snapshot.current()
        # Not on the loop: compiling ten thousand instances would hold up everybody's requests.
        world = await asyncio.to_thread(world_of, estate, self._ground, self._gate.world)
        self._gate.change_world(world)
        self._pending.update(self._live)

    @staticmethod
    def _end(lives: Iterable[Live], reason: Reason) -> None:
        for live in lives:
            live.end(reason)

    def _end_what_ran_out(self) -> None:
        """Absolute and idle expiry. Open sockets and polls are no activity."""
        now = self._gate.clock.steady()
        for live in self._live:
            station = self._gate.world.stations.get(live.resource_id)
            if not live.principal.alive(now, station.settings if station else None):
                live.end(Reason.SESSION_ENDED)

    async def _judge_pending(self) -> None:
        clock = self._gate.clock
        due = clock.steady() + _AT_A_STRETCH
        for number, live in enumerate(tuple(self._pending), 1):
            self._pending.discard(live)
            try:
                await self._judge(live)
            except StoreUnavailable:
                self._pending.add(live)  # trouble is neither permission nor refusal: ask again
                return
            if number % _AT_ONCE == 0 or clock.steady() > due:
                await asyncio.sleep(0)  # thousands of sockets must not hold up everybody's requests
                due = clock.steady() + _AT_A_STRETCH

    async def _judge(self, live: Live) -> None:
        gate, principal = self._gate, live.principal
        for _ in range(3):
            station = gate.world.stations.get(live.resource_id)
            if principal.ended or station is None:
                live.end(Reason.SESSION_ENDED if principal.ended else Reason.NOT_FOUND)
                return
            decision = gate.decide(principal, station, live.surface)
            if not isinstance(decision, Missing):
                if not decision.allowed:
                    live.end(decision.reason)
                elif place_of(station, principal) != live.place:
                    live.end(Reason.UPSTREAM_CHANGED)
                elif rights_of(station, live.surface, decision) != live.rights:
                    live.end(_changed(decision, live.surface))
                return
            await gate.learn(decision)
        live.end(Reason.FACTS_UNAVAILABLE)


def _changed(decision: Decision, surface: Surface) -> Reason:
    """Why something ends that may be opened anew. Of an endpoint nobody knows any more whether it was on a page."""
    by_pages = view_of(decision) is not None and surface is Surface.ENDPOINT
    return Reason.NO_ACCESS if by_pages else Reason.RIGHTS_CHANGED
