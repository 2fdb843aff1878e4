"""`drift` compares what a service observed with the files, and names the line."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

from click.testing import CliRunner, Result

from monitor.cli import main
from monitor.ledger import Ledger
from monitor.ledger.identities import MODEL, SERIAL
from probes.core.observation import Fact, Observation, Outcome

AT = datetime(2026, 1, 31, 1, 0, tzinfo=UTC)
INVENTORY = """\
sites:
  18073:
    devices:
      router:
        address: 10.20.1.1
        role: router
        expect: {model: CRS326, serial: A1}
      switch: {address: 10.20.1.2, role: switch}
"""


def run(folder: Path, *arguments: str) -> Result:
    (folder / "inventory").mkdir(exist_ok=True)
    (folder / "inventory" / "all.yaml").write_text(INVENTORY)
    (folder / "commune-monitor.yaml").write_text("language: vi\n")
    return CliRunner().invoke(main, ["-s", str(folder / "commune-monitor.yaml"), "drift", *arguments])


async def observe(folder: Path, **facts: tuple[str, str]) -> None:
    async with Ledger(folder / "data" / "ledger.sqlite") as ledger:
        for device, (name, value) in facts.items():
            observed = Observation(
                f"18073/{device}", "snmp", "snmp", AT, 0.1, Outcome.OK, facts=(Fact(name, value),)
            )
            ledger.identities.note(observed)


def test_without_a_service_it_is_said_that_nothing_is_known(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert result.exit_code == 2
    assert "No service has watched these devices yet" in result.stderr


def test_no_difference_is_exit_code_zero(tmp_path: Path) -> None:
    asyncio.run(observe(tmp_path, router=(MODEL, "CRS326")))
    result = run(tmp_path)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "0 differences; 1 devices" in result.stderr


def test_a_difference_names_both_values_the_time_and_the_line(tmp_path: Path) -> None:
    asyncio.run(observe(tmp_path, router=(MODEL, "CRS328"), switch=(SERIAL, "A1")))
    result = run(tmp_path)
    assert result.exit_code == 1
    model, address = result.stdout.splitlines()[1:]
    assert model.split()[:4] == ["18073/router", "model", "CRS326", "CRS328"]
    assert "31/01/2026 08:00" in model
    assert f"{tmp_path}/inventory/all.yaml:7:25" in model
    assert "18073/switch answers with its serial number" in address and "all.yaml:5:18" in address
    told = json.loads(run(tmp_path, "--json").stdout)
    assert [one["what"] for one in told["drift"]] == ["model", "address"]
    assert told["drift"][0]["place"].endswith("all.yaml:7:25")
    assert (tmp_path / "inventory" / "all.yaml").read_text() == INVENTORY
