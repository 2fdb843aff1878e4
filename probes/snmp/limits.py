"""Where a number begins to be wrong: by its profile, by columns of the agent, or by a table of limits of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec

from inventory.expression import parsed
from inventory.readings import LimitName, Metric, Thresholds
from probes.core.observation import Limits
from probes.snmp.cells import number
from probes.snmp.collect import Column

BELOW, ABOVE = (1.0, 2.0), (3.0, 4.0)
"""``SensorThresholdRelation`` of CISCO-ENTITY-SENSOR-MIB: less, or equal; greater, or equal."""


class Told(msgspec.Struct, frozen=True):
    """What an agent says of one row: the limits of one of its columns."""

    of: str
    bounds: Mapping[LimitName, float]


@lru_cache(maxsize=4096)
def same_limits(limits: Limits) -> Limits:
    """Return one object for equal limits."""
    return limits


def limits(
    metric: Metric, readings: Mapping[str, float | None], most: float, told: Told | None = None
) -> Limits | None:
    """Return a number's own limits, `None` when they say nothing: agents write 0 or the like for "no limit".

    `readings` are those of its row as they are when the plan is made, `most` what is absurd.
    """
    bounds = {name: parsed(text)(readings) for name, text in metric.limits.items()}
    if told is not None and told.of in parsed(metric.value).names:
        value = parsed(metric.value)
        bounds = {name: value({**readings, told.of: bound}) for name, bound in told.bounds.items()} | bounds
    found = {name: bound for name, bound in bounds.items() if bound is not None and bound <= most}
    above = [bound for name, bound in found.items() if name.endswith("above")]
    below = [bound for name, bound in found.items() if name.endswith("below")]
    if not any(found.values()) or (above and below and min(above) <= max(below)):
        return None
    return same_limits(Limits(**found, clear=metric.clear))


def told_limits(how: Thresholds, columns: Sequence[Column]) -> dict[bytes, Told]:
    """Return by the sensor's row what a table of limits says; `columns` are severity, relation and value."""
    severities, relations, values = columns
    found: dict[bytes, dict[LimitName, float]] = {}
    for index, cell in values.items():
        bound, relation = number(*cell), _number(relations, index)
        if bound is None or relation not in (*BELOW, *ABOVE):
            continue
        level = "critical" if f"{_number(severities, index):g}" in how.critical else "warning"
        name: LimitName = f"{level}_{'below' if relation in BELOW else 'above'}"  # type: ignore[assignment]
        found.setdefault(_row(index), {})[name] = bound
    return {row: Told(how.of, bounds) for row, bounds in found.items()}


def _number(column: Column, index: bytes) -> float:
    cell = column.get(index)
    value = number(*cell) if cell else None
    return -1.0 if value is None else value


def _row(index: bytes) -> bytes:
    """Return an index without its last arc."""
    end = len(index) - 1
    while end and index[end - 1] & 0x80:
        end -= 1
    return index[:end]
