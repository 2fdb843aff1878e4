"""A sweep among servers that are silent, slow, endless or send garbage: it ends, and says what it saw."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from inventory.secrets import Credential, Secret
from monitor.configuration import profiles_of_the_product
from monitor.discovery.doors import Door, Doors
from monitor.discovery.sweep import Found, Pace, Sweep
from probes.core.discovery import discover
from probes.core.hostkeys import NoHostKeys
from probes.core.probe import Environment, Probe
from tests import loopback
from tests.servers.hostile import TcpBehaviour, drip, endless, garbage, mute, noise, says, silent, tcp, udp

COMMUNITY = Credential("snmp_v2c", {}, {"community": Secret("canary-community")})


@pytest.fixture
async def probes(tmp_path: Path) -> AsyncIterator[dict[str, Probe[Any]]]:
    environment = Environment(profiles_of_the_product(), NoHostKeys(), tmp_path, loopback.NETWORK)
    async with AsyncExitStack() as stack:
        yield {name: await stack.enter_async_context(kind(environment)) for name, kind in discover().items()}


def sweep(probes: dict[str, Probe[Any]], doors: Doors, rate: float = 1000) -> Sweep:
    return Sweep(probes, doors, {"agent": COMMUNITY}, Pace(rate), lambda: datetime.now(UTC))


@pytest.mark.parametrize("behaviour", [silent, garbage, drip(b"SSH-"), endless(b"HTTP/1.1 200 OK\r\n\r\n")])
@pytest.mark.parametrize("speaks", ["ssh", "http", "https"])
async def test_no_server_stops_a_sweep(
    probes: dict[str, Probe[Any]], behaviour: TcpBehaviour, speaks: Any
) -> None:
    async with tcp(behaviour) as server, udp(noise) as datagrams:
        doors = Doors((Door(server.port, speaks, early=True),), (datagrams.port,), (datagrams.port,))
        found = await sweep(probes, doors).visit("127.0.0.1")
    assert found is not None
    assert found.tcp == (server.port,)
    assert all(text.isprintable() and len(text) <= 200 for text in found.facts.values())


async def test_a_page_is_read_and_cleaned(probes: dict[str, Probe[Any]]) -> None:
    body = b"<title>NVR \x1b[31m <b>x</b></title>"
    page = b"HTTP/1.1 200 OK\r\nServer: App-webs/\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    async with tcp(says(page, wait=True)) as server:
        found = await sweep(probes, Doors((Door(server.port, "http", early=True),), (), ())).visit(
            "127.0.0.1"
        )
    assert found and found.facts["http.server"] == "App-webs/"
    assert found.facts["http.title"].startswith("NVR \ufffd[31m")


async def test_a_door_that_speaks_nothing_is_sent_nothing_and_no_secret_leaves_by_tcp(
    probes: dict[str, Probe[Any]],
) -> None:
    heard: list[bytes] = []

    async def listening(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(65536))

    async with tcp(listening) as printer, udp(mute) as agent:
        doors = Doors((Door(printer.port, "", early=True),), (agent.port,), ())
        await sweep(probes, doors).visit("127.0.0.1")
        assert any(b"canary-community" in datagram for datagram in agent.received)
    assert heard == [b""]


async def test_every_address_is_told_once(probes: dict[str, Probe[Any]]) -> None:
    results: list[Found | None] = []
    addresses = [f"127.0.0.{n}" for n in range(1, 30)]
    await sweep(probes, Doors((), (), ())).run(addresses, results.append)
    assert len(results) == len(addresses)
    assert {one.address for one in results if one} <= set(addresses)


async def test_questions_are_let_out_at_the_rate() -> None:
    loop, pace = asyncio.get_running_loop(), Pace(100)
    started = loop.time()
    await asyncio.gather(*(pace.turn() for _ in range(20)))
    assert loop.time() - started >= 0.18
