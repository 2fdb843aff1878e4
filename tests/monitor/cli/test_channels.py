"""``commune-monitor channels`` reads how every channel does from the ledger, with or without a running service."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

from click.testing import CliRunner

from alerts.incident import Step
from monitor.cli import main
from monitor.ledger import Ledger
from tests.alerts.tellers import Composed
from tests.monitor.ledger.steps import T0, message, step

to_hook = Composed(lambda incident, done: [message(incident, done, "hook")])


def settings(folder: Path, notifiers: str) -> str:
    (folder / "inventory").mkdir()
    path = folder / "commune-monitor.yaml"
    path.write_text(f"notifiers: {notifiers}\n")
    return str(path)


async def fail(folder: Path) -> None:
    async with Ledger(folder / "data" / "ledger.sqlite") as ledger:
        await ledger.incidents.record([step(Step.OPENED)], to_hook)
        (claimed,) = await ledger.outbox.claim(T0, 10)
        await ledger.outbox.failed(claimed.id, T0, "the channel is busy", T0 + timedelta(minutes=1))


def test_channels_are_told_before_and_after_they_were_used(tmp_path: Path) -> None:
    path = settings(tmp_path, '{hook: {kind: webhook, url: "http://192.0.2.1/"}}')
    before = CliRunner().invoke(main, ["-s", path, "channels"])
    assert before.exit_code == 0 and "unused" in before.stdout
    asyncio.run(fail(tmp_path))
    after = CliRunner().invoke(main, ["-s", path, "channels"])
    assert after.exit_code == 1
    assert after.stdout.splitlines()[1].split() == [
        *("hook", "webhook", "fails", "20/11/2026", "15:00", "1", "none"),
        *("the", "channel", "is", "busy"),
    ]
    (one,) = json.loads(CliRunner().invoke(main, ["-s", path, "channels", "--json"]).stdout)["channels"]
    assert (one["state"], one["waiting"]) == ("fails", 1)


def test_without_channels_it_says_that_nobody_is_told(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["-s", settings(tmp_path, "{}"), "channels"])
    assert result.exit_code == 0 and "nobody is told" in result.stdout
