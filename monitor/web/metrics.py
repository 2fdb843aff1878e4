"""The monitor's own figures for Prometheus: ``GET /metrics``. What the devices measure is in the store, not here."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector, exposition
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.access.permission import Permission
from monitor.web.context import WebContext
from monitor.web.route import Route

_PREFIX = "commune_monitor_"


class Metrics:
    """The handler."""

    def __init__(self, context: WebContext) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Vitals(context))
        ProcessCollector(registry=self._registry)

    def routes(self) -> list[Route]:
        """Return the one route."""
        return [
            Route(
                "GET", "/metrics", self.metrics, Permission.VIEW, whole=True, summary="Figures for Prometheus"
            )
        ]

    async def metrics(self, request: web.Request) -> web.Response:
        """``GET /metrics``: in the format that the reader asks for."""
        encode, kind = exposition.choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._registry), headers={"Content-Type": kind})


class _Vitals(Collector):
    """Reads vitals and the state of the inventory when it is asked."""

    def __init__(self, context: WebContext) -> None:
        self._context = context

    def collect(self) -> Iterator[Metric]:
        yield from self._health()
        yield from self._inventory()
        yield from self._quality()

    def _health(self) -> Iterator[Metric]:
        vitals = self._context.vitals()
        load, store = vitals.scheduler, vitals.store
        yield InfoMetricFamily(f"{_PREFIX}build", "Version.", {"version": vitals.version})
        yield _gauge("problems", "Problems of the monitor itself.", len(vitals.problems))
        parts = GaugeMetricFamily(f"{_PREFIX}problem", "1 for each part that has a problem.", labels=["part"])
        for part in dict.fromkeys(problem.part for problem in vitals.problems):
            parts.add_metric([part], 1)
        yield parts
        yield _gauge("failing", "1 while the monitor cannot be relied on.", vitals.failing)
        yield _gauge("checks", "Checks that are planned.", load.checks)
        yield _gauge("checks_in_flight", "Questions under way.", load.in_flight)
        yield _counter("checks_released", "Questions asked.", load.released)
        yield _counter("checks_skipped", "Questions left out because the last was under way.", load.skipped)
        yield _gauge(
            "late_seconds_p99", "Lateness of the last 4,096 questions, 99th percentile.", load.late_p99
        )
        yield _counter("samples_stored", "Samples made durable.", store.written)
        yield _counter("samples_dropped", "Samples given up.", store.dropped)
        yield _gauge("samples_waiting", "Samples not durable yet.", store.waiting)
        yield _gauge(
            "transitions_waiting", "Batches of transitions not durable yet.", vitals.unstored_transitions
        )

    def _quality(self) -> Iterator[Metric]:
        quality = self._context.quality()
        if quality is None:
            return
        whole = quality.whole
        yield _gauge("alerts_incidents_30d", "Incidents that opened in the last 30 days.", whole.incidents)
        yield _gauge("alerts_false_30d", "Of these, false by an operator's word.", whole.false)
        yield _gauge("alerts_suspected_30d", "Of these, over at once and untouched.", whole.suspected)
        yield _gauge(
            "alerts_per_commune_week", "Incidents for each commune and week.", quality.per_commune_week
        )
        text = "Seconds until incidents were noticed, taken on and over."
        times = GaugeMetricFamily(f"{_PREFIX}alerts_time_seconds", text, labels=["what", "quantile"])
        spreads = {"detect": whole.detect, "acknowledge": whole.acknowledge, "resolve": whole.resolve}
        for what, found in spreads.items():
            for quantile, value in (("0.5", found.median), ("0.9", found.p90)):
                if value is not None:
                    times.add_metric([what, quantile], value)
        yield times

    def _inventory(self) -> Iterator[Metric]:
        reloader = self._context.reloader
        if reloader is None:
            return
        state = reloader.state
        yield _gauge("inventory_devices", "Devices in force.", state.devices)
        yield _gauge("inventory_revision", "Number of the revision in force.", state.revision)
        yield _gauge(
            "inventory_loaded_timestamp_seconds", "When it was taken in.", state.loaded_at.timestamp()
        )
        yield _gauge(
            "inventory_refused", "1 while the files have mistakes and are not in force.", bool(state.problems)
        )
        yield _gauge("inventory_mistakes", "Mistakes in the files.", len(state.problems))


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{_PREFIX}{name}", text, value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"{_PREFIX}{name}", text, value)
