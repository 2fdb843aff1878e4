"""Numbers that bring limits of their own, from the device or its profile, and which series a threshold concerns."""

from __future__ import annotations

from datetime import timedelta

import pytest

from alerts.incident import Severity, Step, Transition
from alerts.judging.condition import UNKNOWN, Judgement, Threshold
from alerts.judging.engine import Engine
from probes.core.observation import Limits, Observation, Outcome, Sample
from tests.alerts.province import START as NOW
from tests.alerts.province import built_in, device, inventory

ROUTER = "18562/router"
WARM = Limits(warning_above=40.0, critical_above=50.0, clear=2.0)
BAND = Limits(warning_above=13.2, warning_below=10.8, critical_below=9.0, clear=0.2)


def threshold(**keys: object) -> Threshold:
    return Threshold.model_validate({"metric": "hw.temperature", "own": True, **keys})


@pytest.mark.parametrize(
    ("value", "current", "limits", "judged"),
    [
        (39.0, None, WARM, None),
        (41.0, None, WARM, Severity.WARNING),
        (51.0, None, WARM, Severity.CRITICAL),
        (39.0, Severity.WARNING, WARM, Severity.WARNING),
        (37.9, Severity.WARNING, WARM, None),
        (49.0, Severity.CRITICAL, WARM, Severity.CRITICAL),
        (47.0, Severity.CRITICAL, WARM, Severity.WARNING),
        (12.0, None, BAND, None),
        (14.0, None, BAND, Severity.WARNING),
        (10.0, None, BAND, Severity.WARNING),
        (8.0, None, BAND, Severity.CRITICAL),
        (10.9, Severity.WARNING, BAND, Severity.WARNING),
        (75.0, None, None, None),
        (85.0, None, None, Severity.WARNING),
        (float("nan"), None, WARM, UNKNOWN),
    ],
)
def test_own_limits_count_before_those_of_the_rule(
    value: float, current: Severity | None, limits: Limits | None, judged: Judgement
) -> None:
    assert threshold(warning={"above": 80}).judge(value, current, limits) == judged


def test_a_rule_that_does_not_ask_for_own_limits_passes_them_over() -> None:
    assert threshold(own=False, warning={"above": 80}).judge(60.0, None, WARM) is None


def test_without_levels_and_limits_nothing_is_said_and_what_was_open_is_over() -> None:
    assert threshold().judge(1000.0) is UNKNOWN
    assert threshold().judge(1000.0, Severity.WARNING) is None


@pytest.mark.parametrize(
    ("labels", "concerned"),
    [
        ((("part", "fan"), ("sensor", "FAN 1")), True),
        ((("part", "printer"), ("sensor", "FAN 1")), False),
        ((("part", "fan"), ("sensor", "rps 12V")), False),
        ((("sensor", "Inlet"),), False),
        ((), False),
    ],
)
def test_series_are_picked_by_patterns(labels: tuple[tuple[str, str], ...], concerned: bool) -> None:
    some = threshold(labels={"sensor": "FAN*", "part": ["fan", "printer"]}, unless={"part": "printer"})
    other = threshold(unless={"sensor": ["RPS *"], "part": "printer"})
    assert some.concerns(labels) is concerned
    assert other.concerns(labels) is not any(value in ("printer", "rps 12V") for _, value in labels)


def judged(*samples: Sample, attempts: int = 4) -> list[Transition]:
    """What the built-in rules decide of a device that says the same again and again."""
    engine = Engine(built_in(), inventory(device("router")))
    steps: list[Transition] = []
    for at in range(attempts):
        now = NOW + timedelta(minutes=at)
        seen = Observation(ROUTER, "snmp", "snmp", now, 0.01, Outcome.OK, samples=samples)
        steps += engine.take(seen, now).transitions
    return steps


def test_a_part_that_fails_is_an_incident_with_its_name() -> None:
    labels = (("part", "power_supply"), ("sensor", "PSU 2"))
    (step,) = judged(
        Sample("hw.status", 2.0, "1", labels), Sample("hw.status", 0.0, "1", (("sensor", "fan"),))
    )
    assert (step.step, step.key.rule, step.severity) == (Step.OPENED, "hardware-status", Severity.CRITICAL)
    assert "PSU 2 (power_supply) báo lỗi" in step.summary.vi


def test_what_is_absent_or_unknown_is_no_incident() -> None:
    assert judged(Sample("hw.status", -1.0, "1", (("sensor", "PSU 2"),))) == []


def test_a_fan_below_its_own_limit_says_which_and_how_far() -> None:
    (step,) = judged(
        Sample("hw.fan.speed", 300.0, "{rpm}", (("sensor", "Fan 3"),), Limits(warning_below=840.0))
    )
    assert (step.key.rule, step.severity) == ("fan-speed", Severity.WARNING)
    assert "300" in step.summary.vi and "840" in step.summary.vi and "Fan 3" in step.summary.vi


@pytest.mark.parametrize(
    ("discharging", "opened"), [(0.0, []), (1.0, ["battery-low", "ups-on-battery"]), (None, ["battery-low"])]
)
def test_a_small_battery_on_the_mains_is_no_incident(discharging: float | None, opened: list[str]) -> None:
    said = [] if discharging is None else [Sample("hw.battery.discharging", discharging)]
    steps = judged(Sample("hw.battery.time_left", 400.0, "s"), *said)
    assert sorted(step.key.rule for step in steps) == opened


def test_a_laser_that_is_off_is_no_incident() -> None:
    limits = Limits(critical_below=-14.0)
    labels = (("sensor", "Te1/1 Rx"),)
    assert judged(Sample("hw.signal.power", -40.0, "dBm", labels, limits)) == []
    assert judged(Sample("hw.signal.power", 0.0, "dBm", labels, Limits(warning_above=-2.0))) == []
    assert [step.key.rule for step in judged(Sample("hw.signal.power", -17.0, "dBm", labels, limits))] == [
        "optical-power"
    ]
