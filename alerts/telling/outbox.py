"""Where messages wait until they are told, as the dispatcher sees it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from alerts.telling.notification import Message, Pending


class Outbox(Protocol):
    """Where messages wait; the ledger is one."""

    async def claim(self, now: datetime, limit: int) -> list[Pending]:
        """Return messages that are due, and lease them to us."""
        ...

    async def holds(self, id: int) -> bool:
        """Whether a claimed message is still ours to tell: this process may have slept for hours meanwhile."""
        ...

    async def delivered(self, id: int, at: datetime, receipt: str) -> None:
        """Remember that a message was told, and what the channel calls it."""
        ...

    async def failed(self, id: int, at: datetime, error: str, retry_at: datetime | None) -> None:
        """Remember that it was not, and when to try again; `None` gives it up."""
        ...

    async def postponed(self, id: int, until: datetime) -> None:
        """Remember that it was not tried, and is not before `until`."""
        ...

    async def merge(self, ids: Sequence[int], digest: Message, at: datetime) -> Pending:
        """Remember that one message tells what several would, and lease it to us."""
        ...

    async def told_since(self, channel: str, since: datetime) -> list[datetime]:
        """Return when a channel took each message since then."""
        ...
