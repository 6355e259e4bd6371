"""Writes to an instance: on record before anything is sent, and how each went before its answer goes back."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Protocol

import structlog
from aiohttp import ClientError, ClientResponse, web

from proxy.gate.live import LiveConnections, rights_of
from proxy.gate.verdict import Refusal
from proxy.inspection.carrier import Carrier
from proxy.inspection.deploys import COUNTING, Comparison, Deploys
from proxy.inspection.exchange import Exchange, UpstreamFailed, actor, refused
from proxy.model.access import Reason
from proxy.model.audit import Event, Phase
from proxy.model.identity import Person
from proxy.nodered.writes import Reads, error_code, meaning, of_answer, of_body
from proxy.services.audit import happened, on_resource
from proxy.services.audit_secrets import plain
from proxy.services.clock import Clock
from proxy.store import StoreUnavailable

_UPLOADING: Final = 600.0
"""Seconds for a body, besides those for its answer."""
_FINISHING: Final = 60.0
"""Seconds after which a write without an outcome is one that nobody will tell of any more."""
_SMALL: Final = 16 * 1024
_ANSWER: Final = 64 * 1024
"""Bytes of an answer that are looked at."""
_SECONDS: Final = 2.0
"""For what is looked at of an answer to come, and at the end for writes that are under way."""
CLIENT_GONE: Final = "client_gone"
_LEFT_ALONE: Final = frozenset({Reason.RIGHTS_CHANGED, Reason.DRAINING})
_STATUS: Final[Mapping[Reason, int]] = {
    Reason.SESSION_ENDED: 401,
    Reason.LOGIN_REQUIRED: 401,
    Reason.NOT_FOUND: 404,
    Reason.FACTS_UNAVAILABLE: 503,
}
"""Of refusals to go on with what was allowed when it began; else 403."""
_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})
_log = structlog.get_logger(__name__)


Finish = Callable[[ClientResponse, bytes], Awaitable[web.StreamResponse]]
"""Sends an answer on; the bytes are what was read of its body already."""


class Journal(Protocol):
    """The audit log, as far as writes need it. Both raise StoreUnavailable."""

    async def begin(self, intent: Event, until: float) -> int: ...
    async def finish(self, outcome: Event) -> None: ...


class Stopped(Exception):
    """A write was cut off, or never begun: the refusal its client gets."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason)
        self.refusal = refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An instance's answer, and what was read of its body already."""

    answer: ClientResponse
    first: bytes = b""


class Writes:
    """Carries every write to an instance."""

    def __init__(
        self,
        *,
        carrier: Carrier,
        deploys: Deploys,
        journal: Journal,
        live: LiveConnections,
        person: Callable[[str], Person | None],
        clock: Clock,
    ) -> None:
        self.carrier, self.deploys, self.journal, self.person, self.clock = carrier, deploys, journal, person, clock
        self._live = live
        self._under_way: set[asyncio.Task[Answered]] = set()

    async def carry(self, exchange: Exchange, finish: Finish | None = None) -> web.StreamResponse:
        """One write; its answer goes on as it is, or as `finish` says. Raises UpstreamFailed while nothing has been sent."""
        write = Write(self, exchange)
        task = asyncio.create_task(write.run())
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        self._live.add(write)
        try:
            answered = await asyncio.shield(task)
        except asyncio.CancelledError:
            write.stop(CLIENT_GONE)
            task.add_done_callback(_forget)
            raise
        except Stopped as stopped:
            return refused(stopped.refusal, exchange)
        finally:
            self._live.remove(write)
        if finish is not None:
            return await finish(answered.answer, answered.first)
        return await self.carrier.pass_on(exchange, answered.answer, answered.first)

    async def close(self) -> None:
        """Let those under way be put on record, for a moment; what is left stays an intent."""
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self.deploys.close()


class Write:
    """One write, from its intent to its outcome. What ends the right to it ends it, as long as it is not all there."""

    def __init__(self, writes: Writes, exchange: Exchange) -> None:
        self._writes, self._exchange = writes, exchange
        lease = exchange.verdict.lease
        self.principal = exchange.verdict.principal
        self.resource_id, self.surface = lease.station.resource.id, lease.surface
        self.rights, self.endpoint = rights_of(lease.station, lease.surface, lease.decision), lease.station.endpoint
        request, settings = exchange.request, lease.station.settings
        self._meaning = meaning(request.method, exchange.path, settings.admin_root, request.headers)
        self._comparison = writes.deploys.comparison(exchange, self._meaning.reads)
        self._upload = writes.carrier.upload(exchange, keep=self._keep())
        self._counting: asyncio.Task[Mapping[str, object]] | None = None
        self._limit: asyncio.Timeout | None = None
        self._why = ""
        self._asked = False
        """Whether the instance has been asked."""

    def end(self, reason: Reason) -> None:
        if reason not in _LEFT_ALONE:
            self.stop(reason)

    def stop(self, why: str) -> None:
        """Cut it off, unless the instance has all of it: then what becomes of it is worth knowing."""
        passed_on = self._asked and (self._upload is None or self._upload.passed_on.is_set())
        if self._why or passed_on:
            return
        self._why = why
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time())

    async def run(self) -> Answered:
        """Raises UpstreamFailed and Stopped."""
        try:
            return await self._run(await self._intent())
        finally:
            if self._counting is not None:
                self._counting.cancel()
            if self._comparison is not None:
                self._comparison.close()

    async def _run(self, intent: Event) -> Answered:
        answered: Answered | None = None
        try:
            answered = await self._acted()
            status = answered.answer.status
            error = error_code(status, answered.first) if status >= 400 else ""
            found = {"status": status, **(await self._found(answered) if status < 400 else _NOTHING)}
        except UpstreamFailed as failed:
            await self._finish(intent, CLIENT_GONE if self._broken else failed.reason)
            raise
        except Stopped as stopped:
            await self._finish(intent, self._why or stopped.refusal.reason)
            raise
        try:
            await self._finish(intent, error, found)
        except Stopped:
            answered.answer.close()
            raise
        return answered

    # -- what is put on record

    async def _intent(self) -> Event:
        """Put it on record, with its number. Raises Stopped, and then nothing has been sent."""
        body = dict(self._meaning.details)
        patience = self._writes.carrier.patience.response
        if self._meaning.reads is Reads.MODULE and self._upload is not None:
            await self._upload.early(patience)
            body |= of_body(self._upload.take_kept() or b"")
        lease, now = self._exchange.verdict.lease, self._writes.clock.wall()
        scope = on_resource(lease.world.estate, lease.station.resource)
        event = happened(
            self._meaning.event,
            at=now,
            by=actor(self._exchange, self._writes.person),
            on=scope,
            body=body,
            phase=Phase.INTENT,
        )
        try:
            number = await self._writes.journal.begin(event, now + patience + _UPLOADING + _FINISHING)
        except StoreUnavailable as error:
            detail = "what is done at an instance goes on record first, and that is not possible now; nothing was done"
            raise Stopped(Refusal(Reason.NOT_RECORDED, 503, detail)) from error
        return replace(event, phase=Phase.OUTCOME, intent=number)

    async def _finish(self, event: Event, error: str, found: Mapping[str, object] = _NOTHING) -> None:
        """Put on record how it went. Raises Stopped."""
        outcome = replace(event, at=self._writes.clock.wall(), error=error, body={**event.body, **_plain(found)})
        try:
            await self._writes.journal.finish(outcome)
        except StoreUnavailable as trouble:
            _log.error("outcome-not-recorded", intent=event.intent, action=event.event, reason=str(trouble))
            detail = "how this went could not be put on record; look at the instance before you try again"
            raise Stopped(Refusal(Reason.NOT_RECORDED, 503, detail)) from trouble

    # -- what is done

    async def _acted(self) -> Answered:
        """The instance's answer. Raises UpstreamFailed, and Stopped when it was cut off."""
        if self._why:
            raise self._cut_off()
        try:
            async with asyncio.timeout(self._writes.carrier.patience.response + _UPLOADING) as self._limit:
                if self._comparison is not None:
                    await self._look(self._comparison)
                self._asked = True
                answer = await self._writes.carrier.open(self._exchange, body=self._upload)
                self._limit.reschedule(None)
        except TimeoutError as error:
            raise self._cut_off() from error
        finally:
            self._limit = None
        return Answered(answer=answer, first=await _first(answer))

    async def _look(self, comparison: Comparison) -> None:
        """Read what is there while the client sends what is to come; both are compared while the instance deploys."""
        if self._upload is None:
            await comparison.look()
        else:
            await self._upload.during(comparison.look())
        self._counting = asyncio.create_task(comparison.told(self._upload))

    async def _found(self, answered: Answered) -> Mapping[str, object]:
        """What of a write that was done is known only now."""
        found: dict[str, object] = dict(of_answer(self._meaning.event, answered.first))
        compared = await self._counted(self._counting) if self._counting is not None else _NOTHING
        if after := found.pop("rev", None):
            rev = compared.get("rev")
            found["rev"] = {**(rev if isinstance(rev, dict) else {}), "after": after}
        return {**compared, **found}

    @staticmethod
    async def _counted(counting: "asyncio.Task[Mapping[str, object]]") -> Mapping[str, object]:
        try:
            async with asyncio.timeout(COUNTING):
                return await counting
        except TimeoutError:
            return {"not_compared": "busy"}

    def _cut_off(self) -> Stopped | UpstreamFailed:
        if not self._why or self._why == CLIENT_GONE:
            return UpstreamFailed(Reason.UPSTREAM_TIMEOUT, 504)
        reason = Reason(self._why)
        return Stopped(Refusal(reason, _STATUS.get(reason, 403)))

    @property
    def _broken(self) -> bool:
        return self._why == CLIENT_GONE or (self._upload is not None and self._upload.broken)

    def _keep(self) -> int:
        if self._comparison is not None:
            return self._comparison.keep
        request = self._exchange.request
        small = request.content_type == "application/json" and (request.content_length or _SMALL) < _SMALL
        plain = "Content-Encoding" not in request.headers
        return _SMALL if self._meaning.reads is Reads.MODULE and small and plain else 0


def _plain(found: Mapping[str, object]) -> Mapping[str, object]:
    """Free of secrets, as all that is on record."""
    return {name: plain(value, name) for name, value in found.items()}


async def _first(answer: ClientResponse) -> bytes:
    """What is to be read of an answer before it goes on: small JSON."""
    length = answer.content_length or 0
    if answer.content_type != "application/json" or "Content-Encoding" in answer.headers or length > _ANSWER:
        return b""
    first = bytearray()
    try:
        async with asyncio.timeout(_SECONDS):
            while len(first) < _ANSWER and (part := await answer.content.readany()):
                first += part
    except (ClientError, TimeoutError):
        pass  # whoever reads on will see
    return bytes(first)


def _forget(task: "asyncio.Task[Answered]") -> None:
    """Nobody is there any more to get the answer."""
    if not task.cancelled() and task.exception() is None:
        task.result().answer.close()
