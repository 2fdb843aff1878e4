"""Loads the inventory from a folder of YAML, or says every mistake in it at once.

The format is described in ``docs/inventory.md``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inventory import yamltree
from inventory.coverage import read_needs
from inventory.doubts import doubts
from inventory.gather import Sections, gather
from inventory.memory import Memory
from inventory.model import Inventory
from inventory.network_policy import NetworkPolicy
from inventory.pasts import Pasts
from inventory.problem import Invalid, Problem
from inventory.services import read_services
from inventory.sites import SiteRead
from inventory.topology import Topology
from inventory.traits import ProbeTraits
from inventory.tree import Tree, read_tree


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
    memory: Memory | None = None,
) -> Loaded:
    """Return the inventory in the files of `tree`; what `memory` has of them already is not read again.

    Raises `Invalid` with every mistake in every file. `profiles` are the names of the device profiles there
    are, `network` rules out addresses; without them neither is checked.
    """
    problems: list[Problem] = []
    memory = memory or Memory()
    sections = gather(tree, problems, memory.files)
    inventory = assemble(sections, probes, profiles, problems, network=network, memory=memory)
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
    memory: Memory | None = None,
) -> Inventory:
    """Read credentials and roles, then sites, then what ties devices together; mistakes go to `problems`.

    With `only` a single site is read; of the others no more is known than the names of their devices. What `memory`
    has of an earlier reading is not read again.
    """
    memory = memory or Memory()
    common = memory.common(sections, probes, profiles, network)
    problems.extend(common.problems)
    entries = sections.of("sites")
    reads = memory.sites(common, entries if only is None else entries.only([only]))
    problems.extend(problem for read in reads for problem in read.problems)
    written = [one for read in reads for one in read.written]
    names = {key: _names(node) for key, node in entries.entries.items()}
    parents = _parents(reads, common.roles.behind, names, problems)
    claims = [claim for read in reads for claim in read.claims]
    pasts = Pasts(claims, names, problems)
    sites = (read.placed(parents, pasts.of) for read in reads)
    placed = tuple(site for site in sites if site is not None)
    changing = [*common.changing, *(one for read in reads for one in read.changing)]
    problems.extend(common.planner.unused(changing))
    problems.extend(doubts(placed, entries, written, common.own_roles, common.roles.behind))
    needs = read_needs(sections.of("coverage"), common.roles.names, problems)
    services = read_services(sections.of("services"), names, problems)
    return Inventory(placed, common.roles.sound, common.keyring.specs, needs, services)


def _parents(
    reads: Sequence[SiteRead],
    behind: Mapping[str, tuple[str, ...]],
    names: Mapping[str, Sequence[str]],
    problems: list[Problem],
) -> Mapping[str, tuple[str, ...]]:
    """Return the parents of every device: of sites that name no other site as the last time, of the rest together."""
    found: dict[str, tuple[str, ...]] = {}
    for read in reads:
        if read.alone:
            known = read.topology(behind, names)
            found.update(known.parents)
            problems.extend(known.problems)
    others = [one for read in reads if not read.alone for one in read.written]
    together = Topology(others, behind, names)
    problems.extend(together.problems)
    return found | together.parents


def _names(site: yamltree.Node) -> list[str]:
    """Return the names of a site's devices, those with mistakes too."""
    devices = yamltree.child(site, "devices")
    return list(devices.entries) if isinstance(devices, yamltree.Mapping) else []
