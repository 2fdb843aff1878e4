"""Slices of a range: equal, enough, never more than asked for; and DuckDB answers what was put in."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from monitor.store import Bucket, SeriesKey
from monitor.store.duckdb import DuckDBStore
from monitor.store.retention import LEVELS, Retention
from monitor.store.slices import Window
from tests.monitor.store.samples import Clock, observed, sample

START = datetime(2026, 11, 20, tzinfo=UTC)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(
    TIMES,
    st.timedeltas(timedelta(seconds=1), timedelta(days=400)),
    st.integers(1, 2000),
    st.sampled_from(LEVELS),
)
def test_slices_cover_the_range_and_are_never_more_than_asked_for(
    start: datetime, length: timedelta, buckets: int, level: int
) -> None:
    window = Window.of(start, start + length, buckets).aligned(level * 1000)
    count = -(-(window.end - window.start) // window.width)
    assert count <= buckets
    assert window.start <= start.timestamp() * 1000
    assert window.end == Window.of(start, start + length, buckets).end
    if level:
        assert window.start % (level * 1000) == window.width % (level * 1000) == 0


@given(st.floats(0, 400), st.floats(1, 86400))
def test_the_level_that_answers_is_kept_that_long_or_is_the_coarsest(days_ago: float, width: float) -> None:
    retention, now = Retention(raw=2, five_minutes=30, hourly=300), 1e9
    level = retention.level(now - days_ago * 86400, now, width)
    assert level == LEVELS[-1] or days_ago * 86400 <= retention.seconds(level)
    assert days_ago > 2 or level <= max(width, 0)


async def test_random_ranges_over_open_closed_and_merged_hours_match_a_simple_reckoning(
    tmp_path: Path,
) -> None:
    rng = random.Random(7)
    clock = Clock(START)
    rows: list[tuple[int, float]] = []
    async with DuckDBStore(tmp_path, flush_every=3600, clock=clock) as store:
        for _ in range(400):
            clock.move(minutes=rng.uniform(1, 10))
            late = clock.now - timedelta(
                hours=rng.choice([0, 0, 0, 1, 9]), milliseconds=rng.randrange(60_000)
            )
            at = late.replace(microsecond=late.microsecond // 1000 * 1000)
            rows.append((round(at.timestamp() * 1000), value := round(rng.uniform(0, 9), 3)))
            store.append(observed(sample("a.b", value), time=at))
            if rng.random() < 0.1:
                await store.flush()
                await store.compact()
        await store.flush()
        for _ in range(150):
            start = START + timedelta(minutes=rng.uniform(-600, 2000))
            end = start + timedelta(minutes=rng.choice([1, 30, 600, 3000]) * rng.random() + 0.1)
            buckets = rng.choice([1, 7, 100, 2000])
            found = await store.range(SeriesKey("18073/router", "a.b"), start, end, buckets)
            assert_like(found, rows, Window.of(start, end, buckets))


def assert_like(found: list[Bucket], rows: list[tuple[int, float]], window: Window) -> None:
    level = max(level for level in LEVELS if level * 1000 <= window.width)
    step = level * 1000 or 1
    window = window.aligned(level * 1000)
    expected: dict[int, list[float]] = {}
    for ts, value in rows:
        if window.start <= ts // step * step < window.end:
            expected.setdefault((ts - window.start) // window.width, []).append(value)
    if level and any(window.end <= ts < -(-window.end // step) * step for ts, _ in rows):
        return  # whether the last, partly asked for rollup slice counts depends on the hour being closed
    assert [(b.count, b.minimum, b.maximum) for b in found] == [
        (len(values), min(values), max(values)) for _, values in sorted(expected.items())
    ]
    assert [round(b.mean, 6) for b in found] == [
        round(sum(values) / len(values), 6) for _, values in sorted(expected.items())
    ]
