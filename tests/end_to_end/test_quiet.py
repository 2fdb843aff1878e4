"""A real outage in planned maintenance is on the board and told to nobody, until the file no longer says so."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

from alerts.calendar import VIETNAM
from monitor.house import monitoring
from probes.core.words import say
from tests.end_to_end.site import DEVICE, load, open_rules, write_service
from tests.patience import eventually
from tests.servers.ports import free_port
from tests.servers.smtp import smtp

PLAN = """\
maintenance:
  - {{id: cat-dien, reason: Cắt điện, author: Điện lực, where: {{site: 18073}}, from: {begin}, for: 2h,
      enabled: {enabled}}}
"""


def plan(folder: Path, enabled: str) -> None:
    begin = (datetime.now(VIETNAM) - timedelta(minutes=5)).strftime("%Y-%m-%d %H:%M")
    (folder / "plan").mkdir(exist_ok=True)
    (folder / "plan" / "work.yaml").write_text(PLAN.format(begin=begin, enabled=enabled), encoding="utf-8")


async def test_an_outage_in_maintenance_is_told_only_when_the_file_no_longer_says_so(tmp_path: Path) -> None:
    portal = {"probe": "http", "url": f"http://127.0.0.1:{free_port()}/", "interval": "1s", "timeout": "1s"}
    plan(tmp_path, "true")
    async with smtp() as mailbox:
        settings = write_service(tmp_path, {"portal": portal}, smtp=mailbox.port, maintenance="plan")
        async with monitoring(load(settings)) as running:
            await eventually(lambda: open_rules(running))
            (number,) = running.board.incidents
            await eventually(lambda: DEVICE in running.quiets.under_maintenance)
            assert "bảo trì cat-dien" in say((await running.ledger.incidents.timeline(number))[0].note, "vi")
            await asyncio.sleep(2)
            assert mailbox.mails == []
        async with monitoring(load(settings)) as running:
            plan(tmp_path, "false")
            await eventually(lambda: mailbox.mails, within=40)
            await asyncio.sleep(1)
            assert len(mailbox.mails) == 1 and list(running.board.incidents) == [number]
