"""Planned maintenance as the files say it: once, or again and again by an RRULE, with or without holidays."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from alerts.calendar import VIETNAM, LocalTime, is_holiday
from alerts.quiet.quiet import Quiet, QuietKind
from alerts.quiet.recurrence import Recurrence, read
from alerts.quiet.window import Window, joined
from inventory.duration import Duration
from inventory.model import Model, Slug
from inventory.selector import Patterns, Selector

MOST = 200
"""Maintenances in all files together."""
LONGEST = timedelta(days=90)
PAST = timedelta(days=32)
AHEAD = timedelta(days=368)
"""How far the windows are worked out; `commune-monitor maintenance next` and the calendar see no further."""
_YEARS = range(2000, 2100)


class Maintenance(Model):
    """Work that is planned: of what it hits nobody is told meanwhile."""

    id: Slug
    reason: Annotated[str, Field(min_length=1, max_length=300)]
    author: Annotated[str, Field(min_length=1, max_length=100)]
    where: Selector = Selector()
    rules: Patterns = ()
    """Ids of rules; every rule when absent."""
    start: Annotated[LocalTime, Field(alias="from")]
    lasting: Annotated[Duration, Field(alias="for")]
    """Seconds."""
    repeat: str | None = None
    """An RRULE; without one it is once."""
    holidays: Literal["same", "except", "only"] = "same"
    """Whether what begins on a public holiday is left out, or nothing else counts."""
    enabled: bool = True

    @field_validator("start")
    @classmethod
    def _in_reach(cls, start: datetime) -> datetime:
        if start.year not in _YEARS:
            raise ValueError(f"wants a year from {_YEARS[0]} to {_YEARS[-1]}")
        return start

    @field_validator("lasting")
    @classmethod
    def _not_too_long(cls, lasting: float) -> float:
        if not 60 <= lasting <= LONGEST.total_seconds():
            raise ValueError(f"wants a span of time from 1m to {LONGEST.days}d")
        return lasting

    @field_validator("repeat")
    @classmethod
    def _comes(cls, repeat: str | None, info: ValidationInfo) -> str | None:
        if repeat is not None:
            read(repeat)
            if "start" in info.data:
                Recurrence(repeat, info.data["start"])
        return repeat

    @model_validator(mode="after")
    def _means_something(self) -> Maintenance:
        if self.where == Selector() and not self.rules:
            raise ValueError('wants `where` or `rules`; `where: {site: "*"}` is everything')
        return self

    @cached_property
    def _recurrence(self) -> Recurrence | None:
        return Recurrence(self.repeat, self.start) if self.repeat else None

    def windows(self, start: datetime, end: datetime) -> tuple[Window, ...]:
        """Return the windows that reach into the span from `start` to `end` (aware, at most 400 days)."""
        lasting = timedelta(seconds=self.lasting)
        begins = self._recurrence.between(start - lasting, end) if self._recurrence else iter([self.start])
        found = (Window(begin, begin + lasting) for begin in begins if self._counts(begin))
        return joined(window for window in found if window.end > start and window.start < end)

    def _counts(self, begin: datetime) -> bool:
        day = begin.astimezone(VIETNAM).date()
        return self.holidays == "same" or is_holiday(day) == (self.holidays == "only")

    def quiet(self, now: datetime) -> Quiet:
        """Return it with its windows around `now`."""
        windows = self.windows(now - PAST, now + AHEAD) if self.enabled else ()
        about = (QuietKind.MAINTENANCE, self.where, self.rules, self.reason, self.author)
        return Quiet(self.id, *about, windows)


class MaintenanceFile(Model):
    """A YAML file of planned maintenance."""

    maintenance: Annotated[tuple[Maintenance, ...], Field(max_length=MOST)]
