"""A province to look at: Hà Tĩnh's 69 communes with real board, ledger, store and rules; nobody is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.duty.roster import DutyFile, Roster
from alerts.duty.who import Who
from alerts.incident import DeviceState, Incident, IncidentKey, Kind, Severity, Step, Transition, Words
from alerts.quiet.planned import Planned
from alerts.rule import BUILT_IN, RuleBook, load_rules
from alerts.telling.notifier import Settings as Channel
from inventory.model import Inventory
from monitor.board import Board, DeviceStatus
from monitor.channels import Channels
from monitor.ledger import Ledger
from monitor.ledger.teller import Nobody
from monitor.operations import Operations
from monitor.quality.figures import Quality
from monitor.quality.measure import measure
from monitor.quiet import Quiets
from monitor.scheduler import Load
from monitor.store.duckdb import DuckDBStore
from monitor.vitals import Problem, SelfWatch, Traps, Vitals
from monitor.web.app import WebContext
from probes.core.observation import Observation, Outcome
from tests.monitor.web.communes import build_checks, build_inventory
from tests.monitor.web.switches import Switches

WATCHED = SelfWatch(True, datetime.now(UTC) - timedelta(seconds=40), True, "07:30", None, 120.0, 7)
"""The monitor is watched by everything there is."""


CHANNELS = {name: Channel(kind="test") for name in ("zalo", "sms", "nhom")}


@dataclass
class Province:
    """The parts a test moves."""

    inventory: Inventory
    board: Board
    ledger: Ledger
    store: DuckDBStore
    rules: RuleBook
    demo: Switches
    started: datetime
    quiets: Quiets
    problems: list[Problem] = field(default_factory=list)
    """What the monitor itself is said to suffer from."""
    duty: DutyFile = field(default_factory=DutyFile)

    def context(self, **changes: object) -> WebContext:
        """Return what the pages are given."""
        given: dict[str, object] = {
            "board": self.board,
            "store": self.store,
            "ledger": self.ledger,
            "operations": self.operations,
            "who": lambda: Who(
                Roster(self.duty, lambda: self.ledger.rota.overrides), self.inventory, CHANNELS
            ),
            "quiets": self.quiets,
            "channels": Channels(
                {}, self.ledger.channels.health, dict, {}, "http://monitor", lambda: datetime.now(UTC)
            ),
            "rules": lambda: self.rules,
            "vitals": self.vitals,
            "now": lambda: datetime.now(UTC),
            "quality": self.quality,
            "pace": 0.05,
            **changes,
        }
        return WebContext(**given)  # type: ignore[arg-type]

    @property
    def operations(self) -> Operations:
        """What people do about incidents; nobody is told."""
        return Operations(self.ledger.incidents, self.board, Nobody, lambda: None, lambda: datetime.now(UTC))

    def quality(self) -> Quality:
        """Return how good the alarms of the last 30 days were."""
        now = datetime.now(UTC)
        return measure(self.ledger.path, self.inventory, now - timedelta(days=30), now)

    def vitals(self) -> Vitals:
        """Return health of a monitor that keeps up."""
        load = Load(len(self.inventory.devices) * 3, 4, 0, 120_345, 0, 0.002, 0.02, 0.3)
        return Vitals(
            self.started, "0.1.0", load, self.store.health(), 0, Traps(), tuple(self.problems), WATCHED
        )

    def set_state(
        self, device: str, state: DeviceState, reason: Words | str = "", minutes: float = 0
    ) -> None:
        """Put a device into a state."""
        since = datetime.now(UTC) - timedelta(minutes=minutes)
        self.board.set_status(device, DeviceStatus(state, since, _both(reason)))

    async def open(
        self,
        rule: str,
        device: str,
        words: Words | str,
        *,
        severity: Severity = Severity.CRITICAL,
        kind: Kind = Kind.INCIDENT,
        minutes: float = 0,
        evidence: str = "",
        subject: str = "",
        step: Step = Step.OPENED,
    ) -> Incident:
        """Take a step of an incident in the ledger, then on the board."""
        at = datetime.now(UTC) - timedelta(minutes=minutes)
        key = IncidentKey(rule, device, subject=subject)
        transition = Transition(key, step, at, kind, severity, _both(words), evidence)
        (incident,) = await self.ledger.incidents.record([transition], Nobody())
        self.board.set_incident(incident)
        return incident

    def observe(self, device: str, check: str, **given: object) -> None:
        """Let a check have answered."""
        told: dict[str, object] = {
            "time": datetime.now(UTC) - timedelta(seconds=7),
            "duration": 0.012,
            "outcome": Outcome.OK,
            **given,
        }
        observation = Observation(device, check, check, **told)  # type: ignore[arg-type]
        self.board.observe(observation)
        self.store.append(observation)


def _both(words: Words | str) -> Words:
    return words if isinstance(words, Words) else Words(words, words)


@asynccontextmanager
async def province(folder: Path, inventory: Inventory | None = None) -> AsyncIterator[Province]:
    """Open the parts; every device is up for some hours."""
    inventory = inventory or build_inventory()
    started = datetime.now(UTC) - timedelta(hours=6)
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(Ledger(folder / "ledger.sqlite"))
        store = await stack.enter_async_context(DuckDBStore(folder / "series", flush_every=0.5))
        board = Board(inventory, build_checks(inventory), started)
        quiets = Quiets(ledger.silences, Planned(), inventory, lambda: datetime.now(UTC))
        quiets.changed = board.touch
        rules, switches = load_rules(*BUILT_IN), Switches(inventory)
        built = Province(inventory, board, ledger, store, rules, switches, started, quiets)
        for device in inventory.devices:
            built.set_state(device, DeviceState.UP, minutes=360)
        yield built
