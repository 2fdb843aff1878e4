"""One outage tells the right people, by the right ways, in steps, until somebody takes it on."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from alerts.calendar import VIETNAM
from alerts.duty.roster import Roster, load_duty
from alerts.duty.rota import Override
from alerts.duty.who import Who
from alerts.incident import Incident, IncidentKey, Kind, Severity, Step, Transition, Words
from alerts.telling.message import Composer
from alerts.telling.notifier import Settings
from alerts.telling.teller import Codes, Hidden, Teller
from inventory.document import Invalid
from monitor.escalator import Escalator
from monitor.ledger import DeliveryState, Ledger
from monitor.ledger.leader import Deposed
from tests.alerts.province import built_in, device, inventory
from tests.monitor.ledger.steps import acknowledge

AT = datetime(2026, 11, 23, 9, 0, tzinfo=VIETNAM)
MINUTE = timedelta(minutes=1)
CHANNELS = {name: Settings(kind="test") for name in ("zalo", "sms", "mail", "nhom")}
DUTY = """
people:
  an: {name: Nguyễn Văn An, reach: {zalo: z-an, sms: "0911"}}
  binh: {name: Trần Bình, reach: {zalo: z-binh}}
  sep: {name: Lê Trưởng Phòng, reach: {sms: "0999"}}
rotas:
  truc: {layers: [{turns: [an, binh], every: 1d, from: "2026-11-23 07:30"}]}
policies:
  khan:
    steps:
      - {tell: "rota:truc"}
      - {after: 10m, tell: ["rota:truc", "person:sep"]}
      - {after: 30m, tell: ["channel:nhom", owner]}
    repeat: {every: 30m, times: 2}
  nhe: {steps: [{tell: "channel:nhom"}]}
routes:
  - {policy: khan, min_severity: critical}
  - {policy: nhe, hours: {from: "07:00", until: "18:00"}}
owners: {sms: phone}
patience: 5m
"""
INVENTORY = inventory(device("router"), device("server", "router"))
KEY = IncidentKey("device-down", "18562/router")


def step(
    what: Step = Step.OPENED, *, minutes: float = 0, severity: Severity = Severity.CRITICAL
) -> Transition:
    words = Words("mất kết nối", "down")
    return Transition(KEY, what, AT + minutes * MINUTE, Kind.INCIDENT, severity, words)


class Desk:
    """A ledger that tells by the duty file, with a clock of its own."""

    def __init__(self, ledger: Ledger, roster: Roster, hidden: Hidden) -> None:
        self.ledger = ledger
        composer = Composer(built_in(), INVENTORY, CHANNELS, "https://giamsat")
        self.teller = Teller(composer, Who(roster, INVENTORY, CHANNELS), Codes(b"k" * 32), hidden)
        self.now = AT
        self.seconds = 0.0
        self.escalator = Escalator(
            ledger.escalations,
            lambda: self.teller,
            lambda: None,
            lambda: self.now,
            monotonic=lambda: self.seconds,
        )

    async def record(self, *steps: Transition) -> Incident:
        return (await self.ledger.incidents.record(steps, self.teller))[-1]

    async def pass_to(self, minutes: float) -> list[str]:
        """Let time pass minute by minute; return whom the outbox tells meanwhile, all of it delivered."""
        told = []
        while self.now < AT + minutes * MINUTE:
            self.now += MINUTE
            self.seconds += 60
            await self.escalator._look()
            told += await self.told()
        return told

    async def wait(self, minutes: float) -> list[str]:
        """Let so much time pass from now on."""
        return await self.pass_to((self.now - AT) / MINUTE + minutes)

    async def told(self) -> list[str]:
        due = await self.ledger.outbox.claim(self.now, 100)
        for one in due:
            await self.ledger.outbox.delivered(one.id, self.now)
        return [f"{one.message.channel} {one.message.to}".strip() for one in due]


@pytest.fixture
def duty(tmp_path: Path) -> Roster:
    file = tmp_path / "duty.yaml"
    file.write_text(DUTY, "utf-8")
    return Roster(load_duty(file, list(CHANNELS)))


async def desk(ledger: Ledger, roster: Roster, hidden: Hidden = lambda incident, moment: "") -> Desk:
    return Desk(ledger, roster, hidden)


async def test_nobody_takes_it_on_so_it_is_told_on_step_by_step_and_repeated(
    tmp_path: Path, duty: Roster
) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        one = await desk(ledger, duty)
        await one.record(step())
        assert await one.told() == ["zalo z-an"]
        assert await one.pass_to(9) == []
        assert await one.pass_to(10) == ["zalo z-an", "sms 0999"]
        assert await one.pass_to(29) == []
        assert await one.pass_to(30) == ["nhom", "sms 0912345678"]
        everybody = ["zalo z-an", "sms 0999", "nhom", "sms 0912345678"]
        assert await one.pass_to(60) == everybody
        assert await one.pass_to(90) == everybody
        assert await one.pass_to(300) == [], "two repeats were asked for"
        steps = [(entry.step, entry.note) for entry in await ledger.incidents.timeline(1)]
        assert steps[1] == (Step.ESCALATED, _told("Nguyễn Văn An (rota:truc), Lê Trưởng Phòng (person:sep)"))


async def test_taking_it_on_stops_it_and_giving_it_back_goes_on(tmp_path: Path, duty: Roster) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        one = await desk(ledger, duty)
        await one.record(step())
        await one.told()
        await acknowledge(ledger, 1, "An", "", AT + MINUTE, one.teller)
        assert await one.pass_to(25) == []
        await ledger.incidents.by_hand([1], Step.RELEASED, "An", "", one.now, one.teller)
        assert await one.pass_to(26) == ["zalo z-an", "sms 0999"]


async def test_given_back_after_the_last_step_it_is_told_anew(tmp_path: Path, duty: Roster) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        one = await desk(ledger, duty)
        await one.record(step(severity=Severity.WARNING))
        assert await one.told() == ["nhom"]
        await acknowledge(ledger, 1, "An", "", AT + MINUTE, one.teller)
        assert await one.pass_to(25) == [], "its only step was told"
        await ledger.incidents.by_hand([1], Step.RELEASED, "An", "", one.now, one.teller)
        (again,) = await ledger.outbox.claim(one.now, 10)
        assert again.message.channel == "nhom" and "CHƯA AI NHẬN XỬ LÝ" in again.message.title


async def test_given_back_while_it_is_silent_it_is_told_anew_afterwards(tmp_path: Path, duty: Roster) -> None:
    def hidden(incident: Incident, moment: datetime) -> str:
        return "im lặng" if AT + 20 * MINUTE < moment < AT + 60 * MINUTE else ""

    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        one = await desk(ledger, duty, hidden)
        await one.record(step(severity=Severity.WARNING))
        assert await one.told() == ["nhom"]
        await acknowledge(ledger, 1, "An", "", AT + MINUTE, one.teller)
        assert await one.pass_to(25) == []
        await ledger.incidents.by_hand([1], Step.RELEASED, "An", "", one.now, one.teller)
        assert await one.pass_to(59) == []
        assert await one.pass_to(61) == ["nhom"]


async def test_the_end_is_told_to_those_who_were_told_and_to_nobody_else(
    tmp_path: Path, duty: Roster
) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        one = await desk(ledger, duty)
        await one.record(step())
        await one.told()
        await one.record(step(Step.RESOLVED, minutes=5))
        one.now = AT + 5 * MINUTE
        assert await one.told() == ["zalo z-an"]
        assert await one.pass_to(60) == []


async def test_a_way_that_fails_or_takes_too_long_is_followed_by_the_next(
    tmp_path: Path, duty: Roster
) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        one = await desk(ledger, duty)
        await one.record(step())
        (first,) = await ledger.outbox.claim(AT, 10)
        await ledger.outbox.failed(first.id, AT, "HTTP 503", AT + 2 * MINUTE)
        assert await ledger.outbox.claim(AT + MINUTE, 10) == []
        (again,) = await ledger.outbox.claim(AT + 2 * MINUTE, 10)
        await ledger.outbox.failed(again.id, AT + 2 * MINUTE, "no such user", None)
        (second,) = await ledger.outbox.claim(AT + 2 * MINUTE, 10)
        assert (second.message.channel, second.message.to) == ("sms", "0911")
        await ledger.outbox.delivered(second.id, AT + 3 * MINUTE)
        await one.record(step(Step.RESOLVED, minutes=4))
        one.now = AT + 4 * MINUTE
        assert await one.told() == ["sms 0911"], "the end goes the way that worked"


async def test_a_slow_way_is_not_waited_for_and_a_quick_one_spares_the_rest(
    tmp_path: Path, duty: Roster
) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        one = await desk(ledger, duty)
        await one.record(step())
        (first,) = await ledger.outbox.claim(AT, 10)
        await ledger.outbox.failed(first.id, AT, "away", AT + 20 * MINUTE)
        (second,) = await ledger.outbox.claim(AT + 5 * MINUTE, 10)
        assert second.message.channel == "sms"
        await ledger.outbox.delivered(second.id, AT + 5 * MINUTE)
        states = {line.channel: line.state for line in await ledger.deliveries.of(1)}
        assert states == {"zalo": DeliveryState.SPARED, "sms": DeliveryState.DELIVERED}
        assert not await ledger.outbox.holds(first.id), (
            "whoever was told by SMS is not told again when Zalo is back"
        )
        await ledger.outbox.failed(
            first.id, AT + 5 * MINUTE, "no such user", None
        )  # it was on its way meanwhile
        assert (await ledger.deliveries.of(1))[0].state is DeliveryState.SPARED
    async with Ledger(tmp_path / "other.sqlite") as ledger:
        one = await desk(ledger, duty)
        await one.record(step())
        assert await one.told() == ["zalo z-an"]
        assert [line.state for line in await ledger.deliveries.of(1)] == [
            DeliveryState.DELIVERED,
            DeliveryState.SPARED,
        ]


async def test_a_next_way_does_not_come_early_because_nobody_could_use_the_first(
    tmp_path: Path, duty: Roster
) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        await ledger.leader.lead("first", AT)
        one = await desk(ledger, duty)
        await one.record(step())
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        back = AT + 30 * MINUTE
        await ledger.leader.lead("second", back)
        (first,) = await ledger.outbox.claim(back, 10)
        assert first.message.channel == "zalo", "killed before it told; the SMS would be a second message"
        assert await ledger.outbox.claim(back + 4 * MINUTE, 10) == [first]
        assert [way.message.channel for way in await ledger.outbox.claim(back + 7 * MINUTE, 10)] == [
            "zalo",
            "sms",
        ]


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_delays_no_message_and_brings_no_next_way(
    tmp_path: Path, duty: Roster, hours: int
) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        one = await desk(ledger, duty)
        await one.record(step())
        await one.escalator._look()
        one.now += timedelta(hours=hours)
        await one.escalator._look()
        assert await one.told() == ["zalo z-an"]


async def test_a_clock_that_is_set_while_the_ledger_fails_is_taken_in_later(
    tmp_path: Path, duty: Roster
) -> None:
    async with Ledger(tmp_path / "ledger.sqlite", busy=0.05) as ledger:
        one = await desk(ledger, duty)
        await one.record(step())
        await one.told()
        await one.escalator._look()
        one.now += timedelta(hours=1)
        with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as other:
            other.execute("BEGIN IMMEDIATE")
            await one.escalator._look()
            assert one.escalator.problem
        assert await one.wait(8) == []
        assert len(await one.wait(3)) == 2


async def test_a_service_that_was_replaced_moves_no_step(tmp_path: Path, duty: Roster) -> None:
    async with (
        Ledger(tmp_path / "ledger.sqlite") as asleep,
        Ledger(tmp_path / "ledger.sqlite") as ledger,
    ):
        await asleep.leader.lead("first", AT)
        await ledger.leader.lead("second", AT)
        one = await desk(ledger, duty)
        await one.record(step())
        before = await ledger.escalations.waiting(1)
        with pytest.raises(Deposed):
            await asleep.escalations.shift(timedelta(hours=5), AT)
        assert await ledger.escalations.waiting(1) == before


async def test_what_is_hidden_waits_with_its_first_step_and_uses_up_no_time(
    tmp_path: Path, duty: Roster
) -> None:
    def hidden(incident: Incident, moment: datetime) -> str:
        return "im lặng: bảo trì" if moment < AT + 60 * MINUTE else ""

    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        one = await desk(ledger, duty, hidden)
        await one.record(step())
        assert await one.told() == [] and await one.pass_to(59) == []
        assert await one.pass_to(61) == ["zalo z-an"]
        assert await one.pass_to(69) == []
        assert await one.pass_to(71) == ["zalo z-an", "sms 0999"]


async def test_what_was_hidden_from_beginning_to_end_is_never_told(tmp_path: Path, duty: Roster) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        one = await desk(ledger, duty, lambda incident, moment: "im lặng")
        await one.record(step(), step(Step.RESOLVED, minutes=30))
        assert await one.pass_to(120) == []


async def test_a_milder_incident_takes_another_route_and_one_that_fits_none_tells_everybody(
    tmp_path: Path, duty: Roster
) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        one = await desk(ledger, duty)
        await one.record(step(severity=Severity.WARNING))
        assert await one.told() == ["nhom"]
        one.now = AT + timedelta(hours=10)
        await one.record(step(Step.RESOLVED, minutes=30))
        await one.told()
        await one.record(step(minutes=600, severity=Severity.WARNING))
        assert await one.told() == ["zalo", "sms", "mail", "nhom"], "at night no route fits"


async def test_a_step_that_reaches_nobody_goes_on_to_the_next_at_once(tmp_path: Path, duty: Roster) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        one = await desk(ledger, duty)
        before = -3 * 24 * 60  # the rota begins later
        one.now = AT + before * MINUTE
        await one.record(step(minutes=before))
        assert await one.told() == ["sms 0999"]


async def test_a_swap_with_somebody_who_left_the_file_counts_no_more(tmp_path: Path, duty: Roster) -> None:
    gone = Override(1, "truc", ("left-us",), AT - MINUTE, AT + 600 * MINUTE, "an")
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        one = await desk(ledger, Roster(duty.duty, lambda: [gone]))
        await one.record(step())
        assert await one.told() == ["zalo z-an"]


async def test_a_worse_turn_is_told_to_those_who_know_and_begins_the_steps_for_others(
    tmp_path: Path, duty: Roster
) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        one = await desk(ledger, duty)
        await one.record(step(severity=Severity.WARNING))
        await one.told()
        worse = step(Step.CHANGED, minutes=1)
        await one.record(msgspec.structs.replace(worse, before=Severity.WARNING))
        one.now = AT + MINUTE
        assert await one.told() == ["nhom", "zalo z-an"]
        assert await one.pass_to(12) == ["zalo z-an", "sms 0999"]


@pytest.mark.parametrize("hours", [-1, 1, 24])
async def test_a_clock_that_is_set_changes_nothing(tmp_path: Path, duty: Roster, hours: int) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        one = await desk(ledger, duty)
        await one.record(step())
        assert await one.told() == ["zalo z-an"]
        await one.pass_to(5)
        one.now += timedelta(hours=hours)
        assert await one.wait(4) == []
        assert len(await one.wait(2)) == 2


async def test_a_step_due_beyond_all_measure_was_so_by_a_wrong_clock(tmp_path: Path, duty: Roster) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        one = await desk(ledger, duty)
        one.now = AT + timedelta(days=400)
        await one.record(step(minutes=400 * 24 * 60))
        await one.told()
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        again = await desk(ledger, duty)
        assert len(await again.wait(1)) == 2


async def test_a_restart_between_two_steps_loses_and_repeats_nothing(tmp_path: Path, duty: Roster) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        one = await desk(ledger, duty)
        await one.record(step())
        assert await one.told() == ["zalo z-an"]
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        one = await desk(ledger, duty)
        assert await one.pass_to(9) == []
        assert await one.pass_to(11) == ["zalo z-an", "sms 0999"]


async def test_a_code_is_kept_only_as_a_digest_and_is_good_for_its_incident(
    tmp_path: Path, duty: Roster
) -> None:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        one = await desk(ledger, duty)
        await one.record(step())
        (first,) = await ledger.outbox.claim(AT, 10)
        code = first.message.code
        take = await ledger.takes.find(code)
        assert take is not None and (take.incident, take.who, take.used_at) == (1, "Nguyễn Văn An", None)
        assert await ledger.takes.find(code[:-1] + "A") is None
        await ledger.takes.use(code, AT)
        again = await ledger.takes.find(code)
        assert again is not None and again.used_at is not None


def test_every_name_that_stands_for_nothing_is_said_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "duty.yaml"
    text = DUTY.replace("person:sep", "person:chef").replace("sms: phone", "fax: phone")
    text = text.replace("policy: nhe", "policy: nho").replace("[an, binh]", "[an, bin]")
    file.write_text(text.replace("zalo: z-an", "zalo2: z-an"), "utf-8")
    with pytest.raises(Invalid) as refusal:
        load_duty(file, list(CHANNELS))
    said = sorted(problem.line for problem in refusal.value.problems)
    assert said == [3, 7, 12, 18, 19]


def _told(who: str) -> Words:
    return Words(f"báo cho: {who}", f"told: {who}")
