"""Recurring times by a bounded part of RRULE (RFC 5545, 3.3.10), in Viet Nam's time; python-dateutil works them out.

A rule that never comes makes dateutil search until the year 9999, for minutes if it searches by the hour. So what can
exclude each other is accepted only where it searches by months or years, and the search begins 7,600 years later: the
calendar repeats itself every 400 years, and the end of all years is near there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from math import gcd

from dateutil.rrule import rrulestr

from alerts.calendar import VIETNAM

MAX_TEXT = 200
MOST = 10_000
"""Each hour of 400 days is less."""
LATER = 7600
"""Years, a multiple of 400."""
_END = datetime(9999 - LATER, 12, 31, tzinfo=VIETNAM)

_DAYS = r"(?:MO|TU|WE|TH|FR|SA|SU)"
_HOURS = r"(?:2[0-3]|1[0-9]|0?[0-9])"
_SIMPLE = {
    "INTERVAL": r"[1-9][0-9]{0,2}",
    "COUNT": r"[1-9][0-9]{0,3}",
    "UNTIL": r"20[0-9]{6}(?:T[0-9]{6}Z?)?",
    "WKST": _DAYS,
    "BYDAY": rf"{_DAYS}(?:,{_DAYS}){{0,6}}",
}
_NUMBERED_DAY = rf"(?:[+-]?[1-5])?{_DAYS}"
_MONTH = r"(?:1[0-2]|0?[1-9])"
_MONTH_DAY = r"[+-]?(?:3[01]|[12][0-9]|0?[1-9])"
_WIDE = _SIMPLE | {
    "BYDAY": rf"{_NUMBERED_DAY}(?:,{_NUMBERED_DAY}){{0,30}}",
    "BYMONTH": rf"{_MONTH}(?:,{_MONTH}){{0,11}}",
    "BYMONTHDAY": rf"{_MONTH_DAY}(?:,{_MONTH_DAY}){{0,30}}",
    "BYSETPOS": r"[+-]?[1-9][0-9]?",
}
_BY_HOUR = {"BYHOUR": rf"{_HOURS}(?:,{_HOURS}){{0,23}}"}
_KEYS = {
    "HOURLY": _SIMPLE | {"INTERVAL": r"2[0-3]|1[0-9]|[1-9]"},
    "DAILY": _SIMPLE | _BY_HOUR,
    "WEEKLY": _SIMPLE | _BY_HOUR,
    "MONTHLY": _WIDE | _BY_HOUR,
    "YEARLY": _WIDE | _BY_HOUR,
}
"""What may be written, by frequency."""
_STEPS = {"HOURLY": timedelta(hours=1), "DAILY": timedelta(days=1), "WEEKLY": timedelta(days=7)}


class Recurrence:
    """Times that come again, each at the minute of the first."""

    def __init__(self, text: str, start: datetime) -> None:
        """`start` (aware): it comes at that time at the earliest. Raises `ValueError` for what is not accepted."""
        parts = read(text)
        self._start = start.astimezone(VIETNAM)
        self._last = _until(parts.pop("UNTIL", ""))
        self._text = ";".join(f"{key}={value}" for key, value in parts.items())
        self._counted = "COUNT" in parts
        interval = int(parts.get("INTERVAL", "1"))
        self._step = _STEPS.get(parts["FREQ"], timedelta()) * interval
        self._years = interval // gcd(interval, 12) if parts["FREQ"] == "MONTHLY" else interval
        if next(self._all(self._start, self._last), None) is None:
            raise ValueError("never comes: its parts exclude each other, or it is over before it begins")

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """Yield the times from `start` to `end` (aware, at most 400 days apart), earliest first."""
        every = self._all(self._near(start), min(end, self._last))
        yield from islice((moment for moment in every if moment >= start), MOST)

    def _near(self, moment: datetime) -> datetime:
        """Return a start as good as the first one, not long before `moment`: years of hours are not gone through."""
        begun = self._start
        if self._counted or moment <= begun or (begun.month, begun.day) == (2, 29):
            return begun
        if self._step:
            return begun + (moment - begun) // self._step * self._step
        years = max(0, moment.astimezone(VIETNAM).year - 1 - begun.year)
        return begun.replace(year=begun.year + years // self._years * self._years)

    def _all(self, start: datetime, last: datetime) -> Iterator[datetime]:
        try:
            rule = rrulestr(self._text, dtstart=start.replace(year=start.year + LATER))
        except ValueError as error:
            raise ValueError(f"is no recurrence: {error}") from None
        moments = (moment.replace(year=moment.year - LATER) for moment in rule)
        return takewhile(lambda moment: moment <= last, moments)


def read(text: str) -> dict[str, str]:
    """Return the parts of a rule. Raises `ValueError` for what is not accepted."""
    parts: dict[str, str] = {}
    if len(text) > MAX_TEXT:
        raise ValueError(f"is longer than {MAX_TEXT} characters")
    for part in text.removeprefix("RRULE:").split(";"):
        key, equals, value = part.partition("=")
        if not equals or key in parts:
            raise ValueError(f"wants KEY=VALUE;KEY=VALUE with each key once, found {part[:40]!r}")
        parts[key] = value
    known = _KEYS.get(parts.get("FREQ", ""))
    if known is None:
        raise ValueError(f"wants FREQ to be one of {', '.join(_KEYS)}: nothing comes oftener than each hour")
    for key, value in parts.items():
        if key != "FREQ" and key not in known:
            raise ValueError(
                f"{key[:20]!r} is not accepted with {parts['FREQ']}; allowed are {', '.join(known)}"
            )
        if key != "FREQ" and not re.fullmatch(known[key], value):
            raise ValueError(f"{key} cannot be {value[:40]!r} with {parts['FREQ']}")
    if "COUNT" in parts and "UNTIL" in parts:
        raise ValueError("wants COUNT or UNTIL, not both")
    return parts


def _until(written: str) -> datetime:
    """Return the last moment that counts; a day counts whole."""
    if not written:
        return _END
    day_only = len(written) == 8
    shape = "%Y%m%d" if day_only else "%Y%m%dT%H%M%S"
    try:
        moment = datetime.strptime(written.removesuffix("Z"), shape).replace(tzinfo=VIETNAM)
    except ValueError:
        raise ValueError(f"UNTIL cannot be {written!r}: there is no such day or time") from None
    if day_only:
        return moment + timedelta(days=1, seconds=-1)
    return moment.replace(tzinfo=UTC) if written.endswith("Z") else moment
