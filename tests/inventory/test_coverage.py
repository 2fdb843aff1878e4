"""Who lacks what of what a site of its kind must have."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory.coverage import Coverage, coverage
from inventory.document import Invalid
from inventory.loader import load_inventory
from tests.inventory.traits import PROBES

OWNER = "owner: {name: A}"


def covered(folder: Path, sites: dict[str, str], rest: str = "") -> Coverage:
    """Return the coverage of sites whose devices' roles are given, in order."""
    lines = ["sites:"]
    for site, roles in sites.items():
        extra = "" if site.isdigit() else "name: Nơi khác, kind: data_centre, "
        devices = ", ".join(
            f"d{n}: {{address: 192.0.2.{n + 1}, role: {role}}}" for n, role in enumerate(roles.split())
        )
        lines.append(f"  {site}: {{{extra}{OWNER}, devices: {{{devices}}}}}")
    (folder / "a.yaml").write_text("\n".join(lines) + f"\n{rest}\n", encoding="utf-8")
    return coverage(load_inventory(folder, PROBES).inventory)


def lacks(result: Coverage) -> dict[str, list[tuple[str, int]]]:
    return {one.site.id: [(lack.need.name, lack.has) for lack in one.lacks] for one in result.lacking}


def test_a_commune_wants_an_uplink_a_switch_a_server_and_a_conference_unit(tmp_path: Path) -> None:
    result = covered(tmp_path, {"18073": "router switch server conference", "18100": "switch ups"})
    assert lacks(result) == {"18100": [("uplink", 0), ("server", 0), ("conference", 0)]}
    assert result.complete("commune") == (1, 2)
    assert result.complete("commune", "switch") == (2, 2)
    assert result.complete("commune", "uplink") == (1, 2)


def test_either_a_router_or_a_firewall_is_an_uplink(tmp_path: Path) -> None:
    assert lacks(covered(tmp_path, {"18073": "firewall switch server conference"})) == {}


def test_a_site_without_devices_lacks_everything(tmp_path: Path) -> None:
    assert [need for need, _ in lacks(covered(tmp_path, {"18073": ""}))["18073"]] == [
        "uplink",
        "switch",
        "server",
        "conference",
    ]


def test_nothing_is_asked_of_a_kind_without_needs(tmp_path: Path) -> None:
    result = covered(tmp_path, {"ttdl": "router"})
    assert (result.sites, list(result.needs), result.complete("data_centre")) == ((), ["commune"], (0, 0))


def test_an_inventory_changes_adds_and_leaves_out(tmp_path: Path) -> None:
    own = """
coverage:
  commune:
    server: {count: 2}
    conference: {enabled: false}
    power: {title: {vi: Bộ lưu điện, en: UPS}, roles: ups}
  data_centre:
    firewall: {roles: [firewall]}
"""
    result = covered(tmp_path, {"18073": "router switch server", "ttdl": "router"}, own)
    assert lacks(result) == {"18073": [("server", 1), ("power", 0)], "ttdl": [("firewall", 0)]}
    titles = {need.name: need.title.vi for needs in result.needs.values() for need in needs}
    assert (titles["server"], titles["power"], titles["firewall"]) == ("Máy chủ", "Bộ lưu điện", "firewall")


def test_a_need_may_want_a_role_of_the_inventory(tmp_path: Path) -> None:
    own = """
roles: {kiosk: {title: {vi: Ki-ốt, en: Kiosk}, checks: {icmp: {}}}}
coverage: {commune: {kiosk: {roles: kiosk}}}
"""
    assert lacks(covered(tmp_path, {"18073": "router switch server conference kiosk"}, own)) == {}


def test_needs_of_one_kind_stand_in_one_file(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("coverage: {commune: {a: {roles: ups}}}\n", encoding="utf-8")
    with pytest.raises(Invalid, match="'commune' is defined twice"):
        covered(tmp_path, {"18073": "router"}, "coverage: {commune: {b: {roles: ups}}}")


@pytest.mark.parametrize(
    ("needs", "words"),
    [
        ("commune: [switch]", "coverage.commune: wants a mapping (key: value), found a list"),
        ("commune: {a: ups}", "coverage.commune.a: wants a mapping (key: value), found the text 'ups'"),
        ("commune: {A b: {roles: ups}}", "the name of a need wants lower case letters"),
        ("commune: {switch: {roles: []}}", "coverage.commune.switch.roles: must not be empty"),
        ("commune: {switch: {count: 0}}", "coverage.commune.switch.count: must be at least 1"),
    ],
)
def test_a_mistake_names_its_place(tmp_path: Path, needs: str, words: str) -> None:
    with pytest.raises(Invalid) as refusal:
        covered(tmp_path, {"18073": "router"}, f"coverage: {{{needs}}}")
    assert words in str(refusal.value)
    assert len(refusal.value.problems) == 1
