"""What we show people works with the probes there are: the example, the documentation, the built-in roles."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from inventory import yamltree
from inventory.document import read
from inventory.loader import load_inventory
from inventory.problem import Problem
from inventory.traits import ProbeTraits
from monitor.plan import traits
from probes.core.discovery import discover
from tests.conftest import ROOT

ROLES = "router firewall switch access_point server conference ups web printer nvr"
BLOCKS = re.findall(
    r"```yaml\n(.*?)```", (ROOT / "docs" / "inventory.md").read_text(encoding="utf-8"), re.DOTALL
)


@pytest.fixture(scope="module")
def probes() -> Mapping[str, ProbeTraits]:
    return traits(discover())


def test_the_example_loads_without_mistakes_or_warnings(probes: Mapping[str, ProbeTraits]) -> None:
    loaded = load_inventory(ROOT / "inventory" / "example", probes)
    assert loaded.warnings == ()
    assert list(loaded.inventory.sites) == ["18073", "18100", "ttdl"]
    assert loaded.inventory.devices["18073/server"].parents == ("18073/switch",)


@pytest.mark.parametrize("text", BLOCKS)
def test_what_the_documentation_shows_loads(
    tmp_path: Path, probes: Mapping[str, ProbeTraits], text: str
) -> None:
    (tmp_path / "shown.yaml").write_text(text, encoding="utf-8")
    assert load_inventory(tmp_path, probes).inventory.devices


def test_every_built_in_check_asks_a_probe_that_exists(probes: Mapping[str, ProbeTraits]) -> None:
    problems: list[Problem] = []
    root = read(ROOT / "inventory" / "roles.yaml", problems)
    assert root is not None
    assert not problems
    checks = [
        (role, name, entry.get("probe", name))
        for role, entries in yamltree.plain(root)["roles"].items()
        for name, entry in entries["checks"].items()
    ]
    assert [check for check in checks if check[2] not in probes] == []
    assert len(checks) > 30


def test_every_role_has_words_in_both_languages(tmp_path: Path, probes: Mapping[str, ProbeTraits]) -> None:
    roles = load_inventory(tmp_path, probes).inventory.roles
    assert set(roles) == set(ROLES.split())
    for role in roles.values():
        assert role.title.vi
        assert role.title.en not in ("", role.title.vi)
