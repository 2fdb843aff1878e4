"""A sweep of a simulated commune finds its devices, and says what they are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from inventory.document import Invalid
from monitor import configuration
from monitor.cli import main
from tests.monitor.demo.conftest import Asking

pytestmark = pytest.mark.asyncio(loop_scope="module")

INVENTORY = """
credentials:
  snmp-demo: {kind: snmp_v2c, community: {file: snmp-demo}}
  ssh-demo: {kind: ssh_key, user: monitor, key: {file: ssh-demo}}
defaults: {credentials: {snmp: snmp-demo, ssh: ssh-demo}}
roles:
  router: {checks: {snmp: {port: 1161}, icmp: {enabled: false}}}
  server: {checks: {ssh: {port: 2222}}}
sites:
  18562:
    devices:
      router: {address: %(known)s, role: router}
      server: {address: 127.99.99.99, role: server}
"""


class Office:
    """A service of one commune's inventory that may sweep the simulated province."""

    def __init__(self, asking: Asking, folder: Path) -> None:
        self.asking, self.folder = asking, folder
        self.network = asking.place("18073/router").address.rpartition(".")[0]
        (folder / "inventory").mkdir()
        self.write("inventory/all.yaml", INVENTORY % {"known": f"{self.network}.1"})
        self.settings(f"discover: {{networks: {self.network}.0/24}}")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def settings(self, more: str) -> None:
        secrets = self.asking.province.secrets_folder
        self.write("commune-monitor.yaml", f"network: {{allow: 127.0.0.0/8}}\nsecrets: {secrets}\n{more}\n")

    async def discover(self, *arguments: str) -> Result:
        command = ["-s", str(self.folder / "commune-monitor.yaml"), "discover", *arguments]
        run: Callable[..., Result] = CliRunner().invoke
        return await asyncio.to_thread(run, main, command)

    def commune(self) -> str:
        return f"{self.network}.0/29"


@pytest.fixture
def office(asking: Asking, tmp_path: Path) -> Office:
    return Office(asking, tmp_path)


async def test_a_commune_is_found_with_the_role_of_each_device(office: Office) -> None:
    result = await office.discover(office.commune(), "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    roles = {one["found"]["address"].rpartition(".")[2]: one["guess"]["role"] for one in told["found"]}
    assert roles == {"1": "router", "2": "switch", "3": "server", "4": "conference", "5": "ups", "6": ""}
    assert told["complete"] is True
    known = {one["found"]["address"]: one["note"]["device"] for one in told["found"]}
    assert known[f"{office.network}.1"] == "18562/router"
    assert known[f"{office.network}.2"] == ""
    assert office.asking.community not in result.output


async def test_the_table_says_why(office: Office) -> None:
    result = await office.discover(office.commune())
    (server,) = (line for line in result.stdout.splitlines() if f"{office.network}.3 " in line)
    assert "server" in server and "new" in server and "sysDescr 'Linux'" in server
    assert "6 answer, 5 of them not in the inventory" in result.stderr


async def test_what_is_proposed_can_be_written_and_loaded_and_nothing_else_is(office: Office) -> None:
    def files() -> set[str]:
        return {path.name for path in (office.folder / "inventory").iterdir()}

    shown = await office.discover(office.commune(), "--site", "18073", "--yaml")
    assert shown.exit_code == 0 and files() == {"all.yaml"}
    target = office.folder / "inventory" / "18073.yaml"
    result = await office.discover(office.commune(), "--site", "18073", "--write", str(target))
    assert result.exit_code == 0, result.stderr
    assert target.read_text() == shown.stdout
    devices = configuration.load(office.folder / "commune-monitor.yaml").inventory.devices
    assert {id: device.address[-1] for id, device in devices.items() if id.startswith("18073/")} == {
        "18073/switch": "2",
        "18073/server": "3",
        "18073/conference": "4",
        "18073/ups": "5",
    }
    again = await office.discover(office.commune(), "--site", "18073", "--write", str(target))
    assert again.exit_code == 2 and "was not written" in again.stderr
    other = office.folder / "inventory" / "more.yaml"
    clash = await office.discover(office.commune(), "--site", "18562", "--write", str(other))
    assert clash.exit_code == 2 and "defined twice" in clash.stderr and not other.exists()


async def test_without_a_credential_what_answers_otherwise_is_still_found(office: Office) -> None:
    result = await office.discover(office.commune(), "--no-snmp", "--json")
    found = {one["found"]["address"][-1]: one for one in json.loads(result.stdout)["found"]}
    assert found["3"]["guess"]["role"] == "server" and found["3"]["found"]["tcp"] == [2222]
    assert found["2"]["guess"]["role"] == "" and found["2"]["found"]["credential"] == ""


@pytest.mark.parametrize(
    ("arguments", "more", "says"),
    [
        (("10.9.0.0/24",), "", "is not inside `discover: networks:`"),
        (("{network}.0/29",), "language: vi", "discovery is off"),
        (("{network}.0/29", "--yaml"), "", "name the place"),
        (("{network}.0/29", "--site", "99999"), "", "wants an official commune code"),
        (("{network}.0/29", "--credential", "ssh-demo"), "", "there are: snmp-demo"),
        (("{network}.0/33",), "", "wants a network such as"),
    ],
)
async def test_what_must_not_be_swept_is_refused_with_what_to_do(
    office: Office, arguments: tuple[str, ...], more: str, says: str
) -> None:
    if more:
        office.settings(more)
    result = await office.discover(*(one.format(network=office.network) for one in arguments))
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in " ".join(result.stderr.split())


async def test_loopback_is_not_swept_unless_the_settings_permit_it(office: Office) -> None:
    office.write("commune-monitor.yaml", f"discover: {{networks: {office.network}.0/24}}\n")
    office.write("inventory/all.yaml", "sites: {}\n")
    result = await office.discover(office.commune())
    assert result.exit_code == 2 and "loopback" in result.stderr
    with pytest.raises(Invalid, match="loopback"):
        office.write("inventory/all.yaml", "sites: {18073: {devices: {a: {address: 127.0.0.1, role: ups}}}}")
        configuration.load(office.folder / "commune-monitor.yaml")


async def test_an_interrupted_sweep_prints_what_was_found(office: Office, monkeypatch: Any) -> None:
    from monitor.discovery.sweep import Sweep

    visit, seen = Sweep.visit, 0

    async def interrupted(self: Sweep, address: str) -> Any:
        nonlocal seen
        found = await visit(self, address)
        seen += 1
        if seen == 3:
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(Sweep, "visit", interrupted)  # a signal would end the whole test run
    result = await office.discover(office.commune(), "--json", "--rate", "10")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["complete"] is False and 1 <= len(told["found"]) < 6
    assert "Interrupted after" in result.stderr
