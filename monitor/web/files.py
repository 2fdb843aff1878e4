"""The inventory's files as pages and API give them: reading, what an edit would change, saving it."""

from __future__ import annotations

import asyncio
import difflib
import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from inventory import files
from inventory.difference import Line, lines
from inventory.document import MAX_BYTES
from inventory.files import Unreadable, read_bytes
from inventory.problem import Problem
from monitor.reload import Preview, Reloader

_NAME = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]{0,60}/){0,6}[A-Za-z0-9][A-Za-z0-9._-]{0,60}\.yaml")
NAME_RULE = (
    "a new file wants a name of letters, digits, '.', '_', '-' that ends in .yaml, perhaps in folders:"
    " ha-tinh/18073.yaml"
)
NEW_FILE_MODE = 0o640
MAX_LINES = 500
"""Lines of a comparison that are shown."""


class Refused(Exception):
    """The files cannot be written so; the text says why and what to do."""


class Conflict(Refused):
    """A file is no longer as it was when the edit began."""


class Effect(msgspec.Struct, frozen=True):
    """What an edit would do, were it saved."""

    problems: tuple[Problem, ...]
    """Mistakes and warnings; with a mistake that the edit itself brings it cannot be saved."""
    changes: tuple[Line, ...] = ()
    asked: int = 0
    """Checks that are new or asked otherwise."""
    no_longer: int = 0
    """Checks that are no longer asked."""
    savable: bool = False


class InventoryFiles:
    """The files behind a reloader."""

    def __init__(self, reloader: Reloader) -> None:
        self._reloader = reloader

    @property
    def root(self) -> Path:
        """The folder of the inventory, or the one file it is."""
        return self._reloader.running.edited[0]

    async def names(self) -> Sequence[str]:
        """Return the names of the files on the disk, as the loader finds them."""
        tree = await asyncio.to_thread(self._reloader.on_disk)
        return tuple(tree.files)

    async def text(self, name: str) -> str | None:
        """Return what a file holds now, `None` when there is none. Raises `Refused`."""
        raw = await asyncio.to_thread(self._raw, name)
        return None if raw is None else raw.decode("utf-8", "replace")

    async def effect(self, texts: Mapping[str, str | None]) -> Effect:
        """Return what it would do if these files were so (`None`: gone). Raises `Refused`."""
        contents = {name: None if text is None else text.encode() for name, text in texts.items()}
        for name in contents:
            self._path(name)
        return self._effect(await self._reloader.preview(contents))

    async def save(
        self, texts: Mapping[str, str | None], bases: Mapping[str, str], author: str, note: str
    ) -> Effect:
        """Write files and put them in force; nothing is written if the edit brings a mistake.

        `bases` are the digests of what the edit began with, ``""`` for a new file. Raises `Refused`, `Conflict`.
        """
        for name in texts:
            if digest(await asyncio.to_thread(self._raw, name)) != bases.get(name, ""):
                raise Conflict(
                    f"{name or self.root.name} was changed on the disk meanwhile; compare, and save again"
                )
        effect = await self.effect(texts)
        if effect.savable:
            await asyncio.to_thread(self._write, texts)
            await self._reloader.reload(author, note)
        return effect

    def _effect(self, preview: Preview) -> Effect:
        running = self._reloader.running
        brought = {problem for problem in preview.problems if problem.severity == "error"}
        brought -= {*self._reloader.state.problems}
        if preview.change is None:
            return Effect(preview.problems, savable=not brought)
        change = preview.change
        changes = tuple(lines(running.inventory, change.inventory, change.touched))
        return Effect(preview.problems, changes, len(change.fresh), len(change.gone), savable=True)

    def _path(self, name: str) -> Path:
        """Return where a file is, or may be made. Raises `Refused` for a place outside the inventory (case A08)."""
        if not self.root.is_dir():
            if name:
                raise Refused("the inventory is one file, and has no other")
            return self.root
        path = self.root / name
        if name not in self._reloader.running.tree.files and not _NAME.fullmatch(name):
            raise Refused(NAME_RULE)
        if not path.resolve().is_relative_to(self.root.resolve()) or path.is_symlink():
            raise Refused("a link out of the inventory is not followed")
        return path

    def _raw(self, name: str) -> bytes | None:
        path = self._path(name)
        try:
            return read_bytes(path, path.parent, MAX_BYTES) if path.exists() else None
        except Unreadable as error:
            raise Refused(f"{name}: {error}") from None

    def _write(self, texts: Mapping[str, str | None]) -> None:
        try:
            for name, text in texts.items():
                path = self._path(name)
                if text is None:
                    path.unlink(missing_ok=True)
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                mode = path.stat().st_mode & 0o777 if path.exists() else NEW_FILE_MODE
                files.replace(path, text.encode(), mode)
        except OSError as error:
            raise Refused(f"the file cannot be written: {error.strerror}") from error


def digest(raw: bytes | None) -> str:
    """Return what tells two contents apart; ``""`` for none."""
    return "" if raw is None else hashlib.sha256(raw).hexdigest()


def compared(old: str | None, new: str | None) -> list[str]:
    """Return two texts compared, as ``diff -u`` shows it, without its heading; cut off after `MAX_LINES`."""
    before, after = (old or "").splitlines(), (new or "").splitlines()
    found = list(difflib.unified_diff(before, after, lineterm="", n=3))[2:]
    return found[:MAX_LINES] + (["…"] if len(found) > MAX_LINES else [])
