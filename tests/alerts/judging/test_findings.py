"""Findings about configuration: opened with evidence, closed by what was read, not by silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.incident import DeviceState, Kind, Severity
from alerts.judging.tracker import MAX_SUBJECTS
from alerts.rule import RuleBook
from probes.core.observation import Fact, Outcome
from probes.core.words import say
from tests.alerts.judging.commune import CHANGED, OPENED, RESOLVED, SERVER
from tests.alerts.province import Watch, check, device, fact, inventory, number, rules

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


def _weak(*ports: int) -> tuple[Fact, ...]:
    return tuple(one for port in ports for one in fact("ssh.weak_kex", ("group1",), str(port)))


def test_what_is_beyond_the_twenty_of_a_rule_is_not_left_out_in_silence(posture: Watch) -> None:
    """A41: so many are followed, and the last of them says once that others are wrong too, after a restart as well."""
    every = range(1, MAX_SUBJECTS + 6)
    posture.see(f"{SERVER}:ssh", facts=_weak(*every))
    assert [step[3] for step in posture.steps] == [OPENED] * MAX_SUBJECTS + [CHANGED]
    said = posture.transitions[-1]
    assert said.key.subject == str(MAX_SUBJECTS) and said.severity is Severity.HIGH
    assert "group1; others are wrong too and not followed (at most 20" in say(said.evidence, "en")
    assert "còn đối tượng khác cũng bất thường" in say(said.evidence, "vi")
    for watch in (posture, posture.restarted()):
        before = len(watch.transitions)
        for _ in range(3):
            watch.wait(7200).see(f"{SERVER}:ssh", facts=_weak(*every))
        assert len(watch.transitions) == before, "it is said once"


def test_when_room_is_made_the_next_is_followed_and_nothing_is_said_of_others(posture: Watch) -> None:
    posture.see(f"{SERVER}:ssh", facts=_weak(*range(1, MAX_SUBJECTS + 2)))
    good = fact("ssh.weak_kex", (), str(MAX_SUBJECTS))
    for _ in range(2):
        posture.see(f"{SERVER}:ssh", facts=(*_weak(*range(1, MAX_SUBJECTS)), *good))
    assert posture.steps[-1][2:] == (str(MAX_SUBJECTS), RESOLVED)
    assert "others" not in say(posture.transitions[-1].evidence, "en")
    posture.see(f"{SERVER}:ssh", facts=_weak(*range(1, MAX_SUBJECTS), MAX_SUBJECTS + 1))
    assert posture.steps[-1][2:] == (str(MAX_SUBJECTS + 1), OPENED)
