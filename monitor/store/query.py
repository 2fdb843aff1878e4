"""Questions to the embedded store as SQL over whatever sources hold the answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import duckdb
import numpy as np

from monitor.store.hot import HOUR
from monitor.store.parts import Part, Source, Table, quoted
from monitor.store.retention import RAW
from monitor.store.slices import Window

Slice = tuple[int, int, float, float, float]
"""Start in ms, count, minimum, sum, maximum."""

_RAW_ROWS = "SELECT sid, ts AS k, 1 AS n, v AS mn, v AS mx, v AS sm FROM {source}"
_ROLLUP_ROWS = "SELECT sid, k, n, mn, mx, sm FROM {source}"
_SLICES = (
    "SELECT (k - ?) // ? AS b, sum(n)::BIGINT, min(mn), sum(sm), max(mx)"
    " FROM ({source}) GROUP BY b ORDER BY b"
)
_SOME = " WHERE {time} >= {start} AND {time} < {end} AND sid {which}"


class Rows:
    """The SQL of every row a window can be answered from, columns (sid, k, n, mn, mx, sm)."""

    def __init__(
        self, folder: Path, sources: Iterable[Source], level: int, window: Window, sids: Sequence[int]
    ) -> None:
        """Read files of `level` (and open tables) for `sids` (not empty)."""
        self._folder = folder
        self._level = level
        self._window = window
        self._low, self._high = min(sids), max(sids)
        self._which = f"= {sids[0]}" if len(sids) == 1 else "IN (SELECT sid FROM wanted)"
        self._sources = [source for source in sources if self._matters(source)]

    def _matters(self, source: Source) -> bool:
        w = self._window
        if isinstance(source, Table):
            return source.hour * HOUR < w.end and (source.hour + 1) * HOUR > w.start
        near = source.s0 <= self._high and source.s1 >= self._low
        return near and source.level == self._level and source.t0 < w.end and source.t1 > w.start

    def sql(self) -> str:
        """Return a query, `""` when no source matters; it holds numbers and names made here only."""
        tables = [s for s in self._sources if isinstance(s, Table)]
        selects = [self._select(_RAW_ROWS, "ts", table.name) for table in tables]
        files = [quoted(self._folder / s.path) for s in self._sources if isinstance(s, Part)]
        if files:
            template, time = (_RAW_ROWS, "ts") if self._level == RAW else (_ROLLUP_ROWS, "k")
            selects.append(self._select(template, time, f"read_parquet([{', '.join(files)}])"))
        return " UNION ALL ".join(selects)

    def _select(self, template: str, time: str, source: str) -> str:
        w = self._window
        some = _SOME.format(time=time, start=w.start, end=w.end, which=self._which)
        return template.format(source=source) + some


def slices(db: duckdb.DuckDBPyConnection, rows: Rows, window: Window) -> list[Slice]:
    """Aggregate the rows of one series into the slices of `window`; empty slices are absent."""
    source = rows.sql()
    if not source:
        return []
    found = db.execute(_SLICES.format(source=source), [window.start, window.width]).fetchall()
    return [(window.start + b * window.width, n, low, total, high) for b, n, low, total, high in found]


def top(
    db: duckdb.DuckDBPyConnection, rows: Rows, sids: Sequence[int], count: int, by: Literal["mean", "max"]
) -> list[tuple[int, float]]:
    """Return (sid, value) of the `count` series of `sids` with the highest mean or maximum, highest first."""
    source = rows.sql()
    if not source:
        return []
    value = "sum(sm) / sum(n)" if by == "mean" else "max(mx)"
    db.register("wanted", {"sid": np.array(sids, dtype=np.uint32)})
    query = f"SELECT sid, {value} AS value FROM ({source}) GROUP BY sid ORDER BY value DESC, sid LIMIT ?"  # noqa: S608
    found: list[tuple[int, float]] = db.execute(query, [count]).fetchall()
    return found
