"""Serves recordings from memory and asks each."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bench.profiles.ask import ask
from bench.profiles.cases import Case
from bench.profiles.judge import Judge, Verdict
from bench.recordings import Agents
from inventory.profile import Profile
from probes.snmp.engine import Engine


async def judge(several: Mapping[str, Case], profiles: Mapping[str, Profile]) -> list[Verdict]:
    """Serve the recordings, ask each as the probe does, and return what became of every expected value."""
    agents = Agents({name: case.recording for name, case in several.items()})
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: agents, local_addr=("127.0.0.1", 0))
    address = transport.get_extra_info("sockname")
    out: list[Verdict] = []
    try:
        async with Engine() as engine:
            for name, case in several.items():
                reported = await ask(engine, address, name, profiles)
                out += Judge(name, case.expected, reported, case.recording).verdicts()
    finally:
        transport.close()
    return out
