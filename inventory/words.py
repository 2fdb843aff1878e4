"""What the keys of the inventory mean, in both languages, from the data file beside this module."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import as_file, files

from inventory.document import load
from inventory.model import Model, Text


class _File(Model):
    """The data file."""

    entries: Mapping[str, Mapping[str, Text]]
    probes: Mapping[str, Mapping[str, str]]
    """Vietnamese texts of the parameters of probes."""


class Meaning(Text):
    """What a key means."""

    @property
    def both(self) -> str:
        """Both languages, Vietnamese first, a line each."""
        return f"{self.vi}\n{self.en}"


class Words:
    """The words by kind of entry and key."""

    def __init__(self, words: _File) -> None:
        self.entries = words.entries
        self.probes = words.probes

    @classmethod
    def load(cls) -> Words:
        """Read the data file."""
        with as_file(files("inventory").joinpath("words.yaml")) as path:
            return cls(load(path, _File))

    def of(self, entry: str, key: str) -> Meaning:
        """Return what `key` means in an entry of this kind; a place has the keys of a commune too.

        Raises `KeyError` for a key without words.
        """
        found = self.entries[entry].get(key)
        if found is None and entry == "place":
            found = self.entries["commune"][key]
        if found is None:
            raise KeyError(f"inventory/words.yaml has no words for {entry}.{key}")
        return Meaning(vi=found.vi, en=found.en)

    def parameter(self, probe: str, key: str, english: str) -> str:
        """Return both texts of a probe's parameter, the English one alone where there is no other."""
        vietnamese = self.probes.get(probe, {}).get(key)
        return f"{vietnamese}\n{english}" if vietnamese else english
