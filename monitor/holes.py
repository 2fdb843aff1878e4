"""Warns of a rota with a hole before it happens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from alerts.calendar import VIETNAM
from alerts.duty.roster import Roster
from probes.core.words import NOTHING, Words

AHEAD = timedelta(days=7)
"""How long before a hole people are warned of it."""
LOOK_EVERY = timedelta(minutes=1)


class Holes:
    """Looks ahead at most once a minute, for whoever asks."""

    def __init__(self, roster: Callable[[], Roster], now: Callable[[], datetime]) -> None:
        self._roster = roster
        self._now = now
        self._looked_at: datetime | None = None
        self._problem = NOTHING

    @property
    def problem(self) -> Words:
        """When nobody is on duty in the days to come, in one line; ``""`` when somebody always is."""
        now = self._now()
        if self._looked_at is None or not timedelta(0) <= now - self._looked_at < LOOK_EVERY:
            self._looked_at, self._problem = now, hole(self._roster(), now)
        return self._problem


def hole(roster: Roster, now: datetime) -> Words:
    """Return the next span of a rota without anybody, in one line; empty for none within a week."""
    coming = [(name, one) for name, one in roster.holes(now) if one.start - now <= AHEAD]
    if not coming:
        return NOTHING
    name, first = coming[0]
    start, end = (
        moment.astimezone(VIETNAM).strftime("%d/%m/%Y %H:%M") for moment in (first.start, first.end)
    )
    more = f" (+{len(coming) - 1})" if len(coming) > 1 else ""
    return Words(
        f"không có ai trực trong lịch {name} từ {start} đến {end}{more}",
        f"nobody is on duty in the rota {name} from {start} to {end}{more}",
    )
