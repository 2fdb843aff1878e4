"""Traps and informs sent by net-snmp's own tools, and by strangers."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from inventory.secrets import Credential, Secret
from monitor.traps import QUEUE_PER_DEVICE, TrapReceiver
from monitor.traps.repeats import MAX_SUBJECTS, WITHIN, Repeats
from monitor.traps.report import FLOOD
from probes.core.observation import FactValue, Observation, Outcome, Sample
from probes.core.words import say
from probes.snmp import ber, message
from probes.snmp.ber import oid
from probes.snmp.message import Message, Pdu
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


COLD_START = "1.3.6.1.6.3.1.1.5.1"
Value = tuple[int, ber.Value]


def trap(name: str, values: dict[str, Value] | None = None, community: bytes = b"cong-dong") -> bytes:
    """Return a v2c trap as it is on the wire."""
    binds: list[ber.VarBind] = [
        (oid("1.3.6.1.2.1.1.3.0"), ber.TIMETICKS, 100),
        (oid("1.3.6.1.6.3.1.1.4.1.0"), ber.OID, oid(name)),
        *((oid(place), *value) for place, value in (values or {}).items()),
    ]
    return message.encode(Message(message.V2C, community, Pdu(message.TRAP, 1, 0, 0, binds)))


class Inbox:
    """Observations as they come."""

    def __init__(self) -> None:
        self.observations: list[Observation] = []
        self.arrived = asyncio.Event()

    def __call__(self, observation: Observation) -> None:
        self.observations.append(observation)
        self.arrived.set()

    def traps(self) -> list[FactValue]:
        return [fact.value for seen in self.observations for fact in seen.facts if fact.name == "snmp.trap"]

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
                    stranger.sendto(trap(COLD_START), ("127.0.0.1", traps.port))
                began = time.monotonic()
                await asyncio.sleep(0.001)
                slowest = max(slowest, time.monotonic() - began)
        assert traps.dropped >= 3000 - 2 * QUEUE_PER_DEVICE - 100
        await eventually(lambda: FLOOD in inbox.traps())
    assert slowest < 0.5


async def test_a_hostile_name_becomes_one_clean_line() -> None:
    inbox = Inbox()
    async with receiver(inbox) as traps:
        evil = ["1.3.6.1.2.1.2.2.1.2.7", "x", "0a1b5d00e280ae41"]
        await send(traps, "-v2c", "-c", "cong-dong", to(traps), *LINK_DOWN, *evil)
        seen = await inbox.one()
    assert "\n" not in say(seen.detail, "en")
    assert all(character.isprintable() for character in say(seen.detail, "en"))


# -- names ---------------------------------------------------------------------------------------------------


async def told(datagram: bytes) -> dict[str, FactValue]:
    inbox = Inbox()
    async with receiver(inbox) as traps:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
            device.sendto(datagram, ("127.0.0.1", traps.port))
        return {fact.name: fact.value for fact in (await inbox.one()).facts}


async def test_an_apc_ups_on_battery_has_its_vendor_s_name_and_severity() -> None:
    facts = await told(
        trap("1.3.6.1.4.1.318.0.5", {"1.3.6.1.4.1.318.2.3.3.0": (ber.OCTETS, b"UPS: On battery power")})
    )
    assert facts["snmp.trap"] == "upsOnBattery"
    assert facts["snmp.trap_severity"] == "warning"
    assert "mtrapargsString.0 = UPS: On battery power" in str(facts["snmp.trap_values"])


async def test_a_lost_registration_of_a_conference_unit_is_named_with_its_state() -> None:
    row = "1.3.6.1.4.1.9.9.644.1.2.6.1"
    facts = await told(
        trap(
            "1.3.6.1.4.1.9.9.644.0.3",
            {f"{row}.3.1": (ber.OCTETS, b"\xc0\x00\x02\x01"), f"{row}.4.1": (ber.INTEGER, 4)},
        )
    )
    assert facts["snmp.trap"] == "ctpcMgmtSysConnEventNotification"
    assert facts["snmp.trap_state"] == ("ctpcMgmtSysConnStatus=notRegister",)
    assert "ctpcMgmtSysAddr.1 = c0:00:02:01" in str(facts["snmp.trap_values"])


async def test_an_alarm_that_is_named_by_an_oid_is_named_by_its_word() -> None:
    alarm = {"1.3.6.1.2.1.33.1.6.2.1.2.1": (ber.OID, oid("1.3.6.1.2.1.33.1.6.3.3"))}
    facts = await told(trap("1.3.6.1.2.1.33.2.3", alarm))  # type: ignore[arg-type]
    assert facts["snmp.trap"] == "upsTrapAlarmEntryAdded"
    assert facts["snmp.trap_state"] == ("upsAlarmDescr=upsAlarmLowBattery",)


async def test_what_no_mib_of_ours_knows_keeps_its_number() -> None:
    assert (await told(trap("1.3.6.1.4.1.99999.1.7")))["snmp.trap"] == "1.3.6.1.4.1.99999.1.7"


# -- repetitions ---------------------------------------------------------------------------------------------


async def test_what_is_said_twice_is_told_once_and_a_change_is_told() -> None:
    inbox = Inbox()
    port = {"1.3.6.1.2.1.2.2.1.1.7": (ber.INTEGER, 7)}
    down, up = (trap(f"1.3.6.1.6.3.1.1.5.{n}", port) for n in (3, 4))  # type: ignore[arg-type]
    async with receiver(inbox) as traps:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
            for datagram in (down, down, up, down, down):
                device.sendto(datagram, ("127.0.0.1", traps.port))
        await eventually(lambda: traps.repeated == 2)
    assert inbox.traps() == ["linkDown", "linkUp", "linkDown"]


def test_after_a_while_the_same_words_are_news_and_memory_is_bounded() -> None:
    repeats, values = Repeats(), [("1.3.6.1.4.1.1.1", 5)]
    assert not repeats.is_repeated("a/b", "x", values, NOW)
    assert repeats.is_repeated("a/b", "x", values, NOW)
    assert not repeats.is_repeated("c/d", "x", values, NOW)
    assert not repeats.is_repeated("a/b", "x", values, NOW + WITHIN)
    for number in range(MAX_SUBJECTS):
        repeats.is_repeated("a/b", "x", [(f"1.3.{number}", 1)], NOW)
    assert not repeats.is_repeated("a/b", "x", values, NOW + WITHIN)


@pytest.mark.parametrize("cipher", ["AES-256", "AES-256-C"])
async def test_a_v3_trap_with_a_key_stretched_in_either_way_is_read(cipher: str) -> None:
    inbox = Inbox()
    settings = {**USER.settings, "user": "giam-sat", "auth_protocol": "SHA1", "priv_protocol": "AES256"}
    credential = Credential("snmp_v3", settings, USER.secrets)
    v3 = [
        "-v3",
        "-u",
        "giam-sat",
        "-l",
        "authPriv",
        "-a",
        "SHA",
        "-A",
        PASSWORD,
        "-x",
        cipher,
        "-X",
        PASSWORD,
    ]
    async with receiver(inbox, credential) as traps:
        await send(traps, *v3, *ENGINE, to(traps), "", "1.3.6.1.6.3.1.1.5.2")
        assert (await inbox.one()).detail == "warmStart"
