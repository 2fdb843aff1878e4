"""Which series exist: a small dense number (sid) for every device, metric and labels, kept in SQLite.

A sid is given out in memory at once and saved before the first sample that uses it becomes durable; a sid
lost in a crash had no durable sample, so it may be given out again.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from monitor.store import SeriesKey, StoreBroken
from probes.core.observation import Labels

SERIES_PER_DEVICE = 2000
"""A device whose label values never repeat must not fill memory and disk (abuse case A41)."""

Known = dict[tuple[str, Labels], int]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS series(
    sid INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    metric TEXT NOT NULL,
    labels TEXT NOT NULL, -- JSON array of [name, value]
    unit TEXT NOT NULL,
    UNIQUE(device, metric, labels)
) STRICT
"""


class Catalogue:
    """Every series ever seen. Lookups belong to the event loop, `load` and `save` to a thread."""

    def __init__(self, path: Path, *, per_device: int = SERIES_PER_DEVICE) -> None:
        self.path = path
        self.per_device = per_device
        self.refused = 0
        """Samples of series beyond the bound of their device."""
        self._devices: defaultdict[str, Known] = defaultdict(dict)
        self._metrics: defaultdict[str, list[int]] = defaultdict(list)
        self._rows: dict[int, tuple[SeriesKey, str]] = {}
        self._unsaved: list[int] = []
        self._forgotten: list[int] = []
        self._next = 1

    def load(self) -> None:
        """Read what is saved. Raises `StoreBroken` when the file is no catalogue."""
        try:
            with closing(self._connect()) as db:
                db.execute("PRAGMA journal_mode=WAL")
                db.execute(_SCHEMA)
                rows = db.execute("SELECT sid, device, metric, labels, unit FROM series").fetchall()
        except sqlite3.DatabaseError as error:
            raise StoreBroken(f"the series catalogue {self.path} cannot be read: {error}") from error
        for sid, device, metric, labels, unit in rows:
            self._enter(sid, SeriesKey(device, metric, _labels(labels)), unit)

    def known(self, device: str) -> Known:
        """Sids of a device by metric and labels. A live dictionary: for looking up only."""
        return self._devices[device]

    def register(self, key: SeriesKey, unit: str) -> int | None:
        """Return the sid of `key`, new if need be; `None` when its device has too many series."""
        known = self._devices[key.device]
        sid = known.get((key.metric, key.labels))
        if sid is None:
            if len(known) >= self.per_device:
                self.refused += 1
                return None
            sid = self._next
            self._enter(sid, key, unit)
            self._unsaved.append(sid)
        return sid

    def find(self, key: SeriesKey) -> int | None:
        """Return the sid of `key` when it exists."""
        return (
            self._devices[key.device].get((key.metric, key.labels)) if key.device in self._devices else None
        )

    def of_device(self, device: str, metric: str | None = None) -> list[int]:
        """Sids of a device, or of one metric of it."""
        known = self._devices.get(device, {})
        return [sid for (name, _), sid in known.items() if metric in (None, name)]

    def of_metric(self, metric: str) -> Sequence[int]:
        """Sids of a metric over all devices."""
        return tuple(self._metrics.get(metric, ()))

    def key(self, sid: int) -> SeriesKey:
        """What a sid stands for. Raises `KeyError`."""
        return self._rows[sid][0]

    def unit(self, sid: int) -> str:
        """Unit a series had when it was first seen."""
        return self._rows[sid][1]

    def __len__(self) -> int:
        return len(self._rows)

    def save(self) -> None:
        """Make every change so far durable. Blocks; raises `sqlite3.Error` and keeps what was not saved."""
        new, gone = self._unsaved[:], self._forgotten[:]
        if not new and not gone:
            return
        with closing(self._connect()) as db, db:
            db.executemany("DELETE FROM series WHERE sid = ?", [(sid,) for sid in gone])
            db.executemany("INSERT INTO series VALUES (?, ?, ?, ?, ?)", map(self._row, new))
        del self._unsaved[: len(new)]
        del self._forgotten[: len(gone)]

    def forget(self, sids: Iterable[int]) -> None:
        """Remove series whose last sample has expired, so that their device has room for others."""
        for sid in sids:
            key, _ = self._rows.pop(sid)
            del self._devices[key.device][key.metric, key.labels]
            self._metrics[key.metric].remove(sid)
            self._forgotten.append(sid)

    def _row(self, sid: int) -> tuple[int, str, str, str, str]:
        key, unit = self._rows[sid]
        return sid, key.device, key.metric, msgspec.json.encode(key.labels).decode(), unit

    def _enter(self, sid: int, key: SeriesKey, unit: str) -> None:
        self._devices[key.device][key.metric, key.labels] = sid
        self._metrics[key.metric].append(sid)
        self._rows[sid] = (key, unit)
        self._next = max(self._next, sid + 1)

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=5)
        db.execute("PRAGMA synchronous=FULL")
        return db


def _labels(raw: str) -> Labels:
    return msgspec.json.decode(raw, type=Labels)
