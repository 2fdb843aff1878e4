"""The service is killed again and again while 69 communes fall and come back: each message is told, and told once.

The service is the real process; the agents it asks and the channel it tells are in the test's own loop and live on.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import msgspec
import pytest

from inventory.communes import Communes
from tests import loopback
from tests.patience import eventually
from tests.servers.ports import free_udp_port
from tests.servers.snmp_agent import Agent, honest, linux, silent
from tests.servers.webhook import Hook, webhook

COMMUNES = 69
KILLS_AFTER = (0.1, 0.6)
"""About which share of a storm's messages was told when the service is killed."""


class Province:
    """Agents at addresses of their own, all at one port; `cut` lets those of the communes say nothing."""

    def __init__(self, port: int, agents: Sequence[Agent]) -> None:
        self.port = port
        self._agents = agents

    def cut(self) -> None:
        for agent in self._agents:
            agent.twist = silent

    def restore(self) -> None:
        for agent in self._agents:
            agent.twist = honest


@asynccontextmanager
async def province() -> AsyncIterator[Province]:
    """Run an agent for each commune, and those of a data centre that are never cut."""
    loop, port = asyncio.get_running_loop(), free_udp_port()
    addresses = [address(number) for number in range(COMMUNES + 3)]
    opened = [
        await loop.create_datagram_endpoint(lambda: Agent(linux(0), ("public",), honest, 1000), (host, port))
        for host in addresses
    ]
    try:
        yield Province(port, [agent for _, agent in opened[:COMMUNES]])
    finally:
        for transport, _ in opened:
            transport.close()
        await asyncio.sleep(0)


def address(number: int) -> str:
    return f"127.42.{number}.1"


def codes() -> list[str]:
    """Return the official codes of the communes of Hà Tĩnh."""
    return sorted(commune.code for commune in Communes.load().province("42"))


def write_province(folder: Path, port: int, hook: str, **more: object) -> Path:
    """Write the files of a service that watches a router in each commune; return the settings file."""
    check = {"port": port, "interval": "2s", "timeout": "1s"}
    role = {"title": {"vi": "Bộ định tuyến", "en": "Router"}, "checks": {"snmp": check}}
    sites: dict[str, object] = {
        code: {"devices": {"router": {"address": address(number), "role": "gate"}}}
        for number, code in enumerate(codes())
    }
    servers = {f"may-{n}": {"address": address(COMMUNES + n), "role": "gate"} for n in range(3)}
    sites["ttdl"] = {"name": "Trung tâm dữ liệu", "kind": "data_centre", "devices": servers}
    inventory = {
        "credentials": {"agent": {"kind": "snmp_v2c", "community": {"file": "community"}}},
        "defaults": {"credentials": {"snmp": "agent"}},
        "roles": {"gate": role},
        "sites": sites,
    }
    rules = [
        {"id": "common-cause", "title": {"vi": "x", "en": "x"}, "severity": "critical"}
        | {"outage": {"of": "area"}, "enabled": False},
        {"id": "device-down", "title": {"vi": "Mất kết nối", "en": "Down"}, "severity": "critical"}
        | {"device_down": {}, "attempts": 2, "resolve_after": 1},
    ]
    settings = {
        "web": {"port": 0},
        "network": {"allow": [*loopback.NETWORKS]},
        "rules": "rules",
        "notifiers": {"duty": {"kind": "webhook", "url": hook, "allow": ["127.0.0.1"]}},
        **more,
    }
    for name in ("secrets", "inventory", "rules"):
        (folder / name).mkdir(parents=True, mode=0o700)
    (folder / "secrets" / "community").write_text("public")
    (folder / "secrets" / "community").chmod(0o600)
    (folder / "rules" / "own.yaml").write_text(json.dumps({"rules": rules}))
    (folder / "inventory" / "province.yaml").write_text(json.dumps(inventory))
    (folder / "commune-monitor.yaml").write_text(json.dumps(settings))
    return folder / "commune-monitor.yaml"


class Service:
    """The process of the service, started and killed."""

    def __init__(self, settings: Path) -> None:
        self._command = [sys.executable, "-m", "monitor", "-s", str(settings), "run"]
        self._log = settings.with_name("log")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)

    async def end(self, number: signal.Signals) -> None:
        if self._process is not None:
            os.kill(self._process.pid, number)
            await asyncio.to_thread(self._process.wait, 30)
            self._process = None

    @property
    def log(self) -> str:
        return self._log.read_text()


def keys(hook: Hook) -> Counter[str]:
    """Return how often each message was told."""
    return Counter(request.headers["Idempotency-Key"] for request in hook.requests)


class Told:
    """The devices of which the channel was told. Each message is read once: the agents need this loop too."""

    def __init__(self, hook: Hook) -> None:
        self._hook = hook
        self._read = 0
        self._devices: defaultdict[str, set[str]] = defaultdict(set)

    def of(self, step: str) -> set[str]:
        """Return the devices of which a step was told."""
        fresh = self._hook.requests[self._read :]
        self._read += len(fresh)
        for request in fresh:
            message = msgspec.json.decode(request.body)["message"]
            self._devices[message["step"]].add(message["incident"]["key"]["device"])
        return self._devices[step]


async def storm(service: Service, told: Told, step: str, luck: random.Random) -> None:
    """Kill and start the service until every commune was told of, at other points of the storm each time."""
    for share in KILLS_AFTER:
        wanted = int(COMMUNES * share * luck.uniform(0.7, 1.3))
        await eventually(lambda wanted=wanted: len(told.of(step)) >= wanted)  # type: ignore[misc]
        await asyncio.sleep(luck.uniform(0, 0.05))
        await service.end(signal.SIGKILL)
        service.start()
    await eventually(lambda: len(told.of(step)) >= COMMUNES)


def answered(ledger: Path) -> int:
    """Return how many devices have ever answered."""
    with closing(sqlite3.connect(ledger)) as db:
        return int(db.execute("SELECT count(*) FROM answered").fetchone()[0])


def waiting(ledger: Path) -> int:
    """Return how many messages nobody was told yet."""
    with closing(sqlite3.connect(ledger)) as db:
        (count,) = db.execute("SELECT count(*) FROM outbox WHERE state = 'waiting'").fetchone()
        return int(count)


@pytest.mark.timeout(150)
async def test_69_cuts_and_four_kill_9_lose_nothing_and_repeat_at_most_what_was_in_flight(
    tmp_path: Path,
) -> None:
    luck = random.Random(69)
    async with province() as communes, webhook(delay=0.01) as hook:
        service, told = Service(write_province(tmp_path, communes.port, hook.url)), Told(hook)
        service.start()
        try:
            await eventually(lambda: "watching" in service.log)
            await eventually(lambda: answered(tmp_path / "data" / "ledger.sqlite") == COMMUNES + 3)
            communes.cut()
            await storm(service, told, "opened", luck)
            communes.restore()
            await storm(service, told, "resolved", luck)
            await asyncio.sleep(2)
        finally:
            await service.end(signal.SIGTERM)
    everyone = {f"{code}/router" for code in codes()}
    assert told.of("opened") == told.of("resolved") == everyone
    found = keys(hook)
    assert len(found) == 2 * COMMUNES, "each incident opened once and was resolved once"
    assert sum(found.values()) - len(found) <= 2 * len(KILLS_AFTER), "only what was in flight is told again"
    assert waiting(tmp_path / "data" / "ledger.sqlite") == 0
