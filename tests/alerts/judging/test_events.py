"""Events such as traps: over when it was quiet long enough, or when their end is told."""

from __future__ import annotations

from pathlib import Path

from tests.alerts.judging.commune import OPENED, RESOLVED, ROUTER
from tests.alerts.province import Watch, device, fact, inventory, rules

TRAP = """
rules:
  - id: trap-auth
    title: {vi: Có người dùng sai community, en: Wrong community used}
    severity: warning
    event: {fact: snmp.trap, in: [authenticationFailure], quiet_for: 30m}
"""


def test_an_event_is_over_when_it_was_quiet_long_enough(tmp_path: Path) -> None:
    watch = Watch(rules(tmp_path, TRAP), inventory(device("router")))
    for _ in range(3):
        watch.see(f"{ROUTER}:trap", facts=fact("snmp.trap", "authenticationFailure")).wait(1200).tick()
    assert watch.steps == [("trap-auth", "router", "", OPENED)]
    watch = watch.restarted()
    watch.see(f"{ROUTER}:trap", facts=fact("snmp.trap", "coldStart")).wait(1300).tick()
    assert [step[3] for step in watch.steps] == [RESOLVED]


POWER = """
rules:
  - id: trap-ups
    title: {vi: UPS báo mất điện, en: UPS on battery}
    severity: warning
    event: {fact: snmp.trap, in: [upsOnBattery], over: [powerRestored], quiet_for: 30m}
"""


def test_an_event_is_over_when_its_end_is_told_and_may_begin_again(tmp_path: Path) -> None:
    watch = Watch(rules(tmp_path, POWER), inventory(device("router")))
    watch.see(f"{ROUTER}:trap", facts=fact("snmp.trap", "powerRestored"))
    assert watch.steps == []
    for _ in range(2):
        watch.see(f"{ROUTER}:trap", facts=fact("snmp.trap", "upsOnBattery"))
        watch.wait(60).see(f"{ROUTER}:trap", facts=fact("snmp.trap", "linkUp"))
        watch.wait(60).see(f"{ROUTER}:trap", facts=fact("snmp.trap", "powerRestored")).tick()
    assert [step[3] for step in watch.steps] == [OPENED, RESOLVED, OPENED, RESOLVED]
    watch.wait(7200).tick()
    assert len(watch.steps) == 4
