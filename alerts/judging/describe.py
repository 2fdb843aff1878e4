"""What people read about what was seen: subjects, values, evidence, made harmless (abuse cases A33-A36)."""

from __future__ import annotations

from collections.abc import Iterable

from alerts.incident import Severity, Words
from alerts.judging.condition import Threshold
from alerts.judging.state import Ear
from alerts.quantity import duration, for_people
from inventory.model import Device, Site
from probes.core.observation import Fact, Labels, Observation, Outcome, Sample
from probes.core.text import clean
from probes.core.words import Said, cleaned, joined, say

MAX_EVIDENCE = 500

OUTCOMES = {
    Outcome.OK: Words("tốt", "ok"),
    Outcome.TIMEOUT: Words("không trả lời", "no answer"),
    Outcome.REFUSED: Words("từ chối kết nối", "connection refused"),
    Outcome.UNREACHABLE: Words("không có đường tới", "no route"),
    Outcome.AUTH_FAILED: Words("sai tài khoản giám sát", "credential not accepted"),
    Outcome.UNTRUSTED: Words("khóa máy chủ chưa được duyệt hoặc đã đổi", "host key not approved, or changed"),
    Outcome.PROTOCOL_ERROR: Words("trả lời sai", "wrong answer"),
    Outcome.NOT_READY: Words("chưa hỏi được", "could not ask"),
    Outcome.PROBE_BUG: Words("lỗi của hệ thống giám sát", "fault of the monitor"),
}
"""How an attempt ended, in words."""


class Places:
    """Values for the places of a rule's sentence, in both languages."""

    def __init__(self, device: Device, site: Site, **common: str) -> None:
        texts = {"address": clean(device.address, 64), "site": clean(site.name, 64)}
        texts |= {name: clean(text, 200) for name, text in common.items()}
        self.vi = {"device": clean(device.called("vi"), 64), **texts}
        self.en = {"device": clean(device.called("en"), 64), **texts}

    def outcome(self, observation: Observation) -> None:
        """Fill ``value`` and ``detail`` from how an attempt ended."""
        words = OUTCOMES[observation.outcome]
        for language, values in (("vi", self.vi), ("en", self.en)):
            values["value"] = words.in_language(language)
            values["detail"] = clean(say(observation.detail, language), 200)

    def number(self, sample: Sample, condition: Threshold, severity: Severity | None) -> None:
        """Fill ``value`` and ``threshold`` from a number and the level it passed."""
        bound = condition.bound(sample, severity)
        for language, values in (("vi", self.vi), ("en", self.en)):
            values["value"] = for_people(sample.value, sample.unit, language)
            values["threshold"] = for_people(bound, sample.unit, language)

    def fact(self, fact: Fact) -> None:
        """Fill ``value`` from a piece of configuration."""
        shown = clean(fact_value(fact), 200)
        self.vi["value"] = shown
        self.en["value"] = shown


def subject_of(labels: Labels) -> str:
    """Return what names a series for people: the label's value, or ``name=value`` of several."""
    if len(labels) == 1:
        return clean(labels[0][1], 100)
    if (known := dict(labels)).keys() == {"part", "sensor"}:
        return clean(f"{known['sensor']} ({known['part']})", 100)
    return clean(", ".join(f"{name}={value}" for name, value in labels), 100)


def fact_value(fact: Fact) -> str:
    """Return a fact's value as one line."""
    if isinstance(fact.value, tuple):
        return ", ".join(fact.value[:50]) or "-"
    return str(fact.value).lower() if isinstance(fact.value, bool) else str(fact.value)


def fact_evidence(fact: Fact) -> str:
    """Return a fact as evidence: ``"ssh.weak_kex = diffie-hellman-group1-sha1"``."""
    subject = f"[{fact.subject}]" if fact.subject else ""
    return clean(f"{fact.name}{subject} = {fact_value(fact)}", MAX_EVIDENCE)


def number_evidence(sample: Sample) -> str:
    """Return a number as evidence: ``"system.cpu.utilization = 0.97"``."""
    labels = f"[{subject_of(sample.labels)}]" if sample.labels else ""
    unit = "" if sample.unit == "1" else f" {sample.unit}"
    return clean(f"{sample.metric}{labels} = {sample.value:.6g}{unit}", MAX_EVIDENCE)


def outcome_evidence(observation: Observation) -> Said:
    """Return how an attempt ended as evidence: ``"icmp: no reply to 3 echo requests"``."""
    said = observation.detail or OUTCOMES[observation.outcome]
    return cleaned(joined((observation.check, said), ": "), MAX_EVIDENCE)


def silence_evidence(ears: Iterable[Ear], behind: Iterable[str]) -> Said:
    """Return what every check heard, and what is behind the device."""
    heard = (joined((ear.name, OUTCOMES[ear.outcome]), ": ") for ear in ears if ear.outcome is not None)
    named = list(behind)
    more = f", … ({len(named)})" if len(named) > 5 else ""
    cut = joined((Words("phía sau", "behind it"), ", ".join(named[:5]) + more), ": ") if named else ""
    return cleaned(joined((*heard, cut)), MAX_EVIDENCE)


def silent_evidence(devices: Iterable[str]) -> Said:
    """Return which devices did not answer."""
    return cleaned(joined((Words("không trả lời", "silent"), ", ".join(devices)), ": "), MAX_EVIDENCE)


def not_again(seconds: float) -> Words:
    """Return for how long an event was not seen."""
    vi, en = (duration(seconds, language) for language in ("vi", "en"))
    return Words(f"không thấy lại trong {vi}", f"not seen again for {en}")
