"""The composition root: every part of a running gateway, made from a configuration and a store."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, web
from aiohttp.typedefs import Handler, Middleware

from auth_plugins.registry import Provider
from config.configuration import Config
from config.keys import Keys
from config.schema import Settings
from proxy.access.decide import Place
from proxy.access.passwords import verify
from proxy.app.asking import asking, probing
from proxy.app.auditing import Auditing, auditing_of
from proxy.app.desk import desk_of, home_of, new_id
from proxy.app.front import Front
from proxy.app.identifying import readers_of
from proxy.app.lane import Lane
from proxy.gate.crowd import Crowd
from proxy.gate.gate import Gate
from proxy.gate.live import LiveConnections
from proxy.gate.watch import Watch
from proxy.gate.world import Ground, world_of
from proxy.inspection.carrier import Carrier
from proxy.inspection.deploys import Deploys
from proxy.inspection.dispatch import InspectionDesk
from proxy.inspection.governed_talks import Talks
from proxy.inspection.notes import Notes
from proxy.inspection.reading import OwnReader
from proxy.inspection.violations import Violations
from proxy.inspection.writes import Writes
from proxy.model.access import Permission
from proxy.plane.listener import Plane, Timeouts
from proxy.plane.upgrade import Upgrades
from proxy.services.accounts import Accounts
from proxy.services.administration.instances import Premises, own_listeners
from proxy.services.administration.probing import Ask
from proxy.services.allowances import rate_of
from proxy.services.assertions import Signer
from proxy.services.audit import By, on
from proxy.services.checks import Probes
from proxy.services.clock import SYSTEM, Clock
from proxy.services.cookies import Cookies
from proxy.services.factors import policy_of
from proxy.services.notices import Notices
from proxy.services.offload import Offload
from proxy.services.outbox import Outbox
from proxy.services.refreshing import Refreshing
from proxy.services.sealing import Seal
from proxy.services.sessions import Sessions
from proxy.services.snapshot import Snapshot
from proxy.services.tokens import Tokens
from proxy.services.traffic import AccessLog, Traffic
from proxy.services.writer import Writer
from proxy.store.sql import Store
from proxy.web.api.keys import Api
from proxy.web.api.routes import api_routes
from proxy.web.keys import Desk
from proxy.web.routes import routes


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """The parts that run."""

    gate: Gate
    crowd: Crowd
    plane: Plane
    watch: Watch
    live: LiveConnections
    traffic: Traffic
    log: AccessLog
    signer: Signer
    accounts: Accounts
    sessions: Sessions
    outbox: Outbox
    inspection: InspectionDesk
    outside: ClientSession
    offload: Offload
    lane: Lane
    auditing: Auditing
    premises: Premises
    providers: tuple[Provider, ...]
    refreshing: Refreshing
    notices: Notices

    def take_over(self, settings: Settings) -> None:
        """What of other settings can hold from now on, without a restart."""
        timeouts, server, anonymous = timeouts_of(settings), settings.server, settings.limits.anonymous
        self.crowd.take_over(connections=server.connections, connections_per_address=server.connections_per_address)
        self.plane.take_over(timeouts)
        self.inspection.carrier.patience = self.lane.timeouts = timeouts
        self.gate.trusted = server.trusted_proxies
        self.premises.settings = settings
        if (policy := policy_of(settings.mfa)) != self.gate.second_factor:
            self.gate.second_factor = policy
            self.watch.judge_all()
        self.gate.anonymous = self.gate.limits.limit("anonymous", rate_of(anonymous))

    async def close(self) -> None:
        await self.gate.settle()
        await self.inspection.writes.close()
        await self.inspection.notes.close()
        await self.sessions.flush()
        await self.watch.write_seen()
        await self.inspection.carrier.close()
        await self.outside.close()
        await self.auditing.close()
        self.offload.close()


async def assemble(config: Config, keys: Keys, store: Store, log: AccessLog, clock: Clock = SYSTEM) -> Gateway:
    """Build every part. Raises UnusablePlugins or StoreUnavailable; nothing listens yet."""
    settings = config.settings
    premises, notes = Premises(settings), Notes(store.database.record)
    signer, traffic, live, offload = Signer(keys, clock.wall), Traffic(), LiveConnections(), Offload()
    gate = await _gate(settings, store, traffic, clock, signer, offload)
    auditing = await auditing_of(settings.audit, store, traffic, gate, clock, alone=settings.state.alone)
    snapshot = Snapshot(store.database, gate.world.estate)
    watch = Watch(gate, store.database, store.shared, snapshot, live, ground_of(settings), settings.session.grace)
    hsts = _hsts(settings)
    server = settings.server
    crowd = Crowd(connections=server.connections, connections_per_address=server.connections_per_address)
    hsts_line = f"\r\nStrict-Transport-Security: {hsts}".encode() if hsts else b""
    lane = Lane(gate=gate, crowd=crowd, hsts=hsts_line)
    plane = Plane(
        gate=gate,
        traffic=traffic,
        log=log,
        live=live,
        timeouts=timeouts_of(settings),
        hand_over=lane.take_over,
        crowd=crowd,
        hsts=hsts_line,
    )
    outside = _outside()
    writer = Writer(
        database=store.database,
        shared=store.shared,
        snapshot=snapshot,
        now=clock.wall,
        wake=store.bus.tell,
        heed=watch.heed,
        patience=settings.state.timeout,
    )
    sessions = Sessions(
        store.shared,
        now=clock.wall,
        absolute=settings.session.absolute,
        idle=settings.session.idle,
        seal=Seal(keys.subkey("sessions")),
        forget=gate.forget_session,
        wake=store.bus.tell,
        asked_again={entry.name for entry in settings.auth if entry.refresh > 0},
    )
    async with _closed_on_failure(outside):
        desk = await asyncio.to_thread(
            desk_of, settings, store, gate, signer, sessions, offload, outside, keys, clock, premises, writer
        )
    gate.identify_by(readers_of(settings.session, desk))
    carrier = Carrier(plane.timeouts, lambda: gate.border)
    reader = OwnReader(carrier, sign=signer.sign, issuer=home_of(settings), now=clock.wall)
    inspection = InspectionDesk(
        carrier=carrier,
        writes=Writes(
            carrier=carrier,
            deploys=Deploys(reader),
            journal=store.database,
            live=live,
            person=gate.known_person,
            clock=clock,
        ),
        notes=notes,
        violations=Violations(notes.note, gate.known_person, clock),
        talks=Talks(store.shared, clock.wall, gate.place_pages),
        live=live,
        log=log,
        sessions=sessions,
        wake=store.bus.tell,
        record=store.database.record,
        home=home_of(settings),
        person=gate.known_person,
        upgrade=Upgrades(plane),
    )
    front = Front(
        gate=gate,
        desk=desk,
        inspection=inspection,
        traffic=traffic,
        fast_lane=settings.server.fast_lane,
        hsts=hsts,
    )
    lane.app.middlewares.append(_middleware(front))
    lane.app.on_response_prepare.append(front.prepare)
    ask, probes = asking(gate, reader, watch.look), probing(gate, reader, watch.look)
    api = _api(
        premises, keys.subkey("entity tags"), ask, probes, store, gate, traffic, desk, watch, writer, auditing, clock
    )
    lane.app.add_routes(api_routes(api))
    lane.app.add_routes(routes(desk))
    return Gateway(
        gate=gate,
        crowd=crowd,
        plane=plane,
        watch=watch,
        live=live,
        traffic=traffic,
        log=log,
        signer=signer,
        accounts=desk.accounts,
        sessions=sessions,
        outbox=desk.self_help.outbox,
        inspection=inspection,
        outside=outside,
        offload=offload,
        lane=lane,
        auditing=auditing,
        premises=premises,
        providers=desk.providers,
        refreshing=Refreshing(
            providers=lambda: desk.providers,
            linking=desk.linking,
            sessions=sessions,
            shared=store.shared,
            now=clock.wall,
        ),
        notices=api.notices,
    )


def _outside() -> ClientSession:
    """What plugins reach their providers by."""
    timeout = ClientTimeout(total=None, sock_connect=5)
    return ClientSession(cookie_jar=DummyCookieJar(), trust_env=False, auto_decompress=True, timeout=timeout)


@asynccontextmanager
async def _closed_on_failure(client: ClientSession) -> AsyncIterator[None]:
    try:
        yield
    except BaseException:
        await client.close()
        raise


def timeouts_of(settings: Settings) -> Timeouts:
    return Timeouts(**dict(settings.server.timeouts))


def ground_of(settings: Settings) -> Ground:
    server = settings.server
    homes = tuple(str(origin) for origin in server.homes)
    return Ground(public_url=home_of(settings), homes=homes, open_instances=server.allow_public_http)


def _hsts(settings: Settings) -> str:
    server = settings.server
    return f"max-age={int(server.hsts)}" if server.tls is not None and server.hsts else ""


async def _gate(
    settings: Settings, store: Store, traffic: Traffic, clock: Clock, signer: Signer, offload: Offload
) -> Gate:
    home = home_of(settings)
    return Gate(
        world=world_of(await store.database.estate(), ground_of(settings)),
        database=store.database,
        shared=store.shared,
        traffic=traffic,
        clock=clock,
        sign=signer.sign,
        issuer=home,
        cookie=Cookies.of(home).session.encode(),
        limits=store.limits,
        anonymous=rate_of(settings.limits.anonymous),
        verify=lambda kept, password: offload(verify, password, kept),
        second_factor=policy_of(settings.mfa),
        trusted=settings.server.trusted_proxies,
        listeners=own_listeners(settings),
        patience=settings.state.timeout,
    )


def _api(
    premises: Premises,
    tag_key: bytes,
    ask: Ask,
    probes: Probes,
    store: Store,
    gate: Gate,
    traffic: Traffic,
    desk: Desk,
    watch: Watch,
    writer: Writer,
    auditing: Auditing,
    clock: Clock,
) -> Api:
    notices = Notices(providers=lambda: desk.providers, database=store.database, shared=store.shared, now=clock.wall)
    return Api(
        desk=desk,
        notices=notices,
        writer=writer,
        tokens=Tokens(database=store.database, uses=gate.uses, now=clock.wall),
        refused=partial(_denied, gate, auditing),
        new_id=new_id,
        premises=premises,
        tag_key=tag_key,
        ask=ask,
        probes=probes,
        reached=partial(_reached, gate, traffic),
        calls=lambda: store.limits.limit("api", rate_of(premises.settings.limits.api)),
        strangers=lambda: gate.anonymous,
        listening=Counter(),
        version=lambda: watch.version,
    )


def _reached(gate: Gate, traffic: Traffic, instance: str) -> bool | None:
    station = gate.world.stations.get(instance)
    return traffic.upstream_up.get(station.name) if station else None


def _denied(gate: Gate, auditing: Auditing, by: By, permission: Permission | None, place: Place, reason: str) -> None:
    auditing.refusals.denied(by, permission, on(gate.world.estate, place), reason)


def _middleware(front: Front) -> Middleware:
    @web.middleware
    async def judged(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await front.handle(request, handler)

    return judged
