"""Reads one site: a commune by its official code, or another place; with its devices, whatever other sites say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inventory import document, wording, yamltree
from inventory.checks import Changing
from inventory.communes import Communes
from inventory.devices import Devices
from inventory.entries import CommuneEntry, PlaceEntry
from inventory.inheritance import Levels
from inventory.model import NAME, NAME_RULE, Commune, Device, Site
from inventory.pasts import Claim, claims
from inventory.problem import Problem
from inventory.topology import Topology, Written

GUESSES = 200
"""Unknown commune codes for which a likely one is looked up: for thousands it would take too long."""


@dataclass(slots=True)
class SiteRead:
    """What one site says by itself, whatever other sites say."""

    place: yamltree.Scalar
    node: yamltree.Node
    site: Site | None
    """`None` when it has mistakes; its devices have no parents yet."""
    problems: tuple[Problem, ...]
    written: tuple[Written, ...]
    claims: tuple[Claim, ...]
    changing: tuple[Changing, ...]
    _placed: Site | None = None
    _topology: Topology | None = None

    @property
    def alone(self) -> bool:
        """Whether no device names a parent at another site, so that its parents depend on nothing else."""
        named = (name for device in self.written for name, _ in device.parents or ())
        return not any("/" in name for name in named)

    def topology(
        self, behind: Mapping[str, tuple[str, ...]], existing: Mapping[str, Sequence[str]]
    ) -> Topology:
        """Return the parents of a site that is `alone`; as the last time, for roles are the same then."""
        if self._topology is None:
            self._topology = Topology(self.written, behind, existing)
        return self._topology

    def placed(
        self, parents: Mapping[str, tuple[str, ...]], pasts: Mapping[str, tuple[str, ...]]
    ) -> Site | None:
        """Return the site whose devices have what only the whole inventory tells: parents and former ids.

        The same object as the last time when that is the same.
        """
        if self.site is None:
            return None
        ties = [(parents[device.id], pasts.get(device.id, ())) for device in self.site.devices]
        old = self._placed
        if old is None or ties != [(device.parents, device.formerly) for device in old.devices]:
            devices = tuple(_tied(device, *tie) for device, tie in zip(self.site.devices, ties, strict=True))
            old = self._placed = self.site.model_copy(update={"devices": devices})
        return old


class Sites:
    """Reads sites: communes by their official code, and other places."""

    def __init__(self, communes: Communes, devices: Devices, levels: Levels, problems: list[Problem]) -> None:
        self._communes = communes
        self._devices = devices
        self._levels = levels
        self._problems = problems
        self._guesses = GUESSES
        self.claims: list[Claim] = []
        """What sites say about ids they had before."""

    def read(self, key: str, place: yamltree.Scalar, node: yamltree.Node) -> Site | None:
        """Return a site, `None` when it has mistakes."""
        path = yamltree.join("sites", key)
        commune = self._communes.get(key)
        entry = self._commune(commune, node, path) if commune else self._place(key, place, node, path)
        inherited = self._levels.of_site(node, entry, _province(commune, entry), path)
        devices = tuple(self._devices.read(key, node, inherited, f"{path}.devices"))
        if entry is None:
            return None  # its devices were read for their mistakes
        if entry.formerly:
            self.claims.extend(claims(key, node, path))
        if inherited.owner is None:
            self._warn_nobody(devices, place, path)
        return Site(
            id=key,
            name=entry.name if isinstance(entry, PlaceEntry) else commune.name if commune else "",
            kind=entry.kind if isinstance(entry, PlaceEntry) else "commune",
            commune=commune,
            owner=inherited.owner,
            location=entry.location,
            aliases=entry.aliases,
            formerly=entry.formerly,
            carrier=entry.carrier or "",
            power_feed=entry.power_feed or "",
            devices=devices,
        )

    def _no_site(self, key: str) -> str:
        if fate := self._communes.fate(key):
            return fate
        near: tuple[Commune, ...] = ()
        if self._guesses > 0:
            self._guesses -= 1
            near = self._communes.suggest(key)
        likely = " or ".join(f"{commune.code} ({commune.name}, {commune.province})" for commune in near)
        guess = f"; did you mean {likely}?" if likely else ""
        return f"wants an official commune code, or a name of {NAME_RULE}; found {wording.shown(key)}{guess}"

    def _commune(self, commune: Commune, node: yamltree.Node, path: str) -> CommuneEntry | None:
        official = {"name": commune.name, "kind": commune.name, "province": commune.province}
        for extra, said in official.items():
            if isinstance(node, yamltree.Mapping) and extra in node.keys:
                message = f"leave it out: the official list says {said}"
                self._problems.append(node.keys[extra].problem(f"{path}.{extra}", message))
        own = yamltree.without(node, *official, "devices")
        return document.validate(own, CommuneEntry, self._problems, path)

    def _place(self, key: str, place: yamltree.Scalar, node: yamltree.Node, path: str) -> PlaceEntry | None:
        if key.isdigit() or not NAME.fullmatch(key):
            self._problems.append(place.problem(path, self._no_site(key)))
            return None
        own, context = yamltree.without(node, "devices"), {"communes": self._communes}
        entry = document.validate(own, PlaceEntry, self._problems, path, context)
        if entry is not None:
            self._warn_commune(entry, node, path)
        return entry

    def _warn_commune(self, entry: PlaceEntry, node: yamltree.Node, path: str) -> None:
        for commune in self._communes.named(entry.name):
            if entry.name.lower().startswith(commune.kind):
                message = (
                    f"if this is {commune.name} ({commune.province}), its key is its code: {commune.code}"
                )
                self._problems.append(node.problem(f"{path}.name", message).as_warning())

    def _warn_nobody(self, devices: tuple[Device, ...], place: yamltree.Scalar, path: str) -> None:
        names = [device.name for device in devices if device.owner is None]
        if names:
            listed = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
            message = f"nobody answers for {listed}: neither the device nor the site has an owner"
            self._problems.append(place.problem(path, message).as_warning())


def _province(commune: Commune | None, entry: CommuneEntry | None) -> str | None:
    """Return the code of the province a site is in: a commune's official one, a place's where it names one."""
    if commune:
        return commune.province_code
    return entry.province if isinstance(entry, PlaceEntry) else None


def _tied(device: Device, parents: tuple[str, ...], formerly: tuple[str, ...]) -> Device:
    if not (parents or formerly):
        return device
    return device.model_copy(update={"parents": parents, "formerly": formerly})
