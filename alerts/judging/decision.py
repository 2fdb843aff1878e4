"""What an observation leads to: steps of incidents, new states of devices, checks to ask again soon."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from alerts.incident import DeviceState, Transition, Words


class Standing(NamedTuple):
    """A device's state, why, and since when."""

    device: str
    state: DeviceState
    reason: Words
    since: datetime


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What to do now. Transitions go to the ledger first, before anyone is told."""

    transitions: tuple[Transition, ...] = ()
    status: tuple[Standing, ...] = ()
    rechecks: tuple[str, ...] = ()
    """Ids of checks (``site/device:check``) to ask again within seconds: something wants confirmation."""


NOTHING = Decision()


class Draft:
    """A decision while it is being made."""

    def __init__(self) -> None:
        self._transitions: list[Transition] = []
        self._status: dict[str, Standing] = {}
        self._rechecks: dict[str, None] = {}

    def step(self, transition: Transition) -> None:
        """Add a step of an incident."""
        self._transitions.append(transition)

    def stand(self, standing: Standing) -> None:
        """Add a device's new state."""
        self._status[standing.device] = standing

    def recheck(self, device: str, check: str) -> None:
        """Ask for a check again."""
        self._rechecks[f"{device}:{check}"] = None

    def finish(self) -> Decision:
        """Return the decision and begin a new one."""
        if not (self._transitions or self._status or self._rechecks):
            return NOTHING
        decision = Decision(tuple(self._transitions), tuple(self._status.values()), tuple(self._rechecks))
        self.__init__()  # type: ignore[misc]
        return decision
