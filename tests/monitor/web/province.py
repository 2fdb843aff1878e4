"""A province to look at: Hà Tĩnh's 69 communes with real board, ledger, store and rules; nobody is asked.

python -m tests.monitor.web.province --port 8099 --scene quiet|faults|outage     a dashboard to work on
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.duty.roster import DutyFile, Roster
from alerts.duty.who import Who
from alerts.incident import DeviceState, Incident, IncidentKey, Kind, Severity, Step, Transition, Words
from alerts.quiet.planned import Planned
from alerts.rule import BUILT_IN, RuleBook, load_rules
from alerts.telling.notifier import Settings as Channel
from inventory.communes import Communes
from inventory.model import Commune, Contact, Device, Inventory, Role, Site, Text
from monitor.board import Board, DeviceStatus
from monitor.channels import Channels
from monitor.demo.controls import DemoControls, Fault, FaultKind, FaultTarget, Received, UnknownFault
from monitor.ledger import Ledger
from monitor.ledger.teller import Nobody
from monitor.operations import Operations
from monitor.quality.figures import Quality
from monitor.quality.measure import measure
from monitor.quiet import Quiets
from monitor.scheduler import Load
from monitor.store.duckdb import DuckDBStore
from monitor.vitals import Problem, SelfWatch, Traps, Vitals
from monitor.web.app import WebContext, serve
from probes.core.observation import Fact, Observation, Outcome, Sample
from probes.core.probe import Check, Params, Target

ROLES = {
    "router": ("Bộ định tuyến", "Router", ()),
    "switch": ("Bộ chuyển mạch", "Switch", ("router",)),
    "server": ("Máy chủ", "Server", ("switch",)),
    "conference": ("Thiết bị hội nghị truyền hình", "Conference unit", ("switch",)),
    "ups": ("Bộ lưu điện", "UPS", ("switch",)),
    "web": ("Hệ thống web", "Web system", ()),
}
SYSTEMS = {
    "cong-dvc": "Cổng dịch vụ công",
    "mot-cua": "Một cửa điện tử",
    "van-ban": "Quản lý văn bản",
    "kho-du-lieu": "Kho dữ liệu",
    "truc-lien-thong": "Trục liên thông",
}


class NoParams(Params):
    """Nothing to set."""


WATCHED = SelfWatch(True, datetime.now(UTC) - timedelta(seconds=40), True, "07:30", None, 120.0, 7)
"""The monitor is watched by everything there is."""

CHANNELS = {name: Channel(kind="test") for name in ("zalo", "sms", "nhom")}


@dataclass
class Province:
    """The parts a test moves."""

    inventory: Inventory
    board: Board
    ledger: Ledger
    store: DuckDBStore
    rules: RuleBook
    demo: Switches
    started: datetime
    quiets: Quiets
    problems: list[Problem] = field(default_factory=list)
    """What the monitor itself is said to suffer from."""
    duty: DutyFile = field(default_factory=DutyFile)

    def context(self, **changes: object) -> WebContext:
        """Return what the pages are given."""
        given: dict[str, object] = {
            "board": self.board,
            "store": self.store,
            "ledger": self.ledger,
            "operations": self.operations,
            "who": lambda: Who(
                Roster(self.duty, lambda: self.ledger.rota.overrides), self.inventory, CHANNELS
            ),
            "quiets": self.quiets,
            "channels": Channels(
                {}, self.ledger.channels.health, dict, {}, "http://monitor", lambda: datetime.now(UTC)
            ),
            "rules": lambda: self.rules,
            "vitals": self.vitals,
            "now": lambda: datetime.now(UTC),
            "quality": self.quality,
            "pace": 0.05,
            **changes,
        }
        return WebContext(**given)  # type: ignore[arg-type]

    @property
    def operations(self) -> Operations:
        """What people do about incidents; nobody is told."""
        return Operations(self.ledger.incidents, self.board, Nobody, lambda: None, lambda: datetime.now(UTC))

    def quality(self) -> Quality:
        """Return how good the alarms of the last 30 days were."""
        now = datetime.now(UTC)
        return measure(self.ledger.path, self.inventory, now - timedelta(days=30), now)

    def vitals(self) -> Vitals:
        """Return health of a monitor that keeps up."""
        load = Load(len(self.inventory.devices) * 3, 4, 0, 120_345, 0, 0.002, 0.02, 0.3)
        return Vitals(
            self.started, "0.1.0", load, self.store.health(), 0, Traps(), tuple(self.problems), WATCHED
        )

    def set_state(self, device: str, state: DeviceState, reason: str = "", minutes: float = 0) -> None:
        """Put a device into a state."""
        since = datetime.now(UTC) - timedelta(minutes=minutes)
        self.board.set_status(device, DeviceStatus(state, since, Words(reason, reason)))

    async def open(
        self,
        rule: str,
        device: str,
        words: str,
        *,
        severity: Severity = Severity.CRITICAL,
        kind: Kind = Kind.INCIDENT,
        minutes: float = 0,
        evidence: str = "",
        subject: str = "",
        step: Step = Step.OPENED,
    ) -> Incident:
        """Take a step of an incident in the ledger, then on the board."""
        at = datetime.now(UTC) - timedelta(minutes=minutes)
        key = IncidentKey(rule, device, subject=subject)
        transition = Transition(key, step, at, kind, severity, Words(words, words), evidence)
        (incident,) = await self.ledger.incidents.record([transition], Nobody())
        self.board.set_incident(incident)
        return incident

    def observe(self, device: str, check: str, **given: object) -> None:
        """Let a check have answered."""
        told: dict[str, object] = {
            "time": datetime.now(UTC) - timedelta(seconds=7),
            "duration": 0.012,
            "outcome": Outcome.OK,
            **given,
        }
        observation = Observation(device, check, check, **told)  # type: ignore[arg-type]
        self.board.observe(observation)
        self.store.append(observation)


class Switches(DemoControls):
    """Faults that are remembered and do nothing."""

    def __init__(self, inventory: Inventory) -> None:
        targets = tuple(FaultTarget(site.id, site.name) for site in inventory.sites.values())
        titles = {
            "cut-uplink": "Cắt đường truyền",
            "fill-disk": "Đầy ổ đĩa",
            "weaken-ssh": "Làm yếu cấu hình SSH",
        }
        effect = Words("Cả xã im lặng; một sự cố, các thiết bị phía sau không tới được.", "All is silent.")
        self._kinds = tuple(
            FaultKind(kind, Words(title, kind), effect, targets) for kind, title in titles.items()
        )
        self._faults: dict[tuple[str, str], Fault] = {}

    async def kinds(self) -> tuple[FaultKind, ...]:
        return self._kinds

    async def faults(self) -> tuple[Fault, ...]:
        return tuple(self._faults.values())

    async def received(self) -> tuple[Received, ...]:
        take = "/a/AAAAAAAAAAAAAAAA"
        return (
            Received(datetime.now(UTC), "[SỰ CỐ] mất kết nối", "Nơi: <Xã>", "0912", "Nguyễn Văn An", take),
        )

    async def switch(self, kind: str, target: str, on: bool) -> None:
        if kind not in {known.id for known in self._kinds}:
            raise UnknownFault(f"there is no fault {kind!r}")
        if on:
            self._faults.setdefault((kind, target), Fault(kind, target, datetime.now(UTC)))
        else:
            self._faults.pop((kind, target), None)


def build_inventory() -> Inventory:
    """Return the communes with five devices each, and the data centre."""
    roles = {name: Role(name=name, title=Text(vi=vi, en=en)) for name, (vi, en, _) in ROLES.items()}
    sites = [_site(commune, number) for number, commune in enumerate(Communes.load().province("42"))]
    systems = tuple(
        Device(
            id=f"ttdl/{name}",
            name=name,
            site="ttdl",
            title=title,
            address=f"127.42.0.{number + 10}",
            role="web",
        )
        for number, (name, title) in enumerate(SYSTEMS.items())
    )
    owner = Contact(name="Trần Thị B", unit="Sở Khoa học và Công nghệ", phone="0239 385 0000")
    centre = Site(id="ttdl", name="Trung tâm dữ liệu tỉnh", kind="data_centre", owner=owner, devices=systems)
    return Inventory((centre, *sites), roles, {})


def _site(commune: Commune, number: int) -> Site:
    devices = tuple(
        Device(
            id=f"{commune.code}/{name}",
            name=name,
            site=commune.code,
            title=vi,
            address=f"127.42.{number + 1}.{at + 1}",
            role=name,
            parents=tuple(f"{commune.code}/{parent}" for parent in parents),
        )
        for at, (name, (vi, _, parents)) in enumerate(list(ROLES.items())[:5])
    )
    owner = Contact(name="Nguyễn Văn A", unit=f"UBND {commune.name}", phone="0912 345 678")
    return Site(
        id=commune.code, name=commune.name, kind="commune", commune=commune, owner=owner, devices=devices
    )


def build_checks(inventory: Inventory) -> list[Check]:
    """Return three checks a device."""
    return [
        Check(name, name, Target(device.id, device.address), NoParams(), 60.0, 10.0)
        for device in inventory.devices.values()
        for name in ("icmp", "snmp", "ssh" if device.role == "server" else "sip")
    ]


@asynccontextmanager
async def province(folder: Path, inventory: Inventory | None = None) -> AsyncIterator[Province]:
    """Open the parts; every device is up for some hours."""
    inventory = inventory or build_inventory()
    started = datetime.now(UTC) - timedelta(hours=6)
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(Ledger(folder / "ledger.sqlite"))
        store = await stack.enter_async_context(DuckDBStore(folder / "series", flush_every=0.5))
        board = Board(inventory, build_checks(inventory), started)
        quiets = Quiets(ledger.silences, Planned(), inventory, lambda: datetime.now(UTC))
        quiets.changed = board.touch
        rules, switches = load_rules(*BUILT_IN), Switches(inventory)
        built = Province(inventory, board, ledger, store, rules, switches, started, quiets)
        for device in inventory.devices:
            built.set_state(device, DeviceState.UP, minutes=360)
        yield built


async def quiet(town: Province) -> None:
    """Answers everywhere, an hour of history of one server, some findings."""
    for device in town.inventory.devices:
        town.observe(device, "icmp", detail="3/3 trả lời", samples=(Sample("icmp.loss", 0.0),))
    server = next(device for device in town.inventory.devices.values() if device.role == "server")
    _history(town, server.id)
    town.ledger.host_keys.report(server.id, server.address, 22, _KEY)
    for device in list(town.inventory.devices)[7:60:13]:
        await town.open(
            "SSH-12",
            device,
            "SSH cho phép đăng nhập bằng mật khẩu",
            severity=Severity.HIGH,
            kind=Kind.FINDING,
            minutes=3000,
            evidence="ssh.auth_methods = password, publickey",
        )
    await town.open(
        "SNMP-01",
        server.id,
        "Chấp nhận community mặc định",
        severity=Severity.CRITICAL,
        kind=Kind.FINDING,
        minutes=90,
        evidence="snmp.default_community = public",
    )
    await town.open(
        "TLS-11", server.id, "Còn bật TLS 1.0", severity=Severity.MEDIUM, kind=Kind.FINDING, minutes=9000
    )


async def faults(town: Province) -> None:
    """An ordinary bad morning: one commune cut off, a full disk, a conference unit away, one taken on."""
    await quiet(town)
    sites = [site for site in town.inventory.sites.values() if site.kind == "commune"]
    await cut(town, sites[11], 12)
    await cut(town, sites[40], 47)
    unit = f"{sites[30].id}/conference"
    town.set_state(unit, DeviceState.DOWN, "3 lần hỏi liên tiếp không trả lời", 5)
    town.observe(unit, "icmp", outcome=Outcome.TIMEOUT, detail="no answer to 3 echo requests", duration=3.0)
    await town.open("device-down", unit, "Thiết bị hội nghị truyền hình mất kết nối", minutes=5)
    disk = next(device.id for device in sites[0].devices if device.role == "server")
    await town.open(
        "disk-full", disk, "Ổ đĩa / đầy 93,4 %", severity=Severity.WARNING, minutes=130, subject="/"
    )
    taken = await town.open(
        "cpu-high", f"{sites[55].id}/server", "CPU 97 % trong 15 phút", severity=Severity.WARNING, minutes=33
    )
    now = datetime.now(UTC)
    held = await town.ledger.incidents.acknowledge(taken.id, "Lê Văn C", "đang xử lý", now, Nobody())
    town.board.set_incident(held or taken)
    town.set_state("ttdl/mot-cua", DeviceState.DEGRADED, "https: 502 Bad Gateway, máy chủ vẫn trả lời", 8)
    await town.open("service-failed", "ttdl/mot-cua", "Một cửa điện tử: https trả lời 502", minutes=8)
    town.set_state(f"{sites[63].id}/ups", DeviceState.NO_DATA, "chưa hỏi được", 20)
    old = await town.open("device-down", f"{sites[5].id}/router", "Bộ định tuyến mất kết nối", minutes=300)
    await town.open(
        old.key.rule, old.key.device, "Bộ định tuyến đã có lại kết nối", minutes=280, step=Step.RESOLVED
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
    town.set_state(router.id, DeviceState.DOWN, "3 lần hỏi liên tiếp không trả lời", minutes)
    for device in others:
        town.set_state(device.id, DeviceState.UNREACHABLE, "sau bộ định tuyến đang mất kết nối", minutes)
    words = f"Bộ định tuyến ({router.address}) mất kết nối, và 4 thiết bị phía sau"
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
