"""The YAML files of an inventory as they are at one moment: names and bytes, before anyone reads meaning into them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inventory.document import MAX_BYTES
from inventory.files import Unreadable, is_folder, read_bytes
from inventory.problem import Problem, file_name

MAX_FILES = 50_000

Stamp = tuple[int, int, int, int]
"""What tells that a file is the one that was read: modified and changed (ns), size, inode."""


@dataclass(frozen=True)
class Tree:
    """The files under `root` (a folder, or one file) by their name from there, in a fixed order."""

    root: Path
    files: Mapping[str, bytes]
    problems: tuple[Problem, ...] = ()
    """What could not be read."""
    stamps: Mapping[str, Stamp] = field(default_factory=dict)

    def place(self, name: str) -> str:
        """Return how messages name a file."""
        return file_name(self.root / name if name else self.root)

    def altered(self, changes: Mapping[str, bytes | None]) -> Tree:
        """Return the tree with some files written anew, or gone (`None`)."""
        files = {**self.files, **{name: raw for name, raw in changes.items() if raw is not None}}
        kept = {name: files[name] for name in sorted(files, key=_order) if changes.get(name, b"") is not None}
        return Tree(self.root, kept, self.problems)


def read_tree(root: Path, before: Tree | None = None) -> Tree:
    """Read every ``*.yaml`` under `root`; what has not changed since `before` was read is not read again.

    Hidden files and folders are left out, linked folders refused.
    """
    problems: list[Problem] = []
    files: dict[str, bytes] = {}
    stamps: dict[str, Stamp] = {}
    within = root if is_folder(root) else root.parent
    for name, path in _walk(root, problems):
        if len(files) >= MAX_FILES:
            problems.append(Problem(file_name(root), 0, 0, "", f"more than {MAX_FILES} YAML files"))
            break
        stamp = _stamp(path)
        try:
            same = before is not None and stamp is not None and before.stamps.get(name) == stamp
            files[name] = before.files[name] if before and same else read_bytes(path, within, MAX_BYTES)
        except Unreadable as error:
            problems.append(Problem(file_name(path), 0, 0, "", str(error)))
            continue
        if stamp is not None:
            stamps[name] = stamp
    return Tree(root, files, tuple(problems), stamps)


def stamps(root: Path) -> Mapping[str, Stamp | None]:
    """Return what tells whether any file under `root` has changed, without reading one."""
    return {name: _stamp(path) for name, path in _walk(root, [])}


def _stamp(path: Path) -> Stamp | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino


def _order(name: str) -> tuple[tuple[str, ...], str]:
    """Order names as `_walk` finds them: the files of a folder before those of the folders in it."""
    *folders, file = name.split("/")
    return tuple(folders), file


def _walk(root: Path, problems: list[Problem]) -> Iterator[tuple[str, Path]]:
    """Yield the YAML files in a fixed order with their names from `root`; one file has none: ``""``."""

    def report(error: OSError) -> None:
        message = f"cannot be read: {error.strerror}"
        problems.append(Problem(file_name(Path(error.filename)), 0, 0, "", message))

    if not is_folder(root):
        yield "", root
        return
    for parent, folders, names in os.walk(root, onerror=report):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            if Path(parent, name).is_symlink():
                message = "a symbolic link to a folder is not followed"
                problems.append(Problem(file_name(Path(parent, name)), 0, 0, "", message))
        for name in sorted(names):
            path = Path(parent, name)
            if name.startswith("."):
                continue
            if name.endswith(".yaml"):
                yield path.relative_to(root).as_posix(), path
            elif name.endswith(".yml"):
                message = "is not read: rename it to end in .yaml"
                problems.append(Problem(file_name(path), 0, 0, "", message, "warning"))
