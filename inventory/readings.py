"""What is read of a device and reported: numbers of its own, and tables of them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from inventory import wording
from inventory.expression import parsed
from inventory.model import Model
from inventory.sensors import Oid, Pattern, State

MAX_ROWS = 512

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
"""Name of a reading, as expressions use it."""
MetricName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$", max_length=100)]


def _expression(text: str) -> str:
    parsed(text)
    return text


ExpressionText = Annotated[str, AfterValidator(_expression)]


LimitName = Literal["warning_above", "critical_above", "warning_below", "critical_below"]


class Kind(StrEnum):
    """What a number means, and so what is done with it."""

    GAUGE = "gauge"
    """Taken as it is."""
    SIZE = "size"
    """A quantity that old agents report as a negative number past 2^31."""
    COUNTER = "counter"
    """Only its growth means something: becomes a rate per second; 32 or 64 bits by its SNMP type."""
    TICKS = "ticks"
    """Hundredths of a second since something began: becomes seconds, and survives the wrap after 497 days."""
    TEXT = "text"
    """Read when the device is recognised, and again when its tables change."""


class Reading(Model):
    """One object of the agent; for a table's column the OID has no index."""

    oid: Oid
    fallback: Oid | None = None
    """Read where the agent lacks `oid`."""
    kind: Kind = Kind.GAUGE
    every: Annotated[int, Field(ge=1, le=60)] = 1
    """Read at each so manieth poll only; in between the last value stands."""
    fixed: bool = False
    """Does not change while the tables do not: read once."""
    states: Mapping[str, State] = {}
    """What its values mean; it is read as 0 ok, 1 warning, 2 critical, -1 unknown."""


class Metric(Model):
    """One number to report: what it is called and how it is made of readings."""

    metric: MetricName
    value: ExpressionText
    unit: Annotated[str, Field(min_length=1, max_length=20)] = "1"
    labels: Mapping[Name, Annotated[str, Field(max_length=64)]] = {}
    keep: Mapping[Name, tuple[str, ...]] = {}
    """Of a table: only rows whose column has one of these values have this metric."""
    limit: ExpressionText | None = None
    """A greater value is absurd and left out: a counter that was reset, not one that wrapped."""
    limits: Mapping[LimitName, ExpressionText] = {}
    """Where the number begins to be wrong, by the device's own word or its family's."""
    clear: Annotated[float, Field(ge=0)] = 0
    """How far back from a limit it must be to count as well again."""

    @property
    def fixed(self) -> frozenset[str]:
        """Readings its limits are made of, which must not change from poll to poll."""
        texts = (*self.limits.values(), *([self.limit] if self.limit else ()))
        return frozenset[str]().union(*(parsed(text).names for text in texts))

    @property
    def names(self) -> frozenset[str]:
        """Readings this metric needs."""
        return parsed(self.value).names | self.fixed


class Overall(StrEnum):
    """How a table's rows become one number."""

    MEAN = "mean"
    MAX = "max"
    SUM = "sum"


class Thresholds(Model):
    """A table of limits beside a table of sensors: its rows have the index of a sensor's row and one arc more."""

    of: Name
    """The column whose numbers are limited: the limits are numbers like these."""
    relation: Oid
    """1 and 2: wrong when less; 3 and 4: wrong when greater."""
    value: Oid
    severity: Oid
    critical: Annotated[tuple[str, ...], Field(min_length=1)]
    """Severities that are critical; any other is a warning."""


class Table(Model):
    """A table of the agent: columns, which rows count, how a row is labelled, what is reported of each."""

    columns: Annotated[Mapping[Name, Reading], Field(min_length=1)]
    keep: Mapping[Name, tuple[str, ...]] = {}
    """Rows whose column has one of these values; all when empty."""
    skip: Mapping[Name, tuple[str, ...]] = {}
    """Rows whose column has one of these values do not count."""
    like: Mapping[Name, Pattern] = {}
    """Rows whose column contains this regular expression."""
    labels: Mapping[Name, Name] = {}
    """Label name to the column that gives its value."""
    metrics: Mapping[Name, Metric] = {}
    overall: Overall | None = None
    """Report one number for all rows, without the rows' labels."""
    fact: Annotated[str, Field(pattern=r"^snmp\.[a-z_]+$")] | None = None
    """Fact that lists the rows by their first label."""
    rows: Annotated[int, Field(ge=1, le=MAX_ROWS)] = MAX_ROWS
    """Most rows that are read."""
    index_label: bool = False
    """Rows are labelled by their index alone."""
    thresholds: Thresholds | None = None
    """Where the agent has the limits of the rows."""

    @model_validator(mode="after")
    def _known_columns(self) -> Self:
        used = {*self.keep, *self.skip, *self.like, *self.labels.values()}
        used |= {name for metric in self.metrics.values() for name in metric.keep}
        unknown = sorted(used - self.columns.keys())
        if unknown:
            raise ValueError(wording.unknown("column", unknown[0], self.columns))
        fixed = {name for name, reading in self.columns.items() if reading.fixed}
        for metric in self.metrics.values():
            moving = sorted(metric.fixed - fixed)
            if moving:
                raise ValueError(f"a limit is made of fixed columns; {moving[0]!r} is none")
        return self
