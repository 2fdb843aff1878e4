"""The embedded store: hours become files, files become days, nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import math
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from monitor.store import SeriesKey, StoreBroken, StoreInUse, StoreUnavailable
from monitor.store.duckdb import DuckDBStore
from monitor.store.hot import Hot
from monitor.store.readers import Readers
from monitor.store.retention import Retention
from tests.monitor.store.samples import T0, Clock, observed, sample

KEY = SeriesKey("18073/router", "system.cpu.utilization")


def opened(folder: Path, clock: Clock | None = None, **settings: object) -> DuckDBStore:
    return DuckDBStore(folder, flush_every=3600, clock=clock or Clock(), **settings)  # type: ignore[arg-type]


async def fill(store: DuckDBStore, clock: Clock, minutes: int, every: int = 1) -> None:
    """Append CPU = minute number, once a minute, closing hours on the way as a running store does."""
    for minute in range(0, minutes, every):
        store.append(observed(sample("system.cpu.utilization", minute), time=clock.now))
        clock.move(minutes=every)
        if minute % 60 == 0:
            await store.flush()
            await store.compact()
    await store.flush()
    await store.compact()


async def count(store: DuckDBStore, start: datetime, end: datetime, buckets: int = 100) -> int:
    return sum(bucket.count for bucket in await store.range(KEY, start, end, buckets))


def files(folder: Path, pattern: str) -> list[str]:
    return sorted(path.name for path in folder.glob(pattern))


async def test_a_closed_hour_becomes_a_file_and_reads_the_same(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock) as store:
        await fill(store, clock, 50)
        before = await store.range(KEY, T0, T0 + timedelta(hours=1), 60)
        clock.move(minutes=20)
        await store.compact()
        after = await store.range(KEY, T0, T0 + timedelta(hours=1), 60)
    assert files(tmp_path, "raw/*") != []
    assert before == after
    assert len(after) == 50


async def test_late_rows_of_a_closed_hour_are_found_beside_it(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock) as store:
        await fill(store, clock, 90)
        store.append(observed(sample("system.cpu.utilization", 7), time=T0 + timedelta(seconds=30)))
        await store.flush()
        assert await count(store, T0, T0 + timedelta(hours=1)) == 61
        clock.move(hours=1)
        await store.compact()
        assert await count(store, T0, T0 + timedelta(hours=1)) == 61
    assert len(files(tmp_path, "raw/h_*")) == 3


async def test_a_finished_day_is_merged_into_one_set_of_files(tmp_path: Path) -> None:
    clock = Clock(datetime(2026, 11, 20, tzinfo=UTC))
    async with opened(tmp_path, clock) as store:
        await fill(store, clock, 24 * 60 + 10, every=5)
        assert len(files(tmp_path, "raw/d_*")) == 1
        assert files(tmp_path, "raw/h_*") == []
        assert await count(store, clock.now - timedelta(days=2), clock.now) == 24 * 12 + 2


async def test_long_ranges_read_rollups_and_say_the_same_as_the_raw_samples(tmp_path: Path) -> None:
    clock = Clock()
    start, end = T0, T0 + timedelta(hours=6)
    async with opened(tmp_path, clock) as store:
        await fill(store, clock, 6 * 60 + 5)
        hourly = await store.range(KEY, start, end, 6)
        await store.compact()
        raw = await store.range(KEY, start, end, 360)
    assert [bucket.count for bucket in hourly] == [60] * 6
    assert [bucket.maximum for bucket in hourly] == [
        max(b.maximum for b in raw[i : i + 60]) for i in range(0, 360, 60)
    ]
    assert [bucket.mean for bucket in hourly] == [
        sum(b.mean for b in raw[i : i + 60]) / 60 for i in range(0, 360, 60)
    ]


async def test_expired_samples_leave_the_disk_and_their_rollups_stay(tmp_path: Path) -> None:
    clock = Clock(datetime(2026, 11, 20, tzinfo=UTC))
    async with opened(tmp_path, clock, retention=Retention(raw=1, five_minutes=3, hourly=30)) as store:
        await fill(store, clock, 120)
        for _ in range(3):
            clock.move(days=1)
            await store.compact()
        assert files(tmp_path, "raw/*") == []
        assert len(files(tmp_path, "r3600/*")) == 1
        day = datetime(2026, 11, 20, tzinfo=UTC)
        assert await count(store, day, day + timedelta(hours=2), 120) == 120


async def test_a_series_that_expired_entirely_makes_room_for_another(tmp_path: Path) -> None:
    clock = Clock()
    short = Retention(raw=1, five_minutes=1, hourly=1)
    async with opened(tmp_path, clock, retention=short, per_device=3) as store:
        store.append(observed(sample("a.b", 1)))
        await store.flush()
        clock.move(days=5)
        store.append(observed(sample("c.d", 1), time=clock.now))
        await store.flush()
        await store.compact()
        store.append(observed(sample("c.d", 1), time=clock.now))
        await store.flush()
        assert [row.key.metric for row in await store.latest("18073/router")] == [
            "c.d",
            "probe.duration",
            "probe.success",
        ]


async def test_the_newest_values_survive_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock) as store:
        await fill(store, clock, 70)
        clock.move(hours=3)
        await store.compact()
    async with opened(tmp_path, clock) as store:
        latest = await store.latest("18073/router", "system.cpu.utilization")
        assert [(row.value, row.time) for row in latest] == [(69.0, T0 + timedelta(minutes=69))]


async def test_a_late_sample_does_not_replace_a_newer_value(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        store.append(observed(sample("system.cpu.utilization", 2)))
        store.append(observed(sample("system.cpu.utilization", 1), time=T0 - timedelta(minutes=5)))
        await store.flush()
        latest = await store.latest("18073/router", "system.cpu.utilization")
        assert [row.value for row in latest] == [2.0]


async def test_a_second_store_on_the_same_folder_is_refused_and_told_by_whom(tmp_path: Path) -> None:
    async with opened(tmp_path):
        with pytest.raises(StoreInUse, match=r"in use by process \d+"):
            await opened(tmp_path).__aenter__()


async def test_a_hot_file_that_is_no_database_is_put_aside_and_the_store_starts(tmp_path: Path) -> None:
    (tmp_path / "hot.duckdb").write_bytes(b"not a database" * 1000)
    async with opened(tmp_path) as store:
        store.append(observed(sample("system.cpu.utilization", 1)))
        await store.flush()
        assert await count(store, T0, T0 + timedelta(minutes=1)) == 1
    assert len(files(tmp_path, "hot.broken-*")) == 1


async def test_a_broken_catalogue_stops_the_start_and_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "series.sqlite").write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreBroken, match=r"series\.sqlite"):
        await opened(tmp_path).__aenter__()
    (tmp_path / "series.sqlite").unlink()
    async with opened(tmp_path):
        pass


async def test_a_crash_between_file_and_drop_counts_nothing_twice(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock) as store:
        await fill(store, clock, 30)
    with duckdb.connect(str(tmp_path / "hot.duckdb")) as db:
        ((name,),) = db.execute(
            "SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'h_%'"
        ).fetchall()
        rows = db.execute(f"SELECT * FROM {name}").fetchall()
    async with opened(tmp_path, clock) as store:
        clock.move(hours=1)
        await store.compact()
    with duckdb.connect(str(tmp_path / "hot.duckdb")) as db:
        db.execute(f"CREATE TABLE IF NOT EXISTS {name}(ts BIGINT, sid UINTEGER, v DOUBLE)")
        db.execute(f"DELETE FROM {name}")
        db.executemany(f"INSERT INTO {name} VALUES (?, ?, ?)", rows)
    async with opened(tmp_path, clock) as store:
        assert await count(store, T0, T0 + timedelta(hours=1)) == 30


async def test_impossible_times_and_values_are_dropped_and_counted(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        store.append(observed(sample("a.b", 1), time=datetime(1970, 1, 1, tzinfo=UTC)))
        store.append(observed(sample("a.b", 1), time=datetime(2100, 1, 1, tzinfo=UTC)))
        store.append(observed(sample("a.b", math.nan), sample("a.c", math.inf), sample("a.d", 10**400)))
        await store.flush()
        assert store.health().dropped == 3 + 3 + 3
        assert store.health().written == 2


async def test_readers_go_on_while_hours_are_closed_and_days_merged(tmp_path: Path) -> None:
    clock = Clock(datetime(2026, 11, 20, tzinfo=UTC))
    start = clock.now
    async with opened(tmp_path, clock) as store:
        store.append(observed(sample("system.cpu.utilization", 1)))

        async def read() -> None:
            seen = 0
            while not done.is_set():
                now = await count(store, start, start + timedelta(days=2), 2000)
                assert now >= seen
                seen = now

        done = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(read())
            tasks.create_task(read())
            await fill(store, clock, 26 * 60, every=10)
            done.set()


async def test_a_question_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    hot = Hot(tmp_path)
    readers = Readers(hot, time_limit=0.2)
    endless = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"
    with pytest.raises(StoreUnavailable, match="did not answer"):
        await readers.ask(lambda db: db.execute(endless).fetchall())
    assert await readers.ask(lambda db: db.execute("SELECT 1").fetchall()) == [(1,)]
    readers.close()
    hot.close()


CHILD = """
import asyncio, sys
from pathlib import Path
from datetime import timedelta
from monitor.store.duckdb import DuckDBStore
from tests.monitor.store.samples import T0, Clock, observed, sample

async def main():
    clock = Clock()
    async with DuckDBStore(Path(sys.argv[1]), flush_every=3600, clock=clock) as store:
        for n in range(100000):
            store.append(observed(sample("system.cpu.utilization", n), time=clock.now))
            clock.move(minutes=1)
            await store.flush()
            await store.compact()
            print(n, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [5, 75, 133])
async def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path, after: int) -> None:
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 — the loop has no other work
    assert child.stdout is not None
    acknowledged = -1
    for line in child.stdout:
        acknowledged = int(line)
        if acknowledged >= after:
            child.send_signal(signal.SIGKILL)
            break
    acknowledged = max([acknowledged, *map(int, child.stdout.read().split())])
    child.wait()
    child.stdout.close()
    async with opened(tmp_path) as store:
        buckets = await store.range(KEY, T0, T0 + timedelta(days=1), 1440)
        values = {bucket.maximum for bucket in buckets}
        assert sum(bucket.count for bucket in buckets) - (acknowledged + 1) in (0, 1)
        assert set(map(float, range(acknowledged + 1))) <= values


FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from monitor.store.duckdb import DuckDBStore
from probes.core.words import say
from tests.monitor.store.samples import T0, Clock, observed, sample

async def main():
    clock = Clock()
    async with DuckDBStore(Path(sys.argv[1]), flush_every=3600, clock=clock) as store:
        store.append(observed(sample("system.cpu.utilization", 0)))
        await store.flush()
        assert not store.health().problem
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
        for n in range(1, 4):
            store.append(observed(sample("system.cpu.utilization", n), time=clock.now))
            clock.move(seconds=1)
            await store.flush()
        assert "writing failed" in say(store.health().problem, "en"), store.health()
        assert store.health().waiting == 9, store.health()
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await store.flush()
        assert not store.health().problem, store.health()
        assert store.health().waiting == 0, store.health()

asyncio.run(main())
"""


async def test_a_full_disk_keeps_the_samples_and_writes_them_later(tmp_path: Path) -> None:
    child = subprocess.run(  # noqa: ASYNC221
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert child.returncode == 0, child.stderr
    async with opened(tmp_path) as store:
        assert await count(store, T0, T0 + timedelta(minutes=1)) == 4
