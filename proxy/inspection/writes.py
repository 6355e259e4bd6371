"""Writes to an instance: on record before anything is sent, and how each went before its answer goes back."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Protocol, TypeVar

import structlog
from aiohttp import ClientError, ClientResponse, web

from proxy.gate.live import LiveConnections
from proxy.gate.verdict import Refusal
from proxy.inspection.carrier import Carrier
from proxy.inspection.deploys import COUNTING, Comparison, Deploys
from proxy.inspection.exchange import Exchange, Stopped, UpstreamFailed, actor, refused
from proxy.inspection.streams import going_on, stopped
from proxy.model.access import Reason
from proxy.model.audit import Event, Phase
from proxy.model.identity import Person
from proxy.nodered.writes import Meaning, Reads, error_code, meaning, of_answer, of_body
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
_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})
_log = structlog.get_logger(__name__)


T = TypeVar("T")
Finish = Callable[[ClientResponse, bytes], Awaitable[web.StreamResponse]]
"""Sends an answer on; the bytes are what was read of its body already."""


class Journal(Protocol):
    """The audit log, as far as writes need it. Both raise StoreUnavailable."""

    async def begin(self, intent: Event, until: float) -> int: ...
    async def finish(self, outcome: Event) -> None: ...


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
        self._under_way: set[asyncio.Task[object]] = set()

    async def carry(self, exchange: Exchange, finish: Finish | None = None) -> web.StreamResponse:
        """One write; its answer goes on as it is, or as `finish` says. Raises UpstreamFailed while nothing has been sent."""
        write = Write(self, exchange)
        async with going_on(self._live, exchange, write.stop):
            try:
                answered = await self._done(write)
            except Stopped as ended:
                return refused(ended.refusal, exchange)
            if finish is not None:
                return await finish(answered.answer, answered.first)
            return await self.carrier.pass_on(exchange, answered.answer, answered.first)

    async def _done(self, write: "Write") -> Answered:
        """What an instance answers to it. It goes on to its outcome though nobody waits any more. Raises as `Write.run`."""
        task = self._own(asyncio.create_task(write.run()))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            write.stop(CLIENT_GONE)
            task.add_done_callback(_forget)
            raise

    async def say(self, exchange: Exchange, about: Meaning, send: Callable[[], Awaitable[None]]) -> None:
        """Send a message that is as good as a write; it has no answer. Raises Stopped where it is not on record."""
        task = self._own(asyncio.create_task(self._said(exchange, about, send)))
        task.add_done_callback(_forget)
        await asyncio.shield(task)

    async def _said(self, exchange: Exchange, about: Meaning, send: Callable[[], Awaitable[None]]) -> None:
        event = await self.begin(exchange, about.event, about.details, 0.0)
        error = ""
        try:
            await send()
        except ConnectionError:  # whoever hears the instance will notice too
            error = Reason.UPSTREAM_BROKEN
        await self.finish(event, error)

    def _own(self, task: "asyncio.Task[T]") -> "asyncio.Task[T]":
        """Whoever waits for it may go; it is put on record all the same."""
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def begin(self, exchange: Exchange, event: str, body: Mapping[str, object], seconds: float) -> Event:
        """Put it on record for what takes so many seconds at most; its outcome to be. Raises Stopped: nothing may be sent."""
        lease, now = exchange.verdict.lease, self.clock.wall()
        scope = on_resource(lease.world.estate, lease.station.resource)
        intent = happened(event, at=now, by=actor(exchange, self.person), on=scope, body=body, phase=Phase.INTENT)
        try:
            number = await self.journal.begin(intent, now + seconds + _FINISHING)
        except StoreUnavailable as error:
            detail = "what is done at an instance goes on record first, and that is not possible now; nothing was done"
            raise Stopped(Refusal(Reason.NOT_RECORDED, 503, detail)) from error
        return replace(intent, phase=Phase.OUTCOME, intent=number)

    async def finish(self, event: Event, error: str, found: Mapping[str, object] = _NOTHING) -> None:
        """Put on record how it went. Raises Stopped."""
        outcome = replace(event, at=self.clock.wall(), error=error, body={**event.body, **_plain(found)})
        try:
            await self.journal.finish(outcome)
        except StoreUnavailable as trouble:
            _log.error("outcome-not-recorded", intent=event.intent, action=event.event, reason=str(trouble))
            detail = "how this went could not be put on record; look at the instance before you try again"
            raise Stopped(Refusal(Reason.NOT_RECORDED, 503, detail)) from trouble

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
        request, settings = exchange.request, exchange.verdict.lease.station.settings
        self._meaning = meaning(request.method, exchange.path, settings.admin_root, request.headers)
        self._comparison = writes.deploys.comparison(exchange, self._meaning.reads)
        self._upload = writes.carrier.upload(exchange, keep=self._keep())
        self._counting: asyncio.Task[Mapping[str, object]] | None = None
        self._limit: asyncio.Timeout | None = None
        self._why = ""
        self._asked = False
        """Whether the instance has been asked."""

    def stop(self, why: str) -> bool:
        """Cut it off, unless the instance has all of it: then what becomes of it is worth knowing.

        Whether its client may wait until that is on record.
        """
        answered = self._limit is None or self._upload is None or self._upload.passed_on.is_set()
        if not self._why and not (self._asked and answered):
            self._why = why
            if self._limit is not None and not self._limit.expired():
                self._limit.reschedule(asyncio.get_running_loop().time())
        return bool(self._why) and self._limit is not None

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
            await self._writes.finish(intent, CLIENT_GONE if self._broken else failed.reason)
            raise
        except Stopped as stopped:
            await self._writes.finish(intent, self._why or stopped.refusal.reason)
            raise
        try:
            await self._writes.finish(intent, error, found)
        except Stopped:
            answered.answer.close()
            raise
        return answered

    # -- what is put on record

    async def _intent(self) -> Event:
        """Put it on record. Raises Stopped, and then nothing has been sent."""
        body = dict(self._meaning.details)
        patience = self._writes.carrier.patience.response
        if self._meaning.reads is Reads.MODULE and self._upload is not None:
            await self._upload.early(patience)
            body |= of_body(self._upload.take_kept() or b"")
        return await self._writes.begin(self._exchange, self._meaning.event, body, patience + _UPLOADING)

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
        return stopped(self._exchange, Reason(self._why))

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


def _forget(task: "asyncio.Task[Answered | None]") -> None:
    """Nobody is there any more to get the answer."""
    if not task.cancelled() and task.exception() is None and (answered := task.result()) is not None:
        answered.answer.close()
