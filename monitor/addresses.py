"""Warns of an address in the duty file that its channel cannot tell anybody at, before the night it is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from alerts.duty.roster import DutyFile, Roster
from alerts.telling.notifier import Notifier, Refused


class Addresses:
    """Looks at a duty file once, for whoever asks."""

    def __init__(self, roster: Callable[[], Roster], channels: Mapping[str, Notifier[Any]]) -> None:
        self._roster = roster
        self._channels = channels
        self._seen: DutyFile | None = None
        self._problem = ""

    @property
    def problem(self) -> str:
        """Whose address on which channel is of no use, in one line without the address; ``""`` when all are good."""
        duty = self._roster().duty
        if duty is not self._seen:
            found = list(unusable(duty, self._channels))
            more = f" (+{len(found) - 3})" if len(found) > 3 else ""
            self._seen, self._problem = duty, ", ".join(found[:3]) + more
        return self._problem


def unusable(duty: DutyFile, channels: Mapping[str, Notifier[Any]]) -> Iterator[str]:
    """Yield each person and channel whose address there has a wrong form: ``"Lê An on tin-nhan"``."""
    for person in duty.people.values():
        for name, address in person.reach.items():
            if name in channels and address and not _takes(channels[name], address):
                yield f"{person.name} on {name}"


def _takes(channel: Notifier[Any], address: str) -> bool:
    try:
        channel.address(address)
    except Refused:
        return False
    return True
