"""The audit log beside the requests: kept up, and passed on to where the configuration says."""

import asyncio
import contextlib
import os
import socket
import ssl
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import structlog
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from config.audit_schema import Audit, Syslog, SyslogTransport, Webhook
from proxy.gate.gate import Gate
from proxy.services.audit import Scope, on_resource
from proxy.services.audit_export import DEADLINE, Forwarder, Sink
from proxy.services.audit_refusals import Refusals
from proxy.services.audit_syslog import Heading, SyslogSink
from proxy.services.audit_upkeep import Upkeep
from proxy.services.audit_webhook import WebhookSink
from proxy.services.clock import Clock
from proxy.services.traffic import Traffic
from proxy.store import Store
from proxy.web.outside import Outside

_log = structlog.get_logger(__name__)
_STOP: Final = DEADLINE + 1.0
"""Seconds for a batch under way to be taken at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditing:
    """What looks after the audit log."""

    upkeep: Upkeep
    refusals: Refusals
    forwarders: Sequence[Forwarder]
    client: ClientSession | None
    """What the webhook is reached by."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """At work for as long as the context is open; what was counted is written at the end."""
        await self.upkeep.begin()
        upkeep = _watched(self.upkeep.run())
        passing_on = [_watched(each.run()) for each in self.forwarders]
        try:
            yield
        finally:
            upkeep.cancel()
            for each in self.forwarders:
                each.stop()
            _, late = await asyncio.wait([upkeep, *passing_on], timeout=_STOP)
            for task in late:
                task.cancel()
            await asyncio.gather(upkeep, *passing_on, return_exceptions=True)
            await self.upkeep.close()

    async def close(self) -> None:
        if self.client is not None:
            await self.client.close()


def _watched(work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    """A task whose defect is told when it happens, and not only at the end."""

    def ended(task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("audit-task-failed", exc_info=error)

    task = asyncio.create_task(work)
    task.add_done_callback(ended)
    return task


async def auditing_of(
    settings: Audit, store: Store, traffic: Traffic, gate: Gate, clock: Clock, *, alone: bool
) -> Auditing:
    """What looks after the audit log of a gateway; nothing runs yet. Raises OSError for a CA that cannot be read."""
    client = await _client(settings.webhook.ca) if settings.webhook else None
    sinks: list[Sink] = []
    if settings.syslog:
        sinks.append(await asyncio.to_thread(_syslog, settings.syslog))
    if settings.webhook and client:
        sinks.append(_webhook(settings.webhook, client, clock))
    refusals = Refusals(traffic, partial(_instance, gate))
    me = uuid4().hex
    return Auditing(
        upkeep=Upkeep(
            database=store.database,
            refusals=refusals,
            now=clock.wall,
            retention=settings.retention,
            readers=tuple(sink.name for sink in sinks),
            alone=alone,
        ),
        refusals=refusals,
        forwarders=tuple(Forwarder(sink, store.database, store.shared, clock=clock, me=me) for sink in sinks),
        client=client,
    )


def _instance(gate: Gate, name: str) -> Scope | None:
    """The instance that traffic is counted for under a name."""
    world = gate.world
    found = next((station for station in world.stations.values() if station.name == name), None)
    return on_resource(world.estate, found.resource) if found else None


def _syslog(settings: Syslog) -> SyslogSink:
    transport, at = settings.address.transport, settings.address.at
    return SyslogSink(
        host=at.host,
        port=at.port,
        datagrams=transport is SyslogTransport.UDP,
        tls=_trusting(settings.ca) if transport is SyslogTransport.TLS else None,
        heading=Heading(
            facility=settings.facility,
            hostname=socket.gethostname(),
            app_name=settings.app_name,
            process=str(os.getpid()),
        ),
    )


def _trusting(ca: Path | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca)


async def _client(ca: Path | None) -> ClientSession:
    connector = TCPConnector(ssl=await asyncio.to_thread(_trusting, ca))
    return ClientSession(
        connector=connector, cookie_jar=DummyCookieJar(), trust_env=False, timeout=ClientTimeout(total=None)
    )


def _webhook(settings: Webhook, client: ClientSession, clock: Clock) -> WebhookSink:
    return WebhookSink(
        url=settings.url,
        batch=settings.batch,
        fetch=Outside(client),
        now=clock.wall,
        secret=settings.secret.get_secret_value().encode() if settings.secret else b"",
    )
