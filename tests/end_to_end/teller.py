"""A process that leads a ledger and tells what waits in it to a webhook: ``python -m tests.end_to_end.teller``."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from alerts.notifiers.webhook import Notifier, Settings
from alerts.telling.dispatch import Dispatcher
from inventory.secrets import Secrets
from monitor.instance import own_card
from monitor.ledger import Ledger
from tests import loopback


async def tell(file: Path, url: str) -> None:
    """Tell until ended."""
    settings = Settings(kind="webhook", url=url, allow=("127.0.0.1",))
    channel = Notifier(settings, Secrets(file.parent), loopback.POLICY)
    async with Ledger(file) as ledger, channel:
        await ledger.leader.lead(str(own_card()), datetime.now(UTC))
        await Dispatcher(ledger.outbox, {"duty": channel}, lambda: datetime.now(UTC), look_every=0.1).run()


if __name__ == "__main__":
    asyncio.run(tell(Path(sys.argv[1]), sys.argv[2]))
