"""Attempts as they were, read from the closed hours of the embedded store while the service goes on writing.

The store has numbers and how each attempt ended. It has no facts (configuration), no limits that devices give
themselves, no traps. The newest hour or two are still open and belong to the running service.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import msgspec
import numpy as np

from inventory.model import Inventory
from monitor.store import StoreUnavailable
from monitor.store.hot import HOUR
from monitor.store.intake import OUTCOMES
from monitor.store.parts import Part, quoted
from monitor.store.retention import RAW
from monitor.store.slices import as_milliseconds
from probes.core.observation import Labels, Observation, Outcome, Sample

OWN = frozenset({"probe.duration", "probe.success", "probe.outcome"})
MEMORY = "512MB"
BATCH = 20_000
_ENDED = {number: outcome for outcome, number in OUTCOMES.items()}
_ROWS = """
SELECT ts, sid, v FROM read_parquet([{files}]) WHERE ts >= {start} AND ts < {end} AND sid IN (SELECT sid FROM wanted)
ORDER BY ts, sid
"""

Series = tuple[str, str, Labels, str]
"""Device, metric, labels, unit."""


@dataclass(slots=True)
class Left:
    """What could not be replayed as it was, counted."""

    unknown_outcome: int = 0
    """Attempts that failed before it was stored how: taken as silence."""
    shared_moment: int = 0
    """Attempts of several checks of one device at the same millisecond: their numbers are given to one of them."""
    unknown_device: int = 0
    """Attempts at devices or checks that are no longer in the inventory."""


@dataclass(slots=True)
class _Attempt:
    duration: float | None = None
    success: float | None = None
    ended: float | None = None


@dataclass(slots=True)
class _Moment:
    """What was stored of one device at one millisecond."""

    checks: dict[str, _Attempt] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)


class History:
    """The store's folder, only read. Raises `StoreUnavailable`."""

    def __init__(self, folder: Path, inventory: Inventory) -> None:
        self._folder = folder
        self._inventory = inventory
        self._probes = {
            (device.id, check.name): check.probe
            for device in inventory.devices.values()
            for check in device.checks
        }
        self.left = Left()
        self.count = 0
        """Attempts handed out."""

    def span(self) -> tuple[datetime, datetime] | None:
        """Return from when until when there is history, `None` when there is none yet."""
        parts = self._parts()
        if not parts:
            return None
        first, last = min(part.t0 for part in parts), max(part.t1 for part in parts)
        return _time(first), _time(last)

    def observations(self, start: datetime, end: datetime, metrics: Collection[str]) -> Iterator[Observation]:
        """Yield every attempt in the order in which they ended, with the numbers of `metrics`."""
        series = self._series({*metrics, *OWN})
        if not series:
            return
        with duckdb.connect(config={"memory_limit": MEMORY, "threads": 2, "temp_directory": ""}) as db:
            db.register("wanted", {"sid": np.fromiter(series, np.uint32, len(series))})
            first, last = as_milliseconds(start), as_milliseconds(end)
            for hour in range(first - first % HOUR, last, HOUR):
                yield from self._hour(db, series, max(hour, first), min(hour + HOUR, last))

    def _hour(
        self, db: duckdb.DuckDBPyConnection, series: Mapping[int, Series], start: int, end: int
    ) -> Iterator[Observation]:
        files = [part.path for part in self._parts() if part.t0 < end and part.t1 > start]
        if not files:
            return
        listed = ", ".join(quoted(self._folder / path) for path in files)
        try:
            db.execute(_ROWS.format(files=listed, start=start, end=end))
            yield from self._grouped(db, series)
        except duckdb.Error as error:
            reason = str(error).splitlines()[0][:200]
            raise StoreUnavailable(f"the history from {_time(start)} cannot be read: {reason}") from error

    def _grouped(self, db: duckdb.DuckDBPyConnection, series: Mapping[int, Series]) -> Iterator[Observation]:
        at, moments = -1, defaultdict[str, _Moment](_Moment)
        while rows := db.fetchmany(BATCH):
            for ts, sid, value in rows:
                if ts != at:
                    yield from self._attempts(at, moments)
                    at, moments = ts, defaultdict(_Moment)
                device, metric, labels, unit = series[sid]
                _note(moments[device], metric, labels, unit, value)
        yield from self._attempts(at, moments)

    def _attempts(self, ts: int, moments: Mapping[str, _Moment]) -> Iterator[Observation]:
        for device, moment in moments.items():
            present = self._inventory.moved.get(device, device)
            self.left.shared_moment += len(moment.checks) > 1
            samples = tuple(moment.samples)
            for check, attempt in moment.checks.items():
                probe = self._probes.get((present, check))
                if probe is None or attempt.success is None:
                    self.left.unknown_device += 1
                    continue
                self.count += 1
                outcome = self._outcome(attempt)
                yield Observation(
                    present, check, probe, _time(ts), attempt.duration or 0.0, outcome, "", samples
                )
                samples = ()

    def _outcome(self, attempt: _Attempt) -> Outcome:
        if attempt.success:
            return Outcome.OK
        found = _ENDED.get(attempt.ended or 0.0)
        self.left.unknown_outcome += found is None
        return found or Outcome.TIMEOUT

    def _parts(self) -> list[Part]:
        rows = self._read(
            "parts.sqlite",
            "SELECT path, level, t0, t1, s0, s1, rows, bytes FROM parts WHERE state = 'live' AND level = ?",
            (RAW,),
        )
        return [Part(*row) for row in rows]  # type: ignore[arg-type]

    def _series(self, metrics: Collection[str]) -> dict[int, Series]:
        rows = self._read("series.sqlite", "SELECT sid, device, metric, labels, unit FROM series", ())
        known = self._inventory.devices.keys() | self._inventory.moved.keys()
        return {
            int(sid): (device, metric, msgspec.json.decode(labels, type=Labels), unit)
            for sid, device, metric, labels, unit in rows
            if metric in metrics and device in known
        }

    def _read(self, name: str, query: str, values: tuple[object, ...]) -> list[tuple[str, ...]]:
        path = self._folder / name
        if not path.exists():
            return []
        try:
            uri = f"{path.absolute().as_uri()}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, timeout=5)) as db:
                return db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"{path} cannot be read: {error}") from error


def _note(moment: _Moment, metric: str, labels: Labels, unit: str, value: float) -> None:
    if metric not in OWN:
        moment.samples.append(Sample(metric, value, unit, labels))
        return
    attempt = moment.checks.setdefault(dict(labels).get("check", ""), _Attempt())
    if metric == "probe.duration":
        attempt.duration = value
    elif metric == "probe.success":
        attempt.success = value
    else:
        attempt.ended = value


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
