"""What sites have in common: a carrier, a power feed, a province; and through which devices each is reached."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from alerts.incident import Words
from alerts.judging.topology import Topology
from inventory.model import Inventory, Site

REFERENCE = "reference"
"""Tag of devices that tell whether we ourselves are cut off: our gateway, a target beyond it."""


class Common(StrEnum):
    """What sites may have in common."""

    CARRIER = "carrier"
    POWER = "power"
    PROVINCE = "province"


LEAST_SITES = 3
LEAST_OF_PROVINCE = 5
LEAST_SHARE = {Common.CARRIER: 0.2, Common.POWER: 0.2, Common.PROVINCE: 0.1}


@dataclass(frozen=True, slots=True)
class Area:
    """Sites that something in common may cut off together."""

    common: Common
    name: str
    """The carrier or the feed as the inventory has it, or the code of the province."""
    province: str
    sites: tuple[str, ...]

    @property
    def subject(self) -> str:
        """What tells it apart from others of its kind, the same after a restart."""
        return (
            self.name
            if self.common is Common.PROVINCE
            else ":".join(filter(None, (self.province, self.name)))
        )

    @property
    def called(self) -> Words:
        """What people call it."""
        match self.common:
            case Common.CARRIER:
                return Words(f"nhà mạng {self.name}", f"carrier {self.name}")
            case Common.POWER:
                return Words(f"nguồn điện {self.name}", f"power feed {self.name}")
        return Words("toàn tỉnh", "the province")


class Areas:
    """Heads of every site, areas of every site; worked out once for an inventory."""

    def __init__(self, inventory: Inventory, topology: Topology, least: int) -> None:
        """An area has at least `least` sites; with fewer nothing can be told from it."""
        self.sites: Mapping[str, Site] = inventory.sites
        self.heads = {site.id: tuple(_heads(site, topology)) for site in inventory.sites.values()}
        """Devices of a site through which all others of it are reached."""
        self.references = tuple(
            device.id for device in inventory.devices.values() if REFERENCE in device.tags
        )
        roots = (device for device, parents in topology.parents.items() if not parents)
        self.roots = tuple(dict.fromkeys((*self.references, *roots)))
        """Devices before which there is nothing of the inventory: while one of them answers, we are not cut off."""
        self.of: dict[str, tuple[Area, ...]] = {}
        self._collect(least)

    def find(self, common: str, subject: str) -> Area | None:
        """Return the area of an incident that was open before, if it is still one."""
        every = {area for areas in self.of.values() for area in areas}
        return next((area for area in every if area.common == common and area.subject == subject), None)

    def _collect(self, least: int) -> None:
        members: defaultdict[tuple[Common, str, str], list[str]] = defaultdict(list)
        for site in self.sites.values():
            for common, name, province in _shared(site):
                members[common, name, province].append(site.id)
        areas: defaultdict[str, list[Area]] = defaultdict(list)
        for (common, name, province), sites in members.items():
            if len(sites) >= least:
                area = Area(common, name, province, tuple(sites))
                for site_id in sites:
                    areas[site_id].append(area)
        self.of = {site_id: tuple(found) for site_id, found in areas.items()}


def hardest_hit(areas: Iterable[Area], fallen: set[str]) -> Area | None:
    """Return the area that explains best what fell: many of its sites, and a large share of them."""
    best, most = None, 0.0
    for area in areas:
        hit = len(fallen.intersection(area.sites))
        share = hit / len(area.sites)
        least = LEAST_OF_PROVINCE if area.common is Common.PROVINCE else LEAST_SITES
        if hit >= least and share >= LEAST_SHARE[area.common] and hit * share > most:
            best, most = area, hit * share
    return best


def _heads(site: Site, topology: Topology) -> Iterator[str]:
    for device in site.devices:
        if not any(parent.partition("/")[0] == site.id for parent in topology.parents[device.id]):
            yield device.id


def _shared(site: Site) -> Iterator[tuple[Common, str, str]]:
    province = site.commune.province_code if site.commune else ""
    if site.carrier:
        yield Common.CARRIER, site.carrier, province
    if site.power_feed:
        yield Common.POWER, site.power_feed, province
    if site.kind == "commune":
        yield Common.PROVINCE, province, province
