"""Two real services on one data folder: the second waits, takes over, and the first can tell nobody afterwards."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alerts.incident import Incident, IncidentKey, Kind, Severity, Step, Transition, Words
from alerts.telling.notification import Message, Receiver, Telling
from monitor.ledger import Ledger
from monitor.ledger.teller import Nobody
from tests.end_to_end.site import write_service
from tests.patience import eventually
from tests.servers.ports import free_port
from tests.servers.webhook import Hook, webhook

NOW = datetime.now(UTC)


def keys(hook: Hook) -> Counter[str]:
    return Counter(request.headers["Idempotency-Key"] for request in hook.requests)


@contextmanager
def process(log: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run Python with these arguments; what it says goes to `log`."""
    with log.open("wb") as file:
        started = subprocess.Popen([sys.executable, *arguments], stdout=file, stderr=file)
    try:
        yield started
    finally:
        started.kill()
        started.wait()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_the_second_takes_over_when_the_first_is_gone_or_does_not_work(
    tmp_path: Path, how: signal.Signals
) -> None:
    portal = {"probe": "http", "url": f"http://127.0.0.1:{free_port()}/", "interval": "1s", "timeout": "1s"}
    async with webhook() as hook:
        duty = {"kind": "webhook", "url": hook.url, "allow": ["127.0.0.1"]}
        settings = write_service(
            tmp_path, {"portal": portal}, failover={"after": "2s"}, notifiers={"duty": duty}
        )
        command = ("-m", "monitor", "-s", str(settings), "run")
        one, other = tmp_path / "first.log", tmp_path / "second.log"
        with process(one, *command) as first:
            await eventually(lambda: "Dashboard" in one.read_text() and hook.requests)
            with process(other, *command, "--standby") as second:
                await eventually(lambda: "standing by" in other.read_text())
                os.kill(first.pid, how)
                await eventually(lambda: "Dashboard" in other.read_text(), within=20)
                if how is signal.SIGSTOP:
                    os.kill(first.pid, signal.SIGCONT)
                assert await asyncio.to_thread(first.wait, 10) == -signal.SIGKILL
                await asyncio.sleep(3)
                assert second.poll() is None
                assert set(keys(hook).values()) == {1}, "what the first told is not told again"


async def test_a_service_that_slept_while_another_took_over_tells_nobody(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    async with Ledger(file) as ledger:
        for number in range(8):
            await store(ledger, number)
    async with webhook(delay=0.15) as hook:
        arguments = ("-m", "tests.end_to_end.teller", str(file), hook.url)
        with process(tmp_path / "first.log", *arguments) as first:
            await eventually(lambda: len(hook.requests) >= 2)
            os.kill(first.pid, signal.SIGSTOP)
            with process(tmp_path / "second.log", *arguments):
                await eventually(lambda: len(keys(hook)) == 8)
                os.kill(first.pid, signal.SIGCONT)
                await asyncio.sleep(1.5)
    found = keys(hook)
    assert sum(found.values()) - len(found) <= 1, "only what was in flight when it fell asleep"


async def store(ledger: Ledger, number: int) -> None:
    """Store an incident with one message."""
    words = Words(f"sự cố {number}", f"incident {number}")
    key = IncidentKey("device-down", f"18073/d{number}")
    opened = Transition(key, Step.OPENED, NOW, Kind.INCIDENT, Severity.CRITICAL, words)
    await ledger.incidents.record([opened], One(f"key-{number}"))


class One(Nobody):
    """Tells one channel of every step."""

    def __init__(self, key: str) -> None:
        self._key = key

    def tell(self, incident: Incident, transition: Transition, told: Sequence[Receiver]) -> Telling:
        message = Message("duty", self._key, "", "", transition.step, incident)
        return Telling(((message,),))
