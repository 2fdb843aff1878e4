"""Every effective value names the line that gave it, and says the same as the loaded inventory."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory.loader import load_inventory
from inventory.origins import Origin, Setting, Traced, Unknown, names, trace
from inventory.problem import Invalid
from tests.inventory.traits import PROBES

SITE = """
sites:
  18073:
    owner: {name: Nguyễn Văn An, phone: "0912345678"}
    credentials: {ssh: ssh-18073}
    checks: {community: {timeout: 9s}}
    devices:
      router: {address: 192.0.2.1, role: router}
      kiosk:
        address: 192.0.2.9
        role: kiosk
        parents: [router, ttdl/core]
        owner: {name: Trần Thị Bình}
      server:
        address: 192.0.2.10
        role: server
        tags: [mot-cua]
        checks:
          icmp: {interval: 30s}
          telnet: {enabled: false}
          portal: {probe: http, url: "http://{address}/"}
"""
SHARED = """
credentials:
  snmp-xa: {kind: snmp_v2c, community: {file: snmp-xa}}
  ssh-xa: {kind: ssh_key, user: monitor, key: {file: ssh-xa}}
  ssh-18073: {kind: ssh_key, user: monitor, key: {file: ssh-18073}}
  web-42: {kind: http_basic, user: m, password: {file: web-42}}
defaults:
  credentials: {snmp: snmp-xa, ssh: ssh-xa}
  owner: {name: Trực tỉnh, phone: "113"}
  tags: [tat-ca]
  checks: {icmp: {timeout: 7s}, portal: {interval: 4m}}
provinces:
  42:
    credentials: {http: web-42}
    owner: {name: Trực Hà Tĩnh}
    tags: [ha-tinh]
    checks: {community: {interval: 8h, timeout: 5s}}
roles:
  server: {checks: {telnet: {port: 2323}, ssh: {timeout: 5s}}}
  kiosk:
    title: {vi: Ki-ốt, en: Kiosk}
    checks: {icmp: {count: 5}, snmp: {}}
sites:
  18100: {devices: {ups: {address: 192.0.2.99, role: ups}}}
  dn: {name: Nơi khác, devices: {core: {address: 198.51.100.2, role: router}}}
  ttdl: {name: Trung tâm dữ liệu, province: 42, devices: {core: {address: 198.51.100.1, role: router}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    (tmp_path / "shared.yaml").write_text(SHARED, encoding="utf-8")
    return tmp_path


def settings(traced: Traced) -> dict[str, Setting]:
    return {setting.key: setting for setting in traced.settings}


def came(folder: Path, subject: str, key: str) -> tuple[object, str, str]:
    """Return a value, its level, and what its file says at its place (to the end of the line)."""
    found = settings(trace(folder, subject, PROBES))[key]
    if not found.line:
        return found.value, found.origin, ""
    line = Path(found.file).read_text(encoding="utf-8").splitlines()[found.line - 1]
    return found.value, found.origin, line[found.column - 1 :]


@pytest.mark.parametrize(
    ("key", "value", "origin", "written"),
    [
        ("address", "192.0.2.10", "device", "192.0.2.10"),
        ("role", "server", "device", "server"),
        ("title", "Máy chủ", "built-in role", "{vi: Máy chủ"),
        ("parents", ("18073/router",), "built-in role", "[switch, firewall, router]"),
        ("profile", None, "not set", ""),
        ("tags[0]", "tat-ca", "defaults", "tat-ca]"),
        ("tags[1]", "ha-tinh", "province", "ha-tinh]"),
        ("tags[2]", "mot-cua", "device", "mot-cua]"),
        ("owner", {"name": "Nguyễn Văn An", "phone": "0912345678"}, "site", "{name: Nguyễn Văn An"),
        ("credentials.http", "web-42", "province", "web-42}"),
        ("credentials.snmp", "snmp-xa", "defaults", "snmp-xa,"),
        ("credentials.ssh", "ssh-18073", "site", "ssh-18073}"),
        ("checks.icmp.probe", "icmp", "built-in role", "{}"),
        ("checks.icmp.interval", 30.0, "device", "30s}"),
        ("checks.icmp.count", 3, "default of the probe", ""),
        ("checks.ssh.timeout", 5.0, "role", "5s}"),
        ("checks.ssh.interval", 60.0, "default of the probe", ""),
        ("checks.icmp.timeout", 7.0, "defaults", "7s}"),
        ("checks.ssh.probe", "ssh", "built-in role", "{}"),
        ("checks.community.interval", 28800.0, "province", "8h,"),
        ("checks.community.timeout", 9.0, "site", "9s}"),
        ("checks.telnet.enabled", False, "device", "false}"),
        ("checks.portal.probe", "http", "device", "http,"),
        ("checks.portal.url", "http://{address}/", "device", '"http://{address}/"}'),
    ],
)
def test_a_value_names_the_level_and_the_place_that_gave_it(
    folder: Path, key: str, value: object, origin: str, written: str
) -> None:
    found = came(folder, "18073/server", key)
    assert found[:2] == (value, origin)
    assert found[2].startswith(written) if written else not found[2]


def test_the_owner_is_the_sites_unless_the_device_has_its_own(folder: Path) -> None:
    value, origin, written = came(folder, "18073/server", "owner")
    assert value == {"name": "Nguyễn Văn An", "phone": "0912345678"}
    assert (origin, written[:6]) == (Origin.SITE, "{name:")
    assert came(folder, "18073/kiosk", "owner")[:2] == ({"name": "Trần Thị Bình"}, Origin.DEVICE)


def test_a_site_that_names_nobody_has_the_owner_of_its_province_or_of_the_defaults(folder: Path) -> None:
    assert came(folder, "18100/ups", "owner")[:2] == ({"name": "Trực Hà Tĩnh"}, Origin.PROVINCE)
    assert came(folder, "ttdl/core", "owner")[:2] == ({"name": "Trực Hà Tĩnh"}, Origin.PROVINCE)
    assert came(folder, "dn/core", "owner")[1] == Origin.DEFAULTS
    assert came(folder, "18100", "owner")[1] == Origin.PROVINCE


def test_a_role_of_the_inventory_is_told_from_a_built_in_one(folder: Path) -> None:
    assert came(folder, "18073/kiosk", "title")[1] == Origin.ROLE
    assert came(folder, "18073/kiosk", "checks.icmp.count") == (5, Origin.ROLE, "5}, snmp: {}}")
    assert came(folder, "18073/kiosk", "parents")[:2] == (("18073/router", "ttdl/core"), Origin.DEVICE)


def test_a_check_that_lacks_its_credential_says_so(folder: Path) -> None:
    (folder / "shared.yaml").write_text(SHARED.replace("snmp: snmp-xa, ", ""), encoding="utf-8")
    value, origin, _ = came(folder, "18073/kiosk", "checks.snmp")
    assert (value, origin) == ("not asked: no credential for it", Origin.UNSET)


def test_a_site_shows_its_own_values_and_its_devices(folder: Path) -> None:
    assert came(folder, "18073", "name") == ("Phường Thành Sen, Tỉnh Hà Tĩnh", Origin.OFFICIAL, "18073:")
    assert came(folder, "18073", "kind")[1] == Origin.OFFICIAL
    assert came(folder, "18073", "credentials.ssh")[:2] == ("ssh-18073", Origin.SITE)
    assert came(folder, "18073", "credentials.snmp")[:2] == ("snmp-xa", Origin.DEFAULTS)
    assert came(folder, "18073", "devices.router")[:2] == (["192.0.2.1", "router"], Origin.SITE)
    assert came(folder, "18073", "checks.community.interval")[:2] == ("8h", Origin.PROVINCE)
    assert came(folder, "18073", "checks.community.timeout")[:2] == ("9s", Origin.SITE)
    assert came(folder, "18073", "tags[0]")[:2] == ("tat-ca", Origin.DEFAULTS)
    assert came(folder, "ttdl", "name") == ("Trung tâm dữ liệu", Origin.SITE, SHARED.splitlines()[-1][15:])


def test_what_is_shown_is_what_the_service_would_use(folder: Path) -> None:
    for device in load_inventory(folder, PROBES).inventory.devices.values():
        shown = settings(trace(folder, device.id, PROBES))
        assert [shown[key].value for key in ("address", "role", "title", "parents")] == [
            device.address,
            device.role,
            device.title,
            device.parents,
        ]
        assert tuple(one.value for key, one in shown.items() if key.startswith("tags[")) == device.tags
        credentials = {key: one.value for key, one in shown.items() if key.startswith("credentials.")}
        assert credentials == {f"credentials.{probe}": name for probe, name in device.credentials.items()}
        for check in device.checks:
            own = (check.probe, check.interval, check.timeout)
            assert own == tuple(
                shown[f"checks.{check.name}.{key}"].value for key in ("probe", "interval", "timeout")
            )


def test_mistakes_elsewhere_do_not_hide_a_device_but_are_counted(folder: Path) -> None:
    (folder / "other.yaml").write_text(
        "sites: {18133: {devices: 3}, 18073x: []}\nsitez: {}\n", encoding="utf-8"
    )
    traced = trace(folder, "18073/router", PROBES)
    assert settings(traced)["address"].value == "192.0.2.1"
    assert traced.mistakes == 1


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("{address: 192.0.2.7, role: ruter}", "did you mean 'router'"),
        ("{address: 192.0.2.7, role: router, checks: {icmp: {cuont: 3}}}", "did you mean 'count'"),
        ("{address: 192.0.2.7, role: router, checks: {icmp: 3}}", "wants a mapping"),
        ("{address: 192.0.2.7, role: router, parent: swich}", "unknown parent in the site 18133: 'swich'"),
    ],
)
def test_a_device_with_a_mistake_says_the_mistake(folder: Path, entry: str, words: str) -> None:
    text = (
        f"sites: {{18133: {{devices: {{a: {entry}, b: {{address: 192.0.2.8, role: ups}}}}}}}}\nrols: {{}}\n"
    )
    (folder / "other.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(Invalid, match=words):
        trace(folder, "18133/a", PROBES)
    assert trace(folder, "18133/b", PROBES).mistakes == 2


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("18073/sever", "unknown device of 18073: 'sever'; did you mean 'server'?"),
        ("18037", "unknown site '18037'; did you mean '18073'?"),
        ("18073/", "unknown device of 18073: ''"),
        ("", "unknown site ''"),
    ],
)
def test_an_unknown_name_gets_the_likely_one(folder: Path, subject: str, words: str) -> None:
    with pytest.raises(Unknown) as refusal:
        trace(folder, subject, PROBES)
    assert str(refusal.value).startswith(words)


@pytest.mark.parametrize(
    "again", ['sites: {"180\\u00373": {devices: {}}}', "defaults: {tags: [x]}", '"sites": {18073: {}}']
)
def test_a_file_that_does_not_look_concerned_is_read_when_it_may_be(folder: Path, again: str) -> None:
    (folder / "z.yaml").write_text(again, encoding="utf-8")
    with pytest.raises(Invalid) as caught:
        trace(folder, "18073/router", PROBES)
    assert "is defined twice" in str(caught.value)


def test_names_begin_as_asked(folder: Path) -> None:
    assert names(folder, "18") == ["18073", "18100"]
    assert names(folder, "18073/") == ["18073/kiosk", "18073/router", "18073/server"]
    assert names(folder, "18074/") == []
