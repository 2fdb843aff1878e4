"""`commune-monitor coverage` can be read off at a glance, and by a program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli import main

WHOLE = ("router", "switch", "server", "conference")


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "commune-monitor.yaml").write_text("language: vi\n", encoding="utf-8")
    return tmp_path / "commune-monitor.yaml"


def write(settings: Path, site: str, *roles: str) -> None:
    devices = "\n".join(f"      {role}: {{address: {site}-{role}.example, role: {role}}}" for role in roles)
    text = f"sites:\n  {site}:\n    owner: {{name: A}}\n    devices:\n{devices}\n"
    (settings.parent / "inventory" / f"{site}.yaml").write_text(text, encoding="utf-8")


def run(settings: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["-s", str(settings), "coverage", *arguments])


def test_when_every_commune_has_everything_the_exit_code_is_0(settings: Path) -> None:
    for site in ("18073", "18100"):
        write(settings, site, *WHOLE)
    result = run(settings)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].split() == ["commune", "all", "of", "these", "2/2"]
    assert "LACKS" not in result.stdout


def test_who_lacks_what_is_listed_and_the_exit_code_is_1(settings: Path) -> None:
    write(settings, "18073", *WHOLE)
    write(settings, "18100", "switch", "conference")
    result = run(settings)
    assert result.exit_code == 1
    rows = result.stdout.splitlines()
    assert [row.split()[-1] for row in rows[1:6]] == ["1/2", "1/2", "2/2", "1/2", "2/2"]
    assert rows[-1].split("  ")[0] == "18100"
    assert rows[-1].endswith("Uplink (router or firewall), Server (server)")


def test_json_says_the_same(settings: Path) -> None:
    write(settings, "18100", "router", "switch", "server")
    result = run(settings, "--json")
    printed = json.loads(result.stdout)
    assert result.exit_code == 1
    assert printed["complete"] is False
    assert (printed["kinds"]["commune"]["complete"], printed["kinds"]["commune"]["sites"]) == (0, 1)
    assert printed["kinds"]["commune"]["needs"]["conference"]["title"]["en"] == "Conference unit"
    assert printed["lacking"] == [
        {
            "site": "18100",
            "name": "Phường Trần Phú",
            "kind": "commune",
            "lacks": [{"need": "conference", "has": 0, "wants": 1}],
        }
    ]


def test_a_mistake_is_no_lack(settings: Path) -> None:
    write(settings, "18100", "ruter")
    assert run(settings).exit_code == 2
