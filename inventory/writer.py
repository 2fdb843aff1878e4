"""Changes YAML files in place: what an edit does not touch stays as written, with comments, order and quotes.

What is written is not trusted here: read it with the loader, which says every mistake, before it reaches a disk.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from inventory.tree import Tree

Values = Mapping[str, Any]
"""Keys of an entry and what they become: texts, numbers, lists, mappings of them."""


class Unwritable(Exception):
    """A file cannot be changed in place; the text says why."""


class Writer:
    """Collects changes to the sites of a tree; `texts` are the files as they would be."""

    def __init__(self, tree: Tree, folder: str = "") -> None:
        """New sites get files of their own in `folder`, a path below the inventory's, unless the tree is one file."""
        self._tree = tree
        self._folder = f"{folder.strip('/')}/" if folder.strip("/") else ""
        self._documents: dict[str, CommentedMap] = {}
        self._changed: dict[str, None] = {}
        self._homes: dict[str, str] | None = None

    @property
    def texts(self) -> dict[str, str]:
        """The changed files by name."""
        return {name: _text(self._documents[name]) for name in self._changed}

    def site(self, site: str, values: Values) -> None:
        """Set keys of a site; one that is not there is made. Raises `Unwritable`."""
        _set(self._site(site), values)

    def device(self, site: str, name: str, values: Values) -> None:
        """Set keys of a device; one that is not there is made. Raises `Unwritable`."""
        devices = _below(self._site(site), "devices")
        _set(_below(devices, name), values)

    def _site(self, site: str) -> CommentedMap:
        name = self._home(site)
        self._changed[name] = None
        return _below(_below(self._document(name), "sites"), site)

    def _home(self, site: str) -> str:
        """Return the file a site is in, or will be."""
        if self._homes is None:
            self._homes = {}
            for name in self._tree.files:
                for key in _mapping(self._document(name).get("sites")):
                    self._homes.setdefault(str(key), name)
        alone = "" in self._tree.files or not self._tree.root.is_dir()
        return self._homes.setdefault(site, "" if alone else f"{self._folder}{site}.yaml")

    def _document(self, name: str) -> CommentedMap:
        if name not in self._documents:
            raw = self._tree.files.get(name, b"")
            try:
                found = _round_trip().load(raw.decode("utf-8")) if raw.strip() else CommentedMap()
            except (YAMLError, UnicodeDecodeError, RecursionError) as error:
                raise Unwritable(
                    f"{self._tree.place(name)} has mistakes; mend them first: {_first(error)}"
                ) from None
            if not isinstance(found, CommentedMap):
                raise Unwritable(f"{self._tree.place(name)} is no mapping")
            self._documents[name] = found
        return self._documents[name]


def _round_trip() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.allow_duplicate_keys = False
    return yaml


def _text(document: CommentedMap) -> str:
    stream = io.StringIO()
    _round_trip().dump(document, stream)
    return stream.getvalue()


def _mapping(node: object) -> CommentedMap:
    return node if isinstance(node, CommentedMap) else CommentedMap()


def _below(node: CommentedMap, key: str) -> CommentedMap:
    """Return the mapping at a key, however the key is written (``18073`` is a number to YAML); made if absent."""
    own = next((found for found in node if str(found) == key), None)
    if own is None:
        own = int(key) if key.isdecimal() and not key.startswith("0") else key
        node[own] = CommentedMap()
    elif not isinstance(node[own], CommentedMap):
        node[own] = CommentedMap()
    inner: CommentedMap = node[own]
    return inner


def _set(node: CommentedMap, values: Values) -> None:
    for key, value in values.items():
        if isinstance(value, Mapping):
            _set(_below(node, key), value)
        else:
            node[key] = _quoted(value)


def _quoted(value: object) -> object:
    """Return a text that begins with a colon in quotes: libyaml reads a bare one inside braces as a mistake."""
    return DoubleQuotedScalarString(value) if isinstance(value, str) and value.startswith(":") else value


def _first(error: Exception) -> str:
    return str(error).splitlines()[0][:200]
