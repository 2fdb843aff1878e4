"""Reads and works out the figures, for the page, the series and the command."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from inventory.model import Inventory
from monitor.quality.figures import Quality, figures
from monitor.quality.record import Past, reading


def measure(ledger: Path, inventory: Inventory, start: datetime, end: datetime) -> Quality:
    """Return how good the alarms were between two times. Blocks: call it in a thread. Raises `LedgerError`."""
    communes = sum(site.kind == "commune" for site in inventory.sites.values())

    def interval(past: Past) -> float | None:
        device = inventory.devices.get(past.device)
        checks = [one.interval for one in device.checks if past.check in ("", one.name)] if device else []
        return min(checks, default=None)

    with reading(ledger, start, end) as record:
        return figures(start, end, record.incidents(), record.messages(), communes, interval)
