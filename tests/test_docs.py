"""The pages of the documentation name what is there: paths, modules, decisions, and each other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OURS = "(?:alerts|assets|bench|deploy|docs|inventory|monitor|probes|scripts|tests)"
PATH = re.compile(rf"{OURS}/[\w./-]*\w/?")
MODULE = re.compile(rf"python -m ({OURS}(?:\.\w+)*)")
MADE_BY_YOU = (
    "NAME",
    "deploy/secrets/",
    "probes/ntp.py",
    "tests/probes/test_ntp.py",
    "probes/snmp-engines.json",
)
"""Of what a page tells to make, or a service makes in its data folder."""

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def quoted(page: Path) -> Iterator[str]:
    for line in page.read_text("utf-8").splitlines():
        yield from re.findall(r"`([^`]+)`", line)


@every_page
def test_every_path_that_a_page_names_is_there(page: Path) -> None:
    named = {text for text in quoted(page) if PATH.fullmatch(text)}
    missing = {text for text in named if not (ROOT / text).exists()}
    assert {text for text in missing if not any(made in text for made in MADE_BY_YOU)} == set()


@every_page
def test_every_module_that_a_page_runs_is_there(page: Path) -> None:
    for name in MODULE.findall(page.read_text("utf-8")):
        assert find_spec(name) is not None, f"there is no module {name}"


@every_page
def test_every_page_that_a_page_leads_to_is_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    inside = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in inside if not (page.parent / link).exists()] == []


@every_page
def test_every_decision_that_a_page_names_was_taken(page: Path) -> None:
    taken = {path.name[:4] for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")}
    assert set(re.findall(r"decisions? (\d{4})\b", page.read_text("utf-8"))) <= taken
