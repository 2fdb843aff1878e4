"""A message to one channel about one step of one incident, as it waits in the outbox."""

from __future__ import annotations

from datetime import datetime

import msgspec

from alerts.incident import Incident, Step


class Message(msgspec.Struct, frozen=True):
    """What a notifier sends. Composed in the ledger's transaction, so that nothing stored is left untold."""

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
    place: str = ""
    """Where it is, one line, the channel's language; ``""`` when it is about no place."""
    link: str = ""
    """Address of the incident's page."""
    thread: str = ""
    """What the channel calls its first message to these people about the incident, as `Notifier.send` returned it;
    known when it is claimed, never stored with it."""


class Pending(msgspec.Struct, frozen=True):
    """A claimed row of the outbox."""

    id: int
    message: Message
    tries: int
    """Failed attempts so far."""
    created_at: datetime
