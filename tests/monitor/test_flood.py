"""69 cuts on a channel with a limit, and kill -9 in the middle: all is told, nothing twice but what was in flight."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from alerts.incident import IncidentKey, Step
from alerts.telling.notification import Message
from monitor.ledger import Ledger
from tests.alerts.tellers import Composed
from tests.monitor.ledger.steps import step
from tests.patience import eventually
from tests.servers.telegram import Bot, telegram

CUTS = 69
CHILD = """
import asyncio, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from alerts.telling.backoff import Backoff
from alerts.telling.dispatch import Dispatcher
from monitor.ledger import Ledger
from tests.alerts.notifiers.cases import build

async def main(folder, api):
    limit = {"messages": 6, "per": 2}
    settings = {"token": {"file": "canary"}, "chat_id": "-100", "api": api, "limit": limit}
    async with Ledger(folder / "ledger.sqlite", lease=timedelta(seconds=0.5)) as ledger:
        async with build("telegram", folder, **settings) as bot:
            now = lambda: datetime.now(UTC)
            await Dispatcher(ledger.outbox, {"duty": bot}, now, backoff=Backoff(0.05, 0.1), look_every=0.1).run()

asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
"""
told = Composed(
    lambda incident, done: [
        Message("duty", f"{incident.id}:{done.step}", f"Xã {incident.key.device}", "x", done.step, incident)
    ]
)


async def service(folder: Path, bot: Bot) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, str(folder), bot.url)


def heard(bot: Bot) -> Counter[str]:
    """How often each commune is named, alone or in a digest's lines."""
    names: Counter[str] = Counter()
    for text in bot.texts:
        title, _, rest = text.partition("\n")
        names.update(set(re.findall(r"Xã (cut-\d+)", rest if "TỔNG HỢP" in title else title)))
    return names


@pytest.mark.parametrize("at", [2, 6])
async def test_a_flood_with_kill_9_is_told_whole(tmp_path: Path, at: int) -> None:
    (tmp_path / "canary").write_text("canary")
    opened = replace(step(Step.OPENED), at=datetime.now(UTC))
    async with telegram("canary") as bot, Ledger(tmp_path / "ledger.sqlite") as ledger:
        cuts = [replace(opened, key=IncidentKey("cut", f"cut-{n}")) for n in range(CUTS)]
        await ledger.incidents.record(cuts, told)
        child = await service(tmp_path, bot)
        await eventually(lambda: len(bot.texts) >= at)
        child.send_signal(signal.SIGKILL)
        await child.wait()
        before = len(bot.texts)
        child = await service(tmp_path, bot)
        async with asyncio.timeout(40):
            while {one.state for one in await ledger.deliveries.latest(limit=1000)} != {"delivered"}:  # noqa: ASYNC110
                await asyncio.sleep(0.1)  # the child tells nobody else
        child.kill()
        await child.wait()
    assert len(heard(bot)) == CUTS
    in_flight = Counter(heard(bot))
    twice = [name for name, times in in_flight.items() if times > 1]
    repeated = [text for text in bot.texts[before:] if text in bot.texts[:before]]
    assert len(repeated) <= 1 and (not twice or repeated), (twice, repeated)
    assert len(bot.texts) <= 6 + 6 + 1
