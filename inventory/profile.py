"""Device profiles: how to recognise a family of SNMP devices, and what to read from it.

A profile is one YAML file (`docs/profiles.md` says how to write one). `load_profiles` gives them with all
they inherit through `extends`, so that a reader of a `Profile` need not know of inheritance.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from inventory import document, wording
from inventory.model import Model, Slug, listed
from inventory.problem import Invalid, Problem
from inventory.readings import Kind, Metric, Name, Overall, Reading, Table
from inventory.sensors import OVERALL, QUANTITIES, Oid, Pattern, Sensor
from inventory.yamltree import Mapping as MappingNode
from inventory.yamltree import Node


class Extra(Model):
    """An object that only this family has."""

    oid: Oid
    """The device has something at this place or below it."""
    like: Pattern | None = None
    """The first thing there, as text, contains this regular expression."""

    def fits(self, found: Mapping[str, str]) -> bool:
        """Return whether what devices said (`found`, by `oid`) fits."""
        text = found.get(self.oid)
        return text is not None and (self.like is None or re.search(self.like, text) is not None)


class Match(Model):
    """How to recognise the family: all that is given must fit."""

    sys_object_id: Oid | None = None
    """The device's sysObjectID begins with this; the longest that fits wins."""
    sys_descr: Pattern | None = None
    """The device's sysDescr contains this regular expression."""
    has: Extra | None = None
    """Something else that the device has: asked only where the rest fits."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.sys_object_id or self.sys_descr or self.has):
            raise ValueError("wants `sys_object_id`, `sys_descr` or `has`")
        return self

    def fits(self, sys_object_id: str, sys_descr: str) -> bool:
        """Return whether a device fits, as far as one knows without asking for more."""
        if self.sys_object_id and not f"{sys_object_id}.".startswith(f"{self.sys_object_id}."):
            return False
        return self.sys_descr is None or re.search(self.sys_descr, sys_descr) is not None

    def score(self, sys_object_id: str, sys_descr: str, found: Mapping[str, str]) -> int:
        """Return how specifically a device fits; 0 when it does not."""
        if not self.fits(sys_object_id, sys_descr) or (self.has and not self.has.fits(found)):
            return 0
        return (
            4 * len(self.sys_object_id or "") + 2 * (self.has is not None) + (self.sys_descr is not None) + 1
        )


class Source(Model):
    """Where a fact comes from: an object, a column's first text, or the profile itself."""

    oid: Oid | None = None
    column: Oid | None = None
    """The first row that has a text; with `where`, among the rows that it names."""
    where: Mapping[Oid, tuple[str, ...]] = {}
    """Another column of the same rows, and the values that count."""
    text: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """Is so for the whole family."""
    find: Pattern | None = None
    """Its first group (or all of it) is the fact; where it is not found there is no fact."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(given is not None for given in (self.oid, self.column, self.text)) != 1:
            raise ValueError("wants one of `oid`, `column` and `text`")
        return self

    def part(self, text: str) -> str:
        """Return what `find` finds in `text`, "" when nothing."""
        if self.find is None:
            return text.strip()
        found = re.search(self.find, text)
        return (found.group((found.lastindex and 1) or 0) or "").strip() if found else ""


def _sources(value: object) -> object:
    """A fact is an OID, a source, or several sources of which the first that says something counts."""
    several = value if isinstance(value, list) else [value]
    return tuple({"oid": one} if isinstance(one, str) else _strict(one) for one in several)


def _strict(source: object) -> object:
    """Return what was written of a source, its lists as pydantic's strict tuples want them."""
    where = source.get("where") if isinstance(source, dict) else None
    if not isinstance(source, dict) or not isinstance(where, dict):
        return source
    return {**source, "where": {column: listed(values) for column, values in where.items()}}


FactName = Annotated[str, Field(pattern=r"^(snmp|device)\.[a-z_]+$")]
Sources = Annotated[tuple[Source, ...], BeforeValidator(_sources), Field(min_length=1, max_length=8)]


PARTS = ("read", "metrics", "tables", "sensors", "facts")
"""What a profile inherits."""


class Profile(Model):
    """One family of devices."""

    name: Slug
    title: str = ""
    extends: Slug | None = None
    without: tuple[Name, ...] = ()
    """Inherited readings, metrics and tables that this family does not have."""
    match: tuple[Match, ...] = ()
    include: tuple[Slug, ...] = ()
    """Profiles whose readings, metrics, tables, sensors and facts are added; what comes later counts."""
    facts: Mapping[FactName, Sources] = {}
    """Texts to report as facts, by fact name."""
    changes: tuple[Oid, ...] = ()
    """Objects whose change means that tables must be read afresh."""
    read: Mapping[Name, Reading] = {}
    metrics: Mapping[Name, Metric] = {}
    tables: Mapping[Name, Table] = {}
    sensors: Mapping[Name, Sensor] = {}
    """Numbers and columns in short; each becomes a reading and a metric, or a table, of its name."""

    def score(self, sys_object_id: str, sys_descr: str, found: Mapping[str, str]) -> int:
        """Return how specifically this profile fits a device; 0 when it does not."""
        return max((match.score(sys_object_id, sys_descr, found) for match in self.match), default=0)

    def over(self, base: Profile) -> Profile:
        """Return this profile with what it inherits of `base`."""
        dropped = set(self.without)
        inherited = {
            part: {name: value for name, value in getattr(base, part).items() if name not in dropped}
            | dict(getattr(self, part))
            for part in PARTS
        }
        inherited["facts"] |= {
            name: (*sources, *(source for source in base.facts[name] if source not in sources))
            for name, sources in self.facts.items()
            if name in base.facts and name not in dropped
        }
        changes = tuple(dict.fromkeys((*base.changes, *self.changes)))
        return self.model_copy(update={**inherited, "changes": changes})


def recognise(
    profiles: Mapping[str, Profile], sys_object_id: str, sys_descr: str, found: Mapping[str, str] = {}
) -> Profile | None:
    """Return the profile that fits a device most specifically, `None` when none does.

    `found` is what the device has of `extras`, as text.
    """
    scored = [(profile.score(sys_object_id, sys_descr, found), name) for name, profile in profiles.items()]
    score, name = max(scored, default=(0, ""))
    return profiles[name] if score else None


def extras(profiles: Mapping[str, Profile], sys_object_id: str, sys_descr: str) -> list[str]:
    """Return the objects that must be asked for before one can tell what the device is."""
    matches = [match for profile in profiles.values() for match in profile.match]
    asked = [match.has.oid for match in matches if match.has and match.fits(sys_object_id, sys_descr)]
    return [*dict.fromkeys(asked)]


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
    family = {name: _expanded(profile) for name, profile in family.items()} if not problems else {}
    if problems:
        raise Invalid(problems)
    return family


def _at(node: Node, *keys: str) -> Node:
    for key in keys:
        if isinstance(node, MappingNode):
            node = node.entries.get(key, node)
    return node


def _inherit(
    name: str,
    written: Mapping[str, tuple[Profile, Node]],
    problems: list[Problem],
    above: tuple[str, ...] = (),
) -> Profile:
    """Return a profile over what it extends and includes, in this order."""
    profile, node = written[name]
    whole: Profile | None = None
    bases = [("extends", profile.extends)] if profile.extends else []
    for key, base in (*bases, *(("include", included) for included in profile.include)):
        if base not in written or base in (*above, name):
            wrong = base in written and "leads in a circle"
            what = wrong or wording.unknown("profile", base, written)
            problem = _at(node, key).problem(key, what)
            if problem not in problems:
                problems.append(problem)
            continue
        inherited = _inherit(base, written, problems, (*above, name))
        whole = inherited.over(whole) if whole else inherited
    return profile.over(whole) if whole else profile


def _expanded(profile: Profile) -> Profile:
    """Return the profile with its sensors written out as readings, metrics and tables."""
    read, metrics, tables = dict(profile.read), dict(profile.metrics), dict(profile.tables)
    for key, sensor in profile.sensors.items():
        taken = _of_the_whole(metrics, tables)
        if sensor.is_column:
            tables[key] = _column(key, sensor, taken)
            continue
        names = {part: f"{key}_{part}"[-41:] for part in sensor.objects}
        for part, oid in sensor.objects.items():
            read[names[part]] = Reading(oid=oid, states=sensor.states, every=sensor.every)
        for limit, bound in sensor.limits.items():
            if isinstance(bound, str):
                names[limit] = f"{key}_{limit}"[-41:]
                read[names[limit]] = Reading(oid=bound, fixed=True)
        whole = sensor.what in OVERALL and QUANTITIES[sensor.what].metric not in taken
        labels = {} if whole else {"sensor": key}
        metrics[key] = _metric(sensor, names, labels)
    return profile.model_copy(update={"read": read, "metrics": metrics, "tables": tables})


def _of_the_whole(metrics: Mapping[str, Metric], tables: Mapping[str, Table]) -> set[str]:
    """Return the metrics that already say something of the device as a whole, without labels."""
    several = [table.metrics.values() for table in tables.values() if table.overall]
    every = [*metrics.values(), *(metric for some in several for metric in some)]
    return {metric.metric for metric in every if not metric.labels}


def _metric(sensor: Sensor, names: Mapping[str, str], labels: Mapping[str, str]) -> Metric:
    quantity = QUANTITIES[sensor.what]
    limit = None if quantity.most is None else f"{quantity.most:g}"
    return Metric(
        metric=quantity.metric,
        unit=quantity.unit,
        value=sensor.value(names),
        labels=labels,
        limit=limit,
        # the keys are names of limits already: the sensor's model took no others
        limits={n: sensor.limit(bound, names.get(n, "")) for n, bound in sensor.limits.items()},  # type: ignore[misc]
        clear=sensor.clear * quantity.factor,
    )


def _column(key: str, sensor: Sensor, taken: Collection[str]) -> Table:
    columns = {
        part: Reading(oid=oid, states=sensor.states, every=sensor.every)
        for part, oid in sensor.objects.items()
    }
    keep = {f"only_{at}": values for at, values in enumerate(sensor.only.values())}
    columns |= {f"only_{at}": Reading(oid=oid, kind=Kind.TEXT) for at, oid in enumerate(sensor.only)}
    if sensor.name:
        columns["name"] = Reading(oid=sensor.name, kind=Kind.TEXT)
    told = {name: bound for name, bound in sensor.limits.items() if isinstance(bound, str)}
    columns |= {name: Reading(oid=bound, fixed=True) for name, bound in told.items()}
    overall = OVERALL.get(sensor.what)
    first = next(iter(sensor.objects))
    whole = overall and QUANTITIES[sensor.what].metric not in taken
    return Table(
        columns=columns,
        keep=keep,
        like={"name": sensor.like} if sensor.like else {},
        labels={} if overall else {"sensor": "name" if sensor.name else first},
        index_label=sensor.name is None,
        metrics={
            "value": _metric(
                sensor, {part: part for part in (*sensor.objects, *told)}, {} if whole else {"part": key}
            )
        },
        overall=Overall(overall) if overall else None,
    )


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
