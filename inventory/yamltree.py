"""YAML as a tree that remembers lines and columns, read from libyaml's events within strict limits.

What makes YAML dangerous is refused (abuse cases A01 to A07): aliases, anchors, merge keys, tags, several
documents, duplicate keys, depth, size. Only plain ``true``, ``false``, ``null`` and decimal numbers are more
than text: ``no``, ``22:22`` and ``0777`` stay what was written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from typing import Any

import msgspec
import yaml

from inventory.problem import Problem

MAX_DEPTH = 40
MAX_NODES = 200_000

UNPRINTABLE = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb\\ufffe\\uffff"
    "\\ud800-\\udfff\\U000e0000-\\U000e007f]"
)
"""What a text may not hold: controls but tab and newline, and characters that reorder or hide others."""

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,18}")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "": None}


class Node(msgspec.Struct, frozen=True, gc=False):
    """A place in a file; line and column count from 1, in characters."""

    file: str
    line: int
    column: int

    def problem(self, path: str, message: str) -> Problem:
        """Return `message` as a mistake at this place."""
        return Problem(self.file, self.line, self.column, path, message)


class Scalar(Node, frozen=True, gc=False):
    """A text as written; `plain` when it has no quotes. `broken` when it stands for what was refused."""

    text: str
    plain: bool = False
    broken: bool = False

    @property
    def value(self) -> bool | int | float | str | None:
        """The value: plain words and numbers by their meaning, all else as text."""
        text = self.text
        if not self.plain:
            return text
        if text in _WORDS:
            return _WORDS[text]
        if text[0] in "-0123456789":
            if _INTEGER.fullmatch(text):
                return int(text)
            if _DECIMAL.fullmatch(text):
                return float(text)
        return text

    @property
    def is_number(self) -> bool:
        """Whether it means a number."""
        return type(self.value) in (int, float)


class Sequence(Node, frozen=True, gc=False):
    """A list."""

    items: tuple[Node, ...]


class Mapping(Node, frozen=True, gc=False):
    """Keys and values in the order of the file; keys are unique texts, `keys` tells where each one stands."""

    entries: dict[str, Node]
    keys: dict[str, Scalar]

    def only(self, names: Collection[str], *, inside: bool = True) -> Mapping:
        """Return the same place with those keys only that are (or, not `inside`, are not) among `names`."""
        entries = {key: node for key, node in self.entries.items() if (key in names) is inside}
        return Mapping(self.file, self.line, self.column, entries, self.keys)

    def mapped(self, change: Callable[[Node], Node]) -> Mapping:
        """Return the same place with every value changed."""
        entries = {key: change(node) for key, node in self.entries.items()}
        return Mapping(self.file, self.line, self.column, entries, self.keys)

    def over(self, base: Mapping) -> Mapping:
        """Return the same place with the keys of `base` that it has not itself."""
        return Mapping(self.file, self.line, self.column, base.entries | self.entries, base.keys | self.keys)


class TooMuch(Exception):
    """The file goes past a limit or is no YAML at all; `problem` says where."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class _Open(msgspec.Struct):
    """A list or mapping whose end has not been seen yet; `key` is the key that waits for its value."""

    at: tuple[int, int]
    items: list[Node]
    keys: dict[str, Scalar] | None = None
    entries: dict[str, Node] | None = None
    key: Scalar | None = None


def parse(text: str, file: str, problems: list[Problem]) -> Node | None:
    """Return the tree of one document, `None` for an empty one. What can be skipped goes to `problems`.

    Raises `TooMuch` when reading cannot go on: a syntax error or a limit.
    """
    builder = _Builder(file, problems)
    try:
        for event in _events(text):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        raise TooMuch(_syntax(error, file)) from None
    except yaml.YAMLError as error:
        raise TooMuch(Problem(file, 0, 0, "", f"not valid YAML: {type(error).__name__}")) from None
    return builder.root


def join(path: str, part: str | int) -> str:
    """Return `path` one step deeper: ``"a"`` and ``"b"`` give ``"a.b"``, ``"a"`` and 0 give ``"a[0]"``."""
    if isinstance(part, int):
        return f"{path}[{part}]"
    name = part[:60] if part.isprintable() else repr(part[:60])[1:-1]
    return f"{path}.{name}" if path and name else path or name


def plain(node: Node, as_text: frozenset[int] = frozenset()) -> Any:
    """Return `node` as Python values; numbers whose `id` is in `as_text` as the text that was written."""
    if isinstance(node, Scalar):
        return node.text if id(node) in as_text else node.value
    if isinstance(node, Mapping):
        return {key: plain(value, as_text) for key, value in node.entries.items()}
    if isinstance(node, Sequence):
        return [plain(item, as_text) for item in node.items]
    raise TypeError(type(node))


def child(node: Node, key: str) -> Node | None:
    """Return what `node` has under `key`, `None` when it has not, or is no mapping."""
    return node.entries.get(key) if isinstance(node, Mapping) else None


def without(node: Node, *keys: str) -> Node:
    """Return `node` less some keys, if it is a mapping."""
    return node.only(keys, inside=False) if isinstance(node, Mapping) else node


def _events(text: str) -> Iterator[Any]:
    return iter(yaml.parse(text, Loader=yaml.CSafeLoader))


def _syntax(error: yaml.MarkedYAMLError, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    what = error.problem or error.context or "unreadable"
    if "cannot start any token" in what:
        what += " (a tab for indentation, or one of @ ` % without quotes?)"
    elif "mapping values are not allowed" in what:
        what += " (wrong indentation, or a text with ': ' that needs quotes?)"
    begun = error.context_mark
    if begun and mark and (begun.line, begun.column) != (mark.line, mark.column):
        what += f"; what is not closed begins at line {begun.line + 1}, column {begun.column + 1}"
    return Problem(file, line, column, "", f"not valid YAML: {what}")


class _Builder:
    """Takes libyaml's events one by one and grows the tree."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.root: Node | None = None
        self._file = file
        self._problems = problems
        self._stack: list[_Open] = []
        self._nodes = 0
        self._documents = 0

    def take(self, event: Any) -> None:
        """Take the next event. Raises `TooMuch`."""
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._scalar(event)
        elif kind is yaml.MappingStartEvent:
            self._start(event, _Open(self._at(event), [], {}, {}))
        elif kind is yaml.SequenceStartEvent:
            self._start(event, _Open(self._at(event), []))
        elif kind in (yaml.MappingEndEvent, yaml.SequenceEndEvent):
            self._end()
        elif kind is yaml.AliasEvent:
            self._complain(event, "aliases (*name) are not accepted; write the value out")
            self._put(Scalar(self._file, *self._at(event), "", True, True))
        elif kind is yaml.DocumentStartEvent:
            self._document(event)

    def _at(self, event: Any) -> tuple[int, int]:
        mark = event.start_mark
        return mark.line + 1, mark.column + 1

    def _complain(self, event: Any, message: str) -> None:
        self._problems.append(Problem(self._file, *self._at(event), self._path(), message))

    def _path(self) -> str:
        path = ""
        for frame in self._stack:
            path = join(path, len(frame.items) if frame.keys is None else frame.key.text if frame.key else "")
        return path

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            raise TooMuch(
                Problem(self._file, *self._at(event), "", "a second document starts here; a file holds one")
            )
        if event.version or event.tags:
            self._complain(event, "directives (%YAML, %TAG) are not accepted")

    def _count(self, event: Any) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise TooMuch(
                Problem(self._file, *self._at(event), "", f"more than {MAX_NODES} values; split the file")
            )
        if event.anchor is not None:
            self._complain(event, "anchors (&name) are not accepted; write the value out in each place")

    def _scalar(self, event: Any) -> None:
        self._count(event)
        refused = event.tag is not None
        if refused:
            self._complain(event, f"tags ({event.tag[:60]}) are not accepted; write the value without it")
        text: str = event.value
        if not text.isascii():
            text = unicodedata.normalize("NFC", text)
        if not text.isprintable() and UNPRINTABLE.search(text):
            self._complain(event, "the text holds a control or invisible character")
            refused = True
        mark = event.start_mark
        self._put(Scalar(self._file, mark.line + 1, mark.column + 1, text, not event.style, refused))

    def _start(self, event: Any, frame: _Open) -> None:
        self._count(event)
        if event.tag is not None:
            self._complain(event, f"tags ({event.tag[:60]}) are not accepted; write the value without it")
        if len(self._stack) >= MAX_DEPTH:
            raise TooMuch(Problem(self._file, *self._at(event), "", f"nested deeper than {MAX_DEPTH} levels"))
        self._stack.append(frame)

    def _end(self) -> None:
        frame = self._stack.pop()
        if frame.keys is None or frame.entries is None:
            self._put(Sequence(self._file, *frame.at, tuple(frame.items)))
        else:
            self._put(Mapping(self._file, *frame.at, frame.entries, frame.keys))

    def _put(self, node: Node) -> None:
        if not self._stack:
            self.root = node
            return
        frame = self._stack[-1]
        if frame.keys is None or frame.entries is None:
            frame.items.append(node)
        elif frame.key is None:
            frame.key = self._key(node)
        else:
            self._pair(frame.keys, frame.entries, frame.key, node)
            frame.key = None

    def _key(self, node: Node) -> Scalar:
        if isinstance(node, Scalar):
            return node
        self._problems.append(node.problem(self._path(), "a key must be a text, found a list or mapping"))
        return Scalar(node.file, node.line, node.column, "", True, True)

    def _pair(self, keys: dict[str, Scalar], entries: dict[str, Node], key: Scalar, value: Node) -> None:
        text = key.text
        if key.broken:
            return
        if text == "<<" and key.plain:
            self._problems.append(
                key.problem(self._path(), "merge keys (<<) are not accepted; write the keys out")
            )
        elif not text:
            self._problems.append(key.problem(self._path(), "a key is empty"))
        elif text in keys:
            first = keys[text]
            message = (
                f"the key {text[:60]!r} is written twice; first at line {first.line}, column {first.column}"
            )
            self._problems.append(key.problem(self._path(), message))
        else:
            keys[text] = key
            entries[text] = value
