"""The engines that `bench.snmp` compares: each polls device number n once and says how many values came."""

from __future__ import annotations

import importlib
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

import inventory.profiles
from bench.agents import PASSWORDS, address
from inventory.network_policy import NetworkPolicy
from inventory.profile import load_profiles
from inventory.secrets import Credential, Secret
from monitor.demo.snmp_user import AUTH_PROTOCOL, PRIV_PROTOCOL, USER
from probes.core.hostkeys import NoHostKeys
from probes.core.network import Network
from probes.core.probe import Environment, Target
from probes.snmp import Params, Probe
from probes.snmp.ber import oid
from probes.snmp.credentials import security_of
from probes.snmp.engine import Asks, Engine, Peer
from probes.snmp.form import Reader
from probes.snmp.keys import KeyRing
from probes.snmp.template import Template

PORT = 21162
MAX_BINDS = 48
SCALARS = [
    "1.3.6.1.2.1.1.1.0",
    "1.3.6.1.2.1.1.2.0",
    "1.3.6.1.2.1.1.3.0",
    "1.3.6.1.2.1.1.5.0",
    "1.3.6.1.2.1.1.6.0",
    "1.3.6.1.2.1.2.1.0",
    "1.3.6.1.4.1.2021.4.5.0",
    "1.3.6.1.4.1.2021.4.6.0",
    "1.3.6.1.4.1.2021.4.14.0",
    "1.3.6.1.4.1.2021.4.15.0",
    "1.3.6.1.4.1.2021.11.50.0",
    "1.3.6.1.4.1.2021.11.51.0",
    "1.3.6.1.4.1.2021.11.52.0",
    "1.3.6.1.4.1.2021.11.53.0",
    "1.3.6.1.2.1.31.1.5.0",
]
COLUMNS = ("1.3.6.1.2.1.31.1.1.1.6", "1.3.6.1.2.1.31.1.1.1.10")
"""Bytes in and out, 64 bit."""

Poll = Callable[[int], Awaitable[int]]


class Fleet(msgspec.Struct, frozen=True):
    """Whom to poll and what for."""

    count: int
    ports: int = 8
    v3: bool = False
    wait: float = 2.0

    @property
    def credential(self) -> Credential:
        """What the agents answer to."""
        if not self.v3:
            return Credential("snmp_v2c", {}, {"community": Secret("public")})
        settings = {"user": USER, "auth_protocol": AUTH_PROTOCOL, "priv_protocol": PRIV_PROTOCOL}
        passwords = {"auth_password": Secret(PASSWORDS.auth), "priv_password": Secret(PASSWORDS.priv)}
        return Credential("snmp_v3", settings, passwords)

    @property
    def questions(self) -> list[Template]:
        """15 scalars, and two columns in as few answers as hold them."""
        rows = MAX_BINDS // len(COLUMNS)
        bulks = [
            Template.bulk(
                tuple(oid(column + (f".{start}" if start else "")) for column in COLUMNS),
                min(rows, self.ports - start),
            )
            for start in range(0, self.ports, rows)
        ]
        return [Template.get(tuple(map(oid, SCALARS))), *bulks]


class Skipped(Exception):
    """This engine cannot be measured here; the text says why."""


async def _asking(engine: Asks, fleet: Fleet, readers: bool) -> Poll:
    ring, questions = KeyRing(), fleet.questions
    shared = security_of(fleet.credential, ring, time.monotonic)
    peers = [
        Peer(
            (address(n), PORT),
            security_of(fleet.credential, ring, time.monotonic) if fleet.v3 else shared,
            fleet.wait,
        )
        for n in range(fleet.count)
    ]
    known = [[Reader() for _ in questions] for _ in peers] if readers else []

    async def poll(number: int) -> int:
        values, peer = 0, peers[number]
        for at, question in enumerate(questions):
            if readers:
                answer = await engine.request(peer, question, known[number][at].read)
            else:
                answer = await engine.request(peer, question)
            values += len(answer.varbinds)
        return values

    return poll


@asynccontextmanager
async def ours(fleet: Fleet) -> AsyncIterator[Poll]:
    """Our engine alone: values as Python numbers, nothing made of them."""
    async with Engine() as engine:
        yield await _asking(engine, fleet, readers=True)


@asynccontextmanager
async def running_probe() -> AsyncIterator[Probe]:
    """The probe as the service has it, permitted to ask loopback."""
    profiles = load_profiles(Path(inventory.profiles.__path__[0]))
    with tempfile.TemporaryDirectory() as folder:
        async with Probe(
            Environment(profiles, NoHostKeys(), Path(folder), Network(NetworkPolicy(allow=("127.0.0.0/8",))))
        ) as running:
            yield running


@asynccontextmanager
async def probe(fleet: Fleet) -> AsyncIterator[Poll]:
    """The whole probe: the device's profile decides what is asked, and the answer is samples with rates."""
    targets = [Target(f"bench/{n}", address(n), fleet.credential) for n in range(fleet.count)]
    params = Params(port=PORT, wait=fleet.wait)
    async with running_probe() as running:

        async def poll(number: int) -> int:
            return len((await running.ask(targets[number], params)).samples)

        yield poll


@asynccontextmanager
async def pysnmp(fleet: Fleet) -> AsyncIterator[Poll]:
    """pysnmp 7 behind our engine's interface."""
    from probes.snmp.reference import Reference  # its memory must not be counted for the others

    async with Reference() as engine:
        yield await _asking(engine, fleet, readers=False)


@asynccontextmanager
async def gufo(fleet: Fleet) -> AsyncIterator[Poll]:
    """Stock gufo_snmp, a session for each device; a column at a time, for it knows no other way."""
    try:
        sessions: Any = importlib.import_module("gufo.snmp.aio")
        users: Any = importlib.import_module("gufo.snmp.user")
    except ImportError:
        raise Skipped("gufo_snmp is not importable here; it is no dependency of ours") from None
    if fleet.v3:
        user = users.User(
            USER,
            auth_key=users.Sha256Key(PASSWORDS.auth.encode()),
            priv_key=users.Aes128Key(PASSWORDS.priv.encode()),
        )
        made = [
            sessions.SnmpSession(address(n), PORT, user=user, timeout=fleet.wait) for n in range(fleet.count)
        ]
    else:
        made = [
            sessions.SnmpSession(address(n), PORT, community="public", timeout=fleet.wait)
            for n in range(fleet.count)
        ]

    met: set[int] = set()

    async def poll(number: int) -> int:
        session = made[number]
        if (
            fleet.v3 and number not in met
        ):  # it learns an engine's id and time on entering a session, not by itself
            await session.__aenter__()
            met.add(number)
        values = len(await session.get_many(SCALARS))
        for column in COLUMNS:
            async for _ in session.getbulk(column):
                values += 1
        return values

    yield poll


ENGINES = {"ours": ours, "probe": probe, "pysnmp": pysnmp, "gufo": gufo}
AT_ONCE = {"ours": 500, "probe": 500, "pysnmp": 10, "gufo": 500}
"""Polls under way; pysnmp drops answers with more."""
MOST = {"pysnmp": 200}
"""Devices at most: pysnmp gets dearer with each it knows."""
