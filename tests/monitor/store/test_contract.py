"""What every store promises, asked of each: the embedded one, and InfluxDB behind nginx."""

from __future__ import annotations

import math
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from inventory.secrets import Secret
from monitor.store import SeriesKey, Store
from monitor.store.duckdb import DuckDBStore
from monitor.store.former import WithFormer
from monitor.store.influxdb import Access, InfluxDBStore
from probes.core.observation import Outcome, Sample
from tests.monitor.store.samples import Clock, labels, observed, sample
from tests.patience import eventually
from tests.servers.influxdb import TOKEN, InfluxDB

# InfluxDB's newest values are looked for by its own clock, so these tests live in the present.
NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)
KEY = SeriesKey("18073/router", "system.cpu.utilization")


async def settle(store: Store) -> None:
    """Wait until what was appended can be read."""
    await store.flush()
    await eventually(lambda: not store.health().waiting)


def duckdb_store(folder: Path) -> Store:
    return DuckDBStore(folder, flush_every=3600, per_device=50, clock=Clock(NOW))


@pytest_asyncio.fixture(params=["duckdb", "influxdb", "duckdb of moved devices"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "duckdb":
        opened: Store = duckdb_store(tmp_path)
    elif request.param == "duckdb of moved devices":
        moved = {"18077/rt": "18073/router", "old/r": "a/r"}
        opened = WithFormer(duckdb_store(tmp_path), lambda: moved)
    else:
        server: InfluxDB = request.getfixturevalue("influx")
        bucket = server.create(f"db{uuid.uuid4().hex}") + "/autogen"
        access = Access(server.url, bucket, token=Secret(TOKEN))
        opened = InfluxDBStore(tmp_path, lambda: access, flush_every=3600, per_device=50, clock=Clock(NOW))
    async with opened:
        yield opened


async def test_the_series_of_a_device_follow_it_to_another_id(store: Store) -> None:
    """A commune is merged: its router goes on under the new code, with a gap, an overlap and a new series."""
    inner = store._store if isinstance(store, WithFormer) else store
    history = WithFormer(inner, lambda: {"18077/router": "18073/router", "18076/router": "18073/router"})
    for minute, device, value in ((0, "18077/router", 1), (1, "18076/router", 5), (3, "18073/router", 9)):
        at = NOW + timedelta(minutes=minute)
        history.append(observed(sample(KEY.metric, value), device=device, time=at))
    history.append(observed(sample(KEY.metric, 3), device="18077/router", time=NOW + timedelta(minutes=3)))
    history.append(observed(sample("old.metric", 7, disk="a"), device="18077/router", time=NOW))
    history.append(observed(sample(KEY.metric, 4), device="other/router", time=NOW))
    await settle(history)
    slices = await history.range(KEY, NOW, NOW + timedelta(minutes=4), 4)
    assert [(b.start, b.count, b.minimum, b.mean, b.maximum) for b in slices] == [
        (NOW, 1, 1.0, 1.0, 1.0),
        (NOW + timedelta(minutes=1), 1, 5.0, 5.0, 5.0),
        (NOW + timedelta(minutes=3), 2, 3.0, 6.0, 9.0),
    ]
    newest = {(row.key.metric, row.key.labels): row for row in await history.latest("18073/router")}
    assert newest[KEY.metric, ()].value in (3.0, 9.0)
    assert newest["old.metric", labels(disk="a")].value == 7.0
    assert {row.key.device for row in newest.values()} == {"18073/router"}
    assert await history.latest("18073/router", "old.metric") == [newest["old.metric", labels(disk="a")]]
    end = NOW + timedelta(minutes=5)
    by_maximum = await history.top(KEY.metric, NOW, end, 2, by="max")
    assert [(key.device, value) for key, value in by_maximum] == [
        ("18073/router", 9.0),
        ("other/router", 4.0),
    ]
    (mean, _) = await history.top(KEY.metric, NOW, end)
    assert mean[1] == 4.5
    assert await inner.latest("18073/router", "old.metric") == [], "nothing was written anew"


async def test_the_latest_value_of_every_series_of_a_device_has_its_unit_and_time(store: Store) -> None:
    for minute in (0, 1):
        store.append(
            observed(
                sample("system.memory.usage", 1024 + minute, "By"),
                sample("system.network.io", 5 + minute, "bit/s", interface="eth0"),
                time=NOW + timedelta(minutes=minute),
            )
        )
    store.append(observed(sample("system.memory.usage", 7, "By"), device="18073/switch", time=NOW))
    await settle(store)
    found = await store.latest("18073/router")
    assert [(row.key.metric, row.key.labels, row.unit, row.value) for row in found] == [
        ("probe.duration", labels(check="snmp"), "s", 0.25),
        ("probe.success", labels(check="snmp"), "1", 1.0),
        ("system.memory.usage", (), "By", 1025.0),
        ("system.network.io", labels(interface="eth0"), "bit/s", 6.0),
    ]
    assert {row.time for row in found} == {NOW + timedelta(minutes=1)}


async def test_the_latest_values_of_one_metric_leave_the_others_out(store: Store) -> None:
    store.append(observed(sample("a.b", 1), sample("a.c", 2), time=NOW))
    await settle(store)
    assert [row.value for row in await store.latest("18073/router", "a.c")] == [2.0]
    assert await store.latest("18073/router", "a.nothing") == []
    assert await store.latest("nobody") == []


async def test_a_failed_check_is_a_success_of_zero(store: Store) -> None:
    store.append(observed(time=NOW, check="ping", outcome=Outcome.TIMEOUT))
    await settle(store)
    assert [row.value for row in await store.latest("18073/router", "probe.success")] == [0.0]


async def test_a_range_comes_in_equal_slices_and_empty_ones_are_absent(store: Store) -> None:
    for second in (0, 10, 20, 70, 190):
        store.append(observed(sample(KEY.metric, second), time=NOW + timedelta(seconds=second)))
    await settle(store)
    found = await store.range(KEY, NOW, NOW + timedelta(minutes=4), 4)
    assert [(b.start, b.count, b.minimum, b.mean, b.maximum) for b in found] == [
        (NOW, 3, 0.0, 10.0, 20.0),
        (NOW + timedelta(minutes=1), 1, 70.0, 70.0, 70.0),
        (NOW + timedelta(minutes=3), 1, 190.0, 190.0, 190.0),
    ]


async def test_a_range_ends_before_its_end_and_starts_at_its_start(store: Store) -> None:
    for second in (-1, 0, 59, 60):
        store.append(observed(sample(KEY.metric, second), time=NOW + timedelta(seconds=second)))
    await settle(store)
    (bucket,) = await store.range(KEY, NOW, NOW + timedelta(minutes=1), 1)
    assert (bucket.count, bucket.minimum, bucket.maximum) == (2, 0.0, 59.0)


async def test_a_series_without_labels_does_not_contain_one_with_labels(store: Store) -> None:
    store.append(observed(sample(KEY.metric, 1), sample(KEY.metric, 9, cpu="0"), time=NOW))
    await settle(store)
    (bare,) = await store.range(KEY, NOW, NOW + timedelta(minutes=1), 1)
    labelled = SeriesKey(KEY.device, KEY.metric, labels(cpu="0"))
    (with_label,) = await store.range(labelled, NOW, NOW + timedelta(minutes=1), 1)
    assert (bare.maximum, with_label.maximum) == (1.0, 9.0)


@pytest.mark.parametrize("buckets", [0, 2001])
async def test_an_impossible_number_of_buckets_is_refused(store: Store, buckets: int) -> None:
    with pytest.raises(ValueError, match="buckets"):
        await store.range(KEY, NOW, NOW + timedelta(minutes=1), buckets)


async def test_an_unknown_series_has_no_buckets(store: Store) -> None:
    assert await store.range(SeriesKey("x", "y.z"), NOW, NOW + timedelta(minutes=1), 10) == []
    assert await store.top("y.z", NOW, NOW + timedelta(minutes=1)) == []


async def test_the_top_of_the_fleet_is_ordered_by_mean_or_maximum(store: Store) -> None:
    values = {"a/r": (1, 9), "b/r": (6, 6), "c/r": (3, 3), "d/r": (0, 1)}
    for device, pair in values.items():
        for minute, value in enumerate(pair):
            at = NOW + timedelta(minutes=minute)
            store.append(observed(sample(KEY.metric, value), device=device, time=at))
    await settle(store)
    end = NOW + timedelta(minutes=5)
    assert [(k.device, v) for k, v in await store.top(KEY.metric, NOW, end, 2)] == [
        ("b/r", 6.0),
        ("a/r", 5.0),
    ]
    by_maximum = await store.top(KEY.metric, NOW, end, 3, by="max")
    assert [(k.device, v) for k, v in by_maximum] == [("a/r", 9.0), ("b/r", 6.0), ("c/r", 3.0)]


HOSTILE = [
    ",host=evil v=1\nmeasurement2 v=2",
    "'; DROP TABLE series; --",
    "' OR '1'='1",
    "quote \" and ' both",
    "C:\\",
    "a\\,b\\ c\\=d",
    "equals=comma,space end",
    "tab\tnewline\nreturn\r",
    "Cổng mạng số 1 — tầng trệt",
    "emoji 🏛",
    "",
    "#comment",
    "\\",
    "-- ; /* $1 ? ${x} {y} %s",
    "x" * 255,
]


async def test_hostile_label_values_are_stored_as_they_are_and_do_no_harm(store: Store) -> None:
    for number, value in enumerate(HOSTILE):
        store.append(observed(sample("system.network.io", number, interface=value), time=NOW))
    await settle(store)
    found = await store.latest("18073/router", "system.network.io")
    assert {dict(row.key.labels)["interface"]: row.value for row in found} == {
        value: float(number) for number, value in enumerate(HOSTILE)
    }
    for row in found:
        assert len(await store.range(row.key, NOW, NOW + timedelta(seconds=1), 1)) == 1
    assert len(await store.latest("18073/router")) == len(found) + 2


@pytest.mark.parametrize("name", ["device", "time", "value", "_field", "a b,c=d", "interface\n"])
async def test_hostile_label_names_and_metrics_are_read_back(store: Store, name: str) -> None:
    key = SeriesKey("18073/router", f"weird.{name}", ((name, "x"),))
    store.append(observed(Sample(key.metric, 4.0, "1", key.labels), time=NOW))
    await settle(store)
    assert [(row.key, row.value) for row in await store.latest(key.device, key.metric)] == [(key, 4.0)]
    (bucket,) = await store.range(key, NOW, NOW + timedelta(seconds=1), 1)
    assert bucket.maximum == 4.0
    assert await store.top(key.metric, NOW, NOW + timedelta(seconds=1)) == [(key, 4.0)]


async def test_numbers_that_are_none_are_left_out_and_huge_ones_kept(store: Store) -> None:
    huge = float(2**64 - 1)
    store.append(observed(sample("a.b", math.nan), sample("a.c", -math.inf), sample("a.d", huge), time=NOW))
    store.append(observed(sample("a.d", 3), time=NOW - timedelta(seconds=1)))
    await settle(store)
    assert await store.latest("18073/router", "a.b") == []
    assert await store.latest("18073/router", "a.c") == []
    assert [row.value for row in await store.latest("18073/router", "a.d")] == [huge]
    assert store.health().dropped == 2


async def test_a_device_with_endless_label_values_is_capped_and_the_rest_goes_on(store: Store) -> None:
    for number in range(100):
        store.append(observed(sample("a.b", number, name=f"n{number}"), time=NOW))
    store.append(observed(sample("a.b", 1), device="other/device", time=NOW))
    await settle(store)
    assert len(await store.latest("18073/router")) == 50
    assert len(await store.latest("other/device")) == 3
    assert store.health().dropped > 0


async def test_health_counts_what_was_written(store: Store) -> None:
    store.append(observed(sample("a.b", 1), time=NOW))
    assert store.health().waiting == 3
    await settle(store)
    health = store.health()
    assert (health.written, health.waiting, health.dropped, bool(health.problem)) == (3, 0, 0, False)
