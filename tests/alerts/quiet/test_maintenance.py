"""Planned maintenance: its windows over midnight, over Tết, one over another; and the files it stands in."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.calendar import VIETNAM, is_holiday
from alerts.quiet.maintenance import Maintenance
from alerts.quiet.planned import load_planned
from alerts.quiet.window import Window, coming, joined, window_at
from inventory.problem import Invalid
from tests.alerts.province import device, inventory
from tests.alerts.test_docs import DOCS, example

NOW = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def planned(**changes: object) -> Maintenance:
    given: dict[str, object] = {
        "id": "work",
        "reason": "Thay pin UPS",
        "author": "Sở",
        "where": {"role": ["ups"]},
        "from": "2026-11-26 22:00",
        "for": "4h",
    }
    return Maintenance.model_validate_json(json.dumps(given | changes), strict=True)


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=VIETNAM)  # type: ignore[misc,arg-type]


def test_once_it_is_one_window_in_viet_nams_time() -> None:
    quiet = planned().quiet(NOW)
    assert quiet.windows == (Window(local(2026, 11, 26, 22, 0), local(2026, 11, 27, 2, 0)),)
    assert quiet.window(datetime(2026, 11, 26, 15, 0, tzinfo=UTC)) is not None
    assert quiet.window(datetime(2026, 11, 26, 14, 59, 59, tzinfo=UTC)) is None
    assert quiet.window(datetime(2026, 11, 26, 19, 0, tzinfo=UTC)) is None, "its end is no longer within"


def test_the_day_of_a_window_is_that_of_its_beginning_in_viet_nam() -> None:
    """Midnight there is 17:00 UTC: Saturday 23:00 goes on into Sunday, and Sunday 01:00 is Sunday's."""
    late = planned(**{"from": "2026-11-28 23:00", "for": "2h", "repeat": "FREQ=WEEKLY;BYDAY=SA"}).quiet(NOW)
    assert late.window(local(2026, 12, 6, 0, 30)) == Window(
        local(2026, 12, 5, 23, 0), local(2026, 12, 6, 1, 0)
    )
    early = planned(**{"from": "2026-11-28 01:00", "for": "2h", "repeat": "FREQ=WEEKLY;BYDAY=SU"}).quiet(NOW)
    assert early.coming(NOW)[0].start == local(2026, 11, 29, 1, 0)


def test_tet_is_left_out_or_is_all_there_is() -> None:
    tet = [local(2027, 2, day, 22, 0) for day in range(4, 11)]
    daily = {"from": "2027-01-20 22:00", "repeat": "FREQ=DAILY;UNTIL=20270220"}
    besides = planned(**daily, holidays="except").quiet(NOW)
    only = planned(**daily, holidays="only").quiet(NOW)
    assert [besides.window(day) for day in tet] == [None] * len(tet)
    assert besides.window(local(2027, 2, 3, 23, 0)) is not None
    assert besides.window(local(2027, 2, 11, 22, 0)) is not None
    assert [window.start for window in only.windows] == tet
    assert only.window(local(2027, 2, 11, 1, 0)) is not None, "the last night of Tết goes on past midnight"


def test_what_begins_before_a_holiday_goes_on_into_it() -> None:
    """National day is 1 and 2 September; the work of 31 August 22:00 (a day in lieu) and of 30 August."""
    quiet = planned(
        **{"from": "2026-08-01 22:00", "repeat": "FREQ=DAILY;UNTIL=20260905"}, holidays="except"
    ).quiet(datetime(2026, 8, 20, tzinfo=UTC))
    assert quiet.window(local(2026, 8, 31, 1, 0)) is not None
    assert quiet.window(local(2026, 8, 31, 23, 0)) is None
    assert quiet.window(local(2026, 9, 3, 23, 0)) is not None


def test_switched_off_it_holds_nothing_back() -> None:
    assert planned(enabled=False).quiet(NOW).windows == ()


def test_windows_of_years_ago_cost_nothing_and_those_of_next_year_are_there() -> None:
    quiet = planned(**{"from": "2001-01-01 03:00", "for": "30m", "repeat": "FREQ=HOURLY"}).quiet(NOW)
    assert quiet.window(local(2026, 11, 26, 15, 10)) == Window(
        local(2026, 11, 26, 15, 0), local(2026, 11, 26, 15, 30)
    )
    assert quiet.window(local(2026, 11, 26, 15, 40)) is None
    assert quiet.windows[-1].end > NOW + timedelta(days=360)
    assert len(quiet.windows) < 10_000


SPANS = st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 600)), max_size=30)


@settings(max_examples=200, deadline=None)
@given(SPANS, st.integers(0, 5700))
def test_overlapping_windows_are_as_their_union(spans: list[tuple[int, int]], minute: int) -> None:
    raw = [Window(_at(start), _at(start + length)) for start, length in spans]
    windows, moment = joined(raw), _at(minute)
    found = window_at(windows, moment)
    assert (found is not None) == any(one.covers(moment) for one in raw)
    assert all(before.end < after.start for before, after in pairwise(windows))
    assert coming(windows, moment) == tuple(one for one in windows if one.end > moment)
    if found is not None:
        assert not any(one.covers(found.end) for one in raw), "it ends where nothing goes on"


def _at(minute: int) -> datetime:
    return EPOCH + timedelta(minutes=minute)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 3 * 365 * 24), st.integers(1, 72), st.sampled_from(["same", "except", "only"]))
def test_at_any_moment_it_holds_exactly_if_a_day_it_counts_began_within_its_length(
    hour: int, length: int, holidays: str
) -> None:
    one = planned(
        **{"from": "2026-01-01 22:00", "for": f"{length}h", "repeat": "FREQ=DAILY"}, holidays=holidays
    )
    moment = local(2026, 1, 10, 0, 30) + timedelta(hours=hour)
    begins = [
        begin
        for back in range(5)
        if (begin := moment.replace(hour=22, minute=0) - timedelta(days=back)) <= moment
        and begin + timedelta(hours=length) > moment
        and (holidays == "same" or is_holiday(begin.date()) == (holidays == "only"))
    ]
    assert (one.quiet(moment).window(moment) is not None) == bool(begins)


def write(path: Path, *entries: str) -> Path:
    path.write_text("maintenance:\n" + "".join(f"  - {entry}\n" for entry in entries), encoding="utf-8")
    return path


GOOD = "{id: %s, reason: Thay pin, author: Sở, where: {role: ups}, from: 2026-12-01 22:00, for: 4h}"


def test_a_folder_is_read_whole_and_each_entry_has_its_place(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", GOOD % "one")
    write(tmp_path / "b.yaml", GOOD % "two", GOOD % "three")
    found = load_planned(tmp_path)
    assert list(found.maintenance) == ["one", "two", "three"]
    assert (found.places["three"].line, found.places["three"].column) == (3, 10)
    assert list(load_planned(tmp_path / "b.yaml").maintenance) == ["two", "three"]


def test_every_mistake_of_every_file_is_said_and_nothing_is_taken(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", GOOD % "one", GOOD % "one")
    write(
        tmp_path / "b.yaml",
        (GOOD % "two")
        .replace("}", ", repeat: FREQ=MINUTELY}", 2)
        .replace("ups, repeat: FREQ=MINUTELY}", "ups}"),
    )
    with pytest.raises(Invalid) as refusal:
        load_planned(tmp_path)
    first, second = refusal.value.problems
    assert "already at" in first.message and first.line == 3
    assert "oftener than each hour" in second.message
    assert (second.line, second.path) == (2, "maintenance[0].repeat")


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no such file or folder"):
        load_planned(tmp_path / "none")


def test_one_that_means_no_device_is_doubtful(tmp_path: Path) -> None:
    found = load_planned(write(tmp_path / "a.yaml", GOOD % "one"))
    (doubt,) = found.doubts(inventory(device("router")))
    assert "means no device" in doubt.message and doubt.path == "maintenance[0].where"
    assert list(found.doubts(inventory(device("ups")))) == []


def test_too_many_are_refused(tmp_path: Path) -> None:
    for file in range(3):
        write(tmp_path / f"{file}.yaml", *(GOOD % f"n{file}-{number}" for number in range(80)))
    with pytest.raises(Invalid, match="more than 200"):
        load_planned(tmp_path)


def test_the_example_of_the_documentation_loads_and_every_key_is_explained(tmp_path: Path) -> None:
    found = load_planned(example("quiet.md", tmp_path))
    assert list(found.maintenance) == ["sao-luu", "thay-pin"]
    text = (DOCS / "quiet.md").read_text(encoding="utf-8")
    names = {field.alias or name for name, field in Maintenance.model_fields.items()}
    assert not [name for name in names if f"`{name}`" not in text]
