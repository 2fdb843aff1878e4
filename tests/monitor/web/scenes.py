"""What the province goes through: an ordinary day, a bad morning, a mass outage.

python -m tests.monitor.web.scenes --port 8099 --scene quiet|faults|outage     a dashboard to work on
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.incident import DeviceState, Kind, Severity, Step
from inventory.model import Site
from monitor.ledger.teller import Nobody
from monitor.web.app import serve
from probes.core.observation import Fact, Outcome, Sample
from probes.core.words import Words
from tests.monitor.ledger.steps import acknowledge
from tests.monitor.web.province import Province, province


async def quiet(town: Province) -> None:
    """Answers everywhere, an hour of history of one server, some findings."""
    for device in town.inventory.devices:
        town.observe(
            device, "icmp", detail=Words("3/3 trả lời", "3 of 3 replies"), samples=(Sample("icmp.loss", 0.0),)
        )
    server = next(device for device in town.inventory.devices.values() if device.role == "server")
    _history(town, server.id)
    town.ledger.host_keys.report(server.id, server.address, 22, _KEY)
    for device in list(town.inventory.devices)[7:60:13]:
        await town.open(
            "SSH-12",
            device,
            Words("SSH cho phép đăng nhập bằng mật khẩu", "SSH lets people log in by password"),
            severity=Severity.HIGH,
            kind=Kind.FINDING,
            minutes=3000,
            evidence="ssh.auth_methods = password, publickey",
        )
    await town.open(
        "SNMP-01",
        server.id,
        Words("Chấp nhận community mặc định", "A default community is accepted"),
        severity=Severity.CRITICAL,
        kind=Kind.FINDING,
        minutes=90,
        evidence="snmp.default_community = public",
    )
    await town.open(
        "TLS-11",
        server.id,
        Words("Còn bật TLS 1.0", "TLS 1.0 is on"),
        severity=Severity.MEDIUM,
        kind=Kind.FINDING,
        minutes=9000,
    )


async def faults(town: Province) -> None:
    """An ordinary bad morning: one commune cut off, a full disk, a conference unit away, one taken on."""
    await quiet(town)
    sites = [site for site in town.inventory.sites.values() if site.kind == "commune"]
    await cut(town, sites[11], 12)
    await cut(town, sites[40], 47)
    unit = f"{sites[30].id}/conference"
    town.set_state(unit, DeviceState.DOWN, SILENT, 5)
    town.observe(unit, "icmp", outcome=Outcome.TIMEOUT, detail=SILENT, duration=3.0)
    await town.open(
        "device-down",
        unit,
        Words("Thiết bị hội nghị truyền hình mất kết nối", "The conference unit is down"),
        minutes=5,
    )
    disk = next(device.id for device in sites[0].devices if device.role == "server")
    await town.open(
        "disk-full",
        disk,
        Words("Ổ đĩa / đầy 93,4 %", "The disk / is 93.4 % full"),
        severity=Severity.WARNING,
        minutes=130,
        subject="/",
    )
    taken = await town.open(
        "cpu-high",
        f"{sites[55].id}/server",
        Words("CPU 97 % trong 15 phút", "CPU 97 % for 15 minutes"),
        severity=Severity.WARNING,
        minutes=33,
    )
    now = datetime.now(UTC)
    held = await acknowledge(town.ledger, taken.id, "Lê Văn C", "đang xử lý", now, Nobody())
    town.board.set_incident(held or taken)
    town.set_state(
        "ttdl/mot-cua",
        DeviceState.DEGRADED,
        Words("https: lỗi 502, máy chủ vẫn trả lời", "https: 502, the server answers"),
        8,
    )
    await town.open(
        "service-failed",
        "ttdl/mot-cua",
        Words("Một cửa điện tử: https trả lời 502", "One-stop system: https answers 502"),
        minutes=8,
    )
    town.set_state(f"{sites[63].id}/ups", DeviceState.NO_DATA, Words("chưa hỏi được", "could not ask"), 20)
    old = await town.open(
        "device-down",
        f"{sites[5].id}/router",
        Words("Bộ định tuyến mất kết nối", "The router is down"),
        minutes=300,
    )
    await town.open(
        old.key.rule,
        old.key.device,
        Words("Bộ định tuyến đã có lại kết nối", "The router is back"),
        minutes=280,
        step=Step.RESOLVED,
    )


async def outage(town: Province) -> None:
    """A mass outage: a carrier is down, two thirds of the communes are cut off."""
    await faults(town)
    sites = [site for site in town.inventory.sites.values() if site.kind == "commune"]
    for number, site in enumerate(sites):
        if number % 3 and number not in (11, 40, 30, 63):
            await cut(town, site, 3 + number / 60)


async def cut(town: Province, site: Site, minutes: float) -> None:
    """Cut a commune off: its router is down, the rest unreachable, one incident."""
    router, *others = site.devices
    town.set_state(router.id, DeviceState.DOWN, SILENT, minutes)
    for device in others:
        town.set_state(
            device.id,
            DeviceState.UNREACHABLE,
            Words("sau bộ định tuyến đang mất kết nối", "behind the router that is down"),
            minutes,
        )
    words = Words(
        f"Bộ định tuyến ({router.address}) mất kết nối, và 4 thiết bị phía sau",
        f"The router ({router.address}) is down, with 4 devices behind it",
    )
    await town.open("device-down", router.id, words, minutes=minutes)


def _traffic(wave: float) -> tuple[Sample, ...]:
    ways = {"receive": 4e6 + 2e6 * wave, "transmit": 1e6 - 4e5 * wave}
    return tuple(
        Sample("hw.network.io", speed, "By/s", (("direction", way), ("interface", "eth0")))
        for way, speed in ways.items()
    )


def _history(town: Province, device: str) -> None:
    chance = random.Random(42)
    now = datetime.now(UTC)
    for step in range(180):
        at = now - timedelta(seconds=20 * (180 - step))
        wave = math.sin(step / 25)
        if 80 < step < 95:
            continue
        town.observe(
            device,
            "snmp",
            time=at,
            samples=(
                Sample("system.cpu.utilization", 0.35 + 0.2 * wave + chance.random() * 0.1),
                Sample("system.memory.utilization", 0.62 + chance.random() * 0.01),
                Sample("system.filesystem.utilization", 0.41, labels=(("mountpoint", "/"),)),
                Sample("system.filesystem.utilization", 0.77, labels=(("mountpoint", "/var"),)),
                *_traffic(wave),
                Sample("system.uptime", 1234567.0 + 20 * step, "s"),
                Sample("hw.temperature", 47.5 + wave, "Cel", (("sensor", "CPU"),)),
            ),
            facts=(
                Fact("snmp.sys_descr", "Linux mc 6.1.0-28-amd64 #1 SMP Debian"),
                Fact("ssh.auth_methods", ("password", "publickey")),
                Fact("ssh.weak_macs", ()),
                Fact("tcp.port", "open", "22"),
            ),
        )
        town.observe(
            device, "icmp", time=at, samples=(Sample("icmp.rtt.mean", 0.004 + 0.002 * chance.random(), "s"),)
        )


SILENT = Words("không trả lời 3 lần hỏi liền", "no answer to 3 questions in a row")
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8yz7qkFQk0GmTg1U7G0xT1Zk0nQ6XcN4r1a2b3c4d5"


SCENES = {"quiet": quiet, "faults": faults, "outage": outage}


async def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8099)
    parser.add_argument("--scene", choices=SCENES, default="faults")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        async with province(Path(folder)) as town:
            await SCENES[chosen.scene](town)
            context = town.context(demo=town.demo, pace=1.0)
            async with serve(context, "127.0.0.1", chosen.port) as url:
                print(url, flush=True)
                await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
