"""The monitor's own health: what counts as a problem, and which problem is grave."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from monitor.scheduler import Load
from monitor.store import StoreHealth
from monitor.vitals import Pulse, Traps, Vitals, VitalsSource
from probes.core.probe import Check, Params, Target

WELL = StoreHealth("duckdb", 1, 0, 0)
LOAD = Load(1, 0, 0, 1, 0, 0.0, 0.01, 0.02)


class NoParams(Params):
    """Nothing to set."""


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def check(interval: float) -> Check:
    return Check("ping", "icmp", Target("18073/router", "127.0.0.1"), NoParams(), interval, 5.0)


def read(
    pulse: Pulse, load: Load = LOAD, store: StoreHealth = WELL, ailing: str = "ledger", why: str = ""
) -> Vitals:
    parts = {ailing: lambda: why}
    started = datetime(2026, 1, 1, tzinfo=UTC)
    return VitalsSource(
        started, "1", lambda: load, lambda: store, pulse, lambda: 0, lambda: Traps(3, 2, 1), parts
    ).read()


@pytest.mark.parametrize(("interval", "patience"), [(5, 60), (60, 130), (86400, 172_810)])
def test_silence_is_a_grave_problem_after_two_rounds_of_the_most_frequent_check(
    interval: float, patience: float
) -> None:
    clock = Clock()
    pulse = Pulse([check(interval), check(2 * interval)], clock)
    clock.now += patience - 1
    assert read(pulse).problems == ()
    clock.now += 2
    vitals = read(pulse)
    assert vitals.failing
    assert f"{patience + 1:.0f} s" in vitals.problems[0].words.en
    pulse.beat()
    assert read(pulse).problems == ()


def test_without_checks_silence_is_in_order() -> None:
    clock = Clock()
    pulse = Pulse([], clock)
    clock.now += 1e9
    assert not read(pulse).problems


@pytest.mark.parametrize("part", ["pipeline", "ledger", "dispatcher", "traps"])
def test_a_part_that_does_not_work_is_grave_and_named_in_both_languages(part: str) -> None:
    vitals = read(Pulse([]), ailing=part, why="disk full")
    (problem,) = vitals.problems
    assert vitals.failing
    assert problem.words.en.endswith(": disk full")
    assert problem.words.vi.endswith(": disk full")
    assert problem.words.vi != problem.words.en


def test_a_store_that_cannot_write_and_lateness_are_told_and_not_grave() -> None:
    broken = msgspec.structs.replace(WELL, problem="writing failed: No space left on device")
    assert read(Pulse([]), store=broken).problems
    assert not read(Pulse([]), store=broken).failing
    late = msgspec.structs.replace(LOAD, late_p99=7.5)
    vitals = read(Pulse([]), load=late)
    assert not vitals.failing
    (problem,) = vitals.problems
    assert "7.5 s" in problem.words.en
    assert "7,5 giây" in problem.words.vi
