"""What every check saw last, kept while the device is silent: the board holds only the latest attempt."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from monitor.board import Board
from probes.core.observation import Observation


class Sighting(msgspec.Struct, frozen=True):
    """The last observation of a check that held numbers, and the last that held facts; often the same."""

    numbers: Observation | None = None
    facts: Observation | None = None


class Seen:
    """Sightings by check id. In memory: it begins with the monitor, the store remembers numbers for longer."""

    def __init__(self) -> None:
        self._sightings: dict[str, Sighting] = {}

    def note(self, check_id: str, last: Observation | None) -> Sighting:
        """Take in the latest observation of a check, and return what it saw last."""
        known = self._sightings.get(check_id, _NOTHING)
        if last is None or not (last.samples or last.facts):
            return known
        fresh = Sighting(last if last.samples else known.numbers, last if last.facts else known.facts)
        self._sightings[check_id] = fresh
        return fresh

    def sweep(self, board: Board, devices: Iterable[str]) -> None:
        """Take in all that the board holds of `devices`."""
        for device in devices:
            for check in board.checks(device):
                self.note(check.id, board.last(check.id))


_NOTHING = Sighting()
