"""What the ledger asks inside its transaction: who is told of a step."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from alerts.incident import Incident, Transition
from alerts.telling.notification import Receiver, Telling, Timer


class Teller(Protocol):
    """Pure and quick: `alerts.telling.teller.Teller` is one."""

    def tell(self, incident: Incident, transition: Transition, told: Sequence[Receiver]) -> Telling:
        """Return who is told of `transition`; `told` were told of the incident before."""
        ...

    def escalate(
        self, incident: Incident, timer: Timer, moment: datetime
    ) -> tuple[Telling, Transition | None]:
        """Return who is told now that `timer` is due, and the step that makes of it in the timeline."""
        ...


class Nobody:
    """A teller that tells nobody."""

    def tell(self, incident: Incident, transition: Transition, told: Sequence[Receiver]) -> Telling:
        """Return that nobody is told."""
        return Telling(timer=None)

    def escalate(
        self, incident: Incident, timer: Timer, moment: datetime
    ) -> tuple[Telling, Transition | None]:
        """Return that nobody is told on."""
        return Telling(timer=None), None
