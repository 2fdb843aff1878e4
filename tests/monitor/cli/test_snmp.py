"""`identify`, `walk` and `probe --trace` against net-snmp's agent: what is there, in names, and no secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli import main
from tests.end_to_end.site import COMMUNITY, DEVICE, write_service
from tests.servers.ports import free_udp_port
from tests.servers.snmpd import Snmpd, snmpd


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    with snmpd(tmp_path_factory.mktemp("snmpd")) as running:
        yield running


@pytest.fixture
def settings(real: Snmpd, tmp_path: Path) -> Path:
    return write_service(tmp_path, {"snmp": {"port": real.port}})


def run(settings: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["-s", str(settings), *arguments])


# -- identify ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [DEVICE, "127.0.0.1"])
def test_a_device_says_what_it_is_by_its_name_and_by_its_address(settings: Path, who: str) -> None:
    result = run(settings, "identify", who)
    assert result.exit_code == 0
    assert "Net-SNMP" in result.stdout
    assert "may-chu-xa" in result.stdout
    assert "IF-MIB, 64 bit" in result.stdout
    assert COMMUNITY not in result.output


def test_an_address_outside_the_inventory_is_asked_with_a_named_credential(
    settings: Path, real: Snmpd
) -> None:
    asked = ["identify", "127.0.0.1", "--credential", "agent", "--port", str(real.port), "--json"]
    found = json.loads(run(settings, *asked).stdout)
    assert found["facts"]["snmp.sys_name"] == "may-chu-xa"
    assert "SNMPv2-MIB" in found["mibs"]


def test_an_unknown_credential_is_a_usage_error_that_names_those_there_are(settings: Path) -> None:
    result = run(settings, "identify", "192.0.2.1", "--credential", "agnet")
    assert result.exit_code == 2
    assert "the inventory has: agent" in result.stderr


def test_silence_is_exit_code_1(settings: Path) -> None:
    result = run(settings, "identify", "127.0.0.1", "--port", str(free_udp_port()))
    assert result.exit_code == 1
    assert "refused" in result.stderr


# -- walk ----------------------------------------------------------------------------------------------------


def test_a_walk_shows_names_and_words(settings: Path) -> None:
    assert "IF-MIB::ifDescr.1 = lo" in run(settings, "walk", DEVICE, "ifTable").stdout
    shown = run(settings, "walk", DEVICE, "IF-MIB::ifOperStatus").stdout.splitlines()
    assert shown[0] == "IF-MIB::ifOperStatus.1 = up(1)"
    assert all(line.startswith("IF-MIB::ifOperStatus.") for line in shown)


def test_a_walk_by_pysnmp_shows_the_same(settings: Path) -> None:
    ours = run(settings, "walk", DEVICE, "1.3.6.1.2.1.2.2.1.2", "--json").stdout
    theirs = run(settings, "walk", DEVICE, "1.3.6.1.2.1.2.2.1.2", "--json", "--reference").stdout
    assert json.loads(ours) == json.loads(theirs) != []


def test_a_walk_is_bounded_and_says_so(settings: Path) -> None:
    result = run(settings, "walk", DEVICE, "--rows", "5", "--numbers")
    assert len(result.stdout.splitlines()) == 5
    assert result.stdout.startswith("1.3.6.1.2.1.1.1.0 = ")
    assert "stopped after 5 rows" in result.stderr


def test_a_wrong_name_is_a_usage_error_with_the_likely_one(settings: Path) -> None:
    result = run(settings, "walk", DEVICE, "ifOperStats")
    assert result.exit_code == 2
    assert "ifOperStatus" in result.stderr


# -- probe --trace -------------------------------------------------------------------------------------------


def test_a_trace_shows_every_exchange_and_no_community(settings: Path) -> None:
    result = run(settings, "probe", DEVICE, "--trace")
    assert result.exit_code == 0
    assert "> GET sysUpTime.0 sysObjectID.0 sysDescr.0" in result.stderr
    assert "> GETBULK x" in result.stderr
    assert "    sysName.0 = may-chu-xa" in result.stderr
    assert COMMUNITY not in result.output
    assert ">" not in result.stdout.splitlines()[0]
