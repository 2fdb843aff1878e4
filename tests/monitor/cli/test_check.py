"""`commune-monitor check` says every mistake in the form the reader needs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from inventory.problem import Problem
from monitor.cli import main
from monitor.cli.check import annotation


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "commune-monitor.yaml").write_text("language: vi\n", encoding="utf-8")
    return tmp_path / "commune-monitor.yaml"


def write(settings: Path, role: str) -> str:
    """Write an inventory of one device; return the name of its file."""
    path = settings.parent / "inventory" / "a.yaml"
    device = f"a: {{address: 192.0.2.1, role: {role}}}"
    path.write_text(f"sites:\n  18073:\n    devices: {{{device}}}\n", encoding="utf-8")
    return str(path)


def run(settings: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["-s", str(settings), "check", *arguments])


def test_text_goes_to_stderr_and_the_verdict_to_stdout(settings: Path) -> None:
    write(settings, "router")
    result = run(settings)
    assert result.exit_code == 0
    assert result.stdout.startswith("Valid: 1 sites, 1 devices, ")
    assert "warning: sites.18073: nobody answers for a" in result.stderr


def test_github_annotations_stand_alone_on_stdout(settings: Path) -> None:
    file = write(settings, "ruter")
    result = run(settings, "--format", "github")
    assert (result.exit_code, result.stderr) == (2, "")
    assert result.stdout.startswith(
        f"::error file={file},line=3,col=45::sites.18073.devices.a.role: unknown role 'ruter'; did you mean"
    )


def test_github_shows_warnings_of_a_valid_configuration(settings: Path) -> None:
    file = write(settings, "router")
    result = run(settings, "--format", "github")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"::warning file={file},line=2,col=3::sites.18073: nobody answers")
    assert "Valid" not in result.stdout


@pytest.mark.parametrize("option", [("--json",), ("--format", "json")])
@pytest.mark.parametrize(("role", "valid"), [("ruter", False), ("router", True)])
def test_json_is_one_value_either_way(
    settings: Path, option: tuple[str, ...], role: str, valid: bool
) -> None:
    write(settings, role)
    result = run(settings, *option)
    printed = json.loads(result.stdout)
    assert (printed["valid"], result.exit_code) == (valid, 0 if valid else 2)
    assert printed["problems"][0]["line"] in (2, 3)


def test_an_annotation_stays_one_line_and_its_place_cannot_be_forged() -> None:
    problem = Problem("a,b:c%.yaml", 0, 0, "", "50%\n::error::forged")
    assert annotation(problem) == "::error file=a%2Cb%3Ac%25.yaml::50%25%0A::error::forged"
