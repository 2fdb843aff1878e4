"""Brings the files of a folder together: one mapping for each section, every key once."""

from __future__ import annotations

from dataclasses import dataclass

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

    def add(self, file: FileRead) -> None:
        """Take in one file."""
        self._problems.extend(file.problems)
        if not isinstance(file.root, yamltree.Mapping):
            return
        for section, node in file.root.entries.items():
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


@dataclass(frozen=True, slots=True)
class FileRead:
    """What one file says, and what is wrong with it by itself."""

    raw: bytes
    root: yamltree.Node | None
    problems: tuple[Problem, ...]


def read_file(raw: bytes, place: str) -> FileRead:
    """Read the bytes of a file that messages call `place`."""
    problems: list[Problem] = []
    root = document.parse(raw, place, problems)
    if root is not None:
        document.validate(_outline(root), FileEntry, problems)
    return FileRead(raw, root, tuple(problems))


def _outline(root: yamltree.Node) -> yamltree.Node:
    """Return a file without what its sites, roles, needs and services hold: each of those is judged later."""
    if not isinstance(root, yamltree.Mapping):
        return root
    entries = dict(root.entries)
    for section in ("sites", "roles", "coverage", "services"):
        node = entries.get(section)
        if isinstance(node, yamltree.Mapping):
            entries[section] = node.mapped(_nothing)
    return yamltree.Mapping(root.file, root.line, root.column, entries, root.keys)


def _nothing(entry: yamltree.Node) -> yamltree.Node:
    return yamltree.Scalar(entry.file, entry.line, entry.column, "")


def gather(tree: Tree, problems: list[Problem], known: dict[str, FileRead] | None = None) -> Sections:
    """Return what the files of `tree` hold together.

    `known` are files that were read before, by the name that messages have for them; it is brought up to date.
    """
    problems.extend(tree.problems)
    sections = Sections(problems)
    before = {} if known is None else dict(known)
    if known is not None:
        known.clear()
    for name, raw in tree.files.items():
        place = tree.place(name)
        file = before.get(place)
        if file is None or file.raw != raw:
            file = read_file(raw, place)
        if known is not None:
            known[place] = file
        sections.add(file)
    return sections
