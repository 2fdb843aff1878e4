"""How the levels of the inventory make one check together, the more special over the less special.

What the product ships is beneath all that people write: built-in role, defaults, their own role, province,
site, device.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from inventory import yamltree
from inventory.problem import Problem


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """What one level writes under ``checks:``."""

    path: str
    """Where that is: ``"defaults.checks"``."""
    checks: Mapping[str, yamltree.Mapping]
    """Its entries by the name of the check."""
    adds: bool = False
    """Whether it may have checks of its own (a role, a device), or changes only those there are."""
    used: set[str] = field(default_factory=set)
    """The names of checks that it changed somewhere."""


class Layered(msgspec.Struct, frozen=True, gc=False):
    """One check, made of what some levels write about it."""

    entry: yamltree.Mapping
    """All keys together; each value keeps the place where it stands."""
    probe: str
    """The probe it asks; ``""`` while nobody has said."""
    exists: bool
    """Whether a level that may add checks has it."""


def over(base: Mapping[str, Layered], level: Level) -> dict[str, Layered]:
    """Return the checks of `base` as `level` changes them; one that asks another probe starts afresh."""
    whole = dict(base)
    for name, entry in level.checks.items():
        old = base.get(name)
        said, before = named_probe(entry), old.probe if old else ""
        afresh = old is None or (said and before and said != before)
        whole[name] = Layered(
            entry=entry if old is None or afresh else entry.over(old.entry),
            probe=said or before or (name if level.adds else ""),
            exists=level.adds or (old is not None and old.exists),
        )
    return whole


def named_probe(entry: yamltree.Mapping) -> str:
    """Return the probe an entry names; ``""`` when it names none."""
    node = entry.entries.get("probe")
    return node.text if isinstance(node, yamltree.Scalar) else ""


def at_home(problem: Problem, name: str, levels: Sequence[Level]) -> Problem:
    """Return a mistake in the check `name`, its path that of the level that wrote the place.

    The mistake's own path begins with the name of the check.
    """
    writers = [level for level in reversed(levels) if name in level.checks]
    place = (problem.file, problem.line, problem.column)
    home = next((level for level in writers if place in _places(level.checks[name])), writers[0])
    return msgspec.structs.replace(problem, path=f"{home.path}.{problem.path}")


def _places(node: yamltree.Node) -> Iterator[tuple[str, int, int]]:
    yield node.file, node.line, node.column
    if isinstance(node, yamltree.Mapping):
        yield from ((key.file, key.line, key.column) for key in node.keys.values())
        for value in node.entries.values():
            yield from _places(value)
    elif isinstance(node, yamltree.Sequence):
        for item in node.items:
            yield from _places(item)
