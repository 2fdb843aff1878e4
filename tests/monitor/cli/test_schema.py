"""`commune-monitor schema` prints one JSON value an editor can use, without any settings."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from monitor.cli import main


@pytest.mark.parametrize("what", ["", "inventory", "settings", "rules"])
def test_a_schema_is_printed_alone(what: str) -> None:
    result = CliRunner().invoke(main, ["-s", "absent.yaml", "schema", *([what] if what else [])])
    assert (result.exit_code, result.stderr) == (0, "")
    printed = json.loads(result.stdout)
    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert (what or "inventory") in printed["title"]


def test_another_name_is_a_usage_error() -> None:
    result = CliRunner().invoke(main, ["schema", "inventry"])
    assert result.exit_code == 2
    assert "'inventory', 'settings', 'rules'" in result.stderr
