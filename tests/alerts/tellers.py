"""Tellers for tests: everybody told by every channel, and what that makes of one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from alerts.duty.roster import Roster
from alerts.duty.who import Who
from alerts.incident import Incident, Step, Transition
from alerts.rule import RuleBook
from alerts.telling.message import Composer
from alerts.telling.notification import Message, Receiver, Telling, Timer
from alerts.telling.notifier import Settings
from alerts.telling.teller import Codes, Teller
from inventory.model import Inventory


def everybody(
    rules: RuleBook, inventory: Inventory, channels: Mapping[str, Settings], base_url: str = "http://monitor"
) -> Teller:
    """A teller without a duty file."""
    composer = Composer(rules, inventory, channels, base_url)
    return Teller(composer, Who(Roster(), inventory, channels), Codes(bytes(32)))


def messages(
    teller: Teller, incident: Incident, transition: Transition, told: Sequence[str] | None = None
) -> list[Message]:
    """Return the messages of a step; unless `told` says who was told before, every channel was if it is the end."""
    if told is None:
        told = list(teller._who.channels) if transition.step is Step.RESOLVED else []
    receivers = [Receiver(((channel, ""),)) for channel in told]
    return [chain[0] for chain in teller.tell(incident, transition, receivers).chains]


class Composed:
    """A teller that tells what a function composes."""

    def __init__(self, compose: Callable[[Incident, Transition], Sequence[Message]]) -> None:
        self._compose = compose

    def tell(self, incident: Incident, transition: Transition, told: Sequence[Receiver]) -> Telling:
        return Telling(tuple((message,) for message in self._compose(incident, transition)), timer=None)

    def escalate(
        self, incident: Incident, timer: Timer, moment: datetime
    ) -> tuple[Telling, Transition | None]:
        return Telling(timer=None), None
