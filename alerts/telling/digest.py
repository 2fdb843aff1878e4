"""What is told when there is more to tell than a channel takes: one message about all of it, the worst first."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

from alerts.calendar import VIETNAM
from alerts.incident import Severity, Step, Words
from alerts.telling.notification import Message, Pending
from probes.core.text import clean

LINES = 100
"""Incidents that are named, as far as the channel has room; the title says how many there are."""
_FILLED = 0.9
"""Part of a message that is filled: what keeps names from becoming links takes room too."""
MARK = "digest:"
"""How the key of a digest begins."""

_TAG = Words("TỔNG HỢP", "DIGEST")
_SEVERITY = {
    Severity.CRITICAL: Words("nghiêm trọng", "critical"),
    Severity.HIGH: Words("cao", "high"),
    Severity.WARNING: Words("cảnh báo", "warning"),
    Severity.MEDIUM: Words("trung bình", "medium"),
    Severity.LOW: Words("thấp", "low"),
}


def is_digest(message: Message) -> bool:
    """Whether a message tells several at once."""
    return message.key.startswith(MARK)


def to_merge(waiting: Iterable[Pending], head: Pending, free: int) -> list[Pending]:
    """Return the messages to tell together now; `head` alone when there is room for all, or it is a digest.

    `free`: messages the channel takes now, 1 or more. Only messages for the same people go together, and the last
    places are kept so that everybody gets at least what waits for him in one message.
    """
    singles = [one for one in waiting if not is_digest(one.message)]
    people = {one.message.to for one in singles}
    if is_digest(head.message) or len(singles) <= free or free > len(people):
        return [head]
    return [one for one in singles if one.message.to == head.message.to]


def digest(merged: Sequence[Pending], language: str, room: int = 20_000) -> Message:
    """Return the one message for several (2 or more) to the same people on one channel, within `room` characters."""
    ordered = sorted((one.message for one in merged), key=_rank)
    worst = ordered[0]
    title = f"[{_TAG.in_language(language)}] {_summary(ordered).in_language(language)}"
    link = _link(worst, language)
    left = int(room * _FILLED) - len(title) - sum(map(len, link))
    return Message(
        worst.channel,
        _key(merged),
        title,
        "\n".join([*link, *listed(ordered, language, left)]),
        worst.step,
        worst.incident,
        worst.to,
        worst.name,
        link=_page(worst.link),
    )


def _rank(message: Message) -> tuple[bool, int, int]:
    """What still is broken first, the worst first, the oldest first."""
    return message.step is Step.RESOLVED, -message.incident.severity.rank, message.incident.id


def listed(ordered: Sequence[Message], language: str, room: int) -> list[str]:
    """Return a line for each that fits; the rest by number, those of them that are critical by their place."""
    named = min(len(ordered), LINES)
    while named and _length(ordered, named, language) > room:
        named -= 1
    lines = [_line(message) for message in ordered[:named]]
    rest = _rest(ordered[named:], language)
    return [*lines, *(line[: max(room, 0)] for line in rest)]


def _length(ordered: Sequence[Message], named: int, language: str) -> int:
    lines = [*map(_line, ordered[:named]), *_rest(ordered[named:], language)]
    return sum(len(line) + 1 for line in lines)


def _rest(others: Sequence[Message], language: str) -> list[str]:
    """Return what is said of those that have no line of their own."""
    if not others:
        return []
    counts = _counts(others)
    lines = [Words(f"… và {counts.vi} nữa", f"… and {counts.en} more").in_language(language)]
    critical = [message for message in others if _is_critical(message)]
    if critical:
        places = dict.fromkeys(clean(one.place or one.incident.key.device, 40) for one in critical)
        label = Words("Nghiêm trọng", "Critical").in_language(language)
        lines.append(f"{label}: {', '.join(places)}")
    return lines


def _is_critical(message: Message) -> bool:
    return message.step is not Step.RESOLVED and message.incident.severity is Severity.CRITICAL


def _summary(ordered: Sequence[Message]) -> Words:
    """Return how many there are, and the worst of them: all that a short message has room for."""
    counts, worst = _counts(ordered), clean(ordered[0].title, 120)
    return Words(
        f"Còn {len(ordered)} sự cố nữa ({counts.vi}), nặng nhất: {worst}",
        f"{len(ordered)} more incidents ({counts.en}), the worst: {worst}",
    )


def _counts(ordered: Sequence[Message]) -> Words:
    over = sum(message.step is Step.RESOLVED for message in ordered)
    counts = Counter(message.incident.severity for message in ordered if message.step is not Step.RESOLVED)
    parts = [(number, _SEVERITY[severity]) for severity, number in counts.items()]
    vi = [f"{number} {words.vi}" for number, words in parts] + [f"{over} đã khắc phục"] * bool(over)
    en = [f"{number} {words.en}" for number, words in parts] + [f"{over} resolved"] * bool(over)
    return Words(", ".join(vi), ", ".join(en))


def _link(worst: Message, language: str) -> list[str]:
    label = Words("Tất cả", "All of them").in_language(language)
    return [f"{label}: {_page(worst.link)}"] if worst.link else []


def _line(message: Message) -> str:
    began = message.incident.opened_at.astimezone(VIETNAM).strftime("%H:%M")
    return f"• {began} {clean(message.title, 160)}"


def _page(link: str) -> str:
    """Return the page of all incidents beside the page of one."""
    return link.rpartition("/")[0]


def _key(merged: Sequence[Pending]) -> str:
    numbers = ",".join(str(one.id) for one in sorted(merged, key=lambda one: one.id))
    return MARK + hashlib.sha256(numbers.encode()).hexdigest()[:32]
