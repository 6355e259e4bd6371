"""The operations listener: is it alive, is it ready, and what it counted."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from typing_extensions import override

from proxy.services.audit_export import Forwarder
from proxy.services.traffic import BUCKETS, Traffic

_SHOWN: Final = range(7, BUCKETS, 1)
"""Bucket bounds from 128 microseconds up: finer ones tell nothing an operator could use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What the operations listener looks at."""

    traffic: Traffic
    open_sockets: Callable[[], dict[str, int]]
    """Instance -> how many."""
    clients: Callable[[], int]
    troubles: Callable[[], list[str]]
    """Why no new visitor should be sent here; empty when ready."""
    reloads: Callable[[], tuple[int, int]]
    """Reloads that worked, and that were refused."""
    dropped_log_lines: Callable[[], int]
    exports: Sequence[Forwarder] = ()
    """What passes the audit log on."""


def operations(vitals: Vitals) -> web.Application:
    """The application of the operations listener."""
    registry = CollectorRegistry()
    registry.register(TrafficCollector(vitals))

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        troubles = vitals.troubles()
        body = orjson.dumps({"ready": not troubles, "troubles": troubles}) + b"\n"
        return web.Response(status=503 if troubles else 200, body=body, content_type="application/json")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    return app


class TrafficCollector(Collector):
    """Turns the data plane's integers into metric families when somebody asks."""

    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals

    @override
    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily]:
        yield from self._requests()
        yield from self._gauges()
        traffic = self._vitals.traffic
        refusals = CounterMetricFamily(
            "flowward_refusals", "Requests refused by the gateway.", labels=("instance", "reason")
        )
        for pair, count in traffic.refusals.items():
            refusals.add_metric(pair, count)
        yield refusals
        failures = CounterMetricFamily(
            "flowward_upstream_failures", "Failed attempts to reach an instance.", labels=("instance", "reason")
        )
        for pair, count in traffic.upstream_failures.items():
            failures.add_metric(pair, count)
        yield failures
        reloads = CounterMetricFamily("flowward_reloads", "Reloads of the configuration.", labels=("outcome",))
        for outcome, count in zip(("done", "refused"), self._vitals.reloads(), strict=True):
            reloads.add_metric((outcome,), count)
        yield reloads
        dropped = self._vitals.dropped_log_lines()
        yield CounterMetricFamily("flowward_access_log_dropped", "Access lines lost to a slow log.", value=dropped)

        yield from self._exports()

    def _exports(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        passed_on = CounterMetricFamily("flowward_audit_exported", "Audit events passed on.", labels=("sink",))
        lag = GaugeMetricFamily(
            "flowward_audit_export_lag_seconds",
            "Age of the oldest audit event that a sink has not taken.",
            labels=("sink",),
        )
        for each in self._vitals.exports:
            passed_on.add_metric((each.name,), each.passed_on)
            lag.add_metric((each.name,), each.lag)
        yield passed_on
        yield lag

    def _requests(self) -> Iterator[CounterMetricFamily | HistogramMetricFamily]:
        requests = CounterMetricFamily(
            "flowward_requests", "Requests by status class.", labels=("instance", "surface", "outcome")
        )
        durations = HistogramMetricFamily(
            "flowward_request_duration_seconds", "From head to last byte.", labels=("instance", "surface")
        )
        for (instance, surface), tally in self._vitals.traffic.tallies.items():
            for hundreds, count in enumerate(tally.outcomes):
                if count:
                    requests.add_metric((instance, surface, f"{hundreds}xx"), count)
            if any(tally.buckets):
                durations.add_metric((instance, surface), list(_cumulated(tally.buckets)), tally.micros / 1e6)
        yield requests
        yield durations

    def _gauges(self) -> Iterator[GaugeMetricFamily]:
        sockets = GaugeMetricFamily("flowward_open_sockets", "Open websockets.", labels=("instance",))
        for instance, count in self._vitals.open_sockets().items():
            sockets.add_metric((instance,), count)
        yield sockets
        up = GaugeMetricFamily(
            "flowward_upstream_up", "Whether an instance was reached last time.", labels=("instance",)
        )
        for instance, reached in self._vitals.traffic.upstream_up.items():
            up.add_metric((instance,), int(reached))
        yield up
        yield GaugeMetricFamily("flowward_client_connections", "Open HTTP connections.", value=self._vitals.clients())


def _cumulated(buckets: list[int]) -> Iterator[tuple[str, float]]:
    """Counts up to each bound. Bucket n holds what took less than 2^n microseconds."""
    total = sum(buckets[: _SHOWN.start])
    for power in _SHOWN:
        total += buckets[power]
        yield (str(2**power / 1e6) if power < BUCKETS - 1 else "+Inf"), total
