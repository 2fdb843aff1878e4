"""Whether what must be kept is whole: the record of who did what, and the store of secrets with its key."""

from __future__ import annotations

import asyncio
import logging

from alerts.incident import Words
from inventory.vault import Vault
from monitor.ledger import Ledger, LedgerError, Seal

EVERY = 300
"""Seconds between two looks; another one follows each edit of the files."""

log = logging.getLogger(__name__)


class Custody:
    """Looks now and then, and says what is wrong in one line, empty when nothing is."""

    def __init__(self, ledger: Ledger, vault: Vault) -> None:
        self._ledger = ledger
        self._vault = vault
        self._seal = Seal()
        self.audit: Words | None = None
        self.secrets = ""

    async def look(self) -> None:
        """Look at both now."""
        self._tell_secrets(await asyncio.to_thread(self._vault.problem))
        try:
            found = await self._ledger.audit.verify(self._seal)
        except LedgerError as error:
            self._tell_audit(unreadable(error))
            return
        if found.broken_at is not None:
            self._tell_audit(broken(found.broken_at))
            return
        self._tell_audit(None)
        if found.seal != self._seal:  # in the log it is out of reach of who can write the ledger
            log.info("the record of who did what has grown", extra={"seal": str(found.seal)})
        self._seal = found.seal

    def _tell_secrets(self, problem: str) -> None:
        if problem and problem != self.secrets:
            log.error("stored secrets cannot be used", extra={"error": problem})
        elif self.secrets and not problem:
            log.info("stored secrets can be used again")
        self.secrets = problem

    def _tell_audit(self, problem: Words | None) -> None:
        if problem and problem != self.audit:
            log.error("the record of who did what was tampered with", extra={"error": problem.en})
        elif self.audit and not problem:
            log.info("the record of who did what is as it was written")
        self.audit = problem


def broken(line: int) -> Words:
    """Return what to say of a record whose `line` is not as it was written."""
    return Words(
        f"dòng {line} hoặc dòng trước đó đã bị sửa hoặc xóa; giữ nguyên tệp, so với bản sao lưu"
        " (`commune-monitor audit`)",
        f"line {line} or one before it was changed or removed; keep the file, compare it with a backup"
        " (`commune-monitor audit`)",
    )


def unreadable(error: LedgerError) -> Words:
    """Return what to say of a record that cannot be verified."""
    return Words(f"không kiểm tra được: {error}", f"it cannot be verified: {error}")
