"""Spreadsheets come in and go out: recognised, checked row by row, and an export brought in again changes nothing."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner, Result

from monitor.cli import main

OFFICE = """\
# Phường Thành Sen, do Sở KH&CN quản lý
sites:
  18073:
    owner: {name: Nguyễn Văn An, unit: UBND phường Thành Sen, phone: "0912345678"}
    devices:
      router: {address: 192.0.2.1, role: router}   # Cisco cũ
      server: {address: 192.0.2.10, role: server, title: Máy chủ một cửa, tags: [mot-cua]}
"""
HEADS = ("Mã xã", "Tên thiết bị", "Địa chỉ IP", "Vai trò", "Cán bộ phụ trách", "Điện thoại")


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "inventory" / "thanh-sen.yaml").write_text(OFFICE, encoding="utf-8")
    (tmp_path / "commune-monitor.yaml").write_text("web: {port: 0}\n")
    return tmp_path / "commune-monitor.yaml"


def call(settings: Path, *arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["-s", str(settings), *map(str, arguments)])


def sheet(
    settings: Path, *rows: Sequence[object], heads: Sequence[str] = HEADS, name: str = "a.xlsx"
) -> Path:
    """Write a spreadsheet as people keep it: a title above, then headings."""
    path = settings.parent / name
    if name.endswith(".xlsx"):
        book = openpyxl.Workbook()
        page = book.worksheets[0]
        page.append(["DANH MỤC THIẾT BỊ"])
        for row in (heads, *rows):
            page.append(list(row))
        book.save(path)
    else:
        with path.open("w", encoding="utf-8-sig", newline="") as stream:
            csv.writer(stream, delimiter=";").writerows([heads, *rows])
    return path


def took(settings: Path, path: Path, *more: str) -> Result:
    return call(settings, "import", "sheet", path, *more)


def office(settings: Path) -> str:
    return (settings.parent / "inventory" / "thanh-sen.yaml").read_text("utf-8")


@pytest.mark.parametrize("name", ["a.xlsx", "a.csv"])
def test_nothing_is_written_unasked_and_what_would_be_is_shown(settings: Path, name: str) -> None:
    path = sheet(settings, ["18073", "Tường lửa", "192.0.2.254", "Tường lửa", "", ""], name=name)
    result = took(settings, path)
    assert result.exit_code == 0, result.stderr
    assert "+      tuong-lua:" in result.stdout and "1 devices are new" in result.stdout
    assert office(settings) == OFFICE


def test_a_new_device_goes_into_the_file_of_its_site_and_comments_stay(settings: Path) -> None:
    path = sheet(settings, ["18073", "Máy in", "192.0.2.30", "Máy in", "", ""])
    assert took(settings, path, "--write").exit_code == 0
    assert office(settings).startswith(OFFICE.splitlines()[0])
    assert "# Cisco cũ" in office(settings)
    assert call(settings, "check").exit_code == 0
    shown = json.loads(call(settings, "show", "18073/may-in", "--json").stdout)
    assert {s["key"]: s["value"] for s in shown["settings"]}["address"] == "192.0.2.30"


def test_a_new_site_gets_a_file_of_its_own_with_whoever_most_rows_name(settings: Path) -> None:
    rows = [
        ["18100", "Bộ định tuyến", "198.51.100.1", "router", "Trần Thị Bình", "912000111"],
        ["18100", "Máy chủ", "198.51.100.2", "Máy chủ", "Trần Thị Bình", "912000111"],
        ["18100", "UPS", "198.51.100.3", "Bộ lưu điện", "Lê Cường", "0987"],
    ]
    result = took(settings, sheet(settings, *rows), "--write", "--into", "42")
    assert result.exit_code == 0, result.stderr
    assert "lost its leading 0" in result.stderr
    text = (settings.parent / "inventory" / "42" / "18100.yaml").read_text("utf-8")
    assert text.count("Trần Thị Bình") == 1 and text.count("Lê Cường") == 1
    assert call(settings, "check").exit_code == 0


def test_every_mistake_is_told_with_its_cell_and_nothing_is_written(settings: Path) -> None:
    rows = [
        ["18073", "Máy A", "192.0.2.999", "server", "", ""],
        ["99999", "Máy B", "192.0.2.40", "server", "", ""],
        ["18073", "Máy C", "192.0.2.41", "máy giặt", "", ""],
        ["18073", "Máy D", "", "server", "", ""],
        ["18073", "Tốt", "192.0.2.42", "server", "", ""],
    ]
    result = took(settings, sheet(settings, *rows), "--write")
    assert result.exit_code == 1
    for told in ("row 3, column C (address)", "row 4, column A (site)", "row 5, column D (role)", "row 6"):
        assert told in result.stderr, result.stderr
    assert office(settings) == OFFICE
    assert took(settings, sheet(settings, *rows), "--write", "--skip-wrong").exit_code == 0
    assert "tot:" in office(settings) and "may-a" not in office(settings)


def test_a_commune_may_be_named_and_an_ambiguous_name_is_asked_about(settings: Path) -> None:
    heads = ("Xã, phường", *HEADS[1:])
    good = sheet(settings, ["Phường Trần Phú", "Máy chủ", "198.51.100.2", "server", "", ""], heads=heads)
    assert "18100" in took(settings, good, "--province", "42").stdout
    bad = sheet(settings, ["Phường Trần Phúu", "Máy chủ", "198.51.100.2", "server", "", ""], heads=heads)
    assert "did you mean" in took(settings, bad, "--province", "42").stderr


def test_headings_nobody_knows_and_secrets_are_refused_with_advice(settings: Path) -> None:
    heads = ("Mã xã", "Tên thiết bị", "Địa chỉ IP", "Vai trò", "Hãng", "Mật khẩu")
    path = sheet(settings, ["18073", "Máy in", "192.0.2.30", "printer", "HP", "canary-1"], heads=heads)
    result = took(settings, path)
    assert result.exit_code == 1
    assert "--map 'Hãng=KEY'" in result.stderr and "secret set" in result.stderr
    assert "canary" not in result.output
    assert took(settings, path, "--map", "Hãng=-", "--map", "Mật khẩu=-").exit_code == 0


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_an_export_brought_in_again_changes_nothing(settings: Path, form: str) -> None:
    path = settings.parent / f"out.{form}"
    assert call(settings, "export", form, "-o", path).exit_code == 0
    result = took(settings, path, "--write", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["changes"], found["files"], found["unchanged"]) == ([], [], 2)
    assert office(settings) == OFFICE


def test_no_text_becomes_a_formula(settings: Path) -> None:
    title = '=HYPERLINK("http://evil.example")'
    name = settings.parent / "inventory" / "thanh-sen.yaml"
    name.write_text(OFFICE.replace("Máy chủ một cửa", json.dumps(title)), "utf-8")
    rows = list(csv.reader(io.StringIO(call(settings, "export", "csv").stdout.removeprefix("\ufeff"))))
    assert [cell for row in rows for cell in row if "HYPERLINK" in cell] == [f"'{title}"]
    path = settings.parent / "out.xlsx"
    call(settings, "export", "xlsx", "-o", path)
    cells = [cell for row in openpyxl.load_workbook(path).worksheets[0].iter_rows() for cell in row]
    assert [cell.data_type for cell in cells if "HYPERLINK" in str(cell.value)] == ["s"]


def test_prometheus_gets_a_target_a_device_with_few_labels(settings: Path) -> None:
    groups = json.loads(call(settings, "export", "file_sd").stdout)
    assert groups[0]["targets"] == ["192.0.2.1"]
    assert groups[0]["labels"]["device"] == "18073/router"
    assert groups[0]["labels"]["province"] == "Tỉnh Hà Tĩnh"


BOMB = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'


def packed(parts: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in parts.items():
            archive.writestr(name, raw)
    return stream.getvalue()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\x01\x02",
        b"PK\x03\x04 garbage",
        b"one column only\n1\n",
        "Mã xã;Địa chỉ".encode("utf-16-le"),
        "Mã xã,Vai trò\n".encode("cp1258", "replace"),
        packed({"[Content_Types].xml": BOMB, "xl/workbook.xml": BOMB}),
        packed({"xl/worksheets/sheet1.xml": b"\0" * 300_000_000}),
        b'a,b\n"' + b"x" * 2_000_000,
    ],
    ids=["empty", "binary", "no-zip", "no-head", "utf16", "cp1258", "xml-bomb", "zip-bomb", "huge-cell"],
)
def test_what_is_no_spreadsheet_is_refused_in_words(settings: Path, raw: bytes) -> None:
    path = settings.parent / "hostile"
    path.write_bytes(raw)
    result = took(settings, path)
    assert result.exit_code == 1, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "hostile" in result.stderr
