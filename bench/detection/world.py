"""The province of the laboratory: a data centre, communes of 5 to 10 devices, carriers, power feeds, lossy lines."""

from __future__ import annotations

import random
from dataclasses import dataclass

from inventory.model import CheckSpec, Commune, Contact, Device, Inventory, Role, Site, Text
from probes.core.probe import Params

INTERVAL = 60.0
"""Seconds between two attempts of nearly every check."""
CENTRE = "ttdl"
CORE = f"{CENTRE}/core"
CARRIERS = ("vnpt", "viettel", "fpt")
PER_FEED = 9
"""Communes to a power feed; one that is left over at the end of a province has fewer."""
PER_PROVINCE = 98
"""Communes to a province: 3,321 are in 34."""
LEAVES = ("server", "conference", "ups", "printer", "nvr", "access_point")
CHECKS: dict[str, tuple[tuple[str, float], ...]] = {
    "router": (("icmp", INTERVAL), ("snmp", INTERVAL)),
    "switch": (("icmp", INTERVAL), ("snmp", INTERVAL)),
    "server": (("icmp", INTERVAL), ("snmp", INTERVAL)),
    "conference": (("icmp", INTERVAL), ("sip", INTERVAL)),
    "ups": (("icmp", INTERVAL), ("snmp", INTERVAL)),
    "printer": (("icmp", 300.0),),
    "nvr": (("icmp", INTERVAL),),
    "access_point": (("icmp", INTERVAL), ("snmp", 300.0)),
    "web": (("http", INTERVAL),),
    "gateway": (("icmp", INTERVAL),),
}
"""What is asked of a role, as `inventory/roles.yaml` has it, checks rarer than 15 minutes left out."""
LOSSES = ((0.4, 0.0), (0.2, 0.005), (0.15, 0.02), (0.15, 0.05), (0.1, 0.1))
"""Shares of the communes, and how many of the packets their line loses."""


@dataclass(frozen=True, slots=True)
class World:
    """What is watched, and how good its lines are."""

    inventory: Inventory
    loss: dict[str, float]
    """Share of lost packets (there and back), by site."""
    battery: frozenset[str]
    """Sites that live on for a while when the power fails."""


def make_world(seed: int, sites: int, loss: float | None = None) -> World:
    """Return the province of a seed; `loss` makes every line lose that share."""
    rng = random.Random(f"world {seed}")
    communes = [_commune(number, rng) for number in range(sites)]
    inventory = Inventory((_centre(), *communes), _roles(), {})
    shares, values = zip(*LOSSES, strict=True)
    losses = {site.id: rng.choices(values, shares)[0] if loss is None else loss for site in communes}
    battery = frozenset(site.id for site in communes if rng.random() < 0.3)
    return World(inventory, losses | {CENTRE: 0.0}, battery)


def _centre() -> Site:
    devices = (
        _device(CENTRE, "gateway", "gateway", (), tags=("reference",)),
        _device(CENTRE, "core", "router", (f"{CENTRE}/gateway",)),
        _device(CENTRE, "switch", "switch", (f"{CENTRE}/gateway",)),
        *(
            _device(CENTRE, name, "web", (f"{CENTRE}/switch",))
            for name in ("dich-vu-cong", "lgsp", "mot-cua", "xac-thuc")
        ),
    )
    return Site(id=CENTRE, name="Trung tâm dữ liệu tỉnh", kind="data_centre", devices=devices)


def _commune(number: int, rng: random.Random) -> Site:
    key = f"{10000 + number:05}"
    routers = ("router", "router-2") if rng.random() < 0.06 else ("router",)
    leaves = [rng.choice(LEAVES) for _ in range(rng.randint(3, 8 - len(routers)))]
    devices = (
        *(_device(key, name, "router", (CORE,)) for name in routers),
        _device(key, "switch", "switch", tuple(f"{key}/{name}" for name in routers)),
        *(_device(key, f"{role}-{index}", role, (f"{key}/switch",)) for index, role in enumerate(leaves)),
    )
    owner = Contact(name=f"Cán bộ {number}", unit=f"UBND xã {number}", phone="0912345678")
    carrier = rng.choices(CARRIERS, (5, 4, 2))[0]
    power = f"dien-luc-{number // PER_PROVINCE + 1:02}-{number % PER_PROVINCE // PER_FEED}"
    return Site(
        id=key,
        name=f"Xã {number}",
        kind="commune",
        commune=_official(key, number),
        owner=owner,
        carrier=carrier,
        power_feed=power,
        devices=devices,
    )


def _official(key: str, number: int) -> Commune:
    province = f"{number // PER_PROVINCE + 1:02}"
    return Commune(
        code=key, name=f"Xã {number}", kind="xã", province_code=province, province=f"Tỉnh {province}"
    )


def _device(site: str, name: str, role: str, parents: tuple[str, ...], tags: tuple[str, ...] = ()) -> Device:
    checks = tuple(
        CheckSpec(name=probe, probe=probe, params=Params(), interval=interval, timeout=10.0)
        for probe, interval in CHECKS[role]
    )
    return Device(
        id=f"{site}/{name}",
        name=name,
        site=site,
        title=name,
        address="192.0.2.1",
        role=role,
        parents=parents,
        tags=tags,
        checks=checks,
    )


def _roles() -> dict[str, Role]:
    return {name: Role(name=name, title=Text(vi=name, en=name)) for name in CHECKS}
