"""Old codes and names are understood, and every history belongs to one device."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory.communes import Communes
from inventory.former import FormerCommunes
from inventory.loader import load_inventory
from inventory.model import Inventory
from tests.inventory.traits import PROBES


@pytest.fixture(scope="module")
def former() -> FormerCommunes:
    return FormerCommunes.load()


@pytest.fixture(scope="module")
def communes() -> Communes:
    return Communes.load()


def test_8919_of_the_10035_former_communes_changed(former: FormerCommunes) -> None:
    assert len(former) == 8919
    codes = [commune.code for commune in former]
    assert codes == sorted(set(codes))
    assert all(len(code) == 5 and code.isdigit() for code in codes)


def test_every_former_commune_is_part_of_one_there_is(former: FormerCommunes, communes: Communes) -> None:
    for commune in former:
        assert commune.now, commune
        assert all(communes.get(code) for code in commune.now), commune


def test_what_no_other_commune_joined_kept_its_code(former: FormerCommunes, communes: Communes) -> None:
    alone = [commune for commune in communes if not former.became(commune.code)]
    assert len(alone) == 123
    assert all(former.get(commune.code) is None for commune in alone)


def test_the_resolution_of_ha_tinh_is_followed(former: FormerCommunes) -> None:
    """Resolution 1665/NQ-UBTVQH15, articles 1.1 to 1.3: Thạch Lạc, Đồng Tiến, Thạch Khê."""
    parts = {code: {commune.name for commune in former.became(code)} for code in ("18628", "18619", "18601")}
    assert parts["18628"] == {"Xã Tượng Sơn", "Xã Thạch Thắng", "Xã Thạch Lạc"}
    assert sum(commune.province == "Tỉnh Hà Tĩnh" for commune in former) == 197


def test_a_former_code_says_what_became_of_it(communes: Communes) -> None:
    assert communes.fate("18077") == (
        "18077 was Phường Bắc Hà (Thành phố Hà Tĩnh, Tỉnh Hà Tĩnh) until 30/06/2025, "
        "now 18073 (Phường Thành Sen)"
    )
    assert " or " in communes.fate(next(one.code for one in communes.former if len(one.now) > 1))
    assert communes.fate("99999") == communes.fate("") == ""


def loaded(folder: Path, text: str) -> Inventory:
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    return load_inventory(folder, PROBES).inventory


def test_a_device_names_the_ids_it_had(tmp_path: Path) -> None:
    text = """sites:
  18073:
    aliases: [Phường Bắc Hà, 18077]
    devices:
      router: {address: 192.0.2.1, role: router, formerly: [18077/router, rt-1]}
      switch: {address: 192.0.2.2, role: switch}
"""
    inventory = loaded(tmp_path, text)
    assert inventory.devices["18073/router"].formerly == ("18077/router", "18073/rt-1")
    assert inventory.devices["18073/switch"].parents == ("18073/router",)
    assert inventory.moved == {"18077/router": "18073/router", "18073/rt-1": "18073/router"}
    assert inventory.sites["18073"].aliases == ("Phường Bắc Hà", "18077")


def test_a_site_that_had_another_key_brings_the_pasts_of_its_devices(tmp_path: Path) -> None:
    text = """sites:
  18073:
    formerly: [ttdl-cu, 18077]
    devices:
      router: {address: 192.0.2.1, role: router}
      router-b: {address: 192.0.2.3, role: router, formerly: [18077/router]}
      switch: {address: 192.0.2.2, role: switch, formerly: [kho/sw]}
"""
    assert loaded(tmp_path, text).moved == {
        "ttdl-cu/router": "18073/router",
        "18077/router": "18073/router-b",
        "kho/sw": "18073/switch",
    }
