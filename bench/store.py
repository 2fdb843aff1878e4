"""What a sample costs in the stores: ``python -m bench.store [--json]``.

The load is a province: 1,400 devices of 25 series, a twelfth of the devices every 5 seconds of simulated
time. A device has five numbers of its own, six of each of three interfaces and two of its check. Processor
time is of the whole process; questions are wall time, the median of 20.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.incident import IncidentKey, Kind, Severity, Step, Transition, Words
from monitor.ledger import Ledger
from monitor.ledger.teller import Nobody
from monitor.store import SeriesKey
from monitor.store.catalogue import Catalogue
from monitor.store.duckdb import DuckDBStore
from monitor.store.intake import Period
from monitor.store.lines import Lines
from probes.core.observation import Labels, Observation, Outcome, Sample

DEVICES, SERIES, SLOTS = 1400, 23, 12
Figures = dict[str, float]


class Province:
    """Simulated observations, 5 seconds a step."""

    def __init__(self) -> None:
        self.start = self.now = datetime(2026, 11, 20, 8, tzinfo=UTC)
        own = [(f"system.health.n{n}", ()) for n in range(5)]
        ports = [(("interface", f"eth{n}"),) for n in range(3)]
        traffic = [(f"system.network.n{n}", port) for port in ports for n in range(6)]
        self._series: list[tuple[str, Labels]] = [*own, *traffic]

    def clock(self) -> float:
        """Seconds UTC."""
        return self.now.timestamp()

    def step(self, number: int) -> list[Observation]:
        """One twelfth of the devices."""
        self.now += timedelta(seconds=60 / SLOTS)
        return [self._observation(device) for device in range(number % SLOTS, DEVICES, SLOTS)]

    def _observation(self, device: int) -> Observation:
        samples = tuple(
            Sample(metric, (device * 7919 + n * 31 + self.now.minute) % 1000 / 7, "bit/s", labels)
            for n, (metric, labels) in enumerate(self._series)
        )
        return Observation(f"{device}/router", "snmp", "snmp", self.now, 0.01, Outcome.OK, samples=samples)


async def embedded(minutes: int) -> Figures:
    """Append and flush `minutes` of a province, ask, close the hours, ask again."""
    province = Province()
    with tempfile.TemporaryDirectory() as folder:
        async with DuckDBStore(Path(folder), flush_every=3600, clock=province.clock) as store:
            figures = await _fill(store, province, minutes)
            figures |= await _questions(store, province, "hot")
            province.now += timedelta(hours=1, minutes=2)
            before, wall = time.process_time(), time.perf_counter()
            await store.compact()
            figures["close_hours_us"] = (time.process_time() - before) / figures["samples"] * 1e6
            figures["close_hours_s"] = time.perf_counter() - wall
            figures |= await _questions(store, province, "closed")
        figures["bytes_per_sample"] = _bytes(Path(folder)) / figures["samples"]
    return figures


async def _fill(store: DuckDBStore, province: Province, minutes: int) -> Figures:
    append = flush = 0.0
    samples = 0
    for number in range(minutes * SLOTS):
        observations = province.step(number)
        samples += len(observations) * (SERIES + 2)
        before = time.process_time()
        for observation in observations:
            store.append(observation)
        append += time.process_time() - before
        before = time.process_time()
        await store.flush()
        flush += time.process_time() - before
    return {"samples": samples, "append_us": append / samples * 1e6, "flush_us": flush / samples * 1e6}


async def _questions(store: DuckDBStore, province: Province, state: str) -> Figures:
    key = SeriesKey("7/router", "system.network.n3", (("interface", "eth2"),))
    start, end = province.start, province.now
    return {
        f"{state}_range_ms": await _median(lambda: store.range(key, start, end, 300)),
        f"{state}_top_ms": await _median(lambda: store.top("system.network.n3", start, end, 20)),
        f"{state}_latest_ms": await _median(lambda: store.latest("7/router")),
    }


async def _median(ask: Callable[[], Awaitable[object]]) -> float:
    times = []
    for _ in range(20):
        before = time.perf_counter()
        await ask()
        times.append((time.perf_counter() - before) * 1000)
    return statistics.median(times)


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*/*.parquet"))


def lines(minutes: int) -> Figures:
    """Build the lines of `minutes` of a province, after a first one in which its series are new."""
    province = Province()
    made = Lines(Catalogue(Path("unused")), Period(province.clock, 1e9), 10**9)
    spent, samples, size = 0.0, 0, 0
    for number in range((minutes + 1) * SLOTS):
        observations = province.step(number)
        before = time.process_time()
        for observation in observations:
            made.add(observation)
        payload = "\n".join(line for _, line in made.take()).encode()
        if number >= SLOTS:
            spent += time.process_time() - before
            samples += len(observations) * (SERIES + 2)
            size += len(payload)
    return {"samples": samples, "build_us": spent / samples * 1e6, "bytes_per_sample": size / samples}


async def ledger(count: int) -> Figures:
    """Open and resolve `count` incidents, one transaction each."""
    words = Words("Không có trả lời", "No answer")
    with tempfile.TemporaryDirectory() as folder:
        async with Ledger(Path(folder) / "ledger.sqlite") as opened:
            cpu, wall = time.process_time(), time.perf_counter()
            for number in range(2 * count):
                what = Step.OPENED if number < count else Step.RESOLVED
                key = IncidentKey("device-down", f"{number % count}/router")
                at = datetime.now(UTC)
                step = Transition(key, what, at, Kind.INCIDENT, Severity.CRITICAL, words)
                await opened.incidents.record([step], Nobody())
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"steps": 2 * count, "cpu_us": cpu / count / 2 * 1e6, "wall_ms": wall / count / 2 * 1e3}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--minutes", type=int, default=10, help="simulated minutes of a province")
    options = parser.parse_args()
    figures: dict[str, Figures] = {
        "duckdb": asyncio.run(embedded(options.minutes)),
        "influxdb": lines(min(options.minutes, 10)),
        "ledger": asyncio.run(ledger(200)),
        "process": {
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "load_average": os.getloadavg()[0],
        },
    }
    if options.json:
        json.dump(figures, sys.stdout)
        return
    for store, rows in figures.items():
        for name, value in rows.items():
            print(f"{store:10} {name:20} {value:12.3f}")


if __name__ == "__main__":
    main()
