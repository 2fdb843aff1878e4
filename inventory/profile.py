"""Device profiles: how to recognise a family of SNMP devices, and what to read from it.

A profile is one YAML file (`docs/profiles.md` says how to write one). `load_profiles` gives them with all
they inherit through `extends`, so that a reader of a `Profile` need not know of inheritance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from inventory import document, wording
from inventory.expression import parsed
from inventory.model import Model, Slug
from inventory.problem import Invalid, Problem
from inventory.yamltree import Mapping as MappingNode
from inventory.yamltree import Node

MAX_ROWS = 512

Oid = Annotated[str, Field(pattern=r"^[0-2](\.(0|[1-9][0-9]{0,9})){1,127}$", max_length=600)]
"""A dotted object identifier without a leading dot."""
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
"""Name of a reading, as expressions use it."""
MetricName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$", max_length=100)]


def _expression(text: str) -> str:
    parsed(text)
    return text


def _pattern(text: str) -> str:
    """A pattern meets text that a hostile device chose: refuse what can take long (abuse case A09)."""
    if re.search(r"\)\s*[*+?{]|\\[1-9]|\(\?[^:i]", text) or len(re.findall(r"[*+{]", text)) > 2:
        raise ValueError("wants a simple pattern: no quantified groups or references, at most two of * + {}")
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return text


ExpressionText = Annotated[str, AfterValidator(_expression)]
Pattern = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_pattern)]


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


class Metric(Model):
    """One number to report: what it is called and how it is made of readings."""

    metric: MetricName
    value: ExpressionText
    unit: Annotated[str, Field(min_length=1, max_length=20)] = "1"
    labels: Mapping[Name, Annotated[str, Field(max_length=64)]] = {}
    limit: ExpressionText | None = None
    """A greater value is absurd and left out: a counter that was reset, not one that wrapped."""

    @property
    def names(self) -> frozenset[str]:
        """Readings this metric needs."""
        return parsed(self.value).names | (parsed(self.limit).names if self.limit else frozenset())


class Overall(StrEnum):
    """How a table's rows become one number."""

    MEAN = "mean"
    MAX = "max"
    SUM = "sum"


class Table(Model):
    """A table of the agent: columns, which rows count, how a row is labelled, what is reported of each."""

    columns: Annotated[Mapping[Name, Reading], Field(min_length=1)]
    keep: Mapping[Name, tuple[str, ...]] = {}
    """Rows whose column has one of these values; all when empty."""
    skip: Mapping[Name, tuple[str, ...]] = {}
    """Rows whose column has one of these values do not count."""
    labels: Mapping[Name, Name] = {}
    """Label name to the column that gives its value."""
    metrics: Mapping[Name, Metric] = {}
    overall: Overall | None = None
    """Report one number for all rows, without the rows' labels."""
    fact: Annotated[str, Field(pattern=r"^snmp\.[a-z_]+$")] | None = None
    """Fact that lists the rows by their first label."""
    rows: Annotated[int, Field(ge=1, le=MAX_ROWS)] = MAX_ROWS
    """Most rows that are read."""

    @model_validator(mode="after")
    def _known_columns(self) -> Self:
        used = {*self.keep, *self.skip, *self.labels.values()}
        unknown = sorted(used - self.columns.keys())
        if unknown:
            raise ValueError(wording.unknown("column", unknown[0], self.columns))
        fixed = {name for name, reading in self.columns.items() if reading.fixed}
        for metric in self.metrics.values():
            moving = sorted(parsed(metric.limit).names - fixed) if metric.limit else []
            if moving:
                raise ValueError(f"a limit is made of fixed columns; {moving[0]!r} is none")
        return self


class Match(Model):
    """How to recognise the family: all that is given must fit."""

    sys_object_id: Oid
    """The device's sysObjectID begins with this; the longest that fits wins."""
    sys_descr: Pattern | None = None
    """The device's sysDescr contains this regular expression."""

    def score(self, sys_object_id: str, sys_descr: str) -> int:
        """Return how specifically a device fits; 0 when it does not."""
        if not f"{sys_object_id}.".startswith(f"{self.sys_object_id}."):
            return 0
        if self.sys_descr is None:
            return 2 * len(self.sys_object_id)
        return 2 * len(self.sys_object_id) + 1 if re.search(self.sys_descr, sys_descr) else 0


class Profile(Model):
    """One family of devices."""

    name: Slug
    title: str = ""
    extends: Slug | None = None
    without: tuple[Name, ...] = ()
    """Inherited readings, metrics and tables that this family does not have."""
    match: tuple[Match, ...] = ()
    facts: Mapping[Annotated[str, Field(pattern=r"^snmp\.[a-z_]+$")], Oid] = {}
    """Texts to report as facts, by fact name."""
    changes: tuple[Oid, ...] = ()
    """Objects whose change means that tables must be read afresh."""
    read: Mapping[Name, Reading] = {}
    metrics: Mapping[Name, Metric] = {}
    tables: Mapping[Name, Table] = {}

    def score(self, sys_object_id: str, sys_descr: str) -> int:
        """Return how specifically this profile fits a device; 0 when it does not."""
        return max((match.score(sys_object_id, sys_descr) for match in self.match), default=0)

    def over(self, base: Profile) -> Profile:
        """Return this profile with what it inherits of `base`."""
        dropped = set(self.without)
        inherited = {
            part: {name: value for name, value in getattr(base, part).items() if name not in dropped}
            | dict(getattr(self, part))
            for part in ("read", "metrics", "tables", "facts")
        }
        changes = tuple(dict.fromkeys((*base.changes, *self.changes)))
        return self.model_copy(update={**inherited, "changes": changes})


def recognise(profiles: Mapping[str, Profile], sys_object_id: str, sys_descr: str) -> Profile | None:
    """Return the profile that fits a device most specifically, `None` when none does."""
    scored = [(profile.score(sys_object_id, sys_descr), name) for name, profile in profiles.items()]
    score, name = max(scored, default=(0, ""))
    return profiles[name] if score else None


def load_profiles(folder: Path) -> Mapping[str, Profile]:
    """Return every profile of `folder` by name, inheritance applied. Raises `Invalid` with every mistake."""
    problems: list[Problem] = []
    written: dict[str, tuple[Profile, Node]] = {}
    for path in sorted(folder.glob("*.yaml")):
        node = document.read(path, problems)
        profile = document.validate(node, Profile, problems) if node else None
        if profile and node and profile.name != path.stem:
            problems.append(_at(node, "name").problem("name", f"must be the file's name, {path.stem!r}"))
        elif profile and node:
            written[profile.name] = profile, node
    family = {name: _inherit(name, written, problems) for name in written} if not problems else {}
    for name, profile in family.items():
        problems.extend(_unknown_names(profile, written[name][1]))
    if problems:
        raise Invalid(problems)
    return family


def _at(node: Node, *keys: str) -> Node:
    for key in keys:
        if isinstance(node, MappingNode):
            node = node.entries.get(key, node)
    return node


def _inherit(name: str, written: Mapping[str, tuple[Profile, Node]], problems: list[Problem]) -> Profile:
    chain: list[str] = []
    base: str | None = name
    while base is not None:
        if base not in written or base in chain:
            node = written[chain[-1]][1]
            what = "leads in a circle" if base in chain else wording.unknown("profile", base, written)
            problems.append(_at(node, "extends").problem("extends", what))
            break
        chain.append(base)
        base = written[base][0].extends
    whole = written[chain[-1]][0]
    for link in reversed(chain[:-1]):
        whole = written[link][0].over(whole)
    return whole


def _unknown_names(profile: Profile, node: Node) -> Iterator[Problem]:
    for key, metric in profile.metrics.items():
        for name in sorted(metric.names - profile.read.keys()):
            place = _at(node, "metrics", key, "value")
            yield place.problem(f"metrics.{key}", wording.unknown("reading", name, profile.read))
    for title, table in profile.tables.items():
        known = table.columns.keys() | profile.read.keys()
        for key, metric in table.metrics.items():
            for name in sorted(metric.names - known):
                place = _at(node, "tables", title, "metrics", key, "value")
                message = wording.unknown("column or reading", name, known)
                yield place.problem(f"tables.{title}.metrics.{key}", message)
