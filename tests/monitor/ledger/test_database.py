"""The ledger's file: two processes, crashes, damage and strangers."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from alerts.incident import IncidentKey, Step
from monitor.ledger import Ledger, LedgerError
from tests.monitor.ledger.steps import KEY, OTHER, T0, step, to_none, to_one

CHILD = """
import asyncio, sys
from pathlib import Path
from alerts.incident import IncidentKey, Step
from monitor.ledger import Ledger
from tests.monitor.ledger.steps import step, to_one

async def main():
    async with Ledger(Path(sys.argv[1])) as ledger:
        for n in range(100000):
            await ledger.incidents.record([step(Step.OPENED, IncidentKey("rule", f"site/device{n}"))], to_one)
            print(n, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [3, 40])
async def test_kill_9_loses_no_incident_and_no_message_that_was_acknowledged(
    tmp_path: Path, after: int
) -> None:
    command = [sys.executable, "-c", CHILD, str(tmp_path / "ledger.sqlite")]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220
    assert child.stdout is not None
    for line in child.stdout:
        if int(line) >= after:
            child.send_signal(signal.SIGKILL)
            break
    acknowledged = max([after, *map(int, child.stdout.read().split())])
    child.wait()
    child.stdout.close()
    async with Ledger(tmp_path / "ledger.sqlite") as ledger:
        opened = {incident.key for incident in await ledger.incidents.all_open()}
        told = await ledger.outbox.claim(T0, 100000)
    assert {IncidentKey("rule", f"site/device{n}") for n in range(acknowledged + 1)} <= opened
    assert {pending.message.incident.key for pending in told} == opened


async def test_two_processes_may_write_into_one_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with Ledger(path) as one, Ledger(path) as two:
        await asyncio.gather(
            *(
                one.incidents.record([step(Step.OPENED, IncidentKey("a", f"d{n}"))], to_none)
                for n in range(20)
            ),
            *(
                two.incidents.record([step(Step.OPENED, IncidentKey("b", f"d{n}"))], to_none)
                for n in range(20)
            ),
        )
        assert len(await one.incidents.all_open()) == 40
        await one.incidents.record([step(Step.OPENED, KEY)], to_one)
        await two.incidents.record([step(Step.OPENED, KEY)], to_one)
        assert len(await two.incidents.all_open()) == 41


async def test_a_file_that_is_no_ledger_is_named_in_the_error(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"not a database, " * 1000)
    with pytest.raises(LedgerError, match=r"ledger\.sqlite is damaged: file is not a database"):
        await Ledger(path).__aenter__()


async def test_a_folder_that_cannot_be_made_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match="cannot be opened"):
        await Ledger(tmp_path / "file" / "ledger.sqlite").__aenter__()


async def test_a_locked_ledger_says_so_and_works_when_it_is_free_again(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with Ledger(path, busy=0.1) as ledger:
        stranger = sqlite3.connect(path, isolation_level=None)
        stranger.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="locked"):
            await ledger.incidents.record([step(Step.OPENED)], to_none)
        stranger.execute("COMMIT")
        stranger.close()
        assert len(await ledger.incidents.record([step(Step.OPENED)], to_none)) == 1


async def test_a_ledger_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with Ledger(path) as ledger:
        await ledger.incidents.record([step(Step.OPENED, OTHER)], to_none)
    stranger = sqlite3.connect(path)
    stranger.execute("PRAGMA user_version = 99")
    stranger.close()
    with pytest.raises(LedgerError, match="upgrade"):
        await Ledger(path).__aenter__()
