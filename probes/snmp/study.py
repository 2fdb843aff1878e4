"""Finding out what a device is and has, and writing down what to ask it from then on."""

from __future__ import annotations

import fnmatch
import re
from collections import ChainMap
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

from inventory.expression import parsed
from inventory.profile import Profile, Source, extras, recognise
from inventory.readings import Kind, Metric, Reading, Table
from probes.core.observation import Fact, Outcome
from probes.core.probe import ProbeFailure
from probes.core.text import clean
from probes.core.words import Words
from probes.snmp import ber
from probes.snmp.ber import Malformed, Value, oid
from probes.snmp.cells import Both, Counter, Gauge, Meaning, Readings, Size, Ticks, number
from probes.snmp.collect import Collector, Column
from probes.snmp.form import Reader
from probes.snmp.limits import Told, limits, told_limits
from probes.snmp.plan import Cells, Output, Overall, Plan, Step, same_labels, same_oids
from probes.snmp.template import Template

SYS_DESCR = oid("1.3.6.1.2.1.1.1.0")
SYS_OBJECT_ID = oid("1.3.6.1.2.1.1.2.0")
SYS_UPTIME = oid("1.3.6.1.2.1.1.3.0")
LABEL_LENGTH = 64
FACT_ROWS = 512
"""Rows among which the one with a fact is looked for."""
_CELLS = {Kind.GAUGE: Gauge, Kind.SIZE: Size, Kind.COUNTER: Counter, Kind.TICKS: Ticks}


class Study:
    """Makes the plan for one device.

    Columns that were read stay read when `plan` is cut off by a deadline: asked again, it goes on from there, so
    that a slow agent is understood after some attempts.
    """

    def __init__(
        self,
        collector: Collector,
        profiles: Mapping[str, Profile],
        wanted: str | None,
        max_interfaces: int,
        interfaces: tuple[str, ...],
    ) -> None:
        self._collector = collector
        self._profiles = profiles
        self._wanted = wanted
        self._max_interfaces = max_interfaces
        self._interfaces = interfaces
        self._walked: dict[bytes, Column] = {}
        self._cells: Cells
        self._due: dict[bytes, int]
        self._device: Readings

    async def plan(self) -> Plan:
        """Ask whatever is needed and return the plan. Raises `ProbeFailure`."""
        self._cells, self._due, self._device = {}, {}, {}
        identity = await self._collector.get((SYS_UPTIME, SYS_OBJECT_ID, SYS_DESCR))
        profile = await self._choose(identity)
        sources = [source for several in profile.facts.values() for source in several]
        facts = [oid(source.oid) for source in sources if source.oid]
        changes = [oid(text) for text in profile.changes]
        texts = [oid(text) for r in profile.read.values() for text in (r.oid, r.fallback) if text]
        found = await self._collector.get([*dict.fromkeys((*facts, *changes, *texts))])
        self._device_readings(profile.read, found)
        every = {name: reading.every for name, reading in profile.read.items()}
        outputs: list[Output | Overall] = [*_outputs(profile.metrics, (), self._device, {}, every)]
        listed: list[Fact] = []
        for name, table in profile.tables.items():
            outputs += await self._table(name, table, listed)
        steps = self._steps(tuple(c for c in changes if c in found))
        about = [fact async for fact in self._facts(profile, found)]
        about += [Fact("snmp.profile", profile.name), Fact("snmp.sys_object_id", _object_id(identity))]
        return Plan(
            profile.name,
            steps,
            tuple(outputs),
            (*about, *listed),
            {at: found[at][1] for at in changes if at in found},
            _detail(profile, about, listed),
        )

    async def _choose(self, identity: Mapping[bytes, tuple[int, Value]]) -> Profile:
        descr = clean(_text(identity.get(SYS_DESCR, (ber.OCTETS, b""))))
        number = _object_id(identity)
        if self._wanted:
            profile = self._profiles.get(self._wanted)
        else:
            found = await self._extras(extras(self._profiles, number, descr))
            profile = recognise(self._profiles, number, descr, found) or self._profiles.get("generic")
        if profile is None:
            name = repr(self._wanted or "generic")
            text = Words(f"không có hồ sơ thiết bị {name}", f"there is no profile {name}")
            raise ProbeFailure(Outcome.NOT_READY, text)
        return profile

    async def _extras(self, objects: Sequence[str]) -> dict[str, str]:
        """Return the first text at or below each of `objects` that the device has."""
        columns = await self._collector.walk([oid(text) for text in objects], 1) if objects else []
        found = {text: column for text, column in zip(objects, columns, strict=True) if column}
        return {text: clean(_text(next(iter(column.values())))) for text, column in found.items()}

    async def _facts(self, profile: Profile, found: Mapping[bytes, tuple[int, Value]]) -> AsyncIterator[Fact]:
        for name, sources in profile.facts.items():
            for source in sources:
                value = source.part(await self._source(source, found))
                if value or (
                    source.oid and len(sources) == 1 and not source.find and oid(source.oid) in found
                ):
                    yield Fact(name, value)
                    break

    async def _source(self, source: Source, found: Mapping[bytes, tuple[int, Value]]) -> str:
        if source.text is not None:
            return source.text
        if source.oid is not None:
            return clean(_text(found.get(oid(source.oid), (ber.NULL, None))))
        columns = [oid(text) for text in (source.column, *source.where) if text]
        new = [at for at in columns if at not in self._walked]
        if new:
            self._walked |= zip(new, await self._collector.walk(new, FACT_ROWS), strict=True)
        texts = self._walked[columns[0]]
        wanted = [
            (self._walked[at], values) for at, values in zip(columns[1:], source.where.values(), strict=True)
        ]
        for index, cell in texts.items():
            if all(index in other and clean(_text(other[index])) in values for other, values in wanted):
                text = clean(_text(cell))
                if source.part(text):
                    return text
        return ""

    def _device_readings(self, read: Mapping[str, Reading], found: Mapping[bytes, tuple[int, Value]]) -> None:
        for name, reading in read.items():
            for text in filter(None, (reading.oid, reading.fallback)):
                if oid(text) in found:
                    if reading.fixed:
                        self._device[name] = number(*found[oid(text)])
                    else:
                        self._watch(oid(text), reading, self._device, name)
                    break

    def _watch(self, whole: bytes, reading: Reading, readings: Readings, name: str) -> None:
        readings[name] = None
        cell: Gauge = _CELLS[reading.kind](readings, name)
        if reading.states:
            cell = Meaning.of(readings, name, reading.states)
        known = self._cells.get(whole)
        self._cells[whole] = Both.of(known, cell) if known else cell
        self._due[whole] = min(reading.every, self._due.get(whole, reading.every))

    async def _table(self, name: str, table: Table, listed: list[Fact]) -> list[Output | Overall]:
        columns = await self._columns(table)
        rows = self._rows(name, table, columns)
        named = _labels(table, columns, rows)
        if table.fact:
            listed.append(Fact(table.fact, tuple(pairs[0][1] if pairs else "" for pairs in named)))
        readings = [self._fixed(table, columns, row) for row in rows]
        for key, reading in table.columns.items():
            if reading.kind is not Kind.TEXT and not reading.fixed:
                self._watch_column(table, key, columns, rows, readings)
        every = {key: reading.every for key, reading in table.columns.items() if not reading.fixed}
        told = await self._told(table)
        by_row = [
            [
                *_outputs(
                    _kept(table, columns, index),
                    () if table.overall else pairs,
                    row,
                    self._device,
                    every,
                    told.get(index),
                )
            ]
            for index, row, pairs in zip(rows, readings, named, strict=True)
        ]
        if table.overall is None:
            return [output for row in by_row for output in row]
        return [Overall(metric, table.overall, metric[0].every) for metric in zip(*by_row, strict=True)]

    async def _told(self, table: Table) -> Mapping[bytes, Told]:
        """Return the limits that the agent itself tells, by row."""
        if table.thresholds is None:
            return {}
        asked = [
            oid(text)
            for text in (table.thresholds.severity, table.thresholds.relation, table.thresholds.value)
        ]
        return told_limits(table.thresholds, await self._collector.walk(asked, FACT_ROWS))

    async def _columns(self, table: Table) -> dict[str, tuple[bytes, Column]]:
        """Return each column that the agent has, with the OID it was found under."""
        options = {
            key: [oid(text) for text in (reading.oid, reading.fallback) if text]
            for key, reading in table.columns.items()
        }
        new = [at for some in options.values() for at in some if at not in self._walked]
        for start in range(0, len(new), 8):
            part = new[start : start + 8]
            self._walked |= zip(part, await self._collector.walk(part, table.rows), strict=True)
        return {key: max(((at, self._walked[at]) for at in some), key=_size) for key, some in options.items()}

    def _rows(self, name: str, table: Table, columns: Mapping[str, tuple[bytes, Column]]) -> list[bytes]:
        everything = dict.fromkeys(index for _, column in columns.values() for index in column)
        rows = [index for index in everything if _counts(table, columns, index)]
        if name != "interface":
            return rows[: table.rows]
        if self._interfaces:
            rows = [index for index in rows if self._is_wanted(columns, index)]
        return rows[: min(table.rows, self._max_interfaces)]

    def _is_wanted(self, columns: Mapping[str, tuple[bytes, Column]], index: bytes) -> bool:
        cell = columns["name"][1].get(index) if "name" in columns else None
        return cell is not None and any(fnmatch.fnmatchcase(clean(_text(cell)), p) for p in self._interfaces)

    def _fixed(
        self, table: Table, columns: Mapping[str, tuple[bytes, Column]], row: bytes
    ) -> dict[str, float | None]:
        fixed = (key for key, reading in table.columns.items() if reading.fixed)
        return {key: number(*columns[key][1][row]) for key in fixed if row in columns[key][1]}

    def _watch_column(
        self,
        table: Table,
        key: str,
        columns: Mapping[str, tuple[bytes, Column]],
        rows: list[bytes],
        readings: list[Readings],
    ) -> None:
        prefix, column = columns[key]
        for index, row in zip(rows, readings, strict=True):
            if index in column:
                self._watch(prefix + index, table.columns[key], row, key)

    def _steps(self, changes: tuple[bytes, ...]) -> tuple[Step, ...]:
        """Return the requests: single variables by GET, columns that are wanted whole by GETBULK."""
        waiting = dict.fromkeys((SYS_UPTIME, *changes)) | dict.fromkeys(self._cells)
        steps: list[Step] = []
        for (run, every), prefixes in self._runs().items():
            steps += self._bulk(prefixes, run, every)
            for prefix in prefixes:
                for index in run[1:]:
                    waiting.pop(prefix + index, None)  # a column may lie below another
        singles = list(waiting)
        by_every: dict[int, list[bytes]] = {}
        for at in singles:
            by_every.setdefault(self._due.get(at, 1), []).append(at)
        gets = [
            self._step(Template.get(tuple(part)), part, every)
            for every, oids in sorted(by_every.items())
            for part in _parts(oids, self._collector.binds)
        ]
        return (*gets, *steps)

    def _runs(self) -> dict[tuple[tuple[bytes, ...], int], list[bytes]]:
        """Return columns of which an unbroken run of rows is wanted, by the run and how often it is asked.

        The run's first index is that of the row before it, empty at the beginning of the column.
        """
        groups: dict[tuple[tuple[bytes, ...], int], list[bytes]] = {}
        for prefix, column in self._walked.items() if self._collector.bulk else ():
            everything = (b"", *column)
            wanted = [at for at, index in enumerate(everything) if at and prefix + index in self._cells]
            if len(wanted) > 1 and wanted[-1] - wanted[0] == len(wanted) - 1:
                run = everything[wanted[0] - 1 : wanted[-1] + 1]
                groups.setdefault((run, self._due[prefix + run[1]]), []).append(prefix)
        return groups

    def _bulk(self, prefixes: list[bytes], run: tuple[bytes, ...], every: int) -> Iterator[Step]:
        rows = max(1, self._collector.binds // len(prefixes))
        for start in range(1, len(run), rows):
            part, before = run[start : start + rows], run[start - 1]
            template = Template.bulk(tuple(prefix + before for prefix in prefixes), len(part))
            yield self._step(template, [prefix + index for index in part for prefix in prefixes], every)

    def _step(self, template: Template, oids: list[bytes], every: int) -> Step:
        unread = Gauge({}, "")
        return Step(
            template, same_oids(tuple(oids)), [self._cells.get(at, unread) for at in oids], every, Reader()
        )


def _size(found: tuple[bytes, Column]) -> int:
    return len(found[1])


def _parts(oids: list[bytes], size: int) -> Iterator[list[bytes]]:
    for start in range(0, len(oids), size):
        yield oids[start : start + size]


def _text(cell: tuple[int, Value]) -> bytes | str:
    """Return a value as text: octets as they are, an OID dotted, numbers in digits."""
    tag, value = cell
    if isinstance(value, bytes) and tag == ber.OID:
        try:
            return ber.dotted(value)
        except Malformed:
            return ""
    return value if isinstance(value, bytes) else "" if value is None else str(value)


def _object_id(identity: Mapping[bytes, tuple[int, Value]]) -> str:
    tag, value = identity.get(SYS_OBJECT_ID, (ber.NULL, None))
    return clean(_text((tag, value))) if tag == ber.OID else ""


def _value(columns: Mapping[str, tuple[bytes, Column]], key: str, index: bytes) -> str:
    cell = columns[key][1].get(index)
    return clean(_text(cell)) if cell else ""


def _counts(table: Table, columns: Mapping[str, tuple[bytes, Column]], index: bytes) -> bool:
    return (
        all(_value(columns, key, index) in accepted for key, accepted in table.keep.items())
        and all(re.search(like, _value(columns, key, index)) for key, like in table.like.items())
        and not any(_value(columns, key, index) in refused for key, refused in table.skip.items())
    )


def _kept(table: Table, columns: Mapping[str, tuple[bytes, Column]], index: bytes) -> Mapping[str, Metric]:
    """Return the metrics that this row has."""
    if not any(metric.keep for metric in table.metrics.values()):
        return table.metrics
    return {
        name: metric
        for name, metric in table.metrics.items()
        if all(_value(columns, key, index) in accepted for key, accepted in metric.keep.items())
    }


def _labels(
    table: Table, columns: Mapping[str, tuple[bytes, Column]], rows: list[bytes]
) -> list[tuple[tuple[str, str], ...]]:
    """Return the labels of every row; rows of one name are told apart by their index."""
    out: list[tuple[tuple[str, str], ...]] = []
    seen: set[tuple[tuple[str, str], ...]] = set()
    for index in rows:
        number_text = ".".join(map(str, ber.split_index(index)))
        pairs = tuple(
            (label, _label(None if table.index_label else columns[key][1].get(index), number_text))
            for label, key in table.labels.items()
        )
        if pairs in seen:
            pairs = tuple(
                (label, f"{value[: LABEL_LENGTH - 20]} #{number_text[:18]}") for label, value in pairs
            )
        seen.add(pairs)
        out.append(pairs)
    return out


def _label(cell: tuple[int, Value] | None, index: str) -> str:
    return (clean(_text(cell), LABEL_LENGTH) if cell else "") or index[:LABEL_LENGTH]


def _outputs(
    metrics: Mapping[str, Metric],
    pairs: tuple[tuple[str, str], ...],
    readings: Readings,
    device: Readings,
    every: Mapping[str, int],
    told: Told | None = None,
) -> Iterator[Output]:
    for metric in metrics.values():
        value = parsed(metric.value)
        labels = same_labels(tuple(sorted((*pairs, *metric.labels.items()))))
        limit = parsed(metric.limit)(readings) if metric.limit else None
        most = float("inf") if limit is None else limit
        often = min((every[name] for name in value.names if name in every), default=1)
        alone = value.only_name if value.only_name in readings else None
        # What a row does not have itself is looked up at the device.
        seen = readings if not value.names & device.keys() - readings.keys() else ChainMap(readings, device)
        yield Output(
            metric.metric,
            metric.unit,
            labels,
            value,
            alone,
            seen,
            most,
            often,
            limits(metric, seen, most, told),
        )


def _detail(profile: Profile, about: Sequence[Fact], listed: Sequence[Fact]) -> Words:
    name = next((fact.value for fact in about if fact.name == "snmp.sys_name"), "")
    interfaces = next((fact.value for fact in listed if fact.name == "snmp.interfaces"), ())
    count = len(interfaces) if isinstance(interfaces, tuple) else 0
    return Words(
        clean(f"{name or 'thiết bị'} trả lời, hồ sơ {profile.name}, {count} cổng mạng", 300),
        clean(f"{name or 'the agent'} answers as {profile.name}, {count} interfaces", 300),
    )
