"""Outages of one device: when it is up, down, degraded, or nothing is known of it."""

from __future__ import annotations

from alerts.incident import DeviceState, Severity
from alerts.rule import RuleBook
from probes.core.observation import Outcome
from tests.alerts.judging.commune import OPENED, RESOLVED, ROUTER, SERVER, answer, silence
from tests.alerts.province import Watch, check, device, fact, inventory


def test_a_device_that_answers_is_up(commune: Watch) -> None:
    assert commune.state(ROUTER) is DeviceState.UP
    assert commune.steps == []


def test_one_lost_poll_changes_nothing_but_is_asked_again(commune: Watch) -> None:
    commune.see(f"{ROUTER}:icmp", Outcome.TIMEOUT)
    assert set(commune.last.rechecks) == {f"{ROUTER}:icmp", f"{ROUTER}:snmp"}
    assert commune.last.transitions == () and commune.last.status == ()


def test_three_silent_attempts_make_a_device_down_and_open_one_incident(commune: Watch) -> None:
    silence(commune, ROUTER, times=5)
    assert commune.state(ROUTER) is DeviceState.DOWN
    assert commune.steps == [("device-down", "router", "", OPENED)]
    assert commune.transitions[0].severity is Severity.CRITICAL


def test_an_answer_in_between_begins_the_count_anew(commune: Watch) -> None:
    silence(commune, ROUTER, times=2)
    answer(commune, ROUTER)
    silence(commune, ROUTER, times=2)
    assert commune.state(ROUTER) is DeviceState.UP


def test_a_device_that_comes_back_resolves_after_two_answers(commune: Watch) -> None:
    silence(commune, ROUTER, times=3)
    commune.see(f"{ROUTER}:icmp")
    assert commune.state(ROUTER) is DeviceState.DEGRADED
    commune.see(f"{ROUTER}:snmp")
    assert commune.state(ROUTER) is DeviceState.UP
    assert commune.steps[-1] == ("device-down", "router", "", RESOLVED)


def test_refused_and_auth_failed_are_answers(commune: Watch) -> None:
    for _ in range(5):
        commune.see(f"{SERVER}:icmp", Outcome.TIMEOUT).see(f"{SERVER}:snmp", Outcome.AUTH_FAILED)
    assert commune.state(SERVER) is DeviceState.DEGRADED
    assert [step[0] for step in commune.steps] == ["auth-failed", "service-failed"]


def test_our_own_fault_is_no_evidence(commune: Watch) -> None:
    for _ in range(9):
        commune.see(f"{ROUTER}:icmp", Outcome.PROBE_BUG).see(f"{ROUTER}:snmp", Outcome.NOT_READY)
    assert commune.state(ROUTER) is DeviceState.UP
    assert commune.steps == []


def test_a_device_not_heard_for_long_has_no_data_and_its_incident_stays(commune: Watch) -> None:
    silence(commune, ROUTER, times=3)
    commune.wait(3600).tick()
    assert commune.state(ROUTER) is DeviceState.NO_DATA
    assert commune.steps == [("device-down", "router", "", OPENED)]


def test_ping_answering_while_snmp_is_silent_is_degraded_not_down(commune: Watch) -> None:
    for _ in range(4):
        commune.see(f"{ROUTER}:snmp", Outcome.TIMEOUT).see(f"{ROUTER}:icmp")
    assert commune.state(ROUTER) is DeviceState.DEGRADED
    assert commune.steps == [("service-failed", "router", "", OPENED)]
    for _ in range(2):
        commune.see(f"{ROUTER}:snmp")
    assert commune.steps[-1] == ("service-failed", "router", "", RESOLVED)
    assert commune.state(ROUTER) is DeviceState.UP


def test_a_rare_check_is_no_evidence_of_silence_but_of_life(book: RuleBook) -> None:
    checks = (check("icmp"), check("telnet", "tcp", 3600.0))
    watch = Watch(book, inventory(device("router", checks=checks)))
    watch.see(f"{ROUTER}:icmp")
    for _ in range(5):
        watch.see(f"{ROUTER}:telnet", Outcome.TIMEOUT)
    assert watch.state(ROUTER) is DeviceState.UP and watch.steps == []
    for _ in range(2):
        watch.see(f"{ROUTER}:icmp", Outcome.TIMEOUT)
    watch.see(f"{ROUTER}:telnet", facts=fact("tcp.port", "closed", "23"))
    watch.see(f"{ROUTER}:icmp", Outcome.TIMEOUT)
    assert watch.state(ROUTER) is DeviceState.UP


def test_an_unknown_device_leads_to_nothing(commune: Watch) -> None:
    commune.see("18562/ghost:icmp", Outcome.TIMEOUT)
    assert commune.last.transitions == () and commune.last.rechecks == ()


def test_a_check_that_is_silent_for_ever_does_not_make_one_lost_ping_an_outage(commune: Watch) -> None:
    for _ in range(10):
        commune.see(f"{ROUTER}:snmp", Outcome.TIMEOUT).see(f"{ROUTER}:icmp")
    assert commune.last.rechecks == ()
    commune.see(f"{ROUTER}:snmp", Outcome.TIMEOUT)
    assert commune.last.rechecks == ()
    commune.see(f"{ROUTER}:icmp", Outcome.TIMEOUT)
    assert set(commune.last.rechecks) == {f"{ROUTER}:icmp", f"{ROUTER}:snmp"}
    commune.see(f"{ROUTER}:snmp", Outcome.TIMEOUT).see(f"{ROUTER}:icmp", Outcome.TIMEOUT)
    assert commune.state(ROUTER) is DeviceState.DEGRADED
    commune.see(f"{ROUTER}:icmp", Outcome.TIMEOUT)
    assert commune.state(ROUTER) is DeviceState.DOWN


def test_a_trap_is_no_answer_of_the_device(commune: Watch) -> None:
    silence(commune, ROUTER, times=4)
    commune.see(f"{ROUTER}:trap", facts=fact("snmp.trap", "coldStart"))
    assert commune.state(ROUTER) is DeviceState.DOWN
    assert commune.transitions[-1].severity is Severity.LOW
