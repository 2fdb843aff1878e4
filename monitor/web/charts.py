"""Which charts a device's page draws: a metric each, the ones an operator asks for first in front."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from probes.core.observation import Sample

MAX_CHARTS = 12
_FIRST = (
    "icmp.rtt.mean",
    "icmp.loss",
    "system.cpu.utilization",
    "system.linux.cpu.load",
    "system.memory.utilization",
    "system.filesystem.utilization",
    "hw.temperature",
    "hw.battery.charge",
    "hw.network.io",
    "sip.rtt",
    "http.duration",
)
_DULL = (
    ".limit",
    ".usage",
    ".uptime",
    ".status",
    ".status_code",
    ".count",
    ".up",
    ".size",
    ".remaining",
    ".discharging",
    "probe.success",
    "probe.outcome",
)
"""Endings of metrics that say nothing as a line; they stay in the table of values."""


_TOGETHER = {"system.linux.cpu.load": tuple(f"system.linux.cpu.load_{span}m" for span in (1, 5, 15))}
"""Metrics that are read side by side, in this order, as lines of one chart."""
_FAMILIES = {metric: family for family, metrics in _TOGETHER.items() for metric in metrics}


class Chart(msgspec.Struct, frozen=True):
    """One chart: a metric of the device with all its labels as lines, or a family of metrics."""

    metric: str
    """Name of the metric or of the family."""
    unit: str
    metrics: tuple[str, ...]
    """What is drawn, in the order of the legend."""


def charts(samples: Iterable[Sample], checks: Sequence[str]) -> list[Chart]:
    """Return the charts for a device whose series these samples are the newest of, and with these checks."""
    units = {sample.metric: sample.unit for sample in samples}
    found: dict[str, Chart] = {}
    for metric, unit in units.items():
        family = _FAMILIES.get(metric, metric)
        drawn = tuple(one for one in _TOGETHER.get(family, (metric,)) if one in units)
        found[family] = Chart(family, unit, drawn)
    useful = [chart for chart in found.values() if not chart.metric.endswith(_DULL)]
    ordered = sorted(useful, key=lambda chart: (_rank(chart.metric), chart.metric))[: MAX_CHARTS - 1]
    return [*ordered, Chart("probe.duration", "s", ("probe.duration",))] if checks else ordered


def _rank(metric: str) -> int:
    return _FIRST.index(metric) if metric in _FIRST else len(_FIRST)
