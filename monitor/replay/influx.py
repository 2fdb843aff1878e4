"""Attempts as they were, read from InfluxDB by InfluxQL, which every version answers; an hour at a time, or less.

Which series there are is in the catalogue that the service keeps in its data folder.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import aiohttp

from monitor.replay.attempts import OWN, Attempts, Row, Series, time_of
from monitor.store import SeriesKey
from monitor.store.influxdb import Access
from monitor.store.influxql import InfluxQL, TooMuch, ends, rows
from monitor.store.lines import Wire
from monitor.store.slices import Window, as_milliseconds
from probes.core.observation import Labels, Observation

HOUR = 3600_000
SHORTEST = 60_000
"""Milliseconds that are asked for at once at least, however much comes."""
TIMEOUT = 120.0

Wanted = Mapping[tuple[str, Labels], Series]
"""The series of one field, by measurement and tags."""


class InfluxHistory:
    """A server, only read. Use as ``with``, where no event loop runs. Raises `StoreUnavailable`."""

    def __init__(self, folder: Path, attempts: Attempts, access: Access) -> None:
        self._folder = folder
        self._attempts = attempts
        self._access = access

    def __enter__(self) -> Self:
        self._runner = asyncio.Runner()
        self._session = self._runner.run(_session())
        access = self._access
        self._server = InfluxQL(self._session, access.url, access.bucket, access.headers)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._session.close())
        self._runner.close()

    def span(self, start: datetime, end: datetime) -> tuple[datetime, datetime] | None:
        """Return from when until when there is history in a time, `None` when there is none."""
        wire = Wire.of(SeriesKey("", "probe.success", ()))
        answers = self._runner.run(self._server.ask(ends(wire, Window.of(start, end, 1))))
        found = [int(row[0] or 0) for answer in answers for series in answer for row in series.values]
        return (time_of(min(found)), time_of(max(found) + 1)) if found else None

    def observations(self, start: datetime, end: datetime, metrics: Collection[str]) -> Iterator[Observation]:
        """Yield every attempt in the order in which they ended, with the numbers of `metrics`."""
        fields = _fields(self._attempts.series(self._folder, {*metrics, *OWN}).values())
        first, last = as_milliseconds(start), as_milliseconds(end)
        for hour in range(first - first % HOUR, last, HOUR) if fields else ():
            yield from self._attempts.together(self._rows(fields, max(hour, first), min(hour + HOUR, last)))

    def _rows(self, fields: Mapping[Wire, Wanted], start: int, end: int) -> Iterator[Row]:
        """Yield the rows of a time in order; a time of which more comes than is taken, in halves."""
        window = Window(start, end, end - start)
        try:
            answers = self._runner.run(self._server.ask([rows(wire, window) for wire in fields]))
        except TooMuch:
            if end - start <= SHORTEST:
                raise
            middle = (start + end) // 2
            yield from self._rows(fields, start, middle)
            yield from self._rows(fields, middle, end)
            return
        found = [
            (int(ts or 0), ours, float(value))
            for wanted, answer in zip(fields.values(), answers, strict=True)
            for one in answer
            if (ours := wanted.get((one.name, one.labels))) is not None
            for ts, value in one.values
            if value is not None
        ]
        yield from sorted(found, key=lambda row: row[0])


async def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT))


def _fields(series: Collection[Series] | Sequence[Series]) -> dict[Wire, dict[tuple[str, Labels], Series]]:
    """Return the series of each field that has to be asked for."""
    asked: dict[tuple[str, str], Wire] = {}
    found: dict[Wire, dict[tuple[str, Labels], Series]] = {}
    for one in series:
        wire = Wire.of(SeriesKey(one[0], one[1], one[2]))
        field = asked.setdefault((wire.measurement, wire.field), wire)
        found.setdefault(field, {})[wire.measurement, wire.tags] = one
    return found
