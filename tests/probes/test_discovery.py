"""The list of probes is the folder `probes`, and their reference page follows from the code."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

import probes
from probes.core import probe as core
from probes.core.discovery import discover
from probes.core.parameters import Parameter, parameters
from probes.core.probe import Probe
from probes.core.reference import references, renewed
from probes.core.told import Told

ROOT = Path(probes.__path__[0]).parent
PAGE = ROOT / "docs" / "probes.md"


def test_every_module_and_package_of_the_folder_is_a_probe() -> None:
    folder = Path(probes.__path__[0])
    modules = {path.stem for path in folder.glob("*.py")} | {
        path.parent.name for path in folder.glob("*/__init__.py")
    }
    assert set(discover()) == modules - {"__init__", "core"}


def test_what_is_found_is_a_probe_of_its_own_module_and_the_names_are_sorted() -> None:
    found = discover()
    assert list(found) == sorted(found)
    for name, probe in found.items():
        assert issubclass(probe, Probe)
        assert probe.__module__.removeprefix("probes.").split(".")[0] == name


def test_the_reference_page_is_what_the_code_says() -> None:
    page = PAGE.read_text("utf-8")
    assert renewed(page) == page, "run: python -m probes.core.reference docs/probes.md"


def test_the_reference_knows_what_a_probe_tells() -> None:
    icmp = next(reference for reference in references() if reference.name == "icmp")
    assert icmp.metrics == ("icmp.jitter", "icmp.loss", "icmp.rtt.max", "icmp.rtt.mean", "icmp.rtt.min")
    assert icmp.facts == ()
    assert icmp.question.endswith("?")


def test_names_are_read_from_calls_and_from_what_the_file_spells_where_they_are_computed() -> None:
    source = """
NAMES = ["own.one", "other.two", "e.g."]
def tell(part, name):
    yield Sample("system.uptime", 1.0)
    yield Sample(f"system.load_{part}m", 1.0)
    for name in NAMES:
        yield Fact(name, True)
"""
    told = Told([ast.parse(source)], "own")
    assert told.metrics == ("system.load_*m", "system.uptime")
    assert told.facts == ("own.one",)


def test_where_numbers_are_named_by_data_the_names_spelled_out_are_facts() -> None:
    source = """
FACTS = {"own.name": 1}
def tell(metric, name):
    return Sample(metric, 1.0), Fact(name, ""), Fact("own.direct", "")
"""
    told = Told([ast.parse(source)], "own")
    assert told.metrics == ()
    assert told.facts == ("own.direct", "own.name")


class Example(core.Params):
    port: Annotated[int, Field(ge=1, le=65535)]
    """Which port."""
    mode: Literal["a", "b"] = "a"
    names: tuple[str, ...] = ()
    """Some
    names."""
    size: Annotated[float, Field(le=2)] | None = None
    on: bool = False


def test_parameters_are_described_for_people() -> None:
    assert parameters(Example) == (
        Parameter("port", "whole number, 1 to 65535", "required", "Which port."),
        Parameter("mode", "`a`, `b`", "`a`", ""),
        Parameter("names", "list of text", "", "Some names."),
        Parameter("size", "number, up to 2 or nothing", "", ""),
        Parameter("on", "true or false", "`false`", ""),
    )
