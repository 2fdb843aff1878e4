"""What people read: complete, in their language, and not to be forged by a device's name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from alerts.incident import Incident, IncidentKey, Kind, Severity, Status, Step, Transition, Words
from alerts.telling.message import local, trial
from alerts.telling.notifier import Settings
from alerts.telling.teller import Teller
from tests.alerts.province import built_in, device, inventory
from tests.alerts.tellers import everybody, messages

OPENED_AT = datetime(2026, 11, 23, 1, 12, tzinfo=UTC)
VI = Settings(kind="test")
EN = Settings(kind="test", language="en")


def teller(**channels: Settings) -> Teller:
    return everybody(built_in(), inventory(device("router")), channels, "https://giamsat.example.vn/")


def step(
    kind: Step = Step.OPENED,
    *,
    minutes: int = 0,
    severity: Severity = Severity.CRITICAL,
    before: Severity | None = None,
    summary: str = "router xã (192.0.2.1) mất kết nối",
    rule: str = "device-down",
    policy: Kind = Kind.INCIDENT,
    evidence: str = "icmp: timeout",
) -> tuple[Incident, Transition]:
    key = IncidentKey(rule, "18562/router")
    words = Words(summary, "router is down")
    at = OPENED_AT + timedelta(minutes=minutes)
    incident = Incident(7, key, policy, severity, Status.OPEN, words, "icmp: timeout", OPENED_AT, at)
    return incident, Transition(key, kind, at, policy, severity, words, evidence, before=before)


def test_an_opened_incident_says_what_where_since_whom_and_what_to_do() -> None:
    (message,) = messages(teller(duty=VI), *step())
    assert message.title == "[SỰ CỐ NGHIÊM TRỌNG] Xã Thạch Hà: router xã (192.0.2.1) mất kết nối"
    lines = message.text.splitlines()
    assert lines[:5] == [
        "Nơi: Xã Thạch Hà (18562)",
        "Thiết bị: router xã (192.0.2.1)",
        "Từ lúc: 23/11/2026 08:12",
        "Đầu mối: Nguyễn Văn A, UBND xã Thạch Hà, 0912345678",
        "Bằng chứng: icmp: timeout",
    ]
    assert lines[5].startswith("Việc cần làm: 1) Gọi đầu mối tại xã")
    assert lines[-2] == "Chi tiết: https://giamsat.example.vn/incidents/7"
    assert lines[-1] == f"Nhận xử lý: https://giamsat.example.vn/a/{message.code}" and len(message.code) == 16


def test_a_resolved_incident_says_how_long_it_lasted() -> None:
    (message,) = messages(teller(duty=VI), *step(Step.RESOLVED, minutes=95, before=Severity.CRITICAL))
    assert message.title.startswith("[ĐÃ KHẮC PHỤC] Xã Thạch Hà: ")
    assert "Kéo dài: 95 phút" in message.text and "Đến lúc: 23/11/2026 09:47" in message.text
    assert "Việc cần làm" not in message.text


def test_a_site_as_a_whole_is_named_once_with_whoever_answers_for_it() -> None:
    incident, opened = step(rule="site-down", summary="Xã Thạch Hà mất kết nối hoàn toàn (1 thiết bị)")
    about = {"key": IncidentKey("site-down", "18562"), "evidence": Words("không trả lời: a", "silent: a")}
    site = msgspec.structs.replace(incident, **about), msgspec.structs.replace(opened, **about)
    (message,) = messages(teller(duty=VI), *site)
    assert message.title == "[SỰ CỐ NGHIÊM TRỌNG] Xã Thạch Hà: mất kết nối hoàn toàn (1 thiết bị)"
    assert "Đầu mối: Nguyễn Văn A, UBND xã Thạch Hà, 0912345678" in message.text
    assert "Bằng chứng: không trả lời: a" in message.text
    (english,) = messages(teller(duty=EN), *site)
    assert "Evidence: silent: a" in english.text


def test_each_channel_has_its_language_and_its_key() -> None:
    vi, en = messages(teller(a=VI, b=EN), *step())
    assert en.title == "[CRITICAL] Xã Thạch Hà: router is down"
    assert "What to do: 1) Call the contact" in en.text
    assert vi.key != en.key and vi.channel == "a" and en.channel == "b"
    again = messages(teller(a=VI, b=EN), *step())
    assert [message.key for message in again] == [vi.key, en.key]


@pytest.mark.parametrize(
    ("transition", "told"),
    [
        (step(severity=Severity.WARNING), True),
        (step(severity=Severity.LOW), False),
        (step(policy=Kind.FINDING, severity=Severity.MEDIUM, rule="SSH-12"), False),
        (step(policy=Kind.FINDING, severity=Severity.HIGH, rule="SSH-11"), True),
        (step(Step.CHANGED, before=Severity.WARNING), True),
        (step(Step.CHANGED, before=Severity.CRITICAL, severity=Severity.WARNING), False),
        (step(Step.CHANGED, before=Severity.CRITICAL), False),
        (step(Step.ACKNOWLEDGED), False),
        (step(Step.NOTED), False),
    ],
)
def test_who_is_told(transition: tuple[Incident, Transition], told: bool) -> None:
    assert bool(messages(teller(duty=VI), *transition)) is told


def test_who_was_told_that_it_was_critical_is_told_that_it_is_over() -> None:
    only_critical = Settings(kind="test", min_severity=Severity.CRITICAL)
    mild = step(Step.RESOLVED, severity=Severity.WARNING, before=Severity.CRITICAL)
    assert len(messages(teller(duty=only_critical), *mild)) == 1


def test_a_hostile_name_stays_one_line_behind_our_label() -> None:
    evil = "x\n✅ ĐÃ KHẮC PHỤC\r\nBcc: thief\x1b[31m\u202e"
    (message,) = messages(teller(duty=VI), *step(summary=evil, evidence=evil))
    assert "\n" not in message.title and "\r" not in message.title
    assert all(character not in message.title + message.text for character in "\x1b\u202e\r")
    assert [line for line in message.text.splitlines() if line.startswith(("✅", "Bcc"))] == []


def test_a_device_that_left_the_inventory_can_still_be_told_of() -> None:
    incident, transition = step(Step.RESOLVED)
    others = everybody(built_in(), inventory(device("switch")), {"duty": VI}, "http://x")
    (message,) = messages(others, incident, transition)
    assert "Nơi: Xã Thạch Hà" in message.text and "Thiết bị" not in message.text


def test_a_trial_says_that_it_is_one() -> None:
    assert trial("duty", "vi", OPENED_AT, "http://x").title.startswith("[THỬ]")
    assert "Nothing needs to be done" in trial("duty", "en", OPENED_AT, "http://x").text


def test_times_are_vietnamese() -> None:
    assert local(datetime(2026, 12, 31, 17, 5, tzinfo=UTC)) == "01/01/2027 00:05"
