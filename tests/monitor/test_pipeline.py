"""An observation is judged at once; a transition is stored before anyone is told, however long that takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.incident import Incident, Transition
from alerts.judging.engine import Engine
from alerts.rule import BUILT_IN, load_rules
from alerts.telling.notification import Message
from monitor.board import Board
from monitor.configuration import Configuration
from monitor.ledger import Ledger
from monitor.ledger.teller import Teller
from monitor.pipeline import Pipeline
from monitor.store.duckdb import DuckDBStore
from probes.core.observation import Observation, Outcome
from probes.core.words import say
from tests.alerts.tellers import Composed
from tests.end_to_end.site import DEVICE, load, write_service
from tests.patience import eventually


class Moody:
    """A ledger that refuses as long as it is told to: what a full disk does cannot be had portably."""

    def __init__(self, ledger: Ledger) -> None:
        self.refuses = False
        self._ledger = ledger
        self.incidents = self

    async def record(self, transitions: Sequence[Transition], teller: Teller) -> list[Incident]:
        if self.refuses:
            raise OSError(28, "No space left on device")
        return await self._ledger.incidents.record(transitions, teller)

    async def move(self, moved: Mapping[str, str], at: datetime) -> list[Incident]:
        return await self._ledger.move(moved, at)


class Watch:
    """A pipeline over a real engine, ledger and store, with observations of our making."""

    def __init__(self, pipeline: Pipeline, board: Board, ledger: Ledger, moody: Moody) -> None:
        self.pipeline, self.board, self.ledger, self.moody = pipeline, board, ledger, moody
        self.told: list[str] = []
        self.stumbles = False
        self._time = datetime.now(UTC)

    def see(self, outcome: Outcome, times: int = 1) -> None:
        """Take in some attempts, two seconds apart."""
        for _ in range(times):
            self._time += timedelta(seconds=2)
            self.pipeline.take(Observation(DEVICE, "portal", "http", self._time, 0.01, outcome))

    def compose(self, incident: Incident, transition: Transition) -> Sequence[Message]:
        """Note what would be told."""
        if self.stumbles:
            raise ValueError("a bug of ours")
        self.told.append(f"{transition.step} {incident.id}")
        return ()


@asynccontextmanager
async def watch(folder: Path) -> AsyncIterator[Watch]:
    configuration = portal(folder)
    board = Board(configuration.inventory, configuration.plan, datetime.now(UTC))
    engine = Engine(load_rules(*BUILT_IN), configuration.inventory)
    watching: list[Watch] = []

    def compose(incident: Incident, transition: Transition) -> Sequence[Message]:
        return watching[0].compose(incident, transition)

    async with Ledger(folder / "ledger.sqlite") as ledger, DuckDBStore(folder / "store") as store:
        moody = Moody(ledger)
        pipeline = Pipeline(
            board, store, engine, moody, Composed(compose), lambda: None, lambda: datetime.now(UTC)
        )
        watching.append(Watch(pipeline, board, ledger, moody))
        async with pipeline:
            yield watching[0]


def portal(folder: Path) -> Configuration:
    """One device with one web check."""
    checks = {"portal": {"probe": "http", "url": "http://127.0.0.1:1/", "interval": "2s", "timeout": "1s"}}
    return load(write_service(folder, checks))


async def test_four_refusals_open_an_incident_that_the_ledger_and_the_board_show(tmp_path: Path) -> None:
    async with watch(tmp_path) as watching:
        watching.see(Outcome.REFUSED, times=4)
        await eventually(lambda: watching.board.incidents)
        (incident,) = await watching.ledger.incidents.all_open()
        assert incident.key.rule == "service-failed"
        assert watching.board.incidents == {incident.id: incident}
        assert watching.told == ["opened 1"]


async def test_while_the_ledger_refuses_nobody_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    async with watch(tmp_path) as watching:
        watching.moody.refuses = True
        watching.see(Outcome.REFUSED, times=4)
        await eventually(lambda: "No space left" in say(watching.pipeline.problem, "en"))
        watching.see(Outcome.OK, times=3)
        await asyncio.sleep(0.1)
        assert watching.told == []
        assert not watching.board.incidents
        watching.moody.refuses = False
        await eventually(lambda: watching.told == ["opened 1", "resolved 1"])
        assert watching.pipeline.problem == ""


async def test_a_message_that_cannot_be_composed_is_a_problem_and_blocks_no_transition(
    tmp_path: Path,
) -> None:
    async with watch(tmp_path) as watching:
        watching.stumbles = True
        watching.see(Outcome.REFUSED, times=4)
        await eventually(lambda: watching.board.incidents)
        assert "could not be composed" in say(watching.pipeline.problem, "en")


async def test_leaving_stores_what_still_waits(tmp_path: Path) -> None:
    async with watch(tmp_path) as watching:
        watching.see(Outcome.REFUSED, times=4)
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert len(await ledger.incidents.all_open()) == 1


async def test_what_wants_confirmation_is_asked_again_soon(tmp_path: Path) -> None:
    async with watch(tmp_path) as watching:
        asked: list[tuple[str, float]] = []
        watching.pipeline.on_recheck(lambda check, delay: asked.append((check, delay)))
        watching.see(Outcome.REFUSED)
        assert asked[0][0] == f"{DEVICE}:portal"
