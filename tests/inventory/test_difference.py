"""What a new inventory changes, by device, site and value."""

from __future__ import annotations

from pathlib import Path

from inventory.difference import FieldChange, changes_of_device, changes_of_site, difference
from inventory.loader import load_inventory
from inventory.model import Inventory
from tests.inventory.traits import PROBES

OFFICE = """
sites:
  18073:
    owner: {name: An}
    devices:
      router: {address: 192.0.2.1, role: router}
      server: {address: 192.0.2.10, role: server, parent: router, checks: {port: {probe: tcp, port: 80}}}
"""


def load(folder: Path, text: str) -> Inventory:
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    return load_inventory(folder, PROBES).inventory


def test_the_same_files_differ_in_nothing(tmp_path: Path) -> None:
    assert not difference(load(tmp_path, OFFICE), load(tmp_path, f"# a comment\n{OFFICE}"))


def test_devices_are_added_removed_and_changed(tmp_path: Path) -> None:
    new = OFFICE.replace("server:", "ups:").replace("192.0.2.1,", "192.0.2.2,")
    found = difference(load(tmp_path, OFFICE), load(tmp_path, new))
    assert (found.added, found.removed, found.changed) == (
        ("18073/ups",),
        ("18073/server",),
        ("18073/router",),
    )
    assert found.counts == "+1 -1 ~1"


def test_another_owner_of_the_site_concerns_all_its_devices(tmp_path: Path) -> None:
    old, new = load(tmp_path, OFFICE), load(tmp_path, OFFICE.replace("name: An", "name: Bình"))
    found = difference(old, new)
    assert found.sites_changed == ("18073",)
    assert found.changed == ("18073/router", "18073/server")
    assert changes_of_site(old.sites["18073"], new.sites["18073"]) == (FieldChange("owner", "An", "Bình"),)


def test_values_are_told_as_they_are_written(tmp_path: Path) -> None:
    new = OFFICE.replace("port: 80", "port: 8080, interval: 2m").replace("192.0.2.10", "192.0.2.11")
    old_devices, new_devices = load(tmp_path, OFFICE).devices, load(tmp_path, new).devices
    changes = changes_of_device(old_devices["18073/server"], new_devices["18073/server"])
    assert set(changes) == {
        FieldChange("address", "192.0.2.10", "192.0.2.11"),
        FieldChange("checks.port.interval", "1m", "2m"),
        FieldChange("checks.port.port", "80", "8080"),
    }


def test_a_check_that_is_gone_is_told_with_all_it_had(tmp_path: Path) -> None:
    new = OFFICE.replace(", checks: {port: {probe: tcp, port: 80}}", "")
    old_devices, new_devices = load(tmp_path, OFFICE).devices, load(tmp_path, new).devices
    changes = changes_of_device(old_devices["18073/server"], new_devices["18073/server"])
    assert FieldChange("checks.port", "tcp", "") in changes
