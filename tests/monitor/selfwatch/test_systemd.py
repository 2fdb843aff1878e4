"""What systemd hears, over a real datagram socket."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.selfwatch.systemd import Systemd
from monitor.selfwatch.watch import feeding
from tests.conftest import ROOT
from tests.patience import eventually


@pytest.fixture(params=["path", "abstract"])
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    name = str(tmp_path / "n") if request.param == "path" else f"@commune-monitor-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
        ours.bind(name.replace("@", "\0", 1))
        ours.setblocking(False)
        yield ours, name


def heard(door: socket.socket) -> list[str]:
    found = []
    try:
        while True:
            found.append(door.recv(4096).decode())
    except BlockingIOError:
        return found


def test_words_reach_systemd(door: tuple[socket.socket, str]) -> None:
    Systemd(environment={"NOTIFY_SOCKET": door[1]}).tell("READY=1", "STATUS=watching")
    assert heard(door[0]) == ["READY=1\nSTATUS=watching"]


async def test_the_watchdog_is_fed_while_the_service_works_and_only_then(
    door: tuple[socket.socket, str],
) -> None:
    works = True
    systemd = Systemd(lambda: works, {"NOTIFY_SOCKET": door[1], "WATCHDOG_USEC": "40000"})
    assert systemd.interval == 0.04
    async with feeding(systemd):
        await eventually(lambda: heard(door[0]))
        works = False
        await asyncio.sleep(0.05)
        heard(door[0])
        await asyncio.sleep(0.1)
        assert heard(door[0]) == []


@pytest.mark.parametrize(
    "environment",
    [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}, {"WATCHDOG_USEC": "x", "NOTIFY_SOCKET": "/nowhere"}],
)
async def test_without_systemd_nothing_happens(environment: dict[str, str]) -> None:
    systemd = Systemd(environment=environment)
    systemd.tell("READY=1")
    async with feeding(systemd):
        await asyncio.sleep(0)


def test_a_watchdog_of_another_process_is_not_ours() -> None:
    environment = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}
    assert Systemd(environment=environment).interval == 0.0


def test_the_unit_waits_for_the_word_and_feeds_a_watchdog() -> None:
    unit = (ROOT / "deploy/commune-monitor.service").read_text("utf-8")
    for line in ("Type=notify", "WatchdogSec=120", "RestartPreventExitStatus=2", "NoNewPrivileges=yes"):
        assert f"\n{line}\n" in unit
