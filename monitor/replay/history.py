"""Attempts as they were, read from the closed hours of the embedded store while the service goes on writing.

The newest hour or two are still open and belong to the running service.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np

from monitor.replay.attempts import OWN, Attempts, Row, Series, read, time_of
from monitor.store import StoreUnavailable
from monitor.store.hot import HOUR
from monitor.store.parts import Part, quoted
from monitor.store.retention import RAW
from monitor.store.slices import as_milliseconds
from probes.core.observation import Observation

MEMORY = "512MB"
BATCH = 20_000
_ROWS = """
SELECT ts, sid, v FROM read_parquet([{files}]) WHERE ts >= {start} AND ts < {end} AND sid IN (SELECT sid FROM wanted)
ORDER BY ts, sid
"""


class History:
    """The store's folder, only read. Raises `StoreUnavailable`."""

    def __init__(self, folder: Path, attempts: Attempts) -> None:
        self._folder = folder
        self._attempts = attempts

    def span(self, start: datetime, end: datetime) -> tuple[datetime, datetime] | None:
        """Return from when until when there is history in a time, `None` when there is none."""
        parts = self._parts()
        if not parts:
            return None
        first, last = min(part.t0 for part in parts), max(part.t1 for part in parts)
        found = max(start, time_of(first)), min(end, time_of(last))
        return found if found[0] < found[1] else None

    def observations(self, start: datetime, end: datetime, metrics: Collection[str]) -> Iterator[Observation]:
        """Yield every attempt in the order in which they ended, with the numbers of `metrics`."""
        series = self._attempts.series(self._folder, {*metrics, *OWN})
        if not series:
            return
        with duckdb.connect(config={"memory_limit": MEMORY, "threads": 2, "temp_directory": ""}) as db:
            db.register("wanted", {"sid": np.fromiter(series, np.uint32, len(series))})
            first, last = as_milliseconds(start), as_milliseconds(end)
            for hour in range(first - first % HOUR, last, HOUR):
                rows = self._hour(db, series, max(hour, first), min(hour + HOUR, last))
                yield from self._attempts.together(rows)

    def _hour(
        self, db: duckdb.DuckDBPyConnection, series: Mapping[int, Series], start: int, end: int
    ) -> Iterator[Row]:
        files = [part.path for part in self._parts() if part.t0 < end and part.t1 > start]
        if not files:
            return
        listed = ", ".join(quoted(self._folder / path) for path in files)
        try:
            db.execute(_ROWS.format(files=listed, start=start, end=end))
            while rows := db.fetchmany(BATCH):
                for ts, sid, value in rows:
                    yield ts, series[sid], value
        except duckdb.Error as error:
            reason = str(error).splitlines()[0][:200]
            raise StoreUnavailable(f"the history from {time_of(start)} cannot be read: {reason}") from error

    def _parts(self) -> list[Part]:
        rows = read(
            self._folder / "parts.sqlite",
            "SELECT path, level, t0, t1, s0, s1, rows, bytes FROM parts WHERE state = 'live' AND level = ?",
            (RAW,),
        )
        return [Part(*row) for row in rows]  # type: ignore[arg-type]
