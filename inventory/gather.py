"""Brings the files of a folder together: one mapping for each section, every key once."""

from __future__ import annotations

from inventory import document, yamltree
from inventory.entries import FileEntry
from inventory.problem import Problem
from inventory.tree import Tree

SECTIONS = tuple(FileEntry.model_fields)


class Sections:
    """The entries of every file by section and key; a problem for each key that is written twice."""

    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems
        self._entries: dict[str, dict[str, yamltree.Node]] = {section: {} for section in SECTIONS}
        self._keys: dict[str, dict[str, yamltree.Scalar]] = {section: {} for section in SECTIONS}

    def add(self, root: yamltree.Node) -> None:
        """Take in one file."""
        document.validate(_outline(root), FileEntry, self._problems)
        if not isinstance(root, yamltree.Mapping):
            return
        for section, node in root.entries.items():
            if section in self._entries and isinstance(node, yamltree.Mapping):
                for key, place in node.keys.items():
                    self._put(section, key, place, node.entries[key])

    def of(self, section: str) -> yamltree.Mapping:
        """Return everything written in `section`; empty when no file has it."""
        return yamltree.Mapping("", 0, 0, self._entries[section], self._keys[section])

    def _put(self, section: str, key: str, place: yamltree.Scalar, node: yamltree.Node) -> None:
        first = self._keys[section].get(key)
        if first is not None:
            message = f"{key[:60]!r} is defined twice, first at {first.file}:{first.line}:{first.column}"
            self._problems.append(place.problem(yamltree.join(section, key), message))
        else:
            self._keys[section][key] = place
            self._entries[section][key] = node


def _outline(root: yamltree.Node) -> yamltree.Node:
    """Return a file without what its sites, roles and needs hold: those entries are judged one by one later."""
    if not isinstance(root, yamltree.Mapping):
        return root
    entries = dict(root.entries)
    for section in ("sites", "roles", "coverage"):
        node = entries.get(section)
        if isinstance(node, yamltree.Mapping):
            entries[section] = node.mapped(_nothing)
    return yamltree.Mapping(root.file, root.line, root.column, entries, root.keys)


def _nothing(entry: yamltree.Node) -> yamltree.Node:
    return yamltree.Scalar(entry.file, entry.line, entry.column, "")


def gather(tree: Tree, problems: list[Problem]) -> Sections:
    """Return what the files of `tree` hold together."""
    problems.extend(tree.problems)
    sections = Sections(problems)
    for name, raw in tree.files.items():
        root = document.parse(raw, tree.place(name), problems)
        if root is not None:
            sections.add(root)
    return sections
