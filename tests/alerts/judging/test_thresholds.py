"""Numbers against thresholds, with hysteresis; one incident for each subject."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.incident import DeviceState, Severity
from probes.core.observation import Outcome
from tests.alerts.judging.commune import CHANGED, OPENED, RESOLVED, SERVER
from tests.alerts.province import Watch, check, device, inventory, number, rules

DISK = """
rules:
  - id: disk
    title: {vi: Ổ đĩa đầy, en: Disk full}
    threshold:
      metric: system.filesystem.utilization
      warning: {above: 80%, clear: 75%}
      critical: {above: 90%, clear: 85%}
    attempts: 2
    resolve_after: 2
    message:
      vi: "{device}: {subject} đầy {value} (ngưỡng {threshold})"
      en: "{device}: {subject} {value} of {threshold}"
"""


def full(watch: Watch, *ratios: float, check_name: str = "snmp", mountpoint: str = "/") -> None:
    for ratio in ratios:
        sample = number("system.filesystem.utilization", ratio, mountpoint=mountpoint)
        watch.see(f"{SERVER}:{check_name}", samples=sample)


@pytest.fixture
def disk(tmp_path: Path) -> Watch:
    checks = (check("snmp"), check("ssh"))
    return Watch(rules(tmp_path, DISK), inventory(device("server", checks=checks)))


def test_a_threshold_opens_rises_falls_and_resolves_with_hysteresis(disk: Watch) -> None:
    full(disk, 0.5, 0.815, 0.815)
    assert disk.steps == [("disk", "server", "/", OPENED)]
    assert disk.transitions[0].summary.vi == "server xã: / đầy 81,5 % (ngưỡng 80 %)"
    assert disk.transitions[0].summary.en == "server xã: / 81.5 % of 80 %"
    assert disk.state(SERVER) is DeviceState.DEGRADED
    full(disk, 0.95, 0.95)
    assert (disk.transitions[1].step, disk.transitions[1].severity) == (CHANGED, Severity.CRITICAL)
    assert disk.transitions[1].before is Severity.WARNING
    full(disk, 0.87, 0.87, 0.87)
    assert len(disk.transitions) == 2
    full(disk, 0.84, 0.84)
    assert (disk.transitions[2].step, disk.transitions[2].severity) == (CHANGED, Severity.WARNING)
    full(disk, 0.76, 0.76, 0.74, 0.76, 0.74, 0.74)
    assert disk.steps[3:] == [("disk", "server", "/", RESOLVED)]
    assert disk.transitions[3].severity is Severity.CRITICAL
    assert disk.state(SERVER) is DeviceState.UP


def test_two_subjects_are_two_incidents(disk: Watch) -> None:
    full(disk, 0.85, 0.85)
    full(disk, 0.85, 0.85, mountpoint="/var")
    assert [step[2] for step in disk.steps] == ["/", "/var"]


def test_a_disk_read_by_two_checks_is_one_incident(disk: Watch) -> None:
    for _ in range(4):
        full(disk, 0.85)
        full(disk, 0.79, check_name="ssh")
    assert disk.steps == [("disk", "server", "/", OPENED)]
    disk.wait(1000)
    full(disk, 0.7, 0.7, check_name="ssh")
    assert disk.steps[-1] == ("disk", "server", "/", RESOLVED)


def test_no_number_and_no_sense_resolve_nothing(disk: Watch) -> None:
    full(disk, 0.85, 0.85, float("nan"), float("nan"), float("nan"))
    for outcome in (Outcome.TIMEOUT, Outcome.PROBE_BUG, Outcome.AUTH_FAILED, Outcome.OK):
        disk.see(f"{SERVER}:snmp", outcome)
    disk.wait(7200).tick()
    assert disk.steps == [("disk", "server", "/", OPENED)]


def test_a_device_cannot_flood_with_subjects(disk: Watch) -> None:
    for index in range(100):
        full(disk, 0.95, 0.95, mountpoint=f"/mnt/{index}")
    assert [step[3] for step in disk.steps] == [OPENED] * 20 + [CHANGED], (
        "the last says that others are wrong too"
    )
