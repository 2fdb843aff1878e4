"""What a page reads from the ledger besides the present: it shows the rest while the ledger cannot be read."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from monitor.ledger import LedgerError

T = TypeVar("T")


async def recorded(reading: Awaitable[T]) -> T | None:
    """Return what the ledger answers; `None` while it cannot be read, for which the page then has words."""
    try:
        return await reading
    except LedgerError:
        return None
