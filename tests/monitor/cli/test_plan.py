"""What an edit will change is seen before it is made."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

from monitor.house import monitoring
from tests.end_to_end.site import load, write_service
from tests.monitor.test_cli import call

CHECK = {"probe": "tcp", "port": 22, "interval": "600s"}


async def in_force(settings: Path) -> None:
    """Let a service take the inventory in and end."""
    async with monitoring(load(settings)):
        pass


def edited(folder: Path, old: str, new: str) -> Path:
    """Return a copy of the inventory with one text replaced."""
    copy = Path(shutil.copytree(folder / "inventory", folder / "copy"))
    office = copy / "office.yaml"
    office.write_text(office.read_text().replace(old, new))
    return copy


async def test_a_changed_value_is_shown_with_what_it_was(tmp_path: Path) -> None:
    settings = write_service(tmp_path, {"ssh-port": CHECK})
    await in_force(settings)
    copy = edited(tmp_path, "127.0.0.1", "127.0.0.2")
    result = await asyncio.to_thread(call, "-s", settings, "plan", "--diff", "--inventory", copy)
    assert result.stdout.splitlines() == [
        "~ 18073/server  127.0.0.2 real",
        "    address: 127.0.0.1 -> 127.0.0.2",
        "0 devices added, 0 removed, 1 changed; 1 checks are new or asked otherwise, 0 are no longer asked.",
    ]


async def test_added_and_removed_devices_are_told_as_json(tmp_path: Path) -> None:
    settings = write_service(tmp_path, {"ssh-port": CHECK})
    await in_force(settings)
    copy = edited(tmp_path, '"server"', '"kiosk"')
    found = json.loads(
        (
            await asyncio.to_thread(call, "-s", settings, "plan", "--diff", "--inventory", copy, "--json")
        ).stdout
    )
    assert [(one["sign"], one["id"]) for one in found["changes"]] == [
        ("+", "18073/kiosk"),
        ("-", "18073/server"),
    ]
    assert found["checks"] == {"asked": 1, "no_longer": 1}


async def test_a_device_that_goes_on_under_another_id_is_neither_new_nor_gone(tmp_path: Path) -> None:
    settings = write_service(tmp_path, {"ssh-port": CHECK})
    await in_force(settings)
    copy = edited(tmp_path, '"server": {', '"kiosk": {"formerly": ["server"], "title": "Ki-ốt", ')
    result = await asyncio.to_thread(call, "-s", settings, "plan", "--diff", "--inventory", copy)
    assert result.stdout.splitlines()[:2] == [
        "> 18073/kiosk  was 18073/server",
        "    title: Máy thật -> Ki-ốt",
    ]
    assert not [line for line in result.stdout.splitlines() if line.startswith(("+", "-"))]


async def test_what_is_in_force_changes_nothing(tmp_path: Path) -> None:
    settings = write_service(tmp_path, {"ssh-port": CHECK})
    await in_force(settings)
    assert (await asyncio.to_thread(call, "-s", settings, "plan", "--diff")).stdout == "Nothing changes.\n"


async def test_before_the_first_start_everything_is_new(tmp_path: Path) -> None:
    settings = write_service(tmp_path, {"ssh-port": CHECK})
    result = await asyncio.to_thread(call, "-s", settings, "plan", "--diff")
    assert "everything is new" in result.stderr
    assert "+ 18073/server  127.0.0.1 real" in result.stdout
