"""Defaults, role, province, site, device: each level overrides the last, and tags add up."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory.document import Invalid
from inventory.loader import Loaded, load_inventory
from inventory.model import CheckSpec
from tests.inventory.traits import PROBES, IcmpParams, TcpParams

COMMUNE = """
sites:
  18073:
    {site}
    devices:
      router: {{address: 192.0.2.1, role: router, {device}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def load(folder: Path, text: str) -> Loaded:
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    return load_inventory(folder, PROBES)


def checks(loaded: Loaded, device: str = "18073/router") -> dict[str, CheckSpec]:
    return {check.name: check for check in loaded.inventory.devices[device].checks}


def changed(loaded: Loaded) -> list[str]:
    """Return what is said about changes that change nothing."""
    return [f"{one.path}: {one.message}" for one in loaded.warnings if "changes nothing" in one.message]


def test_every_level_overrides_the_last(folder: Path) -> None:
    text = "\n".join(
        [
            COMMUNE.format(site="checks: {icmp: {count: 4}}", device="checks: {icmp: {count: 5}}"),
            "  18100: {checks: {icmp: {count: 4}}, devices: {r: {address: 192.0.2.2, role: router}}}",
            "  18133: {devices: {r: {address: 192.0.2.3, role: router}}}",
            "  a: {name: A, devices: {r: {address: 192.0.2.4, role: router}, "
            "s: {address: 192.0.2.5, role: switch}}}",
            "provinces: {42: {checks: {icmp: {count: 3}}}}",
            "roles: {router: {checks: {icmp: {count: 2}}}}",
            "defaults: {checks: {icmp: {count: 1, interval: 2m}}}",
        ]
    )
    loaded = load(folder, text)
    counts = {
        device.id: next(check.params for check in device.checks if check.name == "icmp")
        for device in loaded.inventory.devices.values()
    }
    assert counts == {
        "a/s": IcmpParams(count=1),
        "a/r": IcmpParams(count=2),
        "18133/r": IcmpParams(count=3),
        "18100/r": IcmpParams(count=4),
        "18073/router": IcmpParams(count=5),
    }
    assert {checks(loaded, device)["icmp"].interval for device in counts} == {120}


def test_defaults_go_before_what_the_product_ships_and_after_nothing_else(folder: Path) -> None:
    text = COMMUNE.format(site="owner: {name: A}", device="")
    loaded = load(folder, text + "defaults: {checks: {telnet: {interval: 2h}}}")
    assert checks(loaded)["telnet"].interval == 7200
    assert checks(loaded)["telnet"].params == TcpParams(port=23, expect="closed")


def test_a_level_changes_the_checks_there_are_and_adds_none(folder: Path) -> None:
    text = COMMUNE.format(site="checks: {sip: {interval: 5m}}", device="")
    loaded = load(folder, text + "defaults: {checks: {ssh: {interval: 5m}, snpm: {interval: 5m}}}")
    assert list(checks(loaded)) == ["icmp", "telnet", "community", "plain"]
    assert changed(loaded) == [
        "sites.18073.checks.sip: changes nothing: no device here has a check of this name",
        "defaults.checks.snpm: changes nothing: no device here has a check of this name; did you mean 'snmp'?",
    ]


def test_a_level_changes_a_check_that_only_a_device_or_an_own_role_has(folder: Path) -> None:
    text = COMMUNE.format(
        site="checks: {portal: {timeout: 3s}}", device='checks: {portal: {probe: http, path: "/a"}}'
    )
    text += "  18100: {devices: {k: {address: 192.0.2.2, role: kiosk}}}\n"
    text += "roles: {kiosk: {title: {vi: K, en: K}, behind: [], checks: {tcp: {port: 99}}}}\n"
    text += "defaults: {checks: {portal: {interval: 4m}, tcp: {interval: 3m}}}\n"
    loaded = load(folder, text)
    portal = checks(loaded)["portal"]
    assert (portal.probe, portal.interval, portal.timeout) == ("http", 240, 3)
    assert checks(loaded, "18100/k")["tcp"].interval == 180
    assert changed(loaded) == []


def test_a_check_can_be_switched_off_for_all_and_on_again_for_one(folder: Path) -> None:
    text = COMMUNE.format(site="owner: {name: A}", device="checks: {telnet: {enabled: true}}")
    text += "      switch: {address: 192.0.2.2, role: switch}\n"
    loaded = load(folder, text + "defaults: {checks: {telnet: {enabled: false}}}")
    assert "telnet" in checks(loaded)
    assert "telnet" not in checks(loaded, "18073/switch")


def test_a_level_that_names_another_probe_takes_none_of_the_old_parameters(folder: Path) -> None:
    text = COMMUNE.format(site="checks: {telnet: {probe: icmp}}", device="")
    loaded = load(folder, text + "defaults: {checks: {telnet: {interval: 2h}}}")
    telnet = checks(loaded)["telnet"]
    assert (telnet.probe, telnet.params, telnet.interval) == ("icmp", IcmpParams(), 60)


def test_a_check_of_a_level_that_lacks_its_credential_is_a_warning_as_for_a_role(folder: Path) -> None:
    text = COMMUNE.format(site="checks: {snmp: {interval: 5m}}", device="")
    messages = [one.message for one in load(folder, text).warnings]
    assert (
        "'snmp', 'neighbours' are not checked: no credential of the kind snmp_v2c or snmp_v3 is given"
        in messages
    )


def test_tags_add_up_from_the_defaults_down(folder: Path) -> None:
    text = COMMUNE.format(site="tags: [xa, vung-xa]", device="tags: [wan, xa]")
    text += "defaults: {tags: [tat-ca]}\nprovinces: {42: {tags: [ha-tinh]}}\n"
    device = load(folder, text).inventory.devices["18073/router"]
    assert device.tags == ("tat-ca", "ha-tinh", "xa", "vung-xa", "wan")


def test_the_owner_is_the_nearest_one_and_never_a_mixture(folder: Path) -> None:
    text = """
sites:
  18073:
    owner: {name: Site}
    devices: {own: {address: 192.0.2.1, role: router, owner: {name: Own}}, r: {address: 192.0.2.2, role: ups}}
  18100: {devices: {r: {address: 192.0.2.3, role: router}}}
  x: {name: X, devices: {r: {address: 192.0.2.4, role: router}}}
  y: {name: Y, province: "42", devices: {r: {address: 192.0.2.5, role: router}}}
defaults: {owner: {name: Default, phone: "113", unit: U}}
provinces: {42: {owner: {name: Province, phone: "114"}}}
"""
    loaded = load(folder, text)
    owners = {device: loaded.inventory.owner_of(device) for device in loaded.inventory.devices}
    assert {device: owner and (owner.name, owner.phone) for device, owner in owners.items()} == {
        "18073/own": ("Own", ""),
        "18073/r": ("Site", ""),
        "18100/r": ("Province", "114"),
        "x/r": ("Default", "113"),
        "y/r": ("Province", "114"),
    }
    assert [f"{one.path}: {one.message}" for one in loaded.warnings if "call" in one.message] == [
        "sites.18073.owner: Site has no unit and no phone: nobody knows whom to call at night",
        "provinces.42.owner: Province has no unit: nobody knows whom to call at night",
    ]


def test_credentials_of_a_site_go_before_its_province_before_the_defaults(folder: Path) -> None:
    text = """
sites:
  18073: {credentials: {snmp: c}, devices: {r: {address: 192.0.2.1, role: router}}}
  18100: {devices: {r: {address: 192.0.2.2, role: router}}}
  x: {name: X, devices: {r: {address: 192.0.2.3, role: router}}}
credentials:
  a: {kind: snmp_v2c, community: {file: a}}
  b: {kind: snmp_v2c, community: {file: b}}
  c: {kind: snmp_v2c, community: {file: c}}
defaults: {credentials: {snmp: a}}
provinces: {42: {credentials: {snmp: b}}}
"""
    devices = load(folder, text).inventory.devices
    assert [devices[f"{site}/r"].credentials["snmp"] for site in ("18073", "18100", "x")] == ["c", "b", "a"]


def test_devices_that_inherit_the_same_share_their_checks(folder: Path) -> None:
    text = """
sites:
  18073: {devices: {r: {address: 192.0.2.1, role: router}}}
  18100: {tags: [a], devices: {r: {address: 192.0.2.2, role: router}}}
  18133: {checks: {icmp: {count: 2}}, devices: {
    a: {address: 192.0.2.3, role: router}, b: {address: 192.0.2.4, role: router}}}
provinces: {42: {checks: {icmp: {interval: 5m}}}}
"""
    devices = load(folder, text).inventory.devices
    assert devices["18073/r"].checks[0] is devices["18100/r"].checks[0]
    assert devices["18133/a"].checks[0] is devices["18133/b"].checks[0]
    assert devices["18133/a"].checks[1] is devices["18073/r"].checks[1]


def test_a_mistake_of_a_level_is_said_once_at_its_own_place(folder: Path) -> None:
    text = "\n".join(
        ["sites:"]
        + [
            f"  s{i}: {{name: S{i}, checks: {{icmp: {{interval: 1m}}}}, "
            f"devices: {{r: {{address: 10.0.0.{i}, role: router}}}}}}"
            for i in range(1, 9)
        ]
        + ["defaults: {checks: {icmp: {cuont: 3}, telnet: {timeout: 3h}}}"]
    )
    with pytest.raises(Invalid) as refusal:
        load(folder, text)
    assert [one.path for one in refusal.value.problems] == [
        "defaults.checks.icmp.cuont",
        "defaults.checks.telnet.timeout",
    ]
