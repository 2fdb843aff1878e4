"""Loads the inventory from a folder of YAML, or says every mistake in it at once.

The format is described in ``docs/inventory.md``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from inventory import document, roles, wording, yamltree
from inventory.checks import Planner
from inventory.communes import Communes
from inventory.coverage import read_needs
from inventory.devices import Devices
from inventory.doubts import doubts
from inventory.entries import CommuneEntry, PlaceEntry
from inventory.gather import Sections, gather
from inventory.inheritance import Levels, refuse_unknown
from inventory.keyring import Keyring
from inventory.model import NAME, NAME_RULE, Commune, Device, Inventory, Site
from inventory.network_policy import NetworkPolicy
from inventory.pasts import Claim, Pasts, claims
from inventory.problem import Invalid, Problem
from inventory.topology import Topology
from inventory.traits import ProbeTraits
from inventory.tree import Tree, read_tree

GUESSES = 200
"""Unknown commune codes for which a likely one is looked up: for thousands it would take too long."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """An inventory that can be used, and what in it is doubtful."""

    inventory: Inventory
    warnings: tuple[Problem, ...]


def load_inventory(
    folder: Path, probes: Mapping[str, ProbeTraits], profiles: Collection[str] | None = None
) -> Loaded:
    """Return the inventory in the YAML files under `folder` (or in the one file `folder`), as `load_tree` does."""
    return load_tree(read_tree(folder), probes, profiles)


def load_tree(
    tree: Tree,
    probes: Mapping[str, ProbeTraits],
    profiles: Collection[str] | None = None,
    network: NetworkPolicy | None = None,
) -> Loaded:
    """Return the inventory in the files of `tree`.

    Raises `Invalid` with every mistake in every file. `profiles` are the names of the device profiles there
    are, `network` rules out addresses; without them neither is checked.
    """
    problems: list[Problem] = []
    inventory = assemble(gather(tree, problems), probes, profiles, problems, network=network)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise Invalid(errors)
    if not inventory.devices:
        problems.append(
            Problem(tree.place(""), 0, 0, "", "there are no devices, so nothing is watched", "warning")
        )
    return Loaded(inventory, tuple(sorted(set(problems))))


def assemble(
    sections: Sections,
    probes: Mapping[str, ProbeTraits],
    profiles: Collection[str] | None,
    problems: list[Problem],
    only: str | None = None,
    network: NetworkPolicy | None = None,
) -> Inventory:
    """Read credentials and roles, then sites, then what ties devices together; mistakes go to `problems`.

    With `only` a single site is read; of the others no more is known than the names of their devices.
    """
    communes = Communes.load()
    planner = Planner(probes, problems)
    keyring = Keyring(sections.of("credentials"), probes, problems)
    levels = Levels(sections.of("defaults"), sections.of("provinces"), keyring, planner, problems)
    refuse_unknown(sections.of("provinces"), communes, problems)
    own_roles = sections.of("roles")
    known = roles.Roles(roles.built_in(probes, problems), own_roles, planner, problems, levels.default_checks)
    devices = Devices(known, keyring, planner, profiles, network, problems)
    entries = sections.of("sites")
    reader = _Sites(communes, devices, levels, problems)
    sites = tuple(reader.read(entries if only is None else entries.only([only])))
    names = _names(entries)
    topology = Topology(devices.written, known.behind, names, problems)
    pasts = Pasts(devices.claims, reader.claims, names, problems)
    placed = tuple(_placed(site, topology.parents, pasts.of) for site in sites)
    problems.extend(planner.unused())
    problems.extend(doubts(placed, entries, devices.written, own_roles, known.behind))
    needs = read_needs(sections.of("coverage"), known.names, problems)
    return Inventory(placed, known.sound, keyring.specs, needs)


class _Sites:
    """Reads sites: communes by their official code, and other places."""

    def __init__(self, communes: Communes, devices: Devices, levels: Levels, problems: list[Problem]) -> None:
        self._communes = communes
        self._devices = devices
        self._levels = levels
        self._problems = problems
        self._guesses = GUESSES
        self.claims: list[Claim] = []
        """What sites say about ids they had before."""

    def read(self, sites: yamltree.Mapping) -> Iterator[Site]:
        """Yield the sound sites."""
        for key, node in sites.entries.items():
            site = self._site(key, sites.keys[key], node)
            if site is not None:
                yield site

    def _site(self, key: str, place: yamltree.Scalar, node: yamltree.Node) -> Site | None:
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


def _names(sites: yamltree.Mapping) -> dict[str, list[str]]:
    """Return the names of every site's devices, those with mistakes too."""
    devices = {key: yamltree.child(node, "devices") for key, node in sites.entries.items()}
    return {
        key: list(node.entries) if isinstance(node, yamltree.Mapping) else [] for key, node in devices.items()
    }


def _placed(site: Site, parents: Mapping[str, tuple[str, ...]], pasts: Mapping[str, tuple[str, ...]]) -> Site:
    """Return a site whose devices have what only the whole inventory tells: their parents and former ids."""
    devices = tuple(_tied(device, parents[device.id], pasts.get(device.id, ())) for device in site.devices)
    return site.model_copy(update={"devices": devices})


def _tied(device: Device, parents: tuple[str, ...], formerly: tuple[str, ...]) -> Device:
    if not (parents or formerly):
        return device
    return device.model_copy(update={"parents": parents, "formerly": formerly})
