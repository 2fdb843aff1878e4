"""Hours of the week: office hours, nights, holidays."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from alerts.calendar import is_holiday
from inventory.model import Model, listed

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")


def minutes(written: object) -> object:
    """Return ``"07:30"`` as 450 minutes after midnight. Raises `ValueError`."""
    match = _CLOCK.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise ValueError('wants a time of day such as "07:30"')
    return int(match[1]) * 60 + int(match[2]) if match[1] else 24 * 60


Minutes = Annotated[int, BeforeValidator(minutes)]


class Hours(Model):
    """Some hours of some days; those that end before they begin go on past midnight, and belong to the evening."""

    days: Annotated[tuple[Day, ...], BeforeValidator(listed), Field(max_length=7)] = ()
    """All days when empty."""
    start: Annotated[Minutes, Field(alias="from")] = 0
    until: Minutes = 24 * 60
    holidays: Literal["same", "except", "only"] = "same"
    """Whether public holidays are left out, or are the only days that are meant."""

    def cover(self, local: datetime) -> bool:
        """Whether a moment, in Viet Nam's time, is within."""
        minute, day = local.hour * 60 + local.minute, local.date()
        if self.until <= self.start:
            if minute < self.until:
                day -= timedelta(days=1)
            elif minute < self.start:
                return False
        elif not self.start <= minute < self.until:
            return False
        if self.days and DAYS[day.weekday()] not in self.days:
            return False
        return self.holidays == "same" or is_holiday(day) == (self.holidays == "only")

    def edges(self, midnight: datetime) -> tuple[datetime, ...]:
        """Return the moments of the day that begins at `midnight` at which what is covered may change."""
        return (
            midnight,
            midnight + timedelta(minutes=self.start),
            midnight + timedelta(minutes=self.until),
        )
