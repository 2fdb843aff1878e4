"""The judge, driven by hand: outages, parents and children, services, numbers, configuration, restarts."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.incident import DeviceState, Kind, Severity, Step
from alerts.rule import RuleBook
from probes.core.observation import Outcome
from probes.core.words import say
from tests.alerts.province import Watch, built_in, check, device, fact, inventory, number, rules

OPENED, RESOLVED, CHANGED = Step.OPENED, Step.RESOLVED, Step.CHANGED
ROUTER, SWITCH, SERVER = "18562/router", "18562/switch", "18562/server"


@pytest.fixture(scope="module")
def book() -> RuleBook:
    return built_in()


@pytest.fixture
def commune(book: RuleBook) -> Watch:
    watch = Watch(book, inventory(device("router"), device("switch", "router"), device("server", "switch")))
    for name in (ROUTER, SWITCH, SERVER):
        watch.see(f"{name}:icmp").see(f"{name}:snmp")
    return watch.wait(60)


def silence(watch: Watch, *devices: str, times: int = 1) -> None:
    """Let every check of `devices` be silent, one after another."""
    for _ in range(times):
        for name in devices:
            watch.see(f"{name}:icmp", Outcome.TIMEOUT).see(f"{name}:snmp", Outcome.TIMEOUT)


def answer(watch: Watch, *devices: str, times: int = 1) -> None:
    for _ in range(times):
        for name in devices:
            watch.see(f"{name}:icmp").see(f"{name}:snmp")


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


def test_a_cut_commune_is_one_incident_of_its_router(commune: Watch) -> None:
    silence(commune, SERVER, SWITCH, ROUTER, times=6)
    assert [commune.state(d) for d in (ROUTER, SWITCH, SERVER)] == [
        DeviceState.DOWN,
        DeviceState.UNREACHABLE,
        DeviceState.UNREACHABLE,
    ]
    assert commune.steps == [("device-down", "router", "", OPENED)]
    assert "2 thiết bị phía sau" in commune.transitions[0].summary.vi
    assert SWITCH in say(commune.transitions[0].evidence, "vi")


def test_what_is_unreachable_behind_two_levels_names_the_device_that_is_truly_down(commune: Watch) -> None:
    silence(commune, SERVER, SWITCH, ROUTER, times=6)
    assert commune.reason(SERVER).en == "Unreachable: router xã is down"


def test_a_child_waits_until_its_parents_were_asked_again(commune: Watch) -> None:
    silence(commune, SWITCH, times=3)
    assert commune.state(SWITCH) is DeviceState.UP
    assert {f"{ROUTER}:icmp", f"{ROUTER}:snmp"} <= set(commune.last.rechecks)
    commune.see(f"{ROUTER}:icmp")
    assert commune.state(SWITCH) is DeviceState.DOWN
    assert commune.steps == [("device-down", "switch", "", OPENED)]


def test_a_child_waits_five_minutes_at_most(commune: Watch) -> None:
    silence(commune, SWITCH, times=3)
    commune.wait(100).tick()
    assert commune.steps == []
    silence(commune, SWITCH)
    commune.wait(200)
    silence(commune, SWITCH)
    commune.tick()
    assert commune.steps == [("device-down", "switch", "", OPENED)]


def test_children_still_silent_get_their_own_incident_after_fresh_attempts(commune: Watch) -> None:
    silence(commune, SERVER, SWITCH, ROUTER, times=4)
    commune.see(f"{ROUTER}:icmp")
    assert {f"{SWITCH}:icmp", f"{SWITCH}:snmp"} <= set(commune.last.rechecks)
    assert commune.state(SWITCH) is DeviceState.UNREACHABLE
    silence(commune, SWITCH, times=2)
    assert [step for step in commune.steps if step[1] == "switch"] == []
    commune.see(f"{ROUTER}:snmp")
    silence(commune, SWITCH)
    commune.see(f"{ROUTER}:snmp")
    assert commune.state(SWITCH) is DeviceState.DOWN
    assert commune.state(SERVER) is DeviceState.UNREACHABLE
    assert commune.steps[-1] == ("device-down", "switch", "", OPENED)


def test_an_incident_of_a_child_stays_when_its_parent_falls_too(commune: Watch) -> None:
    silence(commune, SERVER, times=3)
    answer(commune, SWITCH, ROUTER)
    assert commune.steps == [("device-down", "server", "", OPENED)]
    silence(commune, SERVER, SWITCH, ROUTER, times=4)
    assert commune.state(SERVER) is DeviceState.UNREACHABLE
    assert commune.steps == [("device-down", "server", "", OPENED), ("device-down", "router", "", OPENED)]
    answer(commune, ROUTER, SWITCH, SERVER, times=2)
    assert sorted(step[1] for step in commune.steps if step[3] is RESOLVED) == ["router", "server"]


def test_a_device_with_two_parents_is_unreachable_only_when_both_are_down(book: RuleBook) -> None:
    devices = inventory(device("a"), device("b"), device("c", "a", "b"))
    watch = Watch(book, devices)
    answer(watch, "18562/a", "18562/b", "18562/c")
    silence(watch, "18562/a", "18562/c", times=3)
    answer(watch, "18562/b")
    silence(watch, "18562/c")
    answer(watch, "18562/b")
    watch.tick()
    assert watch.state("18562/c") is DeviceState.DOWN
    assert sorted(watch.steps) == [("device-down", "a", "", OPENED), ("device-down", "c", "", OPENED)]
    silence(watch, "18562/b", "18562/c", times=3)
    assert watch.state("18562/c") is DeviceState.UNREACHABLE


def test_a_service_that_falls_with_its_device_gets_no_incident_of_its_own(commune: Watch) -> None:
    for _ in range(6):
        commune.see(f"{ROUTER}:snmp", Outcome.TIMEOUT)
        commune.see(f"{ROUTER}:icmp", Outcome.TIMEOUT)
    answer(commune, ROUTER, times=3)
    assert {step[0] for step in commune.steps} == {"device-down"}


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
    assert len(disk.steps) == 20


FINDINGS = """
rules:
  - id: SSH-03
    kind: finding
    title: {vi: Thuật toán trao đổi khóa yếu, en: Weak key exchange}
    severity: high
    fact: {name: ssh.weak_kex, expect: {empty: true}}
    resolve_after: 2
  - id: NET-01
    kind: finding
    title: {vi: Telnet mở, en: Telnet open}
    severity: high
    fact: {name: tcp.port, subject: "23", expect: {equals: closed}}
    resolve_after: 2
"""


@pytest.fixture
def posture(tmp_path: Path) -> Watch:
    return Watch(
        rules(tmp_path, FINDINGS),
        inventory(device("server", checks=(check("ssh"), check("telnet", "tcp", 3600.0)))),
    )


def test_a_finding_opens_with_evidence_and_closes_after_two_passes(posture: Watch) -> None:
    weak = fact("ssh.weak_kex", ("diffie-hellman-group1-sha1",), "22")
    good = fact("ssh.weak_kex", (), "22")
    posture.see(f"{SERVER}:ssh", facts=weak)
    assert posture.steps == [("SSH-03", "server", "22", OPENED)]
    opened = posture.transitions[0]
    assert (opened.kind, opened.severity) == (Kind.FINDING, Severity.HIGH)
    assert opened.evidence == "ssh.weak_kex[22] = diffie-hellman-group1-sha1"
    assert posture.state(SERVER) is DeviceState.UP
    posture.see(f"{SERVER}:ssh", facts=good)
    assert posture.last.rechecks == (f"{SERVER}:ssh",)
    assert len(posture.steps) == 1
    posture.see(f"{SERVER}:ssh", facts=good)
    assert posture.steps[-1][3] is RESOLVED


def test_a_finding_stays_while_its_device_is_away(posture: Watch) -> None:
    posture.see(f"{SERVER}:ssh", facts=fact("ssh.weak_kex", ("x",), "22"))
    for _ in range(5):
        posture.see(f"{SERVER}:ssh", Outcome.TIMEOUT).see(f"{SERVER}:ssh", Outcome.REFUSED)
    posture.wait(86400).tick()
    assert [step for step in posture.steps if step[0] == "SSH-03"] == [("SSH-03", "server", "22", OPENED)]


def test_a_finding_is_about_its_own_subject_only(posture: Watch) -> None:
    posture.see(f"{SERVER}:telnet", facts=fact("tcp.port", "open", "22"))
    assert posture.steps == []
    posture.see(f"{SERVER}:telnet", facts=fact("tcp.port", "open", "23"))
    assert posture.steps == [("NET-01", "server", "23", OPENED)]


def test_changed_evidence_of_an_open_finding_is_told_once_an_hour(posture: Watch) -> None:
    posture.see(f"{SERVER}:ssh", facts=fact("ssh.weak_kex", ("a",), "22"))
    posture.see(f"{SERVER}:ssh", facts=fact("ssh.weak_kex", ("a", "b"), "22"))
    assert len(posture.steps) == 1
    posture.wait(3600).see(f"{SERVER}:ssh", facts=fact("ssh.weak_kex", ("a", "b"), "22"))
    assert posture.steps[-1][3] is CHANGED and say(posture.transitions[-1].evidence, "vi").endswith("a, b")
    posture.wait(3600).see(f"{SERVER}:ssh", facts=fact("ssh.weak_kex", ("a", "b"), "22"))
    assert len(posture.steps) == 2


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


def test_a_restart_continues_without_a_second_opening_and_can_resolve(commune: Watch) -> None:
    silence(commune, SERVER, SWITCH, ROUTER, times=4)
    again = commune.restarted()
    silence(again, ROUTER, SWITCH, SERVER, times=4)
    assert again.steps == []
    assert again.state(ROUTER) is DeviceState.DOWN
    assert again.state(SERVER) is DeviceState.UNREACHABLE
    answer(again, ROUTER, times=2)
    assert again.steps == [("device-down", "router", "", RESOLVED)]


def test_what_is_no_longer_watched_is_closed_and_says_so(commune: Watch, book: RuleBook) -> None:
    silence(commune, ROUTER, times=4)
    smaller = Watch(book, inventory(device("switch")), commune.open_incidents())
    smaller.tick()
    assert [(t.step, say(t.note, "vi").split(":")[0]) for t in smaller.transitions] == [
        (RESOLVED, "không theo dõi nữa")
    ]


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


def test_an_outage_found_at_the_start_is_one_incident_too(book: RuleBook) -> None:
    watch = Watch(book, inventory(device("router"), device("switch", "router"), device("server", "switch")))
    silence(watch, SERVER, SWITCH, ROUTER, times=5)
    assert watch.steps == [("device-down", "router", "", OPENED)]
    assert watch.state(SERVER) is DeviceState.UNREACHABLE


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


def test_a_trap_is_no_answer_of_the_device(commune: Watch) -> None:
    silence(commune, ROUTER, times=4)
    commune.see(f"{ROUTER}:trap", facts=fact("snmp.trap", "coldStart"))
    assert commune.state(ROUTER) is DeviceState.DOWN
    assert commune.transitions[-1].severity is Severity.LOW


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


def test_an_expired_certificate_is_told_by_one_rule(book: RuleBook) -> None:
    watch = Watch(book, inventory(device("web", checks=(check("http"), check("tls", interval=3600.0)))))
    for days, expired in ((-1, True), (20, False), (20, False)):
        left = number("tls.certificate.remaining", days * 86400.0, "s", port="443")
        watch.see("18562/web:tls", samples=left, facts=fact("tls.certificate.expired", expired, "443"))
    assert watch.steps == [
        ("TLS-01", "web", "443", OPENED),
        ("TLS-02", "web", "443", OPENED),
        ("TLS-01", "web", "443", RESOLVED),
    ]
    assert watch.transitions[1].severity is Severity.MEDIUM
