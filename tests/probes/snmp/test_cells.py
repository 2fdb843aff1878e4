"""Rates and times from counters: never negative, never absurd, through wraps and restarts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.snmp import ber
from probes.snmp.cells import MAX_GAP, Both, Counter, Gauge, Readings, Size, Ticks, restarted, wrapped


def rates(tag: int, *readings: tuple[float, int | None]) -> list[float | None]:
    values: Readings = {}
    counter, out = Counter(values, "x"), []
    for now, value in readings:
        counter.take(tag, value, now)
        out.append(values["x"])
    return out


def test_the_first_reading_gives_no_rate() -> None:
    assert rates(ber.COUNTER64, (0, 5)) == [None]


def test_growth_is_per_second() -> None:
    assert rates(ber.COUNTER64, (0, 1000), (60, 7000)) == [None, 100.0]


def test_a_32_bit_counter_may_wrap() -> None:
    assert rates(ber.COUNTER32, (0, 2**32 - 600), (60, 5400)) == [None, 100.0]


def test_a_64_bit_counter_that_falls_was_reset_and_says_nothing() -> None:
    assert rates(ber.COUNTER64, (0, 2**40), (60, 10), (120, 6010)) == [None, None, 100.0]


def test_a_32_bit_counter_after_a_long_gap_says_nothing() -> None:
    assert rates(ber.COUNTER32, (0, 10), (MAX_GAP + 1, 20)) == [None, None]


def test_a_missing_reading_ends_the_series_of_growth() -> None:
    assert rates(ber.COUNTER64, (0, 10), (60, None), (120, 100), (180, 160)) == [None, None, None, 1.0]


def test_two_readings_at_almost_one_time_keep_the_last_rate() -> None:
    assert rates(ber.COUNTER64, (0, 0), (60, 60), (60.1, 61)) == [None, 1.0, 1.0]


@given(st.lists(st.tuples(st.floats(0.5, 5000), st.integers(0, 2**64 - 1)), max_size=20))
def test_no_rate_is_ever_negative_or_above_what_fits(steps: list[tuple[float, int]]) -> None:
    now, readings = 0.0, []
    for gap, value in steps:
        now += gap
        readings.append((now, value))
    for rate in rates(ber.COUNTER64, *readings):
        assert rate is None or 0 <= rate <= 2**64 / 0.5
    for rate in rates(ber.COUNTER32, *((at, value % 2**32) for at, value in readings)):
        assert rate is None or 0 <= rate <= 2**32 / 0.5


def test_an_uptime_goes_on_past_497_days() -> None:
    values: Readings = {}
    uptime = Ticks(values, "x")
    uptime.take(ber.TIMETICKS, 2**32 - 3000, 0.0)
    uptime.take(ber.TIMETICKS, 3000, 60.0)
    assert values["x"] == pytest.approx(2**32 / 100 + 30)


def test_an_uptime_that_begins_anew_is_short() -> None:
    values: Readings = {}
    uptime = Ticks(values, "x")
    uptime.take(ber.TIMETICKS, 2**31, 0.0)
    uptime.take(ber.TIMETICKS, 3000, 60.0)
    assert values["x"] == 30


@pytest.mark.parametrize(
    ("last", "value", "gap", "expected"),
    [
        (100_000, 106_000, 60, False),
        (100_000, 500, 60, True),
        (5_000, 30_000, 600, True),  # grew, yet it is younger than the gap: it restarted in between
        (2**32 - 3000, 3000, 60, False),  # the wrap
        (2**32 - 3000, 3000, 86_400, True),
        (100_000, 100_000, 30, False),  # an agent that refreshes its uptime seldom
    ],
)
def test_a_restart_is_told_from_a_wrap(last: int, value: int, gap: float, expected: bool) -> None:
    assert restarted(last, value, gap) is expected


@given(st.integers(0, 2**32 - 1), st.floats(0, 100_000))
def test_an_agent_that_just_goes_on_never_restarted(last: int, gap: float) -> None:
    now = (last + int(gap * 100)) % 2**32
    assert not restarted(last, now, gap)
    assert wrapped(last, now, gap) or now >= last


def test_sizes_past_2_to_the_31_are_not_negative() -> None:
    values: Readings = {}
    Size(values, "x").take(ber.INTEGER, -2, 0.0)
    assert values["x"] == 2**32 - 2


@pytest.mark.parametrize(
    ("text", "expected"), [(b"0.25", 0.25), (b" 7 ", 7.0), (b"n/a", None), (b"\xff", None)]
)
def test_a_number_written_as_text_is_a_number(text: bytes, expected: float | None) -> None:
    values: Readings = {}
    Gauge(values, "x").take(ber.OCTETS, text, 0.0)
    assert values["x"] == expected


def test_one_variable_may_serve_two_readings() -> None:
    values: Readings = {}
    Both.of(Gauge(values, "a"), Size(values, "b")).take(ber.INTEGER, -1, 0.0)
    assert values == {"a": -1, "b": 2**32 - 1}
