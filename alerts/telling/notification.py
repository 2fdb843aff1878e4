"""What waits in the outbox: messages about one step of one incident, by the ways in which a receiver is reached."""

from __future__ import annotations

from datetime import datetime

import msgspec

from alerts.incident import Incident, Step
from probes.core.words import Said


class Message(msgspec.Struct, frozen=True):
    """What a notifier sends."""

    channel: str
    """Name of the notifier in the settings."""
    key: str
    """Idempotency key: the same step of the same incident on the same channel has the same key."""
    title: str
    """One line, the channel's language."""
    text: str
    """Plain text of several lines, the channel's language."""
    step: Step
    incident: Incident
    to: str = ""
    """Address of one person or group in the channel's own terms (a mail address, a phone number, the number of a
    chat); ``""`` for those the channel's settings name."""
    name: str = ""
    """Name of that person."""
    code: str = ""
    """With it the receiver may take the incident on, by a link or a reply; ``""`` where there is nothing to take."""
    take: str = ""
    """Address of the page that takes the code; ``""`` without one."""
    place: str = ""
    """Where it is, one line, the channel's language; ``""`` when it is about no place."""
    link: str = ""
    """Address of the incident's page."""
    thread: str = ""
    """What the channel calls its first message to these people about the incident, as `Notifier.send` returned it;
    known when it is claimed, never stored with it."""
    shared: bool = False
    """Whether that first message is about others too (a digest): it may be answered, and must not be changed."""


class Receiver(msgspec.Struct, frozen=True):
    """Somebody who is told, and the ways to reach them: the next is tried when the one before it fails."""

    ways: tuple[tuple[str, str], ...]
    """(channel, address) pairs; the address is ``""`` for those the channel's settings name."""
    name: str = ""
    person: str = ""
    """Their name in the duty file; ``""`` for whoever a channel reaches, and for owners."""


class Timer(msgspec.Struct, frozen=True):
    """When an incident that nobody has taken on is told on, and to whom."""

    step: int
    """Index of the step of its policies that comes next; from their number on, repeats."""
    due: datetime
    policies: tuple[str, ...] = ()
    """Names of the policies it follows; none where everybody is told."""


class Telling(msgspec.Struct, frozen=True):
    """Who is told of a step: composed in the ledger's transaction, so that nothing stored is left untold."""

    chains: tuple[tuple[Message, ...], ...] = ()
    """For each receiver the same message by each way, the first way first."""
    patience: float = 300.0
    """Seconds until the next way is tried when the one before it has not delivered."""
    timer: Timer | msgspec.UnsetType | None = msgspec.UNSET
    """What comes next: a time, nothing any more (`None`), or what was set before."""
    note: Said = ""
    """For the timeline: why somebody was told, or why nobody was."""


class Pending(msgspec.Struct, frozen=True):
    """A claimed row of the outbox."""

    id: int
    message: Message
    tries: int
    """Failed attempts so far."""
    created_at: datetime
