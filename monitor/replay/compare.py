"""What a proposed rule book would have told otherwise than the one in force. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta

import msgspec

from monitor.replay.replay import Happened

SLACK = timedelta(minutes=10)
"""How far apart the same incident may open under two rule books."""


class Row(msgspec.Struct, frozen=True):
    """Incidents and messages of a rule or a site, by the rules in force and by those proposed."""

    name: str
    incidents: tuple[int, int]
    messages: tuple[int, int]


class Comparison(msgspec.Struct, frozen=True):
    """The difference."""

    incidents: tuple[int, int]
    messages: tuple[int, int]
    new: tuple[Happened, ...]
    """What only the proposed rules open."""
    vanished: tuple[Happened, ...]
    """What only the rules in force open."""
    otherwise: tuple[tuple[Happened, Happened], ...]
    """What both open, with another severity or another number of messages."""
    rules: tuple[Row, ...]
    """Those that differ first, then those with most messages."""
    sites: tuple[Row, ...]


def compare(present: Sequence[Happened], proposed: Sequence[Happened]) -> Comparison:
    """Return the difference between what two rule books would have opened."""
    waiting = defaultdict[tuple[str, str, str, str], list[Happened]](list)
    for one in present:
        waiting[one.key].append(one)
    new, otherwise = [], []
    for one in proposed:
        match = next((other for other in waiting[one.key] if _same(other, one)), None)
        if match is None:
            new.append(one)
            continue
        waiting[one.key].remove(match)
        if (match.severity, match.messages) != (one.severity, one.messages):
            otherwise.append((match, one))
    vanished = sorted((one for left in waiting.values() for one in left), key=lambda one: one.opened_at)
    return Comparison(
        (len(present), len(proposed)),
        (sum(one.messages for one in present), sum(one.messages for one in proposed)),
        tuple(new),
        tuple(vanished),
        tuple(otherwise),
        _rows(((one.rule, one) for one in present), ((one.rule, one) for one in proposed)),
        _rows(((one.site, one) for one in present), ((one.site, one) for one in proposed)),
    )


def _same(one: Happened, other: Happened) -> bool:
    """Whether two incidents about the same are one: they overlap, or nearly."""
    begins = max(one.opened_at, other.opened_at) - SLACK
    ends = [at for at in (one.resolved_at, other.resolved_at) if at is not None]
    return not ends or begins <= min(ends)


def _rows(
    present: Iterable[tuple[str, Happened]], proposed: Iterable[tuple[str, Happened]]
) -> tuple[Row, ...]:
    incidents, messages = (Counter[str](), Counter[str]()), (Counter[str](), Counter[str]())
    for column, named in enumerate((present, proposed)):
        for name, one in named:
            incidents[column][name] += 1
            messages[column][name] += one.messages
    names = incidents[0].keys() | incidents[1].keys()
    rows = [
        Row(name, (incidents[0][name], incidents[1][name]), (messages[0][name], messages[1][name]))
        for name in names
    ]
    return tuple(sorted(rows, key=lambda row: (_alike(row), -max(row.messages), row.name)))


def _alike(row: Row) -> bool:
    return row.incidents[0] == row.incidents[1] and row.messages[0] == row.messages[1]
