"""What people type finds the site or the device they mean, the likeliest first."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.communes import Communes
from inventory.loader import load_inventory
from inventory.search import Hit, Index
from tests.inventory.traits import PROBES

TEXT = """
sites:
  18073:
    owner: {name: Nguyễn Văn An, unit: UBND phường Thành Sen, phone: "0912 345 678", email: an@example.vn}
    aliases: [Thị xã cũ]
    devices:
      router: {address: 10.42.1.1, role: router, formerly: [18077/rt], tags: [wan]}
      server: {address: 10.42.1.10, role: server, title: Máy chủ một cửa, owner: {name: Trần Thị Bình}}
  18100:
    owner: {name: Lê Đức Cường}
    devices:
      router: {address: 10.42.1.100, role: router}
  ttdl: {name: Trung tâm dữ liệu, kind: data_centre, devices: {core: {address: core.example.vn, role: router}}}
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    path = tmp_path_factory.mktemp("search") / "a.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return Index(load_inventory(path, PROBES).inventory, Communes.load())


def ids(index: Index, text: str) -> list[str]:
    return [hit.device.id if hit.device else hit.site.id for hit in index.find(text).hits]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("thanh sen", "18073"),
        ("Phường Thành Sen", "18073"),
        ("THÀNH SEN", "18073"),
        ("18073", "18073"),
        ("18073/server", "18073/server"),
        ("18077", "18073"),
        ("phuong bac ha", "18073"),
        ("Đồng Môn", "18100"),
        ("thi xa cu", "18073"),
        ("10.42.1.1", "18073/router"),
        ("core.example.vn", "ttdl/core"),
        ("may chu mot cua", "18073/server"),
        ("một cửa thành sen", "18073/server"),
        ("router thanh sen", "18073/router"),
        ("bộ định tuyến trần phú", "18100/router"),
        ("18077/rt", "18073/router"),
        ("wan", "18073/router"),
        ("0912345678", "18073"),
        ("0912 345 678", "18073"),
        ("nguyen van an", "18073"),
        ("Trần Thị Bình", "18073/server"),
        ("duc cuong", "18100"),
        ("an@example.vn", "18073"),
        ("du lieu", "ttdl"),
        ("data centre", ""),
    ],
)
def test_the_likeliest_comes_first(index: Index, text: str, first: str) -> None:
    assert ids(index, text)[:1] == ([first] if first else [])


def test_an_exact_address_goes_before_a_longer_one(index: Index) -> None:
    assert ids(index, "10.42.1.1") == ["18073/router", "18073/server", "18100/router"]
    assert ids(index, "10.42.1.10")[0] == "18073/server"


def test_a_hit_says_by_what_it_was_found_unless_that_is_seen(index: Index) -> None:
    def by(text: str) -> str:
        return index.find(text).hits[0].by

    assert by("thanh sen") == by("18073/router") == by("10.42.1.1") == ""
    assert by("bac ha") == "Phường Bắc Hà (18077)"
    assert by("0912345678") == "0912345678"
    assert by("Trần Thị Bình") == "Trần Thị Bình"


def test_every_word_must_fit(index: Index) -> None:
    assert ids(index, "thanh sen core") == []
    assert index.find("thanh sen core").total == 0


@pytest.mark.parametrize("text", ["", " ", "a", "%", "*", "\x00", "\u0301\u0301\u0301"])
def test_next_to_nothing_finds_nothing(index: Index, text: str) -> None:
    assert index.find(text).hits == ()


def test_what_is_left_out_is_counted(index: Index) -> None:
    found = index.find("router", limit=1)
    assert (len(found.hits), found.total) == (1, 3)


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=300))
def test_no_text_crashes_it_or_finds_more_than_was_asked(index: Index, text: str) -> None:
    found = index.find(text, limit=3)
    assert len(found.hits) <= 3 <= max(found.total, 3)
    assert all(isinstance(hit, Hit) for hit in found.hits)


def test_thousands_of_devices_are_searched_at_once(tmp_path: Path) -> None:
    text = "".join(
        f"  s{i}:\n    name: Nơi {i}\n    owner: {{name: A, phone: '09{i:08}'}}\n    devices:\n"
        + "".join(f"      d{k}: {{address: 10.1.{i}.{k + 1}, role: server}}\n" for k in range(20))
        for i in range(100)
    )
    (tmp_path / "a.yaml").write_text("sites:\n" + text, encoding="utf-8")
    index = Index(load_inventory(tmp_path, PROBES).inventory, Communes.load())
    started = time.process_time()
    for _ in range(20):
        assert ids(index, "10.1.77.5")[0] == "s77/d4"
    assert time.process_time() - started < 2
