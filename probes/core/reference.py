"""What every probe asks, takes and tells, read from its code: the tables of docs/probes.md.

``python -m probes.core.reference docs/probes.md`` writes them anew between the markers; a test fails while
they are old.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import probes
from probes.core.discovery import discover
from probes.core.parameters import Parameter, parameters
from probes.core.probe import Probe
from probes.core.told import Told

BEGIN = "<!-- generated: python -m probes.core.reference docs/probes.md -->"
END = "<!-- end of the generated part -->"


@dataclass(frozen=True)
class Reference:
    """One probe: its question, what it takes, and the names it can tell (``*`` for a varying part)."""

    name: str
    question: str
    parameters: tuple[Parameter, ...]
    metrics: tuple[str, ...]
    facts: tuple[str, ...]
    credentials: tuple[str, ...]
    interval: float
    timeout: float


def references() -> tuple[Reference, ...]:
    """Return the reference of every probe, by name."""
    return tuple(_reference(name, probe) for name, probe in discover().items())


def _reference(name: str, probe: type[Probe[Any]]) -> Reference:
    module = importlib.import_module(f"probes.{name}")
    told = Told([ast.parse(source.read_text("utf-8")) for source in _sources(module)], name)
    return Reference(
        name,
        inspect.cleandoc(module.__doc__ or "").partition("\n\n")[0].replace("\n", " "),
        parameters(probe.params),
        told.metrics,
        told.facts,
        probe.credential_kinds,
        probe.interval,
        probe.timeout,
    )


def _sources(module: ModuleType) -> Iterator[Path]:
    """The probe's own files, and those of `probes.core` that they import."""
    own = Path(str(module.__file__))
    found = sorted(own.parent.glob("*.py")) if own.name == "__init__.py" else [own]
    core = Path(probes.__path__[0]) / "core"
    shared = set(
        re.findall(r"probes\.core(?: import |\.)(\w+)", "\n".join(p.read_text("utf-8") for p in found))
    )
    yield from found
    yield from (core / f"{name}.py" for name in sorted(shared) if (core / f"{name}.py").exists())


def markdown(all_probes: tuple[Reference, ...]) -> str:
    """Return the generated part of the page, markers included."""
    return "\n".join(
        [BEGIN, "", *_overview(all_probes), *(line for p in all_probes for line in _section(p)), END]
    )


def _overview(all_probes: tuple[Reference, ...]) -> Iterator[str]:
    yield from ("| Probe | Question | Every | Timeout | Credential |", "|---|---|---|---|---|")
    for probe in all_probes:
        credentials = ", ".join(f"`{kind}`" for kind in probe.credentials)
        yield (
            f"| [`{probe.name}`](#{probe.name}) | {probe.question} "
            f"| {probe.interval:g} s | {probe.timeout:g} s | {credentials} |"
        )
    yield ""


def _section(probe: Reference) -> Iterator[str]:
    yield from (f"### {probe.name}", "", probe.question, "")
    if probe.parameters:
        yield from ("| Key | Takes | Default | Meaning |", "|---|---|---|---|")
        for key in probe.parameters:
            yield f"| `{key.name}` | {key.kind} | {key.default} | {key.meaning.replace('|', chr(92) + '|')} |"
        yield ""
    for title, names in (("Metrics", probe.metrics), ("Facts", probe.facts)):
        if names:
            yield from (f"{title}: {', '.join(f'`{name}`' for name in names)}", "")


def renewed(page: str) -> str:
    """Return `page` with its generated part written anew. Raises `ValueError` when a marker is missing."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return before + markdown(references()) + after


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(renewed(file.read_text("utf-8")), "utf-8")
