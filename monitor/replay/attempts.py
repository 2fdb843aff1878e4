"""Attempts put together again from the numbers that a store kept of them, whichever store it is.

A store has numbers and how each attempt ended. It has no facts (configuration), no limits that devices give
themselves, no traps.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from inventory.model import Inventory
from monitor.store import StoreUnavailable
from monitor.store.intake import OUTCOMES
from probes.core.observation import Labels, Observation, Outcome, Sample

OWN = frozenset({"probe.duration", "probe.success", "probe.outcome"})
_ENDED = {number: outcome for outcome, number in OUTCOMES.items()}

Series = tuple[str, str, Labels, str]
"""Device, metric, labels, unit."""
Row = tuple[int, Series, float]
"""Milliseconds since 1970 UTC, which series, its value."""


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


class Attempts:
    """Turns rows into attempts, and counts what could not be replayed as it was."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._probes = {
            (device.id, check.name): check.probe
            for device in inventory.devices.values()
            for check in device.checks
        }
        self.left = Left()
        self.count = 0
        """Attempts handed out."""

    def together(self, rows: Iterable[Row]) -> Iterator[Observation]:
        """Yield the attempts in `rows`, which are ordered by time; each moment must be whole."""
        at, moments = -1, defaultdict[str, _Moment](_Moment)
        for ts, series, value in rows:
            if ts != at:
                yield from self._attempts(at, moments)
                at, moments = ts, defaultdict(_Moment)
            _note(moments[series[0]], series, value)
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
                    present, check, probe, time_of(ts), attempt.duration or 0.0, outcome, "", samples
                )
                samples = ()

    def _outcome(self, attempt: _Attempt) -> Outcome:
        if attempt.success:
            return Outcome.OK
        found = _ENDED.get(attempt.ended or 0.0)
        self.left.unknown_outcome += found is None
        return found or Outcome.TIMEOUT

    def series(self, folder: Path, metrics: Collection[str]) -> dict[int, Series]:
        """Return what the store in `folder` knows of these metrics, by number. Raises `StoreUnavailable`."""
        rows = read(folder / "series.sqlite", "SELECT sid, device, metric, labels, unit FROM series", ())
        known = self._inventory.devices.keys() | self._inventory.moved.keys()
        return {
            int(sid): (device, metric, msgspec.json.decode(labels, type=Labels), unit)
            for sid, device, metric, labels, unit in rows
            if metric in metrics and device in known
        }


def read(path: Path, query: str, values: tuple[object, ...]) -> list[tuple[str, ...]]:
    """Return rows of a SQLite file that another process may be writing. Raises `StoreUnavailable`."""
    if not path.exists():
        return []
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=5)) as db:
            return db.execute(query, values).fetchall()
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{path} cannot be read: {error}") from error


def _note(moment: _Moment, series: Series, value: float) -> None:
    _, metric, labels, unit = series
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


def time_of(milliseconds: int) -> datetime:
    """Return aware UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
