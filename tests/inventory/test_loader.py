"""What is written in YAML becomes the inventory that was meant."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from inventory.document import Invalid
from inventory.loader import Loaded, load_inventory
from inventory.model import Contact, Device, Model
from inventory.traits import ProbeTraits
from tests.inventory.traits import PROBES, IcmpParams, TcpParams

CREDENTIALS = """
credentials:
  snmp-xa: {kind: snmp_v2c, community: {file: snmp-xa}}
  snmp-b: {kind: snmp_v2c, community: {file: snmp-b}}
  snmp-c: {kind: snmp_v2c, community: {file: snmp-c}}
  ssh-xa: {kind: ssh_key, user: monitor, key: {file: ssh-xa}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def load(folder: Path, text: str, name: str = "a.yaml") -> Loaded:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return load_inventory(folder, PROBES)


def devices(folder: Path, entries: str, rest: str = CREDENTIALS) -> dict[str, Device]:
    """Return the devices of one commune whose entries are given, by name."""
    lines = "\n".join(f"      {line}" for line in entries.strip().splitlines())
    text = f"sites:\n  18073:\n    owner: {{name: A}}\n    devices:\n{lines}\n{rest}"
    return {device.name: device for device in load(folder, text).inventory.devices.values()}


def checks(device: Device) -> dict[str, tuple[str, float, float]]:
    return {check.name: (check.probe, check.interval, check.timeout) for check in device.checks}


def test_three_lines_are_an_inventory(folder: Path) -> None:
    loaded = load(folder, "sites:\n  18073:\n    devices: {router: {address: 192.0.2.1, role: router}}\n")
    router = loaded.inventory.devices["18073/router"]
    assert (router.address, router.title, router.site) == ("192.0.2.1", "Bộ định tuyến", "18073")
    assert list(checks(router)) == ["icmp", "telnet", "community", "plain"]
    assert [str(warning).partition("warning: ")[2] for warning in loaded.warnings] == [
        "sites.18073: nobody answers for router: neither the device nor the site has an owner",
        "sites.18073.devices.router.checks: 'snmp', 'neighbours' are not checked:"
        " no credential of the kind snmp_v2c or snmp_v3 is given",
    ]


def test_a_commune_has_its_name_and_province_from_the_official_list(folder: Path) -> None:
    site = load(
        folder, "sites: {18073: {}, ttdl: {name: Trung tâm dữ liệu tỉnh, kind: data_centre}}"
    ).inventory.sites
    commune = site["18073"].commune
    assert commune is not None
    assert (site["18073"].name, site["18073"].kind, commune.province) == (
        "Phường Thành Sen",
        "commune",
        "Tỉnh Hà Tĩnh",
    )
    assert (site["ttdl"].name, site["ttdl"].kind, site["ttdl"].commune) == (
        "Trung tâm dữ liệu tỉnh",
        "data_centre",
        None,
    )


def test_every_key_of_a_site_and_a_device_arrives(folder: Path) -> None:
    loaded = load(
        folder,
        """
sites:
  18073:
    owner: {name: Nguyễn Văn A, unit: UBND, phone: 0912345678, email: a@example.vn}
    location: [18.34, 105.9]
    devices:
      core:
        address: Router.Example.
        role: router
        title: Router chính
        profile: cisco
        owner: {name: B}
        tags: [wan, tslcd]
""",
    )
    site, device = loaded.inventory.sites["18073"], loaded.inventory.devices["18073/core"]
    assert site.owner == Contact(name="Nguyễn Văn A", unit="UBND", phone="0912345678", email="a@example.vn")
    assert site.location == (18.34, 105.9)
    assert (device.address, device.title, device.profile) == ("router.example", "Router chính", "cisco")
    assert device.tags == ("wan", "tslcd")
    assert loaded.inventory.owner_of(device.id) == Contact(name="B")


def test_a_device_without_owner_has_that_of_its_site(folder: Path) -> None:
    loaded = load(
        folder, "sites: {18073: {owner: {name: A}, devices: {r: {address: 192.0.2.1, role: router}}}}"
    )
    assert loaded.inventory.owner_of("18073/r") == Contact(name="A")
    assert not [warning for warning in loaded.warnings if "owner" in warning.message]


def test_a_device_changes_adds_and_removes_checks_of_its_role(folder: Path) -> None:
    server = devices(
        folder,
        """
server:
  address: 192.0.2.10
  role: server
  credentials: {ssh: ssh-xa}
  checks:
    web: {probe: http, path: /login, interval: 5m, timeout: 3s}
    icmp: {interval: 30s, count: 5}
    snmp: {enabled: false}
    telnet: {port: 2323}
""",
    )["server"]
    assert checks(server) == {
        "icmp": ("icmp", 30, 10),
        "ssh": ("ssh", 60, 10),
        "telnet": ("tcp", 3600, 5),
        "community": ("snmp_community", 21600, 10),
        "web": ("http", 300, 3),
    }
    params = {check.name: check.params for check in server.checks}
    assert params["icmp"] == IcmpParams(count=5)
    assert params["telnet"] == TcpParams(port=2323, expect="closed")


def test_another_probe_under_a_known_name_takes_none_of_the_old_parameters(folder: Path) -> None:
    router = devices(folder, "r: {address: 192.0.2.1, role: router, checks: {telnet: {probe: icmp}}}")["r"]
    assert {check.name: check.params for check in router.checks}["telnet"] == IcmpParams()


def test_a_short_interval_shortens_a_timeout_that_nobody_wrote(folder: Path) -> None:
    router = devices(folder, "r: {address: 192.0.2.1, role: router, checks: {icmp: {interval: 2s}}}")["r"]
    assert checks(router)["icmp"] == ("icmp", 2, 2)


def test_devices_of_a_role_share_their_checks(folder: Path) -> None:
    read = devices(folder, "a: {address: 192.0.2.1, role: router}\nb: {address: 192.0.2.2, role: router}")
    assert read["a"].checks[0] is read["b"].checks[0]


def test_credentials_of_a_device_go_before_its_site_before_the_defaults(folder: Path) -> None:
    text = """
sites:
  18073:
    credentials: {snmp: snmp-b}
    devices:
      own: {address: 192.0.2.1, role: router, credentials: {snmp: snmp-c}}
      site: {address: 192.0.2.2, role: router}
  18100: {devices: {default: {address: 192.0.2.3, role: router}}}
defaults: {credentials: {snmp: snmp-xa, ssh: ssh-xa}}
"""
    read = load(folder, text + CREDENTIALS).inventory.devices
    assert read["18073/own"].credentials == {"snmp": "snmp-c"}
    assert read["18073/site"].credentials == {"snmp": "snmp-b"}
    assert read["18100/default"].credentials == {"snmp": "snmp-xa"}, "a router is given no SSH credential"


def test_parents_are_implied_by_the_roles_of_the_site(folder: Path) -> None:
    read = devices(
        folder,
        """
r1: {address: 192.0.2.1, role: router}
r2: {address: 192.0.2.2, role: router}
sw: {address: 192.0.2.3, role: switch}
srv: {address: 192.0.2.4, role: server}
pc: {address: 192.0.2.5, role: server, parent: r1}
far: {address: 192.0.2.6, role: server, parents: [18073/sw, r2]}
free: {address: 192.0.2.7, role: server, parents: []}
""",
    )
    assert {name: device.parents for name, device in read.items()} == {
        "r1": (),
        "r2": (),
        "sw": ("18073/r1", "18073/r2"),
        "srv": ("18073/sw",),
        "pc": ("18073/r1",),
        "far": ("18073/sw", "18073/r2"),
        "free": (),
    }


def test_a_parent_may_be_at_another_site(folder: Path) -> None:
    text = """
sites:
  18073: {devices: {r: {address: 192.0.2.1, role: router, parent: ttdl/core}}}
  ttdl: {name: TTDL, devices: {core: {address: 192.0.2.2, role: router}}}
"""
    assert load(folder, text).inventory.devices["18073/r"].parents == ("ttdl/core",)


def test_a_parent_that_has_a_mistake_itself_is_not_said_to_be_missing(folder: Path) -> None:
    text = "r: {address: x y, role: router}\ns: {address: 192.0.2.2, role: server, parent: r}"
    with pytest.raises(Invalid) as refusal:
        devices(folder, text)
    assert [problem.path for problem in refusal.value.problems] == ["sites.18073.devices.r.address"]


def test_checks_are_judged_even_where_the_device_has_other_mistakes(folder: Path) -> None:
    with pytest.raises(Invalid) as refusal:
        devices(folder, "r: {adress: 192.0.2.1, role: router, checks: {telnet: {prot: 23}}}")
    assert "sites.18073.devices.r.checks.telnet.prot" in [problem.path for problem in refusal.value.problems]


def test_a_long_chain_of_parents_is_no_loop_and_no_crash(folder: Path) -> None:
    chain = "\n".join(
        f"d{i}: {{address: 10.0.{i // 250}.{i % 250 + 1}, role: nvr, parents: [{f'd{i - 1}' if i else ''}]}}"
        for i in range(3000)
    )
    assert devices(folder, chain)["d2999"].parents == ("18073/d2998",)


def test_many_ways_to_the_top_are_judged_quickly(folder: Path) -> None:
    layers = "\n".join(
        f"d{i}-{j}: {{address: 10.0.{i}.{j + 1}, role: router, parents: "
        f"[{', '.join(f'd{i - 1}-{k}' for k in range(6)) if i else ''}]}}"
        for i in range(30)
        for j in range(6)
    )
    started = time.monotonic()
    assert len(devices(folder, layers)["d29-0"].parents) == 6
    assert time.monotonic() - started < 5


def test_roles_are_added_and_changed(folder: Path) -> None:
    read = devices(
        folder,
        "r: {address: 192.0.2.1, role: router}\nk: {address: 192.0.2.2, role: kiosk}",
        "roles:\n  router: {checks: {telnet: {enabled: false}, icmp: {interval: 10s}}}\n"
        "  kiosk: {title: {vi: Ki-ốt, en: Kiosk}, behind: router, checks: {icmp: {}}}\n",
    )
    assert checks(read["r"])["icmp"] == ("icmp", 10, 10)
    assert "telnet" not in checks(read["r"])
    assert (read["k"].title, read["k"].parents, list(checks(read["k"]))) == ("Ki-ốt", ("18073/r",), ["icmp"])


def test_files_of_a_folder_are_one_inventory(folder: Path) -> None:
    (folder / ".hidden.yaml").write_text("not: read")
    (folder / "notes.txt").write_text("not read")
    (folder / "late.yml").write_text("sites: {}")
    load(folder, "defaults: {credentials: {snmp: snmp-xa}}" + CREDENTIALS, "z/credentials.yaml")
    load(folder, "sites: {18100: {}}", "42/18100.yaml")
    loaded = load(folder, "sites: {18073: {}}", "42/18073.yaml")
    assert list(loaded.inventory.sites) == ["18073", "18100"]
    assert list(loaded.inventory.credentials) == ["snmp-xa", "snmp-b", "snmp-c", "ssh-xa"]
    assert any(problem.message.startswith("is not read: rename it") for problem in loaded.warnings)


def test_a_folder_that_is_not_there_is_a_mistake(folder: Path) -> None:
    with pytest.raises(Invalid, match="nowhere: there is no such file"):
        load_inventory(folder / "nowhere", PROBES)


def test_an_empty_folder_is_an_inventory_with_a_warning(folder: Path) -> None:
    loaded = load_inventory(folder, PROBES)
    assert loaded.inventory.devices == {}
    assert [warning.message for warning in loaded.warnings] == ["there are no devices, so nothing is watched"]


def test_links_out_of_the_folder_are_refused(folder: Path) -> None:
    inside = folder / "inside"
    inside.mkdir()
    (folder / "outside.yaml").write_text("sites: {}")
    (inside / "a.yaml").symlink_to("../outside.yaml")
    (inside / "b").symlink_to("..")
    with pytest.raises(Invalid) as refusal:
        load_inventory(inside, PROBES)
    assert [problem.message for problem in refusal.value.problems] == [
        "a symbolic link that leads out of the folder is not followed",
        "a symbolic link to a folder is not followed",
    ]


def test_the_same_address_twice_is_a_warning_that_names_both(folder: Path) -> None:
    entries = "a: {address: 192.0.2.1, role: ups}, b: {address: 192.0.2.1, role: nvr}"
    text = "sites: {18073: {devices: {" + entries + "}}}"
    messages = [warning.message for warning in load(folder, text).warnings]
    assert any("192.0.2.1 is also the address of 18073/a" in message for message in messages)


def test_a_place_called_like_a_commune_is_a_warning(folder: Path) -> None:
    messages = [warning.message for warning in load(folder, "sites: {ts: {name: phường thành sen}}").warnings]
    assert "if this is Phường Thành Sen (Tỉnh Hà Tĩnh), its key is its code: 18073" in messages


def test_names_of_profiles_are_checked_where_they_are_known(folder: Path) -> None:
    (folder / "a.yaml").write_text(
        "sites: {18073: {devices: {r: {address: 192.0.2.1, role: router, profile: csico}}}}"
    )
    with pytest.raises(Invalid, match="unknown profile 'csico'; did you mean 'cisco'"):
        load_inventory(folder, PROBES, profiles=["cisco", "generic"])


def test_a_model_of_parameters_may_not_take_the_keys_of_a_check() -> None:
    class Greedy(Model):
        interval: int = 1

    with pytest.raises(ValueError, match="reserved names: interval"):
        ProbeTraits(Greedy)


def test_thousands_of_wrong_communes_are_said_in_seconds(folder: Path) -> None:
    text = "sites:\n" + "".join(f"  x{i} y: {{}}\n" for i in range(5000))
    started = time.monotonic()
    with pytest.raises(Invalid) as refusal:
        load(folder, text)
    assert len(refusal.value.problems) == 5000
    assert time.monotonic() - started < 20


def test_a_hundred_files_of_twenty_devices_load_in_a_few_seconds(folder: Path) -> None:
    for i in range(100):
        entries = "".join(f"      d{k}: {{address: 10.1.{i}.{k + 1}, role: server}}\n" for k in range(20))
        text = f"sites:\n  s{i}:\n    name: Nơi {i}\n    owner: {{name: A}}\n    devices:\n{entries}"
        (folder / f"s{i}.yaml").write_text(text, encoding="utf-8")
    started = time.process_time()
    assert len(load_inventory(folder, PROBES).inventory.devices) == 2000
    assert time.process_time() - started < 3


def test_a_device_without_a_title_is_called_by_its_role_in_either_language(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(
        "sites:\n  18073:\n    devices:\n"
        "      router: {address: 192.0.2.1, role: router}\n"
        "      server: {address: 192.0.2.2, role: server, title: Máy chủ một cửa}\n"
    )
    devices = load_inventory(tmp_path, PROBES).inventory.devices
    router, server = devices["18073/router"], devices["18073/server"]
    assert (router.called("vi"), router.called("en")) == ("Bộ định tuyến", "Router")
    assert server.called("en") == server.called("vi") == "Máy chủ một cửa"
