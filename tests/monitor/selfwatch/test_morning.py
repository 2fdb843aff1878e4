"""The word each morning: at its time, once a day whatever is restarted, with figures that are true."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from alerts.duty.roster import Roster
from alerts.duty.who import Who
from alerts.incident import DeviceState, Words
from alerts.telling.notifier import Settings
from inventory.model import Inventory
from monitor.ledger import Ledger
from monitor.ledger.morning import Day
from monitor.ledger.teller import Nobody
from monitor.selfwatch.morning import Morning, Unchecked, due, report
from monitor.selfwatch.settings import MorningSettings
from probes.core.words import say
from tests.alerts.province import Watch, built_in, device, inventory
from tests.alerts.telling.test_delivery import silence

WORD = datetime(2026, 11, 27, 0, 30, tzinfo=UTC)
"""07:30 in Viet Nam."""
QUIET = Day(0, 0, 0, 0, 0, timedelta(0))


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (WORD - timedelta(seconds=1), ""),
        (WORD, "2026-11-27"),
        (WORD + timedelta(hours=5), "2026-11-27"),
        (WORD + timedelta(hours=6), ""),
        (datetime(2026, 11, 26, 17, 5, tzinfo=UTC), ""),
    ],
)
def test_a_word_is_due_from_its_time_on_for_six_hours(now: datetime, day: str) -> None:
    assert due(now, MorningSettings()) == day


def test_the_figures_are_said_in_both_languages_with_what_was_not_checked() -> None:
    states = Counter({DeviceState.UP: 400, DeviceState.DOWN: 3})
    day = Day(7, 5, 2, 31, 1, timedelta(hours=2))
    said = report(states, day, Unchecked(4, 9), [Words("sổ đầy", "disk full")])
    assert "Thiết bị: 403; hoạt động 400, suy giảm 0, mất kết nối 3" in said.vi
    assert "mới 7, đã khắc phục 5; đang mở 2" in said.vi
    assert "Tin đã gửi hôm qua: 31; không gửi được 1" in said.vi
    assert "không chạy 2 giờ; 4 phép đo thiếu thông tin đăng nhập; 9 thiết bị chưa từng trả lời" in said.vi
    assert "sổ đầy" in said.vi
    assert "Not checked: the monitor did not run for 2 hours; 4 checks" in said.en


def test_a_day_on_which_all_was_checked_says_that() -> None:
    assert "Không được kiểm tra: không có" in report(Counter(), QUIET, Unchecked(), []).vi


async def waiting(ledger: Ledger) -> list[str]:
    claimed = await ledger.outbox.claim(WORD + timedelta(days=3), 100)
    return [pending.message.key for pending in claimed]


def morning(ledger: Ledger, now: datetime, *channels: str) -> Morning:
    who = Who(Roster(), Inventory((), {}, {}), {name: Settings(kind="test") for name in channels})
    settings = MorningSettings()
    return Morning(
        settings, ledger.morning, lambda day: Words("x", "x"), lambda: who, lambda: None, lambda: now
    )


async def test_it_is_told_once_a_day_over_restarts_to_the_channel_called_duty(tmp_path: Path) -> None:
    for moment in (WORD - timedelta(hours=1), WORD, WORD + timedelta(minutes=1), WORD + timedelta(hours=2)):
        async with Ledger(tmp_path / "ledger.sqlite") as ledger:
            one = morning(ledger, moment, "sms", "duty")
            await asyncio.gather(one.look(), one.look())
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        await morning(ledger, WORD + timedelta(days=1), "sms").look()
        assert await waiting(ledger) == ["alive:2026-11-27:duty:", "alive:2026-11-28:sms:"]


async def test_without_anybody_to_tell_that_is_a_problem(tmp_path: Path) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        one = morning(ledger, WORD)
        await one.look()
        assert "nobody to tell" in say(one.problem, "en")


async def test_the_day_before_is_counted_and_the_word_is_in_no_list_of_incidents(tmp_path: Path) -> None:
    watch = Watch(built_in(), inventory(device("router"), device("server", "router")))
    silence(watch, 5)
    start = watch.now - timedelta(hours=1)
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        await ledger.incidents.record(watch.transitions, Nobody())
        day = await ledger.morning.day(start, watch.now + timedelta(seconds=1))
        assert (day.opened, day.resolved, day.open_now) == (1, 0, 1)
        before = await ledger.morning.day(start - timedelta(days=1), start)
        assert (before.opened, before.open_now) == (0, 1)
        assert [one.id for one in await ledger.incidents.search()] == [1]


async def test_the_time_without_a_service_is_counted(tmp_path: Path) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        await ledger.leader.lead("first", WORD)
        await ledger.leader.renew(WORD + timedelta(hours=1))
        await ledger.leader.lead("second", WORD + timedelta(hours=3))
        day = await ledger.morning.day(WORD + timedelta(hours=2), WORD + timedelta(days=1))
        assert day.absent == timedelta(hours=1)


@pytest.mark.parametrize("written", ["7:30", "24:00", "07:60", "0730", "٠٧:٣٠", 730, "07:30:00"])
def test_what_is_no_time_of_day_is_refused(written: object) -> None:
    with pytest.raises(ValidationError, match="wants a time of day"):
        MorningSettings.model_validate({"at": written})


def test_a_time_of_day_is_taken() -> None:
    assert MorningSettings.model_validate({"at": "06:05"}).at == time(6, 5)
