"""What people are told: what, where, since when, whom to call, what was seen, what to do.

Everything is plain text in the channel's language. What a device or an admin wrote is one cleaned line behind
a label of ours, so that no name can forge a line of the message (abuse cases A33-A36, A43).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from alerts.calendar import VIETNAM
from alerts.incident import Incident, IncidentKey, Kind, Severity, Status, Step, Transition, Words
from alerts.judging.impact import Impacts
from alerts.judging.sight import MONITOR
from alerts.quantity import duration
from alerts.rule import RuleBook
from alerts.telling.notification import Message
from alerts.telling.notifier import Settings
from inventory.model import Contact, Device, Inventory, Site
from probes.core.text import clean
from probes.core.words import Said, say

_TAGS = {
    (Kind.INCIDENT, Severity.LOW): Words("GHI NHẬN", "NOTICE"),
    (Kind.INCIDENT, Severity.WARNING): Words("CẢNH BÁO", "WARNING"),
    (Kind.INCIDENT, Severity.CRITICAL): Words("SỰ CỐ NGHIÊM TRỌNG", "CRITICAL"),
    (Kind.FINDING, Severity.LOW): Words("CẤU HÌNH: THẤP", "SECURITY: LOW"),
    (Kind.FINDING, Severity.MEDIUM): Words("CẤU HÌNH: TRUNG BÌNH", "SECURITY: MEDIUM"),
    (Kind.FINDING, Severity.HIGH): Words("CẤU HÌNH: CAO", "SECURITY: HIGH"),
    (Kind.FINDING, Severity.CRITICAL): Words("CẤU HÌNH: NGHIÊM TRỌNG", "SECURITY: CRITICAL"),
}
_RESOLVED = Words("ĐÃ KHẮC PHỤC", "RESOLVED")

_REOPENED = Words("TÁI DIỄN", "IT IS BACK")
_UNTAKEN = Words("CHƯA AI NHẬN XỬ LÝ", "NOBODY HAS TAKEN IT ON")

_LABELS = {
    "place": Words("Nơi", "Where"),
    "device": Words("Thiết bị", "Device"),
    "since": Words("Từ lúc", "Since"),
    "until": Words("Đến lúc", "Until"),
    "lasted": Words("Kéo dài", "Lasted"),
    "contact": Words("Đầu mối", "Contact"),
    "evidence": Words("Bằng chứng", "Evidence"),
    "cause": Words("Nhận định", "Probably"),
    "sites": Words("Đơn vị", "Sites"),
    "services": Words("Dịch vụ ngừng", "Services that stop"),
    "users": Words("Ảnh hưởng", "Impact"),
    "playbook": Words("Việc cần làm", "What to do"),
    "refs": Words("Căn cứ", "Reference"),
    "note": Words("Ghi chú", "Note"),
    "link": Words("Chi tiết", "Details"),
    "take": Words("Nhận xử lý", "Take it on"),
}


class Recipient(msgspec.Struct, frozen=True):
    """To whom one message goes, and by which way."""

    channel: str
    to: str = ""
    """Their address; ``""`` for those the channel's settings name."""
    name: str = ""
    code: str = ""
    """With it they may take the incident on."""


class Composer:
    """Writes the message about a step. Pure, for the ledger's transaction."""

    def __init__(
        self, rules: RuleBook, inventory: Inventory, channels: Mapping[str, Settings], base_url: str
    ) -> None:
        self._rules = rules
        self._inventory = inventory
        self._channels = channels
        self._base_url = base_url.rstrip("/")
        self._impacts = Impacts(inventory)

    def message(self, recipient: Recipient, incident: Incident, transition: Transition) -> Message:
        """Return the message about `transition` for `recipient`; `incident` is as it is after it."""
        channel, to = recipient.channel, recipient.to
        language = self._channels[channel].language
        over = transition.step is Step.RESOLVED
        site, device = self._where(incident.key)
        place = _place(site, incident.key).in_language(language)
        summary = clean(transition.summary.in_language(language), 200).removeprefix(f"{place} ")
        title = f"[{_tag(incident, transition).in_language(language)}] {place}: {summary}"
        link = f"{self._base_url}/incidents/{incident.id}"
        take = f"{self._base_url}/a/{recipient.code}" if recipient.code else ""
        lines = [
            *_place_lines(site, device, language),
            *_time_lines(incident, transition, language),
            *_contact_lines(self._contact(incident.key), language),
            *(() if over else self._extent(incident, language)),
            *_line("evidence", transition.evidence, language),
            *(() if over else self._advice(incident.key.rule, language)),
            *_line("note", transition.note, language),
            *_line("link", link, language),
            *_line("take", take, language),
        ]
        moment = f"{transition.step}:{transition.at.timestamp():.6f}"
        key = ":".join(filter(None, (str(incident.id), moment, channel, to)))
        return Message(
            channel,
            key,
            title,
            "\n".join(lines),
            transition.step,
            incident,
            to,
            name=recipient.name,
            code=recipient.code,
            take=take,
            place=place,
            link=link,
        )

    def _where(self, key: IncidentKey) -> tuple[Site | None, Device | None]:
        site = self._inventory.sites.get(key.device.partition("/")[0])
        return site, self._inventory.devices.get(key.device)

    def _contact(self, key: IncidentKey) -> Contact | None:
        """Return who answers for the device, or for the site as a whole."""
        if key.device in self._inventory.devices:
            return self._inventory.owner_of(key.device)
        site = self._inventory.sites.get(key.device)
        return site.owner if site else None

    def _extent(self, incident: Incident, language: str) -> list[str]:
        """Return what is probably broken, which sites and services that hits, and how many communes."""
        lines = _line("cause", incident.cause or "", language)
        if incident.sites:
            names = [
                self._inventory.sites[one].name for one in incident.sites if one in self._inventory.sites
            ]
            lines += _line("sites", _some(names), language)
        impact = self._impacts.by_rule(incident, self._rules)
        if impact.services:
            titles = [one.title.in_language(language) for one in impact.services]
            lines += _line("services", _some(titles), language)
        if impact.services or len(impact.devices) > 1:
            words = _hit(len(impact.devices), len(impact.cut_off), len(impact.users))
            lines += _line("users", words.in_language(language), language)
        return lines

    def _advice(self, rule_id: str, language: str) -> list[str]:
        rule = self._rules.get(rule_id)
        if rule is None:
            return []
        playbook = rule.playbook.in_language(language) if rule.playbook else ""
        return [
            *_line("playbook", playbook, language, limit=1000),
            *_line("refs", "; ".join(rule.refs), language),
        ]


def _tag(incident: Incident, transition: Transition) -> Words:
    """Return what stands before everything else in a title."""
    if transition.step is Step.RESOLVED:
        return _RESOLVED
    tag = _TAGS[transition.kind, transition.severity]
    if transition.step in (Step.ESCALATED, Step.RELEASED):
        return Words(f"{_UNTAKEN.vi}: {tag.vi}", f"{_UNTAKEN.en}: {tag.en}")
    if transition.step is Step.REOPENED:
        return Words(f"{_REOPENED.vi}: {tag.vi}", f"{_REOPENED.en}: {tag.en}")
    return tag


def _place(site: Site | None, key: IncidentKey) -> Words:
    """Return what stands first in a title."""
    if key.device == MONITOR:
        return Words("Hệ thống giám sát", "The monitor")
    if key.at_large:
        return Words("Nhiều đơn vị", "Several sites")
    name = clean(site.name if site else key.device.partition("/")[0], 64)
    return Words(name, name)


def _hit(devices: int, sites: int, users: int) -> Words:
    """Return how many devices, sites and users of services an incident hits."""
    vi, en = [f"{devices} thiết bị"], [f"{devices} devices"]
    if sites:
        vi.append(f"{sites} đơn vị mất kết nối hoàn toàn")
        en.append(f"{sites} sites cut off as a whole")
    if users:
        vi.append(f"{users} đơn vị không dùng được dịch vụ")
        en.append(f"{users} sites cannot use the services")
    return Words(", ".join(vi), ", ".join(en))


def _some(names: list[str], most: int = 10) -> str:
    more = f", … ({len(names)})" if len(names) > most else ""
    return f"{', '.join(clean(name, 64) for name in names[:most])}{more}"


def trial(channel: str, language: str, now: datetime, base_url: str) -> Message:
    """Return a message that says it is only a test, for ``test-notifier``."""
    words = Words(
        "[THỬ] Thử gửi thông báo từ hệ thống giám sát", "[TEST] A test message of the monitoring system"
    )
    text = Words(
        f"Kênh {channel} nhận được tin này lúc {local(now)}. Không cần làm gì.\n{base_url}",
        f"The channel {channel} received this at {local(now)}. Nothing needs to be done.\n{base_url}",
    )
    incident = Incident(
        0,
        IncidentKey("test", "-"),
        Kind.INCIDENT,
        Severity.WARNING,
        Status.OPEN,
        words,
        "",
        opened_at=now,
        changed_at=now,
    )
    key = f"test:{now.timestamp():.6f}:{channel}"
    said = words.in_language(language), text.in_language(language)
    return Message(channel, key, *said, Step.OPENED, incident, link=base_url)


def local(moment: datetime) -> str:
    """Return a time as people in Vietnam write it: ``"23/11/2026 08:12"``."""
    return moment.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M")


def _line(label: str, text: Said, language: str, limit: int = 500) -> list[str]:
    cleaned = clean(say(text, language), limit)
    return [f"{_LABELS[label].in_language(language)}: {cleaned}"] if cleaned else []


def _place_lines(site: Site | None, device: Device | None, language: str) -> list[str]:
    lines: list[str] = []
    if site is not None:
        province = f", {site.commune.province}" if site.commune else ""
        lines += _line("place", f"{site.name} ({site.id}){province}", language)
    if device is not None:
        lines += _line("device", f"{device.called(language)} ({device.address})", language)
    return lines


def _time_lines(incident: Incident, transition: Transition, language: str) -> list[str]:
    lines = _line("since", local(incident.opened_at), language)
    if transition.step is Step.RESOLVED:
        lasted = (transition.at - incident.opened_at).total_seconds()
        lines += _line("until", local(transition.at), language)
        lines += _line("lasted", duration(max(lasted, 0.0), language), language)
    return lines


def _contact_lines(contact: Contact | None, language: str) -> list[str]:
    if contact is None:
        return []
    parts = (contact.name, contact.unit, contact.phone)
    return _line("contact", ", ".join(part for part in parts if part), language)
