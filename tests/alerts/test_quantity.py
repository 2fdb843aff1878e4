"""Numbers as admins write them and as people read them."""

from __future__ import annotations

import pytest

from alerts.quantity import base, duration, for_people


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("80%", 0.8),
        ("80 %", 0.8),
        ("30d", 2592000.0),
        ("500ms", 0.5),
        ("2 GB", 2e9),
        ("65 °C", 65.0),
        ("-3", -3.0),
        (7, 7),
    ],
)
def test_a_written_quantity_is_in_base_units(written: object, value: float) -> None:
    assert base(written) == pytest.approx(value)


@pytest.mark.parametrize("written", ["", "80 percent", "1e9", "٣%", "80%%", "x", "9" * 400])
def test_what_is_no_quantity_is_refused_with_the_units_named(written: str) -> None:
    with pytest.raises(ValueError, match="with one of these units"):
        base(written)


@pytest.mark.parametrize(
    ("value", "unit", "vi", "en"),
    [
        (0.815, "1", "81,5 %", "81.5 %"),
        (72.0, "Cel", "72 °C", "72 °C"),
        (29 * 86400 + 5, "s", "29 ngày", "29 days"),
        (-3 * 86400, "s", "-3 ngày", "-3 days"),
        (0.0123, "s", "12,3 ms", "12.3 ms"),
        (1.5e9, "By", "1,5 GB", "1.5 GB"),
        (2.5e6, "bit/s", "2,5 Mbit/s", "2.5 Mbit/s"),
        (3.0, "{unit}", "3", "3"),
        (float("nan"), "1", "?", "?"),
        (float("inf"), "s", "?", "?"),
    ],
)
def test_people_read_a_value_with_its_unit(value: float, unit: str, vi: str, en: str) -> None:
    assert (for_people(value, unit, "vi"), for_people(value, unit, "en")) == (vi, en)


def test_a_duration_is_in_the_largest_unit_of_which_there_are_two() -> None:
    shown = [duration(seconds, "en") for seconds in (0, 0.5, 90, 120, 7199, 7200, 172799, 172800)]
    assert shown == [
        "0 seconds", "500 ms", "90 seconds", "2 minutes", "119 minutes", "2 hours", "47 hours", "2 days",
    ]  # fmt: skip
