"""Traps and informs sent by net-snmp's own tools, and by strangers."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from inventory.secrets import Credential, Secret
from monitor.traps import QUEUE_PER_DEVICE, TrapReceiver
from probes.core.observation import Observation, Outcome, Sample
from tests.patience import eventually
from tests.servers.debian import require

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
COMMUNITY = Credential("snmp_v2c", {}, {"community": Secret("cong-dong")})
PASSWORD = "mot-mat-khau-dai"
USER = Credential(
    "snmp_v3",
    {"user": "giam-sat", "auth_protocol": "SHA256", "priv_protocol": "AES128"},
    {"auth_password": Secret(PASSWORD), "priv_password": Secret(PASSWORD)},
)
V3 = ["-v3", "-u", "giam-sat", "-l", "authPriv", "-a", "SHA-256", "-A", PASSWORD, "-x", "AES", "-X", PASSWORD]
ENGINE = ["-e", "0x8000000001020304"]
LINK_DOWN = ["", "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.2.1.2.2.1.1.7", "i", "7"]
NAMED = ["1.3.6.1.2.1.2.2.1.2.7", "s", "Gi0/7"]


class Inbox:
    """Observations as they come."""

    def __init__(self) -> None:
        self.observations: list[Observation] = []
        self.arrived = asyncio.Event()

    def __call__(self, observation: Observation) -> None:
        self.observations.append(observation)
        self.arrived.set()

    async def one(self) -> Observation:
        await asyncio.wait_for(self.arrived.wait(), 10)
        return self.observations[-1]


@asynccontextmanager
async def receiver(
    inbox: Inbox, credential: Credential | None = COMMUNITY, device: str | None = "42/router"
) -> AsyncIterator[TrapReceiver]:
    async with TrapReceiver(
        "127.0.0.1", 0, lambda _: device, lambda _: credential, inbox, now=lambda: NOW
    ) as traps:
        yield traps


async def send(traps: TrapReceiver, *arguments: str, tool: str = "snmptrap") -> int:
    binary = require(tool, package="snmp")
    process = await asyncio.create_subprocess_exec(
        binary, "-m", "", "-r", "1", "-t", "3", *arguments, env={"MIBS": "", "SNMP_PERSISTENT_DIR": "/tmp"},
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    return await asyncio.wait_for(process.wait(), 20)


def to(traps: TrapReceiver) -> str:
    return f"127.0.0.1:{traps.port}"


async def refused(traps: TrapReceiver, count: int = 1) -> None:
    await eventually(lambda: traps.refused >= count)


async def test_a_link_down_becomes_an_observation_with_the_link_s_state() -> None:
    inbox = Inbox()
    async with receiver(inbox) as traps:
        await send(traps, "-v2c", "-c", "cong-dong", to(traps), *LINK_DOWN, *NAMED)
        seen = await inbox.one()
    assert (seen.device, seen.check, seen.probe, seen.outcome) == ("42/router", "trap", "trap", Outcome.OK)
    assert seen.time == NOW
    assert seen.detail == "linkDown: Gi0/7"
    assert seen.samples == (Sample("hw.network.up", 0.0, "1", (("interface", "Gi0/7"),)),)
    assert {fact.name: fact.value for fact in seen.facts}["snmp.trap"] == "linkDown"


async def test_a_port_that_someone_switched_off_gives_no_link_state() -> None:
    inbox = Inbox()
    async with receiver(inbox) as traps:
        switched_off = ["1.3.6.1.2.1.2.2.1.7.7", "i", "2"]
        await send(traps, "-v2c", "-c", "cong-dong", to(traps), *LINK_DOWN, *NAMED, *switched_off)
        assert (await inbox.one()).samples == ()


async def test_a_cold_start_by_v1_is_understood() -> None:
    inbox = Inbox()
    async with receiver(inbox) as traps:
        await send(
            traps, "-v1", "-c", "cong-dong", to(traps), "1.3.6.1.4.1.8072", "127.0.0.1", "0", "0", "55"
        )
        assert (await inbox.one()).detail == "coldStart"


async def test_an_inform_is_acknowledged() -> None:
    inbox = Inbox()
    async with receiver(inbox) as traps:
        asked = ["-v2c", "-c", "cong-dong", to(traps), "", "1.3.6.1.6.3.1.1.5.5"]
        assert await send(traps, *asked, tool="snmpinform") == 0
        assert (await inbox.one()).detail == "authenticationFailure"


async def test_a_v3_trap_with_the_device_s_user_is_read() -> None:
    inbox = Inbox()
    async with receiver(inbox, USER) as traps:
        await send(traps, *V3, *ENGINE, to(traps), "", "1.3.6.1.6.3.1.1.5.2")
        assert (await inbox.one()).detail == "warmStart"


async def test_a_v3_inform_is_acknowledged() -> None:
    inbox = Inbox()
    async with receiver(inbox, USER) as traps:
        assert await send(traps, *V3, to(traps), "", "1.3.6.1.6.3.1.1.5.2", tool="snmpinform") == 0
        assert (await inbox.one()).detail == "warmStart"


async def test_a_v3_trap_with_a_wrong_password_is_refused() -> None:
    inbox = Inbox()
    async with receiver(inbox, USER) as traps:
        wrong = [part.replace(PASSWORD, "another-password") for part in V3]
        await send(traps, *wrong, *ENGINE, to(traps), "", "1.3.6.1.6.3.1.1.5.2")
        await refused(traps)
    assert inbox.observations == []


async def test_another_community_than_the_device_s_is_refused() -> None:
    inbox = Inbox()
    async with receiver(inbox) as traps:
        await send(traps, "-v2c", "-c", "public", to(traps), *LINK_DOWN)
        await refused(traps)
    assert inbox.observations == []


async def test_a_community_does_not_open_a_v3_device() -> None:
    inbox = Inbox()
    async with receiver(inbox, USER) as traps:
        await send(traps, "-v2c", "-c", "cong-dong", to(traps), *LINK_DOWN)
        await refused(traps)
    assert inbox.observations == []


async def test_an_unknown_source_is_counted_and_dropped() -> None:
    inbox = Inbox()
    async with receiver(inbox, device=None) as traps:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"hello", ("127.0.0.1", traps.port))
        await asyncio.sleep(0.1)
        assert traps.unknown == 1
    assert inbox.observations == []


async def test_garbage_is_refused_and_the_next_trap_is_read() -> None:
    inbox = Inbox()
    async with receiver(inbox) as traps:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for garbage in (b"", b"\x30", b"\x30\x84\xff\xff\xff\xff", b"\x30\x80" * 3000, b"\xff" * 9000):
                stranger.sendto(garbage, ("127.0.0.1", traps.port))
        await refused(traps, 5)
        await send(traps, "-v2c", "-c", "cong-dong", to(traps), *LINK_DOWN, *NAMED)
        assert (await inbox.one()).detail == "linkDown: Gi0/7"


async def test_a_flood_is_dropped_and_the_loop_stays_quick() -> None:
    inbox = Inbox()
    slowest = 0.0
    async with receiver(inbox) as traps:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for _ in range(100):
                for _ in range(30):
                    stranger.sendto(b"\x30\x03\x02\x01\x01", ("127.0.0.1", traps.port))
                began = time.monotonic()
                await asyncio.sleep(0.001)
                slowest = max(slowest, time.monotonic() - began)
        assert traps.dropped >= 3000 - 2 * QUEUE_PER_DEVICE - 100
    assert slowest < 0.5


async def test_a_hostile_name_becomes_one_clean_line() -> None:
    inbox = Inbox()
    async with receiver(inbox) as traps:
        evil = ["1.3.6.1.2.1.2.2.1.2.7", "x", "0a1b5d00e280ae41"]
        await send(traps, "-v2c", "-c", "cong-dong", to(traps), *LINK_DOWN, *evil)
        seen = await inbox.one()
    assert "\n" not in seen.detail
    assert all(character.isprintable() for character in seen.detail)
