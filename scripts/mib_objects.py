"""What MIB files say of their objects, by number: module, name, syntax, units, description (for the checking scripts).

The texts are their vendors' and stay where they are: the scripts compare, and keep numbers and names only.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from compile_mibs import Library, Module, parse

_HEAD = re.compile(r"^\s*([A-Za-z][\w-]*)\s+DEFINITIONS\s*::=\s*BEGIN", re.MULTILINE)
_TEXTS = re.compile(r'"[^"]*"|--[^\n"]*?(?=--|$)', re.MULTILINE)
_OBJECT = re.compile(r"\b([a-z][\w-]*)\s+OBJECT-TYPE\b((?:(?!::=|OBJECT-TYPE).)*?)::=", re.DOTALL)
_SYNTAX = re.compile(r"\bSYNTAX\s+((?:SEQUENCE OF\s+)?[\w-]+(?:\s+(?:STRING|IDENTIFIER))?)")
_UNITS = re.compile(r"\bUNITS\s+\0(\d+)\0")
_DESCRIPTION = re.compile(r"\bDESCRIPTION\s+\0(\d+)\0")
_CONVENTION = re.compile(
    r"\b([A-Z][\w-]*)\s*::=\s*(?:TEXTUAL-CONVENTION\b((?:(?!::=).)*?))?SYNTAX\s+([\w-]+(?:\s+STRING)?)",
    re.DOTALL,
)
_HINT = re.compile(r"\bDISPLAY-HINT\s+\0(\d+)\0")


@dataclass(frozen=True)
class MibObject:
    """One object as its module defines it."""

    module: str
    name: str
    syntax: str
    units: str
    hint: str
    description: str

    @property
    def title(self) -> str:
        """``MODULE::name``."""
        return f"{self.module}::{self.name}"


def objects(folder: Path) -> dict[str, list[MibObject]]:
    """Return every object below `folder` by its number; several where modules, or their editions, differ.

    Each edition of a module is numbered by itself: vendors hand on standard modules under numbers of their own.
    """
    library = Library(folder)
    found: dict[str, list[MibObject]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.stat().st_size < 8 << 20:
            for module, raw in _modules(path.read_text("utf-8", errors="replace")):
                for one in _objects_of(module.name, raw):
                    number = _number(library, module, one.name)
                    known = found.setdefault(number, []) if number else []
                    if one not in known:
                        known.append(one)
    return found


def _modules(text: str) -> Iterator[tuple[Module, str]]:
    heads = list(_HEAD.finditer(text))
    ends = [*(head.start() for head in heads[1:]), len(text)]
    for module, head, end in zip(parse(text), heads, ends, strict=False):
        yield module, text[head.end() : end]


def _number(library: Library, module: Module, name: str, depth: int = 0) -> str:
    """Return the number of a name, by this edition of the module before any other; empty when it is not known."""
    definition = module.names.get(name)
    if definition is None or depth > 40:
        return library.oid(module, name)
    if not definition.oid:
        above = _number(library, module, definition.parent, depth + 1)
        definition.oid = f"{above}.{definition.tail}".strip(".") if above else ""
    return definition.oid


def _objects_of(module: str, raw: str) -> Iterator[MibObject]:
    texts: list[str] = []

    def keep(found: re.Match[str]) -> str:
        if found[0].startswith("--"):
            return ""
        texts.append(" ".join(found[0].strip('"').split()))
        return f"\0{len(texts) - 1}\0"

    body = _TEXTS.sub(keep, raw)
    conventions = {m[1]: (m[3], _text(_HINT, m[2] or "", texts)) for m in _CONVENTION.finditer(body)}
    for found in _OBJECT.finditer(body):
        syntax = _SYNTAX.search(found[2])
        name = " ".join(syntax[1].split()) if syntax else ""
        base, hint = conventions.get(name, (name, ""))
        yield MibObject(
            module, found[1], base, _text(_UNITS, found[2], texts), hint, _text(_DESCRIPTION, found[2], texts)
        )


def _text(pattern: re.Pattern[str], body: str, texts: list[str]) -> str:
    found = pattern.search(body)
    return texts[int(found[1])] if found else ""
