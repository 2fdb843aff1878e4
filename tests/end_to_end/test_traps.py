"""A trap of a known device becomes an observation like any other, and opens what its rule says."""

from __future__ import annotations

import asyncio
from pathlib import Path

from monitor.house import monitoring
from tests.end_to_end.site import COMMUNITY, load, open_rules, write_service
from tests.patience import eventually
from tests.servers.debian import require
from tests.servers.ports import free_udp_port

AUTHENTICATION_FAILURE = "1.3.6.1.6.3.1.1.5.5"


async def trap(port: int, community: str) -> None:
    """Send an authenticationFailure as net-snmp does."""
    binary = require("snmptrap", package="snmp")
    process = await asyncio.create_subprocess_exec(
        binary, "-v2c", "-c", community, f"127.0.0.1:{port}", "", AUTHENTICATION_FAILURE
    )
    assert await process.wait() == 0


async def test_a_trap_with_the_devices_community_opens_an_incident_and_one_with_another_does_not(
    tmp_path: Path,
) -> None:
    port = free_udp_port()
    checks = {"snmp": {"port": free_udp_port(), "interval": "60s"}}
    settings = write_service(tmp_path, checks, traps={"host": "127.0.0.1", "port": port})
    async with monitoring(load(settings)) as running:
        await trap(port, "another")
        await asyncio.sleep(2)
        assert "trap-authentication-failure" not in open_rules(running)
        await trap(port, COMMUNITY)
        await eventually(lambda: "trap-authentication-failure" in open_rules(running), within=10)
