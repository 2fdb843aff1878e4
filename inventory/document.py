"""Reads a YAML file of the product into a pydantic model, or says every mistake with its line and column."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel, ValidationError

from inventory import mistakes, yamltree
from inventory.files import Unreadable, read_bytes
from inventory.problem import Invalid, Problem, file_name
from inventory.yamltree import Node

__all__ = ["MAX_BYTES", "Invalid", "Problem", "load", "read", "validate"]

MAX_BYTES = 1024 * 1024

M = TypeVar("M", bound=BaseModel)


def load(path: Path, model: type[M], within: Path | None = None) -> M:
    """Return the file `path` as `model`. Raises `Invalid` with every mistake; an unreadable file is one.

    A symbolic link may not lead out of `within` (the file's own folder unless given).
    """
    problems: list[Problem] = []
    node = read(path, problems, within)
    loaded = validate(node, model, problems) if node else None
    if loaded is None or problems:
        raise Invalid(problems)
    return loaded


def read(path: Path, problems: list[Problem], within: Path | None = None) -> Node | None:
    """Return the tree in the file `path`, `None` when nothing can be used; mistakes go to `problems`."""
    file = file_name(path)
    try:
        raw = read_bytes(path, within or path.parent, MAX_BYTES)
    except Unreadable as error:
        problems.append(Problem(file, 0, 0, "", str(error)))
        return None
    return parse(raw, file, problems)


def parse(raw: bytes, file: str, problems: list[Problem]) -> Node | None:
    """Return the tree in the bytes of a file, `None` when nothing can be used; mistakes go to `problems`."""
    try:
        if len(raw) > MAX_BYTES:
            raise yamltree.TooMuch(Problem(file, 0, 0, "", f"larger than {MAX_BYTES // 1024} KiB"))
        root = yamltree.parse(_text(raw, file), file, problems)
    except yamltree.TooMuch as error:
        problems.append(error.problem)
        return None
    if root is None:
        problems.append(Problem(file, 0, 0, "", "the file is empty"))
    return root


def validate(
    node: Node,
    model: type[M],
    problems: list[Problem],
    path: str = "",
    context: Mapping[str, Any] | None = None,
    also: Collection[str] = (),
) -> M | None:
    """Return the tree as `model`, or `None` after adding its mistakes to `problems`.

    `path` is where `node` is within its file; `context` reaches the model's validators. A plain number
    where a text is wanted is taken as the text that was written. `also` are keys that are allowed beside the
    model's own but not part of `node`: for the list of what may be written.
    """
    as_text: frozenset[int] = frozenset()
    while True:
        encoded = msgspec.json.encode(yamltree.plain(node, as_text))
        try:
            return model.model_validate_json(encoded, strict=True, context=context)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_input=False)
        numbers = frozenset(mistakes.numbers_for_texts(node, errors)) - as_text
        if not numbers:
            problems.extend(mistakes.said(node, model, errors, path, also))
            return None
        as_text |= numbers


def _text(raw: bytes, file: str) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in raw[:4]:
        raise yamltree.TooMuch(Problem(file, 1, 1, "", "the file is UTF-16 or UTF-32; save it as UTF-8"))
    if raw.startswith(b"\xef\xbb\xbf"):
        message = "the file begins with a byte order mark; save it as UTF-8 without one (BOM)"
        raise yamltree.TooMuch(Problem(file, 1, 1, "", message))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _place(raw[: error.start].decode("utf-8"))
        raise yamltree.TooMuch(
            Problem(file, line, column, "", "this byte is not UTF-8; save the file as UTF-8")
        ) from None
    text = text.replace("\r\n", "\n")
    bad = None if text.isascii() and text.isprintable() else yamltree.UNPRINTABLE.search(text)
    if bad:
        message = f"the control or invisible character U+{ord(bad[0]):04X} is not accepted"
        raise yamltree.TooMuch(Problem(file, *_place(text[: bad.start()]), "", message))
    return text


def _place(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
