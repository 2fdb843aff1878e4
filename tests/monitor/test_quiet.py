"""What is quiet is not told, and nothing else changes: it is told once when the quiet is over, whatever happened."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from alerts.duty.roster import Roster
from alerts.duty.who import Who
from alerts.incident import Incident, IncidentKey, Severity, Status, Step
from alerts.quiet.maintenance import Maintenance
from alerts.quiet.planned import Planned
from alerts.quiet.silence import Silence, read_wish
from alerts.telling.message import Composer
from alerts.telling.notifier import Settings
from alerts.telling.teller import Codes, Teller
from monitor.escalator import Escalator
from monitor.ledger import Ledger
from monitor.ledger.silences import MOST_OPEN, TooMany, load
from monitor.quiet import Quiets, lately
from probes.core.words import Words, say
from tests.alerts.province import built_in, device, inventory
from tests.monitor.ledger.steps import KEY, T0, step
from tests.patience import eventually

CHANNELS = {"duty": Settings(kind="test")}
DEVICES = inventory(device("router", site="18073"), device("server", "router", site="18073"))
HOUR = timedelta(hours=1)


@dataclass
class Office:
    """A ledger with what is quiet, who tells, and a clock turned by hand."""

    ledger: Ledger
    now: datetime = T0
    quiets: Quiets = field(init=False)

    def __post_init__(self) -> None:
        self.quiets = Quiets(self.ledger.silences, Planned(), DEVICES, lambda: self.now)
        composer = Composer(built_in(), DEVICES, CHANNELS, "http://monitor")
        self.teller = Teller(composer, Who(Roster(), DEVICES, CHANNELS), Codes(bytes(32)), self.quiets.why)
        self.escalator = Escalator(
            self.ledger.escalations, lambda: self.teller, lambda: None, lambda: self.now, 5.0, self.elapsed
        )

    def elapsed(self) -> float:
        """A monotonic clock that goes with the other."""
        return self.now.timestamp()

    async def silence(self, hours: float = 1, **asked: object) -> Silence:
        until = (self.now + timedelta(hours=7 + hours)).strftime("%Y-%m-%d %H:%M")
        wish = read_wish({"where": {"site": "18073"}, "until": until, "reason": "Thay pin UPS"} | asked)
        return await self.ledger.silences.add(wish.silence("An", self.now))

    async def see(self, what: Step, minutes: float = 0, severity: Severity = Severity.CRITICAL) -> Incident:
        self.now = T0 + timedelta(minutes=minutes)
        (found,) = await self.ledger.incidents.record(
            [step(what, minutes=minutes, severity=severity)], self.teller
        )
        return found

    async def later(self, hours: float) -> None:
        """Let time pass, with the looks of the escalator that fall into it."""
        end = T0 + timedelta(hours=hours)
        while self.now < end:
            self.now = min(end, self.now + timedelta(minutes=10))
            await self.escalator._look()
            await self.escalator._look()

    async def told(self) -> list[str]:
        """Return the titles of all messages, as far as they are of first steps and ends."""
        return [
            one.title.partition("]")[0][1:]
            for incident in await self.ledger.incidents.search(limit=1000)
            for one in await self.ledger.deliveries.of(incident.id)
        ]


@asynccontextmanager
async def office(folder: Path) -> AsyncIterator[Office]:
    async with Ledger(folder / "ledger.sqlite", watch_every=0.02) as ledger:
        yield Office(ledger)


def killed(folder: Path, to: Path) -> Path:
    """Return a copy of the ledger as a killed process leaves it: nothing closed, nothing folded together."""
    to.mkdir()
    for file in folder.glob("ledger.sqlite*"):
        shutil.copy(file, to / file.name)
    return to


async def test_what_opens_in_a_silence_is_stored_and_shown_and_says_by_which_it_is_hidden(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as desk:
        made = await desk.silence()
        incident = await desk.see(Step.OPENED)
        assert await desk.told() == []
        (opened,) = await desk.ledger.incidents.timeline(incident.id)
        assert opened.note == Words(
            f"tạm dừng cảnh báo {made.id} tới 20/11/2026 16:00: Thay pin UPS (An)",
            f"silence {made.id} until 20/11/2026 16:00: Thay pin UPS (An)",
        )
        assert [one.id for one in await desk.ledger.incidents.all_open()] == [incident.id]
        hidden = desk.quiets.hides(incident)
        assert hidden is not None and hidden.quiet.number == made.id


async def test_when_the_silence_is_over_what_is_still_open_is_told_once_and_its_end_too(
    tmp_path: Path,
) -> None:
    async with office(tmp_path) as desk:
        await desk.silence(hours=1)
        await desk.see(Step.OPENED, minutes=5)
        await desk.later(0.9)
        assert await desk.told() == []
        await desk.later(1.1)
        assert await desk.told() == ["SỰ CỐ NGHIÊM TRỌNG"]
        await desk.later(1.5)
        assert await desk.told() == ["SỰ CỐ NGHIÊM TRỌNG"]
        await desk.see(Step.RESOLVED, minutes=95)
        assert await desk.told() == ["SỰ CỐ NGHIÊM TRỌNG", "ĐÃ KHẮC PHỤC"]


async def test_what_is_over_before_the_silence_is_never_told(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        await desk.silence()
        await desk.see(Step.OPENED, minutes=5)
        resolved = await desk.see(Step.RESOLVED, minutes=30)
        assert resolved.status is Status.RESOLVED, "suppression stops the telling, never the end"
        await desk.later(3)
        assert await desk.told() == []


async def test_the_end_of_what_was_told_before_the_silence_is_told_within_it(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        await desk.see(Step.OPENED)
        assert len(await desk.told()) == 1
        await desk.silence(hours=2)
        await desk.later(1.9)
        assert len(await desk.told()) == 1, "no repeat, no escalation meanwhile"
        await desk.see(Step.RESOLVED, minutes=115)
        assert await desk.told() == ["SỰ CỐ NGHIÊM TRỌNG", "ĐÃ KHẮC PHỤC"]


async def test_what_becomes_worse_in_a_silence_is_told_after_it(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        await desk.silence()
        await desk.see(Step.OPENED, severity=Severity.WARNING)
        worse = msgspec.structs.replace(step(Step.CHANGED, minutes=3), before=Severity.WARNING)
        await desk.ledger.incidents.record([worse], desk.teller)
        assert await desk.told() == []
        await desk.later(1.1)
        assert await desk.told() == ["SỰ CỐ NGHIÊM TRỌNG"]


async def test_ended_early_it_is_told_then_and_extended_it_is_told_later(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        made = await desk.silence(hours=1)
        await desk.see(Step.OPENED)
        await desk.ledger.silences.extend(made.id, T0 + 3 * HOUR, "Bình", desk.now)
        await desk.later(2)
        assert await desk.told() == []
        await desk.ledger.silences.end(made.id, "Bình", desk.now)
        assert desk.ledger.silences.known[0].ended_by == "Bình"
        await desk.later(2.2)
        assert len(await desk.told()) == 1
        assert await desk.ledger.silences.end(made.id, "Bình", desk.now) is None
        assert await desk.ledger.silences.extend(made.id, desk.now + HOUR, "Bình", desk.now) is None


async def test_killed_and_restarted_in_the_silence_it_is_told_once_after_it(tmp_path: Path) -> None:
    async with office(tmp_path / "first") as desk:
        await desk.silence()
        await desk.see(Step.OPENED)
        left = killed(tmp_path / "first", tmp_path / "second")
    async with office(left) as again:
        await again.later(0.5)
        assert await again.told() == [], "the silence holds over a restart"
        await again.later(1.1)
        assert len(await again.told()) == 1
        then = killed(left, tmp_path / "third")
    async with office(then) as third:
        third.now = T0 + 1.1 * HOUR
        await third.later(1.6)
        assert len(await third.told()) == 1, "stored with its message, it is not told again"


async def test_a_silence_that_was_over_while_the_service_was_away_is_told_at_the_start(
    tmp_path: Path,
) -> None:
    async with office(tmp_path / "first") as desk:
        await desk.silence()
        await desk.see(Step.OPENED)
        left = killed(tmp_path / "first", tmp_path / "second")
    async with office(left) as again:
        again.now = T0 + 5 * HOUR
        await again.escalator._look()
        assert len(await again.told()) == 1


async def test_a_silence_of_another_process_is_known_within_a_moment(tmp_path: Path) -> None:
    async with office(tmp_path) as desk, office(tmp_path) as command:
        await command.silence()
        await eventually(lambda: desk.quiets.quiets)
        await desk.see(Step.OPENED)
        assert await desk.told() == []


def planned(**changes: object) -> Planned:
    given: Mapping[str, object] = {
        "id": "night",
        "reason": "Nâng cấp",
        "author": "Sở",
        "where": {"site": "18073"},
        "from": "2026-11-20 14:30",
        "for": "1h",
    }
    made = Maintenance.model_validate_json(json.dumps({**given, **changes}), strict=True)
    return Planned({made.id: made}, {})


async def test_planned_maintenance_hides_in_its_hours_and_an_edit_is_followed(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        desk.quiets.follow(planned(), DEVICES)
        incident = await desk.see(Step.OPENED)
        assert await desk.told() == []
        (opened,) = await desk.ledger.incidents.timeline(incident.id)
        assert say(opened.note, "vi").startswith("bảo trì night tới 20/11/2026 15:30: Nâng cấp")
        await desk.quiets.look()
        assert set(desk.quiets.under_maintenance) == {"18073/router", "18073/server"}
        desk.quiets.follow(Planned(), DEVICES)
        await desk.later(0.2)
        assert len(await desk.told()) == 1
        await desk.quiets.look()
        assert desk.quiets.under_maintenance == {}


async def test_many_hidden_ones_do_not_keep_another_waiting(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        await desk.silence(hours=9, rules=["disk-full"])
        short = await desk.silence(rules=["device-down"])
        keys = [IncidentKey("disk-full", KEY.device, "", f"/{number}") for number in range(300)]
        await desk.ledger.incidents.record([step(Step.OPENED, key) for key in keys], desk.teller)
        await desk.see(Step.OPENED, minutes=1)
        await desk.ledger.silences.end(short.id, "An", desk.now)
        await desk.escalator._look()
        assert len(await desk.told()) == 1


async def test_windows_are_worked_out_anew_before_they_run_out(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        desk.quiets.follow(planned(repeat="FREQ=DAILY"), DEVICES)
        desk.now += timedelta(days=700)
        await desk.quiets.look()
        assert len(desk.quiets.under_maintenance) == 2


async def test_every_step_of_a_silence_is_in_the_record(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        made = await desk.silence(rules=["device-*"])
        await desk.ledger.silences.extend(made.id, T0 + 5 * HOUR, "Bình", T0)
        await desk.ledger.silences.end(made.id, "Chi", T0 + HOUR)
        lines = await desk.ledger.audit.newest()
        assert [(one.who, one.what, one.subject) for one in lines] == [
            ("Chi", "silence ended", "#1"),
            ("Bình", "silence extended", "#1"),
            ("An", "silence made", "#1"),
        ]
        assert (
            lines[2].detail
            == "20/11/2026 15:00 - 20/11/2026 16:00; site: 18073; rules: device-*; Thay pin UPS"
        )


async def test_extending_beyond_ninety_days_is_refused(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        made = await desk.silence()
        with pytest.raises(ValueError, match="at most 90 days"):
            await desk.ledger.silences.extend(made.id, T0 + timedelta(days=91), "An", T0)
        with pytest.raises(ValueError, match="is over"):
            await desk.ledger.silences.extend(made.id, T0 - HOUR, "An", T0)
        assert desk.ledger.silences.known[0].until == made.until


async def test_more_silences_than_anybody_needs_are_refused(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        made = await desk.silence()

        def fill(db: sqlite3.Connection) -> None:
            db.execute(
                "WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
                " INSERT INTO silences(start_at, until_at, body) SELECT start_at, until_at, body FROM silences, n",
                (MOST_OPEN,),
            )

        await desk.ledger._database.write(fill)
        with pytest.raises(TooMany, match="use one selector"):
            await desk.silence()
        desk.now = made.until + HOUR
        assert await desk.silence()


async def test_the_last_days_are_read_page_by_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.quiet.PAGE", 2)
    async with office(tmp_path) as desk:
        for number in range(7):
            key = KEY.of(f"18073/d{number}")
            await desk.ledger.incidents.record([step(Step.OPENED, key, minutes=number * 60)], desk.teller)
        assert [one.key.device for one in await lately(desk.ledger.incidents, T0 + 2.5 * HOUR)] == [
            f"18073/d{number}" for number in (6, 5, 4, 3)
        ]
        assert len(await lately(desk.ledger.incidents, T0 - HOUR)) == 7


async def test_what_was_quiet_long_ago_is_forgotten_with_the_rest(tmp_path: Path) -> None:
    async with office(tmp_path) as desk:
        await desk.silence()
        await desk.silence(hours=24 * 80)
        await desk.ledger.prune(T0 + timedelta(days=1))
        desk.ledger.silences.learn(await desk.ledger._database.read(load))
        assert [one.id for one in desk.ledger.silences.known] == [2]
