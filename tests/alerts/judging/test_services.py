"""Services of a device: those that fail with it, those that refuse us, those that are slow."""

from __future__ import annotations

from alerts.incident import DeviceState
from alerts.rule import RuleBook
from probes.core.observation import Outcome
from tests.alerts.judging.commune import OPENED, RESOLVED, ROUTER, SERVER, answer
from tests.alerts.province import Watch, check, device, inventory


def test_a_service_that_falls_with_its_device_gets_no_incident_of_its_own(commune: Watch) -> None:
    for _ in range(6):
        commune.see(f"{ROUTER}:snmp", Outcome.TIMEOUT)
        commune.see(f"{ROUTER}:icmp", Outcome.TIMEOUT)
    answer(commune, ROUTER, times=3)
    assert {step[0] for step in commune.steps} == {"device-down"}


def test_a_wrong_credential_is_its_own_message_and_a_timeout_does_not_resolve_it(commune: Watch) -> None:
    for _ in range(2):
        commune.see(f"{SERVER}:snmp", Outcome.AUTH_FAILED)
    assert commune.steps == [("auth-failed", "server", "", OPENED)]
    commune.see(f"{SERVER}:icmp")
    for _ in range(4):
        commune.see(f"{SERVER}:snmp", Outcome.TIMEOUT).see(f"{SERVER}:icmp")
    assert ("auth-failed", "server", "", RESOLVED) not in commune.steps
    commune.see(f"{SERVER}:snmp")
    assert ("auth-failed", "server", "", RESOLVED) in commune.steps


def test_a_posture_check_that_fails_is_no_failing_service(book: RuleBook) -> None:
    checks = (check("icmp"), check("tls"), check("community", "snmp_community"))
    watch = Watch(book, inventory(device("router", checks=checks)))
    for _ in range(5):
        watch.see(f"{ROUTER}:icmp").see(f"{ROUTER}:tls", Outcome.REFUSED)
        watch.see(f"{ROUTER}:community", Outcome.TIMEOUT)
    assert watch.steps == [] and watch.state(ROUTER) is DeviceState.UP
    for _ in range(3):
        for name in ("icmp", "tls", "community"):
            watch.see(f"{ROUTER}:{name}", Outcome.TIMEOUT)
    assert watch.state(ROUTER) is DeviceState.DOWN


def test_a_device_that_answers_slowly_is_told_of(book: RuleBook) -> None:
    watch = Watch(book, inventory(device("router")))
    for _ in range(5):
        watch.see(f"{ROUTER}:snmp", took=2.5).see(f"{ROUTER}:snmp", took=0.1)
    assert watch.steps == []
    for _ in range(15):
        watch.see(f"{ROUTER}:snmp", took=2.5)
    assert watch.steps == [("slow-answer", "router", "", OPENED)]
    assert "snmp trả lời chậm, mất 1,3 giây (ngưỡng 1,2 giây)" in watch.transitions[0].summary.vi
    for _ in range(30):
        watch.see(f"{ROUTER}:snmp", took=0.1)
    assert watch.steps[-1][3] is RESOLVED


def test_a_reading_of_each_six_hours_may_take_its_time(book: RuleBook) -> None:
    checks = (check("icmp"), check("neighbours", "snmp", interval=21600.0))
    watch = Watch(book, inventory(device("router", checks=checks)))
    for _ in range(40):
        watch.see(f"{ROUTER}:icmp").see(f"{ROUTER}:neighbours", took=9.0)
    assert watch.steps == []
