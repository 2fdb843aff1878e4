"""`silence` and `maintenance`: what they print, how they end, what they refuse."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from alerts.incident import IncidentKey, Step
from monitor.cli import main
from monitor.ledger import Ledger
from monitor.ledger.teller import Nobody
from tests.monitor.ledger.steps import step

INVENTORY = """\
sites:
  18073:
    devices:
      router: {address: 10.20.1.1, role: router}
      switch: {address: 10.20.1.2, role: switch}
"""
PLAN = """\
maintenance:
  - id: sao-luu
    reason: Sao lưu
    author: Sở
    where: {site: 18073, role: router}
    from: 2026-01-03 22:00
    for: 4h
    repeat: FREQ=DAILY
"""


@pytest.fixture
def office(tmp_path: Path) -> Path:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "all.yaml").write_text(INVENTORY)
    (tmp_path / "plan.yaml").write_text(PLAN)
    (tmp_path / "commune-monitor.yaml").write_text("maintenance: plan.yaml\n")
    return tmp_path


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["-s", str(folder / "commune-monitor.yaml"), *arguments])


def parsed(folder: Path, *arguments: str) -> Any:
    result = run(folder, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


async def open_incident(folder: Path, device: str, ago: timedelta) -> None:
    key = IncidentKey("device-down", device)
    opened = msgspec.structs.replace(step(Step.OPENED, key), at=datetime.now(UTC) - ago)
    async with Ledger(folder / "data" / "ledger.sqlite") as ledger:
        await ledger.incidents.record([opened], Nobody())


ADD = ("silence", "add", "--site", "18073", "--role", "router", "--until", "2h", "--reason", "Thay router")


def test_a_silence_is_made_listed_extended_and_ended(office: Path) -> None:
    made = parsed(office, *ADD)
    assert made["silence"]["where"] == {"role": ["router"], "site": ["18073"]}
    assert made["effect"]["devices"] == ["18073/router"]
    assert "role router, site 18073" in run(office, "silence", "list").stdout
    assert run(office, "silence", "extend", "1", "--until", "3d").exit_code == 0
    (longer,) = parsed(office, "silence", "list")
    assert longer["until"] > made["silence"]["until"]
    assert run(office, "silence", "end", "1").exit_code == 0
    assert parsed(office, "silence", "list") == []
    (over,) = parsed(office, "silence", "list", "--all")
    assert over["ended_by"]
    assert run(office, "silence", "end", "1").exit_code == 1
    assert "silence ended" in run(office, "audit").stdout


def test_a_preview_counts_devices_what_is_open_and_what_was(office: Path) -> None:
    asyncio.run(open_incident(office, "18073/router", timedelta(days=2)))
    asyncio.run(open_incident(office, "18073/switch", timedelta(days=2)))
    found = parsed(office, "silence", "preview", "--role", "rout*")
    assert found == {"devices": ["18073/router"], "sites": ["18073"], "open": [1], "past": [1]}
    assert parsed(office, "silence", "preview", "--role", "rout*", "--days", "1")["past"] == []
    text = run(office, "silence", "preview", "--site", "18073").stdout
    assert "Devices: 2 at 1 sites" in text and "Open now: 2" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--until", "2h"), "the site * is everything"),
        (("--site", "*", "--until", "91d"), "at most 90 days"),
        (("--site", "*", "--until", "yesterday"), "a time of Viet Nam"),
        (("--site", "*", "--until", "2020-01-01 10:00"), "is over"),
        (("--site", "[a]", "--until", "1h"), "where.site"),
        (
            ("--site", "18703", "--until", "1h"),
            "no site '18703' (did you mean 18073?); give a name that exists",
        ),
        (("--device", "18073/ruoter", "--until", "1h"), "(did you mean 18073/router?)"),
        (("--device", "18703/router", "--until", "1h"), "(did you mean 18073/router?)"),
        (("--device", "swich", "--until", "1h"), "no device 'swich' (did you mean switch?)"),
        (("--role", "routr", "--until", "1h"), "no role 'routr' (did you mean router?)"),
        (("--rule", "device-dwon", "--until", "1h"), "no rule 'device-dwon' (did you mean device-down?)"),
        (("--rule", "zzz", "--until", "1h"), "no rule 'zzz'; give a name that exists, or a pattern with *"),
    ],
)
def test_what_cannot_be_is_refused_with_exit_code_2(
    office: Path, arguments: tuple[str, ...], words: str
) -> None:
    result = run(office, "silence", "add", *arguments, "--reason", "thử")
    assert result.exit_code == 2 and words in result.stderr


def test_a_preview_of_what_does_not_exist_is_refused_and_patterns_are_not(office: Path) -> None:
    result = run(office, "silence", "preview", "--device", "roter")
    assert result.exit_code == 2 and "(did you mean router?)" in result.stderr
    for where in (("--site", "99*"), ("--device", "18073/cam*"), ("--role", "came?a"), ("--rule", "my-*")):
        assert run(office, "silence", "preview", *where).exit_code == 0, where


def test_extending_too_far_is_refused_with_exit_code_2(office: Path) -> None:
    run(office, *ADD)
    result = run(office, "silence", "extend", "1", "--until", "120d")
    assert result.exit_code == 2 and "at most 90 days" in result.stderr


def test_the_files_are_listed_with_their_next_window(office: Path) -> None:
    (listed,) = parsed(office, "maintenance", "list")
    assert listed["devices"] == ["18073/router"] and len(listed["next"]) == 1
    assert "sao-luu" in run(office, "maintenance", "list").stdout
    assert 29 <= len(parsed(office, "maintenance", "next")) <= 31
    assert len(parsed(office, "maintenance", "next", "--days", "2")) in (2, 3)


def test_nothing_planned_is_exit_code_1(office: Path) -> None:
    (office / "plan.yaml").write_text(PLAN + "    enabled: false\n")
    assert run(office, "maintenance", "next").exit_code == 1
    assert "none within a year" in run(office, "maintenance", "list").stdout


def test_a_maintenance_is_previewed_by_its_hours(office: Path) -> None:
    asyncio.run(open_incident(office, "18073/router", timedelta(days=1)))
    (office / "plan.yaml").write_text(PLAN.replace("for: 4h", "for: 1d"))
    assert parsed(office, "maintenance", "preview", "sao-luu")["past"] == [1]
    begin = (datetime.now(UTC) - timedelta(hours=12)).strftime("%Y-%m-%d %H:%M")
    (office / "plan.yaml").write_text(PLAN.replace("2026-01-03 22:00", begin).replace("for: 4h", "for: 1h"))
    assert parsed(office, "maintenance", "preview", "sao-luu")["past"] == []
    result = run(office, "maintenance", "preview", "no")
    assert result.exit_code == 2 and "maintenance list" in result.stderr


def test_a_mistake_in_the_files_is_said_with_its_place(office: Path) -> None:
    (office / "plan.yaml").write_text(PLAN.replace("FREQ=DAILY", "FREQ=SECONDLY"))
    result = run(office, "maintenance", "list")
    assert result.exit_code == 2 and "plan.yaml:8:13: maintenance[0].repeat: wants FREQ" in result.stderr


def test_who_would_be_told_says_that_it_would_be_quiet_then(office: Path) -> None:
    asked = ("who", "18073/router", "--at")
    assert "Nobody is told then: maintenance sao-luu until" in run(office, *asked, "2026-12-01 23:00").stderr
    assert "Nobody is told then" not in run(office, *asked, "2026-12-01 21:00").stderr
    (office / "plan.yaml").write_text(PLAN + "    enabled: false\n")
    run(office, *ADD)
    assert "silence 1 until" in run(office, "who", "18073/router").stderr
