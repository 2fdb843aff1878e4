"""``commune-monitor user``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli import main


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "commune-monitor.yaml"
    path.write_text("web: {port: 0}\n", encoding="utf-8")
    return path


def run(settings: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["--settings", str(settings), "user", *words])


def listed(settings: Path) -> dict[str, dict[str, object]]:
    return {one["name"]: one for one in json.loads(run(settings, "list", "--json").output)}


def test_people_are_added_given_roles_and_let_in_no_more(settings: Path) -> None:
    added = run(settings, "add", "Lan", "operator", "--sites", "18073 province:42", "--title", "Trần Lan")
    assert added.exit_code == 0 and len(added.output.strip()) == 19
    lan = listed(settings)["lan"]
    assert (lan["role"], lan["sites"], lan["provinces"]) == ("operator", ["18073"], ["42"])
    assert run(settings, "role", "lan", "admin").exit_code == 0
    assert (listed(settings)["lan"]["role"], listed(settings)["lan"]["sites"]) == ("admin", [])
    assert run(settings, "reset", "lan").output != added.output
    token = run(settings, "token", "lan", "report", "--lasting", "30d").output
    assert token.startswith("cmt_")
    assert "only admin" in run(settings, "disable", "lan").output
    assert run(settings, "add", "hoa", "admin").exit_code == 0
    assert run(settings, "disable", "lan").exit_code == 0
    assert listed(settings)["lan"]["disabled"] is True
    assert run(settings, "disable", "lan", "--again").exit_code == 0
    assert run(settings, "remove-factors", "lan").exit_code == 0
    assert listed(settings)["lan"]["disabled"] is False
    assert "Trần Lan" not in run(settings, "list").output.splitlines()[0]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("add", "lan", "king"), "'viewer', 'operator', 'admin'"),
        (("add", "lan lan", "viewer"), "begins with a-z or 0-9"),
        (("add", "lan", "viewer", "--sites", "province:x"), "province:42"),
        (("role", "nobody", "viewer"), "there is no user 'nobody'"),
        (("token", "nobody", "x", "--lasting", "a while"), "30s, 5m, 1h or 1d"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_can(settings: Path, words: tuple[str, ...], told: str) -> None:
    result = run(settings, *words)
    assert result.exit_code == 2
    assert told in result.output
