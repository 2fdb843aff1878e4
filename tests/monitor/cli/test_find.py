"""``commune-monitor find``: by whatever is known of a place or device."""

from __future__ import annotations

import json
from pathlib import Path

from tests.end_to_end.site import write_service
from tests.monitor.test_cli import call

CHECK = {"probe": "tcp", "port": 22}


def test_an_old_name_finds_the_commune_with_who_answers_for_it(tmp_path: Path) -> None:
    settings = write_service(tmp_path, {"ssh": CHECK})
    result = call("-s", settings, "find", "bắc", "hà")
    lines = result.stdout.splitlines()
    assert lines[0].split() == [
        "ID",
        "NAME",
        "WHERE",
        "ADDRESS",
        "ANSWERS",
        "FOR",
        "IT",
        "PHONE",
        "FOUND",
        "BY",
    ]
    assert lines[1].startswith("18073  Phường Thành Sen  Tỉnh Hà Tĩnh")
    assert lines[1].endswith("Nguyễn Văn A    0912345678  Phường Bắc Hà (18077)")


def test_a_device_is_found_by_its_address_as_json(tmp_path: Path) -> None:
    settings = write_service(tmp_path, {"ssh": CHECK})
    found = json.loads(call("-s", settings, "find", "127.0.0.1", "--json").stdout)
    assert found["total"] == 1
    assert found["hits"][0] == {
        "kind": "device",
        "id": "18073/server",
        "name": "Máy thật",
        "where": "Phường Thành Sen",
        "address": "127.0.0.1",
        "owner": "Nguyễn Văn A",
        "phone": "0912345678",
        "by": "",
    }


def test_what_is_left_out_is_said_and_nothing_found_is_a_no(tmp_path: Path) -> None:
    settings = write_service(tmp_path, {"ssh": CHECK})
    result = call("-s", settings, "find", "18073", "--limit", "1")
    assert (len(result.stdout.splitlines()), "1 more" in result.stderr) == (2, True)
    nothing = call("-s", settings, "find", "không", "có")
    assert (nothing.exit_code, nothing.stdout) == (1, "")
