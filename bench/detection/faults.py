"""The truth: what really breaks, when, and which devices and checks fall silent by it."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from alerts.judging.topology import Topology
from bench.detection.world import CENTRE, CORE, World
from inventory.model import Site

DAY = 86400.0
QUIET_START, QUIET_END = 600.0, 12600.0
"""Seconds at both ends in which nothing breaks: the first round of questions, and the time
until averages of what is asked each five minutes are well again."""
APART = 60.0
"""Seconds between two short gaps of one site, at least."""
BOOT = (60.0, 180.0)
"""Seconds until a device works again once it has power."""


class Kind(StrEnum):
    """What can break."""

    LINK = "uplink cut"
    FLAP = "flapping link"
    POWER = "power cut of a district"
    CARRIER = "carrier failure"
    CORE = "core failure"
    BLIND = "our own uplink lost"
    DEVICE = "device dead"
    SWITCH = "switch dead"
    REBOOT = "reboot"
    AGENT = "agent silent"
    SLOW = "agent slow"
    LOSSY = "line loses packets"
    BURST = "short gap"


SILENCING = frozenset(Kind) - {Kind.AGENT, Kind.SLOW, Kind.LOSSY}
GROUPS = frozenset({Kind.POWER, Kind.CARRIER, Kind.CORE})


@dataclass(slots=True, eq=False)
class Fault:
    """One thing that breaks, from `start` to `end` (seconds of true time)."""

    kind: Kind
    start: float
    end: float
    devices: frozenset[str]
    """Ids of the devices that are silent or ill by it."""
    spans: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """When each device is silent, where that is not from start to end."""
    culprit: str = ""
    """The device that is truly broken, if it is one."""

    def silent(self) -> Iterator[tuple[str, float, float]]:
        """Yield device, begin and end of every silence it causes."""
        if self.kind in SILENCING:
            for device in self.devices:
                for begin, end in self.spans.get(device, [(self.start, self.end)]):
                    yield device, begin, end


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happens to the monitor itself: its clock is set, it is stopped, it is killed."""

    at: float
    kind: str
    """``"step"``, ``"stop"``, ``"kill"``."""
    amount: float
    """Seconds: by how much the clock jumps, or how long the monitor is away."""
    stage: int = 0
    """For a kill: after how many of decide, store, claim, send the process dies."""


class Truth:
    """Everything that breaks in one run."""

    def __init__(self, world: World, seed: int, days: float, hurry: float = 1.0) -> None:
        """With `hurry` so many times as much breaks: for short runs."""
        self.world = world
        self.length = days * DAY + QUIET_END
        self._rng = random.Random(f"faults {seed}")
        self._topology = Topology(world.inventory)
        self._months = days / 30 * hurry
        self._communes = [site for site in world.inventory.sites if site != CENTRE]
        self.faults = list(_apart(sorted(self._every(), key=lambda fault: fault.start)))
        self.troubles = sorted(self._troubles(), key=lambda trouble: trouble.at)
        self.silences = self._silences()

    def _every(self) -> Iterator[Fault]:
        sites = len(self._communes)
        provinces = max(sites / 69, 1e-9)
        yield from self._many(1.0 * sites, self._link)
        yield from self._many(8 * provinces, self._flap)
        yield from self._many(5 * provinces, self._power)
        yield from self._many(2 * provinces, self._carrier)
        yield from self._many(1, self._core)
        yield from self._many(2, self._blind)
        yield from self._many(1.5 * sites, self._device)
        yield from self._many(0.3 * sites, self._switch)
        yield from self._many(2.0 * sites, self._reboot)
        yield from self._many(0.5 * sites, self._agent)
        yield from self._many(0.2 * sites, self._slow)
        yield from self._many(4 * provinces, self._lossy)
        yield from self._many(60.0 * sites, self._burst)

    def _many(self, per_month: float, make: Callable[[float], Fault]) -> Iterator[Fault]:
        expected = per_month * self._months
        count = int(expected) + (self._rng.random() < expected % 1)
        for _ in range(count):
            yield make(self._rng.uniform(QUIET_START, self.length - QUIET_END))

    def _lasting(self, start: float, least: float, median: float) -> float:
        end = start + least + self._rng.lognormvariate(0.0, 1.0) * (median - least)
        return min(end, self.length - QUIET_END + 600)

    def _site(self) -> str:
        return self._rng.choice(self._communes)

    def _of(self, sites: Iterable[str]) -> frozenset[str]:
        inventory = self.world.inventory
        return frozenset(device.id for site in sites for device in inventory.sites[site].devices)

    def _link(self, start: float) -> Fault:
        site = self._site()
        return Fault(Kind.LINK, start, self._lasting(start, 120, 1800), self._of([site]))

    def _flap(self, start: float) -> Fault:
        fault = Fault(Kind.FLAP, start, start + self._rng.uniform(1800, 9000), self._of([self._site()]))
        spans, at = [], start
        while at < fault.end:
            down = self._rng.uniform(25, 120)
            spans.append((at, at + down))
            at += down + self._rng.uniform(25, 180)
        fault.end = spans[-1][1]
        fault.spans = dict.fromkeys(fault.devices, spans)
        return fault

    def _power(self, start: float) -> Fault:
        sites = self.world.inventory.sites
        feed = sites[self._site()].power_feed
        fed = [site for site in self._communes if sites[site].power_feed == feed]
        fault = Fault(Kind.POWER, start, self._lasting(start, 600, 3600), self._of(fed))
        for site in fed:
            lives = self._rng.uniform(600, 2400) if site in self.world.battery else self._rng.uniform(0, 2)
            boots = self._rng.uniform(*BOOT)
            begin, end = start + lives, fault.end + boots
            spans = [(begin, end)] if begin < fault.end else []
            fault.spans |= {device: spans for device in self._of([site])}
        fault.devices = frozenset(device for device in fault.devices if fault.spans[device])
        fault.end += BOOT[1]
        return fault

    def _carrier(self, start: float) -> Fault:
        sites = self.world.inventory.sites
        origin = sites[self._site()]
        near = (site for site in self._communes if _province(sites[site]) == _province(origin))
        carried = [site for site in near if sites[site].carrier == origin.carrier]
        hit = self._rng.sample(carried, max(1, round(len(carried) * self._rng.uniform(0.4, 1.0))))
        return Fault(Kind.CARRIER, start, self._lasting(start, 300, 2400), self._of(hit))

    def _core(self, start: float) -> Fault:
        behind = frozenset({CORE, *self._topology.behind(CORE)})
        return Fault(Kind.CORE, start, start + self._rng.uniform(300, 2400), behind, culprit=CORE)

    def _blind(self, start: float) -> Fault:
        every = frozenset(self.world.inventory.devices)
        return Fault(Kind.BLIND, start, start + self._rng.uniform(180, 2400), every)

    def _leaf(self) -> str:
        devices = self.world.inventory.sites[self._site()].devices
        return self._rng.choice([device.id for device in devices if device.role not in ("router", "switch")])

    def _device(self, start: float) -> Fault:
        leaf = self._leaf()
        end = self._lasting(start, 600, 7200)
        return Fault(Kind.DEVICE, start, end, frozenset({leaf}), culprit=leaf)

    def _switch(self, start: float) -> Fault:
        switch = f"{self._site()}/switch"
        behind = frozenset({switch, *self._topology.behind(switch)})
        return Fault(Kind.SWITCH, start, self._lasting(start, 300, 3600), behind, culprit=switch)

    def _reboot(self, start: float) -> Fault:
        leaf = self._leaf()
        end = start + self._rng.uniform(30, 240)
        return Fault(Kind.REBOOT, start, end, frozenset({leaf}), culprit=leaf)

    def _asked_by_snmp(self) -> str:
        devices = self.world.inventory.devices.values()
        asked = [one.id for one in devices if any(check.name == "snmp" for check in one.checks)]
        return self._rng.choice(asked)

    def _agent(self, start: float) -> Fault:
        end = self._lasting(start, 900, 3600)
        return Fault(Kind.AGENT, start, end, frozenset({self._asked_by_snmp()}))

    def _slow(self, start: float) -> Fault:
        end = self._lasting(start, 3600, 7200)
        return Fault(Kind.SLOW, start, end, frozenset({self._asked_by_snmp()}))

    def _lossy(self, start: float) -> Fault:
        end = min(start + self._rng.uniform(7200, 14400), self.length - QUIET_END)
        return Fault(Kind.LOSSY, start, end, self._of([self._site()]))

    def _burst(self, start: float) -> Fault:
        return Fault(Kind.BURST, start, start + self._rng.uniform(1, 8), self._of([self._site()]))

    def _troubles(self) -> Iterator[Trouble]:
        """Yield troubles at any time, and kills while something big has just begun."""
        rng, months = self._rng, self._months
        starts = [fault.start for fault in self.faults if fault.kind in GROUPS | {Kind.LINK, Kind.FLAP}]
        for _ in range(round(8 * months) or 1):
            step = rng.choice((-1, 1)) * rng.choice((3.0, 45.0, 600.0, 3600.0))
            yield Trouble(self._near(starts), "step", step)
        for _ in range(round(6 * months) or 1):
            yield Trouble(self._near(starts), "stop", rng.uniform(5, 120))
        for _ in range(round(12 * months) or 1):
            yield Trouble(self._near(starts), "kill", rng.uniform(3, 60), rng.randint(1, 4))

    def _near(self, starts: list[float]) -> float:
        if starts and self._rng.random() < 0.6:
            return self._rng.choice(starts) + self._rng.uniform(0, 90)
        return self._rng.uniform(QUIET_START, self.length - QUIET_END)

    def _silences(self) -> dict[str, list[tuple[float, float]]]:
        """Return for each device when it does not answer, in order and without overlaps."""
        found: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
        for fault in self.faults:
            for device, begin, end in fault.silent():
                found[device].append((begin, end))
        return {device: merged(spans) for device, spans in found.items()}


def _province(site: Site) -> str:
    return site.commune.province_code if site.commune else ""


def _apart(faults: Iterable[Fault]) -> Iterator[Fault]:
    """Leave out short gaps soon after another at the same site: together they would be no short gap."""
    last: dict[frozenset[str], float] = {}
    for fault in faults:
        if fault.kind is Kind.BURST:
            if fault.start - last.get(fault.devices, -APART) < APART:
                continue
            last[fault.devices] = fault.end
        yield fault


def merged(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return spans in order, those that touch as one."""
    whole: list[tuple[float, float]] = []
    for begin, end in sorted(spans):
        if whole and begin <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(whole[-1][1], end))
        else:
            whole.append((begin, end))
    return whole
