"""What a deploy changes: the flows that come, compared with those that are there. It never holds a deploy up."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from proxy.inspection.carrier import WHOLE
from proxy.inspection.exchange import Exchange, UpstreamFailed
from proxy.inspection.reading import OwnReader
from proxy.inspection.upload import Upload
from proxy.nodered.flows import NOTHING, Document, Unreadable, compare, read
from proxy.nodered.writes import Reads
from proxy.wire.target import path_of

_LOOKING: Final = 2.0
"""Seconds for the flows that are there to be read."""
COUNTING: Final = 5.0
"""Seconds an answer waits for the comparison, which begins when the instance has the body."""
_AT_ONCE: Final = 4
"""Deploys compared at the same time: each holds up to 16 MiB."""


class Deploys:
    """Compares deploys, in one thread.

    It is an ordinary one: reading JSON holds the interpreter's lock, and the loop would wait for it if a thread of low
    priority held it.
    """

    def __init__(self, reader: OwnReader) -> None:
        self._reader = reader
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="deploys")
        self._going_on = 0

    def close(self) -> None:
        self._worker.shutdown(wait=False, cancel_futures=True)

    def comparison(self, exchange: Exchange, reads: Reads) -> "Comparison | None":
        """How one write will be compared; None for what is no deploy."""
        if reads not in (Reads.FLOWS, Reads.NEW_FLOW):
            return None
        problem = _problem(exchange)
        if not problem and self._going_on >= _AT_ONCE:
            problem = "busy"
        if not problem:
            self._going_on += 1
        return Comparison(self, exchange, new=reads is Reads.NEW_FLOW, problem=problem)

    def done(self) -> None:
        self._going_on -= 1

    async def there(self, exchange: Exchange) -> bytes:
        """The flows that are at the address of an exchange now. Raises UpstreamFailed."""
        station = exchange.verdict.lease.station
        return await self._reader.flows(station, path_of(exchange.path), most=WHOLE, seconds=_LOOKING)

    async def documents(self, before: bytes | None, after: bytes | None) -> tuple[Document, Document]:
        """Both, taken apart; None is nothing. Raises Unreadable."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, _documents, before, after)


class Comparison:
    """One deploy, until it is closed."""

    def __init__(self, deploys: Deploys, exchange: Exchange, *, new: bool, problem: str) -> None:
        self._deploys, self._exchange, self._new = deploys, exchange, new
        self._problem, self._holds = problem, not problem
        self._before: bytes | None = None

    @property
    def keep(self) -> int:
        """Bytes of the body that are wanted."""
        return 0 if self._problem else WHOLE

    def close(self) -> None:
        self._before = None
        if self._holds:
            self._holds = False
            self._deploys.done()

    async def look(self) -> None:
        """Read what is there. Nothing to read, or no answer, is no reason not to deploy."""
        if self._problem or self._new:
            return
        try:
            self._before = await self._deploys.there(self._exchange)
        except UpstreamFailed:
            self._problem = "current_flows_unavailable"

    async def told(self, upload: Upload | None) -> Mapping[str, object]:
        """The revision before and what the deploy changes, or why nobody knows. Waits for the body to be passed on."""
        if upload is not None:
            await upload.passed_on.wait()
        after = upload.take_kept() if upload is not None else None
        if upload is not None and after is None and not self._problem:
            self._problem = "body_too_large"
        if self._problem:
            return {"not_compared": self._problem}
        before, self._before = self._before, None
        try:
            there, comes = await self._deploys.documents(before, after)
        except Unreadable:
            return {"not_compared": "unreadable"}
        return _told(there, comes)


def _told(there: Document, comes: Document) -> Mapping[str, object]:
    told: dict[str, object] = {"rev": {"before": there.rev}} if there.rev else {}
    if comes.rev and there.rev and comes.rev != there.rev:
        # It was done all the same, so somebody else deployed between our look and this deploy.
        return {"rev": {"before": comes.rev}, "not_compared": "changed_meanwhile"}
    return {**told, "nodes": compare(there.nodes, comes.nodes).plain()}


def _documents(before: bytes | None, after: bytes | None) -> tuple[Document, Document]:
    return NOTHING if before is None else read(before), NOTHING if after is None else read(after)


def _problem(exchange: Exchange) -> str:
    """Why a body cannot be looked at; empty if it can."""
    fields = exchange.request.headers
    if fields.get("Content-Encoding", "identity").lower() != "identity":
        return "body_encoded"
    length = exchange.request.content_length
    return "body_too_large" if length is not None and length > WHOLE else ""
