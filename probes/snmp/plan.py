"""What to ask a device at each poll, and what to make of the answers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import fsum

import msgspec

from inventory.expression import Expression
from inventory.readings import Overall as How
from probes.core.observation import Fact, Labels, Limits, Sample
from probes.core.words import Words
from probes.snmp.ber import Value
from probes.snmp.cells import Gauge
from probes.snmp.form import Reader
from probes.snmp.template import Template

Cells = dict[bytes, Gauge]
"""What becomes of each variable, by its whole OID."""


@lru_cache(maxsize=16384)
def same_oids(oids: tuple[bytes, ...]) -> list[bytes]:
    """Return one list for all devices that are asked alike: most of a plan's memory would be these."""
    return list(oids)


@lru_cache(maxsize=65536)
def same_labels(labels: Labels) -> Labels:
    """Return one object for equal labels."""
    return labels


class Step(msgspec.Struct, frozen=True, gc=False):
    """One request of the plan: its answer must name exactly `oids`, in this order."""

    template: Template
    oids: list[bytes]
    cells: list[Gauge]
    every: int
    reader: Reader


class Output(msgspec.Struct, frozen=True, gc=False):
    """One number to report at each so manieth poll: `value` of `readings`, left out above `limit`."""

    metric: str
    unit: str
    labels: Labels
    value: Expression
    name: str | None
    """The reading to report as it is, when `value` is nothing but its name."""
    readings: Mapping[str, float | None]
    limit: float
    every: int
    limits: Limits | None = None

    def sample(self) -> Sample | None:
        """Return the number as it stands, None when something it needs is missing."""
        value = self.readings[self.name] if self.name else self.value(self.readings)
        if value is None or value > self.limit:
            return None
        return Sample(self.metric, value, self.unit, self.labels, self.limits)


class Overall(msgspec.Struct, frozen=True, gc=False):
    """One number for all rows of a table."""

    rows: tuple[Output, ...]
    how: How
    every: int

    def sample(self) -> Sample | None:
        """Return the number as it stands, None when no row has one."""
        samples = [sample for row in self.rows if (sample := row.sample()) is not None]
        if not samples:
            return None
        values = [sample.value for sample in samples]
        value = max(values) if self.how is How.MAX else fsum(values)
        if self.how is How.MEAN:
            value /= len(values)
        first = samples[0]
        return Sample(first.metric, value, first.unit, first.labels, first.limits)


class Plan(msgspec.Struct, frozen=True, gc=False):
    """What to ask a device and what to make of the answers."""

    profile: str
    steps: tuple[Step, ...]
    outputs: tuple[Output | Overall, ...]
    facts: tuple[Fact, ...]
    changes: Mapping[bytes, Value]
    """Objects that were so when the plan was made."""
    detail: Words


def go_on(before: Plan, plan: Plan) -> None:
    """Let the counters of a new plan go on where those of the old one stand."""
    old = {oid: cell for step in before.steps for oid, cell in zip(step.oids, step.cells, strict=True)}
    for step in plan.steps:
        for oid, cell in zip(step.oids, step.cells, strict=True):
            if oid in old:
                cell.follow(old[oid])
