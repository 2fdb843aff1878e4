"""`commune-monitor show` tells an administrator where each value of a device is written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli import main
from tests.conftest import ROOT


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """Settings beside a copy of the example."""
    shutil.copytree(ROOT / "inventory" / "example", tmp_path / "inventory")
    (tmp_path / "commune-monitor.yaml").write_text("language: vi\n", encoding="utf-8")
    return tmp_path / "commune-monitor.yaml"


def run(settings: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["-s", str(settings), "show", *arguments])


def test_a_device_is_shown_with_the_line_of_each_value(settings: Path) -> None:
    result = run(settings, "18073/server")
    assert result.exit_code == 0
    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines()}
    place = f"{settings.parent}/inventory/18073-thanh-sen.yaml:23:28"
    assert rows["checks.icmp.interval"] == ["30s", "device", place]
    assert rows["owner"][-1].endswith("18073-thanh-sen.yaml:5:12")
    assert result.stdout.splitlines()[0].split() == ["KEY", "VALUE", "FROM", "WHERE"]


def test_json_holds_the_same(settings: Path) -> None:
    shown = json.loads(run(settings, "18073/server", "--json").stdout)
    assert (shown["subject"], shown["mistakes"]) == ("18073/server", 0)
    interval = next(one for one in shown["settings"] if one["key"] == "checks.icmp.interval")
    assert (interval["value"], interval["origin"], interval["line"], interval["column"]) == (
        30.0,
        "device",
        23,
        28,
    )


def test_a_site_lists_its_devices(settings: Path) -> None:
    assert "devices.firewall" in run(settings, "ttdl").stdout


def test_an_unknown_device_is_a_usage_error_with_the_likely_name(settings: Path) -> None:
    result = run(settings, "18073/ruter")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean 'router'?" in result.stderr


def test_mistakes_elsewhere_are_mentioned_beside_the_answer(settings: Path) -> None:
    (settings.parent / "inventory" / "x.yaml").write_text("sites: {}\nrols: {}\n", encoding="utf-8")
    result = run(settings, "18073/router")
    assert result.exit_code == 0
    assert "1 mistake in the inventory: see `commune-monitor check`" in result.stderr
