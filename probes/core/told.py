"""Which metrics and facts a probe can tell: the names its source code gives to `Sample` and `Fact`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_*]+)+")


class Told:
    """Names given to `Sample` and `Fact` in the sources `trees` of probe `namespace`, ``*`` for what varies.

    Where a name is a variable, every further dotted name that its file spells out counts; where those of
    both kinds are variables, as a fact: numbers are named by data then (the profiles of SNMP).
    """

    def __init__(self, trees: list[ast.Module], namespace: str) -> None:
        self.named: dict[str, set[str]] = {"Sample": set(), "Fact": set()}
        computed: list[tuple[str, ast.Module]] = []
        for tree in trees:
            kinds = {_callee(call) for call in _calls(tree) if not _pattern(call.args[0])}
            if kinds:
                computed.append((min(kinds), tree))
            for call in _calls(tree):
                self.named[_callee(call)] |= {_pattern(call.args[0])} - {""}
        direct = set[str]().union(*self.named.values())
        namespaces = {namespace, *map(_namespace, direct)}
        for kind, tree in computed:
            self.named[kind] |= {n for n in _spelled(tree) - direct if _namespace(n) in namespaces}

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of samples, sorted."""
        return tuple(sorted(self.named["Sample"]))

    @property
    def facts(self) -> tuple[str, ...]:
        """Names of facts, sorted."""
        return tuple(sorted(self.named["Fact"]))


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    """Every construction of a sample or a fact."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _callee(node) in ("Sample", "Fact") and node.args:
            yield node


def _callee(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _spelled(tree: ast.Module) -> set[str]:
    """Every dotted name written in `tree` but parts of f-strings: what a name in a variable may be."""
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    return {name for node in ast.walk(tree) if id(node) not in parts and (name := _pattern(node))}


def _namespace(name: str) -> str:
    return name.partition(".")[0]


def _pattern(node: ast.AST) -> str:
    """Return the dotted name that `node` spells, with ``*`` for what varies; ``""`` when it spells none."""
    if isinstance(node, ast.JoinedStr):
        text = "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value
    else:
        return ""
    return text if _NAME.fullmatch(text) else ""
