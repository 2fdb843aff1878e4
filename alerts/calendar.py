"""The clock and the holidays of Viet Nam, where every office has one time zone and no summer time."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Annotated

import holidays
from pydantic import BeforeValidator

VIETNAM = timezone(timedelta(hours=7))
"""Viet Nam has one time zone and no summer time."""

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}")


@lru_cache(maxsize=8)
def holidays_of(year: int) -> frozenset[date]:
    """Return the public holidays of a year, those of the lunar calendar and the days in lieu too."""
    return frozenset(holidays.country_holidays("VN", years=year))


def is_holiday(day: date) -> bool:
    """Whether offices are closed by law on `day`, weekends apart."""
    return day in holidays_of(day.year)


def local_time(written: object) -> datetime:
    """Return ``"2026-09-01 07:30"`` of Viet Nam as aware UTC+7. Raises `ValueError`."""
    if not isinstance(written, str) or not _TIME.fullmatch(written):
        raise ValueError('wants a time of Viet Nam such as "2026-09-01 07:30"')
    try:
        return datetime.fromisoformat(f"{written}:00").replace(tzinfo=VIETNAM)
    except ValueError:
        raise ValueError("there is no such day or time") from None


LocalTime = Annotated[datetime, BeforeValidator(local_time)]
"""A moment, written as people in Viet Nam read their clocks."""
