"""Whose turn it is: turns, layers, hours, holidays, overrides, holes."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.calendar import VIETNAM, is_holiday
from alerts.duty.hours import Hours
from alerts.duty.rota import Override, Rota, holes, on_duty, shifts

MONDAY = datetime(2026, 11, 23, 7, 30, tzinfo=VIETNAM)
DAY = timedelta(days=1)


def rota(*layers: dict[str, Any]) -> Rota:
    every = [{"from": "2026-11-23 07:30", "turns": ["an"]} | layer for layer in layers]
    return Rota.model_validate_json(msgspec.json.encode({"layers": every}), strict=True)


def who(of: Rota, moment: datetime, *overrides: Override) -> tuple[str, ...]:
    return on_duty("truc", of, overrides, moment)


def swap(number: int, *people: str, start: datetime = MONDAY, days: float = 1) -> Override:
    return Override(number, "truc", people, start, start + timedelta(days=days), "an")


def test_turns_follow_each_other_and_begin_again() -> None:
    of = rota({"turns": ["an", ["binh", "chi"]], "every": "1d"})
    assert who(of, MONDAY) == ("an",)
    assert who(of, MONDAY + DAY) == ("binh", "chi")
    assert who(of, MONDAY + 2 * DAY) == ("an",)
    assert who(of, MONDAY - timedelta(minutes=1)) == ()


def test_a_later_layer_goes_before_an_earlier_one_in_its_hours() -> None:
    of = rota({"turns": ["an"]}, {"turns": ["dem"], "hours": {"from": "22:00", "until": "06:00"}})
    assert who(of, MONDAY.replace(hour=21, minute=59)) == ("an",)
    assert who(of, MONDAY.replace(hour=22, minute=0)) == ("dem",)
    assert who(of, MONDAY.replace(hour=5, minute=59) + DAY) == ("dem",)
    assert who(of, MONDAY.replace(hour=6, minute=0) + DAY) == ("an",)


def test_hours_past_midnight_belong_to_the_evening_before() -> None:
    friday_night = Hours.model_validate({"days": ["fri"], "from": "22:00", "until": "06:00"})
    assert friday_night.cover(datetime(2026, 11, 28, 3, 0, tzinfo=VIETNAM)), "Saturday, three in the morning"
    assert not friday_night.cover(datetime(2026, 11, 27, 3, 0, tzinfo=VIETNAM))


def test_holidays_of_the_lunar_calendar_are_known() -> None:
    tet = datetime(2027, 2, 6, 9, 0, tzinfo=VIETNAM)
    assert is_holiday(tet.date()) and is_holiday(datetime(2026, 9, 2, tzinfo=VIETNAM).date())
    office = Hours.model_validate({"from": "07:30", "until": "17:00", "holidays": "except"})
    assert not office.cover(tet) and office.cover(tet + timedelta(days=14))
    assert Hours.model_validate({"holidays": "only"}).cover(tet)


def test_the_newest_override_goes_before_everything_while_it_lasts() -> None:
    of = rota({"turns": ["an"]})
    assert who(of, MONDAY, swap(1, "binh"), swap(2, "chi", days=0.5)) == ("chi",)
    assert who(of, MONDAY + DAY / 2, swap(1, "binh"), swap(2, "chi", days=0.5)) == ("binh",)
    assert who(of, MONDAY + DAY, swap(1, "binh")) == ("an",)


def test_a_hole_is_found_before_it_happens() -> None:
    of = rota({"turns": ["an"], "hours": {"days": ["mon", "tue", "wed", "thu", "fri"]}})
    found = holes("truc", of, (), MONDAY, MONDAY + 7 * DAY)
    saturday = datetime(2026, 11, 28, tzinfo=VIETNAM)
    assert [(hole.start, hole.end) for hole in found] == [(saturday, saturday + 2 * DAY)]
    assert holes("truc", of, [swap(1, "binh", start=saturday, days=2)], MONDAY, MONDAY + 7 * DAY) == []


LAYERS = st.lists(
    st.fixed_dictionaries(
        {
            "turns": st.lists(st.sampled_from(["an", "binh", "chi"]), min_size=1, max_size=3),
            "every": st.sampled_from(["1h", "8h", "12h", "1d", "7d"]),
            "hours": st.sampled_from(
                [
                    None,
                    {"from": "07:30", "until": "17:00"},
                    {"days": ["sat"], "from": "17:00", "until": "07:30"},
                ]
            ),
        }
    ),
    min_size=1,
    max_size=3,
)


@given(LAYERS, st.integers(-600, 6000), st.integers(1, 4000), st.integers(-60, 7000))
def test_shifts_say_at_every_minute_who_is_on_duty(
    layers: list[dict[str, Any]], begin: int, length: int, ask: int
) -> None:
    of = rota(*layers)
    start = MONDAY + timedelta(minutes=begin)
    end = start + timedelta(minutes=length)
    overrides = [swap(1, "dung", start=MONDAY + timedelta(minutes=700), days=0.3)]
    found = shifts("truc", of, overrides, start, end)
    assert (found[0].start, found[-1].end) == (start, end)
    assert all(one.end == after.start for one, after in pairwise(found))
    moment = start + timedelta(minutes=ask % length)
    (at,) = [one for one in found if one.start <= moment < one.end]
    assert at.people == who(of, moment, *overrides)


@pytest.mark.parametrize("written", ["2026-02-30 07:30", "tomorrow", "2026-11-23", 5])
def test_a_time_that_is_none_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r"time|day"):
        rota({"from": written})
