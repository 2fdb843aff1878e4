"""Serves recordings from memory and asks each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

from bench.profiles.ask import Reported, ask
from bench.profiles.cases import Case
from bench.profiles.judge import Judge, Verdict
from bench.recordings import Agents
from inventory.profile import Profile
from probes.snmp.engine import Engine


async def reports(
    several: Mapping[str, Case], profiles: Mapping[str, Profile]
) -> AsyncIterator[tuple[str, Case, Reported]]:
    """Serve the recordings, ask each as the probe does, and yield what it reported."""
    agents = Agents({name: case.recording for name, case in several.items()})
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: agents, local_addr=("127.0.0.1", 0))
    address = transport.get_extra_info("sockname")
    try:
        async with Engine() as engine:
            for name, case in several.items():
                yield name, case, await ask(engine, address, name, profiles)
    finally:
        transport.close()


async def judge(several: Mapping[str, Case], profiles: Mapping[str, Profile]) -> list[Verdict]:
    """Ask every recording and return what became of every expected value."""
    out: list[Verdict] = []
    async for name, case, reported in reports(several, profiles):
        out += Judge(name, case.expected, reported, case.recording).verdicts()
    return out
