"""The files of planned maintenance: taken whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from alerts.quiet.maintenance import MOST, Maintenance, MaintenanceFile
from alerts.quiet.quiet import devices_meant
from inventory import document, yamltree
from inventory.model import Inventory
from inventory.problem import Invalid, Problem
from inventory.yamltree import Node


class Planned(msgspec.Struct, frozen=True):
    """Every maintenance of the files by its id, in their order, and where its id is written."""

    maintenance: Mapping[str, Maintenance] = {}
    places: Mapping[str, Problem] = {}
    selectors: Mapping[str, Problem] = {}
    """Where the selector of each is written."""

    def doubts(self, inventory: Inventory) -> Iterator[Problem]:
        """Yield a warning for each that means no device: a name was mistyped, or has changed since."""
        for one in self.maintenance.values():
            if one.enabled and next(devices_meant(one.where, inventory), None) is None:
                yield self.selectors[one.id]


def load_planned(path: Path) -> Planned:
    """Return what the file `path`, or every ``*.yaml`` in the folder, plans. Raises `Invalid` with every mistake."""
    problems: list[Problem] = []
    found: dict[str, Maintenance] = {}
    places: dict[str, Problem] = {}
    selectors: dict[str, Problem] = {}
    for node in _nodes(path, problems):
        loaded = document.validate(node, MaintenanceFile, problems)
        for index, one in enumerate(loaded.maintenance if loaded else ()):
            place = _place(node, index, one)
            if one.id in places:
                first = places[one.id]
                message = f"the maintenance {one.id!r} is already at {first.file}:{first.line}:{first.column}"
                problems.append(Problem(place.file, place.line, place.column, place.path, message))
            elif len(found) == MOST:
                message = f"more than {MOST} maintenances in all files; a selector may mean many devices"
                problems.append(Problem(place.file, place.line, place.column, place.path, message))
            places.setdefault(one.id, place)
            selectors[one.id] = _selector(node, index)
            found[one.id] = one
    if problems:
        raise Invalid(problems)
    return Planned(found, places, selectors)


def _nodes(path: Path, problems: list[Problem]) -> Iterator[Node]:
    if not path.exists():
        problems.append(Problem(str(path), 0, 0, "", "there is no such file or folder"))
        return
    for file in sorted(path.glob("*.yaml")) if path.is_dir() else [path]:
        node = document.read(file, problems, path if path.is_dir() else None)
        if node is not None:
            yield node


def _place(root: Node, index: int, one: Maintenance) -> Problem:
    """Return where the id of a maintenance is written."""
    name = yamltree.child(_entry(root, index), "id") or root
    return name.problem(f"maintenance[{index}].id", one.id)


def _selector(root: Node, index: int) -> Problem:
    """Return what is said of a selector that means nothing, where it is written."""
    entry = _entry(root, index)
    where = yamltree.child(entry, "where") or entry
    message = "means no device of the inventory: it would hold nothing back"
    return where.problem(f"maintenance[{index}].where", message).as_warning()


def _entry(root: Node, index: int) -> Node:
    listed = yamltree.child(root, "maintenance")
    return listed.items[index] if isinstance(listed, yamltree.Sequence) else root
