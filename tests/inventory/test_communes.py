"""The official list of communes is whole, and finds what people mean."""

from __future__ import annotations

import unicodedata
from collections import Counter

import pytest

from inventory.communes import Communes, folded
from inventory.outlines import outline


@pytest.fixture(scope="module")
def communes() -> Communes:
    return Communes.load()


def test_there_are_3321_communes_in_34_provinces(communes: Communes) -> None:
    assert len(communes) == 3321
    assert len({commune.province_code for commune in communes}) == 34
    assert Counter(commune.kind for commune in communes) == {"xã": 2611, "phường": 697, "đặc khu": 13}


def test_ha_tinh_has_69_of_them(communes: Communes) -> None:
    ha_tinh = communes.province("42")
    assert len(ha_tinh) == 69
    assert Counter(commune.kind for commune in ha_tinh) == {"xã": 60, "phường": 9}
    assert {commune.province for commune in ha_tinh} == {"Tỉnh Hà Tĩnh"}


def test_every_fact_is_well_formed(communes: Communes) -> None:
    for commune in communes:
        assert commune.code.isdigit() and len(commune.code) == 5
        assert commune.province_code.isdigit() and len(commune.province_code) == 2
        assert commune.name.lower().startswith(commune.kind + " ")
        assert commune.name == unicodedata.normalize("NFC", " ".join(commune.name.split()))
    provinces = {(commune.province_code, commune.province) for commune in communes}
    assert len(provinces) == 34


def test_the_list_is_sorted_and_has_no_code_twice(communes: Communes) -> None:
    codes = [commune.code for commune in communes]
    assert codes == sorted(set(codes))


def test_a_code_finds_its_commune(communes: Communes) -> None:
    commune = communes.get("18073")
    assert commune is not None and commune.name == "Phường Thành Sen"
    assert communes.get("99999") is None
    assert communes.province("99") == ()


def test_tone_marks_stand_where_the_legal_texts_put_them(communes: Communes) -> None:
    names = {commune.code: commune.name for commune in communes}
    assert names["18682"] == "Xã Yên Hòa"
    assert {commune.province for commune in communes.province("56")} == {"Tỉnh Khánh Hòa"}


def test_the_latest_resolutions_are_in_it(communes: Communes) -> None:
    assert {commune.province for commune in communes.province("75")} == {"Thành phố Đồng Nai"}
    long_thanh = communes.get("26368")
    assert long_thanh is not None and long_thanh.kind == "phường"


@pytest.mark.parametrize(
    "slip",
    [
        "18703",
        "18037",
        "18074",
        "1873",
        "180733",
        "thanh sen",
        "Thành Sen",
        "P. Thành Sen",
        "phuong thanh sen",
    ],
)
def test_a_slip_finds_what_was_meant(communes: Communes, slip: str) -> None:
    assert "18073" in {commune.code for commune in communes.suggest(slip, count=20)}


@pytest.mark.parametrize("text", ["", "0", "x" * 100_000, "9" * 100_000, "%%%"])
def test_nonsense_finds_nothing_quickly(communes: Communes, text: str) -> None:
    assert communes.suggest(text) == ()


def test_a_name_may_belong_to_several_communes(communes: Communes) -> None:
    assert len(communes.named("Xã Tân Tiến")) > 1
    assert {folded(commune.name) for commune in communes.named("TÂN TIẾN")} == {"tan tien"}


def test_every_commune_lies_where_its_province_does(communes: Communes) -> None:
    for commune in communes:
        latitude, longitude = commune.middle or (0.0, 0.0)
        assert 7 < latitude < 23.5 and 102 < longitude < 118, commune.name
    for commune in communes.province("42"):
        latitude, longitude = commune.middle or (0.0, 0.0)
        assert 17.9 < latitude < 18.8 and 105.1 < longitude < 106.6, commune.name


def test_outlines_surround_the_middles_of_their_communes(communes: Communes) -> None:
    for code in communes.provinces:
        rings = outline(code)
        if code in ("48", "56"):  # their archipelagos are too far out
            assert rings == ()
            continue
        assert rings and all(len(ring) > 3 for ring in rings)
        south, north = (
            min(one[0] for ring in rings for one in ring),
            max(one[0] for ring in rings for one in ring),
        )
        for commune in communes.province(code):
            if commune.kind != "đặc khu":
                assert south <= (commune.middle or (0, 0))[0] <= north, commune.name
    assert outline("99") == ()
