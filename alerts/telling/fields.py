"""The named parts of a message that templates of gateways may use: one cleaned line each, that forges no other."""

from __future__ import annotations

from alerts.incident import Kind, Severity, Step, Words
from alerts.telling import sms
from alerts.telling.gateway import request_id
from alerts.telling.message import local
from alerts.telling.notification import Message
from probes.core.text import clean
from probes.core.words import say

_SEVERITIES = {
    Severity.LOW: Words("thấp", "low"),
    Severity.MEDIUM: Words("trung bình", "medium"),
    Severity.WARNING: Words("cảnh báo", "warning"),
    Severity.HIGH: Words("cao", "high"),
    Severity.CRITICAL: Words("nghiêm trọng", "critical"),
}

NAMES = {
    "to": "whom it is for, in the form the gateway wants",
    "title": "the first line of a message",
    "text": "the whole message, of several lines",
    "sms": "the same, short and without accents",
    "place": "the commune or site",
    "device": "id of the device",
    "summary": "what is wrong",
    "severity": "how bad, in words",
    "state": "whether it began, goes on or is over, in words",
    "since": "when it began",
    "until": "when it was over, or nothing",
    "cause": "what is probably broken, or nothing",
    "evidence": "what was seen",
    "link": "address of the incident's page",
    "incident": "number of the incident",
    "rule": "id of the rule",
    "key": "the same when a message is repeated, another for each person; 32 letters and digits at most",
}
"""What each part is; a test holds the page of documentation to it."""


def fields(message: Message, language: str, to: str = "", sms_parts: int = 2) -> dict[str, str]:
    """Return every part of `NAMES`. All but `text` are one line."""
    incident = message.incident
    over = local(incident.resolved_at) if incident.resolved_at else ""
    return {
        "to": to,
        "title": clean(message.title, 300),
        "text": "\n".join(clean(line, 1000) for line in message.text.splitlines()[:100]),
        "sms": sms.short(message, sms_parts),
        "place": clean(message.place or incident.key.device, 100),
        "device": clean(incident.key.device, 200),
        "summary": clean(incident.summary.in_language(language), 300),
        "severity": _SEVERITIES[incident.severity].in_language(language),
        "state": _state(message).in_language(language),
        "since": local(incident.opened_at),
        "until": over,
        "cause": clean(incident.cause.in_language(language), 300) if incident.cause else "",
        "evidence": clean(say(incident.evidence, language), 300),
        "link": clean(message.link, 300),
        "incident": str(incident.id),
        "rule": clean(incident.key.rule, 100),
        "key": request_id(message.key, to),
    }


def _state(message: Message) -> Words:
    if message.step is Step.RESOLVED:
        return Words("đã khắc phục", "resolved")
    if message.step is Step.NOTED:
        return Words("tin hằng ngày", "daily word")
    if message.step in (Step.ESCALATED, Step.RELEASED):
        return Words("chưa ai nhận xử lý", "nobody has taken it on")
    if message.step is Step.REOPENED:
        return Words("tái diễn", "it is back")
    if message.incident.kind is Kind.FINDING:
        return Words("cấu hình sai", "misconfigured")
    return Words("đang có sự cố", "broken") if message.step is Step.OPENED else Words("nặng hơn", "worse")
