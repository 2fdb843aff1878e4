"""Whether what must be kept is whole: the record of who did what, and the store of secrets with its key."""

from __future__ import annotations

import asyncio

from inventory.vault import Vault
from monitor.ledger import Ledger, LedgerError

EVERY = 300
"""Seconds between two looks."""


class Custody:
    """Looks now and then, and says what is wrong in one line, empty when nothing is."""

    def __init__(self, ledger: Ledger, vault: Vault) -> None:
        self._ledger = ledger
        self._vault = vault
        self.audit = ""
        self.secrets = ""

    async def look(self) -> None:
        """Look at both now."""
        self.secrets = await asyncio.to_thread(self._vault.problem)
        try:
            broken = await self._ledger.audit_broken_at()
        except LedgerError:
            return  # the ledger's own problem, told as such
        self.audit = changed(broken) if broken is not None else ""


def changed(line: int) -> str:
    """Return what to say of a record whose `line` is not as it was written."""
    return (
        f"line {line} or one before it was changed or removed; keep the file, compare it with a backup"
        " (`commune-monitor audit`)"
    )
