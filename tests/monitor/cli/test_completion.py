"""The shell completes commands, sites and devices."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from monitor.cli import main
from tests.conftest import ROOT


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "inventory" / "example", tmp_path / "inventory")
    (tmp_path / "commune-monitor.yaml").write_text("language: vi\n", encoding="utf-8")
    return tmp_path / "commune-monitor.yaml"


def completed(*arguments: str | Path, beginning: str) -> list[str]:
    shell = ShellComplete(main, {}, "commune-monitor", "_COMMUNE_MONITOR_COMPLETE")
    return [one.value for one in shell.get_completions([str(one) for one in arguments], beginning)]


def test_a_site_is_completed_from_its_first_letters_with_its_devices(settings: Path) -> None:
    found = completed("-s", settings, "show", beginning="180")
    assert found[0] == "18073"
    assert "18073/router" in found


def test_a_device_is_completed_within_its_site(settings: Path) -> None:
    assert completed("-s", settings, "probe", beginning="18073/ro") == ["18073/router"]
    assert completed("-s", settings, "walk", beginning="99999/ro") == []


def test_commands_are_completed(settings: Path) -> None:
    assert completed(beginning="che") == ["check"]


def test_a_broken_settings_file_completes_nothing_and_says_nothing(settings: Path) -> None:
    settings.write_text("language: [")
    assert completed("-s", settings, "show", beginning="") == []
