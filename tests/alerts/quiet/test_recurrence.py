"""Recurring times: those of dateutil itself, never more than one an hour, and no rule that costs much."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.calendar import VIETNAM
from alerts.quiet.recurrence import MOST, Recurrence

START = datetime(2026, 11, 26, 22, 0, tzinfo=VIETNAM)
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def moments(text: str, start: datetime = START, days: int = 370) -> list[datetime]:
    return list(Recurrence(text, start).between(start, start + timedelta(days=days)))


def test_it_comes_in_viet_nams_time_at_the_minute_of_the_first() -> None:
    first, second = moments("FREQ=WEEKLY;BYDAY=SA")[:2]
    assert first == datetime(2026, 11, 28, 15, 0, tzinfo=UTC)
    assert second - first == timedelta(days=7)
    assert [one.hour for one in moments("RRULE:FREQ=DAILY;BYHOUR=1,13", days=2)] == [1, 13, 1, 13]
    assert [one.day for one in moments("FREQ=MONTHLY;BYDAY=-1SU")[:3]] == [29, 27, 31]


def test_a_last_day_counts_whole_and_a_last_moment_may_be_utc() -> None:
    assert len(moments("FREQ=DAILY;UNTIL=20261128")) == 3
    assert len(moments("FREQ=DAILY;UNTIL=20261128T220000")) == 3
    assert len(moments("FREQ=DAILY;UNTIL=20261128T145959Z")) == 2
    assert len(moments("FREQ=DAILY;COUNT=5")) == 5


def test_every_hour_of_a_year_is_the_most() -> None:
    found = moments("FREQ=HOURLY")
    assert 8000 < len(found) < MOST


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FREQ=MINUTELY", "nothing comes oftener than each hour"),
        ("FREQ=SECONDLY;INTERVAL=7200", "nothing comes oftener than each hour"),
        ("INTERVAL=2", "wants FREQ"),
        ("every day", "KEY=VALUE"),
        ("", "KEY=VALUE"),
        ("FREQ=DAILY;FREQ=DAILY", "each key once"),
        ("FREQ=DAILY;BYMINUTE=1,2,3", "'BYMINUTE' is not accepted with DAILY"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "not accepted"),
        ("FREQ=YEARLY;BYEASTER=0", "'BYEASTER' is not accepted"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never comes"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=99", "never comes"),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=MO", "never comes"),
        ("FREQ=DAILY;UNTIL=20200101", "never comes"),
        ("FREQ=HOURLY;INTERVAL=24", "INTERVAL cannot be '24'"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL cannot be '0'"),
        ("FREQ=DAILY;INTERVAL=99999999999999", "INTERVAL cannot be"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20270101", "COUNT or UNTIL, not both"),
        ("FREQ=DAILY;UNTIL=20261399", "no such day"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY cannot be '0'"),
        ("FREQ=WEEKLY;BYDAY=1MO", "BYDAY cannot be '1MO'"),
        ("FREQ=DAILY\nDTSTART:20200101T000000\nRRULE:FREQ=SECONDLY", "wants FREQ"),
        ("FREQ=WEEKLY;BYDAY=" + ",".join(["MO"] * 100), "longer than 200"),
        ("FREQ=DAILY;BYHOUR=١", "BYHOUR cannot be"),
    ],
)
def test_what_is_not_accepted_is_said_at_once(text: str, words: str) -> None:
    before = time.process_time()
    with pytest.raises(ValueError, match=words.replace("[", r"\[")):
        Recurrence(text, START)
    assert time.process_time() - before < 1.0


_PARTS: dict[str, st.SearchStrategy[list[Any]]] = {
    "BYHOUR": st.lists(st.integers(0, 23), min_size=1, max_size=3),
    "BYDAY": st.lists(st.sampled_from(DAYS), min_size=1, max_size=3),
    "BYMONTH": st.lists(st.integers(1, 12), min_size=1, max_size=3),
    "BYMONTHDAY": st.lists(st.integers(1, 31), min_size=1, max_size=3),
    "BYSETPOS": st.sampled_from([1, -1, 2]).map(lambda one: [one]),
}
_ALLOWED = {
    "HOURLY": ["BYDAY"],
    "DAILY": ["BYDAY", "BYHOUR"],
    "WEEKLY": ["BYDAY", "BYHOUR"],
    "MONTHLY": list(_PARTS),
    "YEARLY": list(_PARTS),
}


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(list(_ALLOWED)))
    parts = [f"FREQ={frequency}", f"INTERVAL={draw(st.integers(1, 14))}"]
    for key in draw(st.lists(st.sampled_from(_ALLOWED[frequency]), unique=True, max_size=3)):
        values = draw(_PARTS[key])
        parts.append(f"{key}={','.join(str(one) for one in values)}")
    return ";".join(parts)


@settings(max_examples=150, deadline=None)
@given(
    rules(),
    st.integers(0, 28 * 365 * 1440),
    st.integers(0, 400),
)
def test_it_is_what_dateutil_says_without_going_through_all_the_years(
    text: str, begun: int, days: int
) -> None:
    start = datetime(2000, 1, 1, tzinfo=VIETNAM) + timedelta(minutes=begun)
    try:
        recurrence = Recurrence(text, start)
    except ValueError as error:
        assert "never comes" in str(error) or "is no recurrence" in str(error)
        return
    low, high = START + timedelta(days=days), START + timedelta(days=days + 30)
    expected = rrulestr(text, dtstart=start).between(low, high, inc=True)
    found = list(recurrence.between(low, high))
    assert found == expected
    assert all(later - earlier >= timedelta(hours=1) for earlier, later in pairwise(found))
