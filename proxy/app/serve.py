"""Starting, listening, and ending in good order."""

import asyncio
import contextlib
import gc
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Final

import structlog

from auth_plugins.registry import UnusablePlugins
from config.configuration import Config
from config.keys import Keys, load_or_create
from config.load import load
from config.problems import ConfigurationError
from config.schema import Settings
from proxy.app.gateway import Gateway, assemble
from proxy.app.listening import cancelled, listen, redirecting, side
from proxy.app.logs import StandardOutput, set_up_logs
from proxy.app.reload import Reloader, keys_in, stamps_of, written
from proxy.app.ways_in import at_work
from proxy.app.workers import ALONE, READY, Supervisor, Worker
from proxy.gate.watch import Watch
from proxy.model.access import Reason
from proxy.services.certificates import Entrance, certificates_of
from proxy.services.clock import SYSTEM, Clock
from proxy.services.estate import apply, workshop
from proxy.services.estate_ledger import applied_files
from proxy.services.estate_plan import NOTHING, Plan
from proxy.services.same_secrets import refuse_other_secrets
from proxy.services.traffic import AccessLog
from proxy.store import Bus, Conflict, Store, StoreUnavailable
from proxy.store.opening import held, open_state
from proxy.store.sql.holding import InUse
from proxy.web.health import Vitals, operations

MISCONFIGURED: Final = 2
FAILED: Final = 1
_FLUSH: Final = 15.0
_STOP: Final = 3.0
_GIVE_WAY: Final = 0.001
"""Seconds after which what is worked out in a thread lets requests pass; Python's own are five times as many."""
_log = structlog.get_logger(__name__)


def run(path: Path, worker: Worker = ALONE) -> int:
    """Serve until a signal says stop; the exit code. Uses uvloop where there is one."""
    try:
        import uvloop  # noqa: PLC0415 - not everywhere
    except ImportError:
        return asyncio.run(serve(path, worker))
    return uvloop.run(serve(path, worker))


async def serve(path: Path, worker: Worker = ALONE) -> int:
    """Serve a configuration until SIGTERM or SIGINT: exit code 0, 1 when it could not start, 2 for what is written."""
    try:
        config = await asyncio.to_thread(load, path, os.environ)
        settings = config.settings
        if settings.server.workers > 1 and not worker.shares:
            async with _logging(settings):
                return await Supervisor(path, settings.server.workers, settings.server.drain).run()
        async with opened(path, config, worker=worker) as running:
            gc.collect()
            gc.freeze()  # what lives as long as the process need not be looked at again
            gc.set_threshold(10_000, 50, 50)
            sys.setswitchinterval(_GIVE_WAY)
            await _until_told(running, worker)
    except (ConfigurationError, UnusablePlugins) as error:
        print(error, file=sys.stderr)  # noqa: T201 - the operator's terminal
        return MISCONFIGURED
    except (OSError, StoreUnavailable, InUse, Conflict) as error:
        print(f"flowward: {error}", file=sys.stderr)  # noqa: T201
        return FAILED
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A gateway that serves."""

    config: Config
    gateway: Gateway
    reloader: Reloader
    store: Store
    listening: list[asyncio.Server]
    watching: "asyncio.Task[None]"
    """What ends whatever is over; without it nothing may be served."""


@contextlib.asynccontextmanager
async def opened(path: Path, config: Config, clock: Clock = SYSTEM, worker: Worker = ALONE) -> AsyncIterator[Running]:
    """Serve a configuration, read from this file, while the context is open. Raises what is wrong with it."""
    stamps = await asyncio.to_thread(stamps_of, written(config))
    certificates = await asyncio.to_thread(certificates_of, config)
    state = config.settings.state
    async with _logging(config.settings) as log, held(state), open_state(state, clock.steady) as store:
        for warning in config.warnings:
            _log.warning("configuration", problem=str(warning))
        for doubt in store.doubts:
            _log.warning("state", problem=doubt)
        keys = await asyncio.to_thread(load_or_create, state.directory, clock.wall())
        stamps |= await asyncio.to_thread(stamps_of, [keys_in(state.directory)])

        async def agree_on(keys: Keys) -> None:
            if not state.alone:
                await refuse_other_secrets(store.shared, keys, clock.wall())

        await agree_on(keys)
        gateway = await assemble(config, keys, store, log, clock)

        async def apply_estate(config: Config) -> Plan:
            return await _apply_estate(config, store, gateway) if worker.leads else NOTHING

        try:
            await apply_estate(config)
            await gateway.watch.look()
            entrance = Entrance(certificates) if certificates is not None else None
            reloader = Reloader(path, config, gateway, entrance, agree_on, apply_estate, stamps)
            _raise_file_limit()
            async with (
                at_work(gateway.providers),
                _watching(gateway) as watching,
                _beside(gateway, store.bus, reloader),
                _listening(config, gateway, reloader, entrance, worker) as listening,
            ):
                _log.info("serving", listen=[str(at) for at in config.settings.server.listen])
                yield Running(
                    config=config,
                    gateway=gateway,
                    reloader=reloader,
                    store=store,
                    listening=listening,
                    watching=watching,
                )
        finally:
            await gateway.close()


@contextlib.asynccontextmanager
async def _logging(settings: Settings) -> AsyncIterator[AccessLog]:
    log = AccessLog(StandardOutput(), requests=settings.log.access)
    set_up_logs(settings.log, log.say)
    try:
        yield log
    finally:
        await asyncio.to_thread(log.close)


async def _apply_estate(config: Config, store: Store, gateway: Gateway) -> Plan:
    """Bring what is kept in line with the estate files; print each activation link once."""
    files = await asyncio.to_thread(applied_files, config)
    work = workshop(store.database, store.shared, gateway.offload)
    planned = await apply(work, files, now=gateway.gate.clock.wall())
    if planned:
        store.bus.tell()
    for user in planned.invited:
        invitation = await gateway.accounts.invitation(str(config.settings.server.public_url), user)
        print(invitation, file=sys.stderr)  # noqa: T201 - the operator's terminal; a log would keep it
    return planned


@contextlib.asynccontextmanager
async def _watching(gateway: Gateway) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(gateway.watch.run())
    try:
        yield task
    finally:
        gateway.watch.stop()
        await asyncio.wait([task], timeout=_STOP)
        await cancelled(task)


@contextlib.asynccontextmanager
async def _beside(gateway: Gateway, bus: Bus, reloader: Reloader) -> AsyncIterator[None]:
    """What goes on beside the requests."""
    works = (
        gateway.plane.sweep(),
        gateway.lane.sweep(),
        gateway.inspection.carrier.sweep(lambda: gateway.gate.world),
        reloader.run(),
        _flush(gateway),
        _hear(bus, gateway.watch),
        gateway.refreshing.run(),
        gateway.notices.run(),
        gateway.outbox.run(),
    )
    async with contextlib.AsyncExitStack() as stack:
        for work in works:
            stack.push_async_callback(cancelled, asyncio.create_task(work))
        await stack.enter_async_context(gateway.auditing.running())
        yield


@contextlib.asynccontextmanager
async def _listening(
    config: Config, gateway: Gateway, reloader: Reloader, entrance: Entrance | None, worker: Worker
) -> AsyncIterator[list[asyncio.Server]]:
    """The sockets visitors and operators connect to."""
    server = config.settings.server
    await gateway.lane.start(gateway.plane.timeouts)
    context = entrance.context if entrance is not None else None
    factory: Callable[[], asyncio.Protocol] = gateway.plane if server.fast_lane else gateway.lane.protocol
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(gateway.lane.stop)
        if server.redirect_http:
            await stack.enter_async_context(redirecting(gateway, server.redirect_http, worker))
        listening = [await listen(factory, "listen", at, context, worker) for at in server.listen]
        if server.operations is not None:
            # Only now, or it would say ready before visitors can connect. Each worker has its own metrics, on the next port each.
            at = replace(server.operations, port=server.operations.port + worker.number)
            await side(stack, operations(_vitals(gateway, reloader)), "operations", at)
        try:
            yield listening
        finally:
            for each in listening:
                each.close()
            gateway.live.end_all(Reason.DRAINING)
            gateway.plane.close()


async def _hear(bus: Bus, watch: Watch) -> None:
    """Look as soon as anybody says that there is something to see."""
    async for _ in bus.heard():
        watch.wake()


async def _flush(gateway: Gateway) -> None:
    """Write down now and then who was seen."""
    while True:
        await asyncio.sleep(_FLUSH)
        try:
            await gateway.sessions.flush()
        except StoreUnavailable as error:
            _log.warning("last-seen-not-written", reason=str(error))


async def _until_told(running: Running, worker: Worker) -> None:
    """SIGTERM or SIGINT, or a supervisor that is gone: finish in good order. A second one: at once."""
    gateway, reloader = running.gateway, running.reloader
    loop = asyncio.get_running_loop()
    told, again = asyncio.Event(), asyncio.Event()

    def stop() -> None:
        (again if told.is_set() else told).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, reloader.ask)
    if worker.shares:

        def orphaned() -> None:
            loop.remove_reader(sys.stdin)
            told.set()

        os.write(sys.stdin.fileno(), READY)
        loop.add_reader(sys.stdin, orphaned)
    running.watching.add_done_callback(lambda _: told.set())  # a defect: nobody would be told any more what ended
    try:
        await told.wait()
        seconds = reloader.config.settings.server.drain
        _log.info("draining", seconds=seconds)
        gateway.plane.draining = True
        for server in running.listening:
            server.close()
        draining = asyncio.create_task(_drain(gateway, seconds))
        impatient = asyncio.create_task(again.wait())
        await asyncio.wait((draining, impatient), return_when=asyncio.FIRST_COMPLETED)
        await cancelled(impatient)
        await cancelled(draining)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)


async def _drain(gateway: Gateway, seconds: float) -> None:
    """Let requests finish, then close sockets, which would stay for ever; all of it within so many seconds."""
    until = monotonic() + seconds
    await gateway.plane.drain(seconds)
    gateway.live.end_all(Reason.DRAINING)
    await gateway.lane.drain(max(0.0, until - monotonic()))


def _vitals(gateway: Gateway, reloader: Reloader) -> Vitals:
    def open_sockets() -> dict[str, int]:
        stations = gateway.gate.world.stations
        counts = gateway.live.count_by_instance()
        return {stations[key].name: count for key, count in counts.items() if key in stations}

    def troubles() -> list[str]:
        found = ["draining"] if gateway.plane.draining else []
        if gateway.watch.failing:
            return [*found, "the store cannot be read"]
        return [*found, "sessions cannot be looked up"] if gateway.gate.blind else found

    return Vitals(
        traffic=gateway.traffic,
        open_sockets=open_sockets,
        clients=lambda: len(gateway.plane.clients),
        troubles=troubles,
        reloads=lambda: (reloader.done, reloader.refused),
        dropped_log_lines=lambda: gateway.log.dropped,
        exports=gateway.auditing.forwarders,
    )


def _raise_file_limit() -> None:
    """Every proxied socket takes two descriptors; the soft limit is often a thousand."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
