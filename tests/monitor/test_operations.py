"""What people do about incidents is in the ledger and on the board, once, with who and why."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from alerts.incident import Incident, Status, Step, Transition
from alerts.telling.notification import Message
from inventory.model import Inventory
from monitor.board import Board
from monitor.ledger import Ledger, LedgerError
from monitor.operations import LONGEST, MOST_AT_ONCE, Operations
from probes.core.words import say
from tests.alerts.tellers import Composed
from tests.monitor.ledger.steps import OTHER, T0, step, to_none


@dataclass
class Desk:
    """The parts."""

    ledger: Ledger
    board: Board
    operations: Operations
    told: list[Step] = field(default_factory=list)
    woken: int = 0
    now: datetime = T0

    def compose(self, incident: Incident, transition: Transition) -> tuple[Message, ...]:
        self.told.append(transition.step)
        return ()

    def wake(self) -> None:
        self.woken += 1

    async def open(self, *steps: Transition) -> list[int]:
        opened = await self.ledger.incidents.record(steps or [step(Step.OPENED)], to_none)
        for incident in opened:
            self.board.set_incident(incident)
        return [incident.id for incident in opened]


@pytest_asyncio.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        board = Board(Inventory((), {}, {}), (), T0)
        made = Desk(ledger, board, None)  # type: ignore[arg-type]
        made.operations = Operations(
            ledger.incidents, board, lambda: Composed(made.compose), made.wake, lambda: made.now
        )
        yield made


async def test_several_are_taken_on_at_once_and_the_board_shows_it(desk: Desk) -> None:
    ids = await desk.open(step(Step.OPENED), step(Step.OPENED, OTHER))
    taken = await desk.operations.acknowledge([*ids, ids[0], 999], "Lê Văn C", "đang xử lý")
    assert [one.id for one in taken] == ids
    assert {one.acknowledged_by for one in desk.board.incidents.values()} == {"Lê Văn C"}
    assert await desk.ledger.incidents.all_open() == taken
    assert (desk.told, desk.woken) == ([Step.ACKNOWLEDGED] * 2, 1)
    last = (await desk.ledger.incidents.timeline(ids[0]))[-1]
    assert (last.step, last.who, last.note) == (Step.ACKNOWLEDGED, "Lê Văn C", "đang xử lý")


async def test_of_two_who_take_on_what_nobody_has_the_second_does_not_take_over_unawares(desk: Desk) -> None:
    (number,) = await desk.open()
    first = await desk.operations.take_on([number], "An")
    assert [one.acknowledged_by for one in first] == ["An"]
    assert await desk.operations.take_on([number], "Bình") == []
    assert desk.board.incidents[number].acknowledged_by == "An"
    (knowingly,) = await desk.operations.acknowledge([number], "Bình")
    assert knowingly.acknowledged_by == "Bình"


async def test_given_back_it_is_open_and_only_what_somebody_has_can_be_given_back(desk: Desk) -> None:
    ids = await desk.open()
    assert await desk.operations.release(ids, "A") == []
    await desk.operations.acknowledge(ids, "A")
    (free,) = await desk.operations.release(ids, "B", "hết ca")
    assert (free.status, free.acknowledged_by) == (Status.OPEN, "")
    assert desk.board.incidents[ids[0]] == free


async def test_taken_on_until_a_time_it_is_open_again_then_even_after_a_restart(
    desk: Desk, tmp_path: Path
) -> None:
    ids = await desk.open()
    await desk.operations.acknowledge(ids, "A", until=T0 + timedelta(hours=1))
    desk.now = T0 + timedelta(minutes=59)
    assert await desk.operations.expire() == []
    async with Ledger(tmp_path / "ledger.sqlite") as again:
        board = Board(Inventory((), {}, {}), (), T0, await again.incidents.all_open())
        later = Operations(
            again.incidents, board, lambda: to_none, desk.wake, lambda: T0 + timedelta(hours=1)
        )
        (free,) = await later.expire()
        assert (free.status, free.acknowledged_until) == (Status.OPEN, None)
        assert (await again.incidents.timeline(free.id))[-1].who == "commune-monitor"
        assert await later.expire() == []


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(seconds=-1), LONGEST + timedelta(seconds=1)])
async def test_a_time_that_is_over_or_too_far_is_refused(desk: Desk, ahead: timedelta) -> None:
    ids = await desk.open()
    with pytest.raises(ValueError, match="30 days"):
        await desk.operations.acknowledge(ids, "A", until=T0 + ahead)
    assert desk.board.incidents[ids[0]].status is Status.OPEN


async def test_a_resolved_incident_takes_notes_and_nothing_else(desk: Desk) -> None:
    ids = await desk.open()
    for incident in await desk.ledger.incidents.record([step(Step.RESOLVED, minutes=1)], to_none):
        desk.board.set_incident(incident)
    assert await desk.operations.acknowledge(ids, "A") == []
    (noted,) = await desk.operations.note(ids, "A", "cáp bị đứt\nở km 12 \u202e")
    assert noted.status is Status.RESOLVED
    assert desk.board.incidents == {}
    assert (await desk.ledger.incidents.timeline(ids[0]))[-1].note == "cáp bị đứt ở km 12 \ufffd"
    with pytest.raises(ValueError, match="empty"):
        await desk.operations.note(ids, "A", " \n ")


async def test_too_many_at_once_are_refused(desk: Desk) -> None:
    with pytest.raises(ValueError, match="at most"):
        await desk.operations.acknowledge(range(MOST_AT_ONCE + 1), "A")


async def test_a_ledger_that_fails_is_said_and_tried_again(desk: Desk, tmp_path: Path) -> None:
    ids = await desk.open()
    await desk.operations.acknowledge(ids, "A", until=T0 + timedelta(hours=1))
    desk.now = T0 + timedelta(hours=2)

    class Full:
        async def by_hand(self, *given: object, **named: object) -> list[Incident]:
            raise LedgerError("the disk is full")

        take_on = by_hand

    failing = Operations(Full(), desk.board, lambda: to_none, desk.wake, lambda: desk.now)
    assert await failing.expire() == []
    assert "disk is full" in say(failing.problem, "en")
    (free,) = await desk.operations.expire()
    assert free.status is Status.OPEN
