"""The province starts in seconds, keeps what it made, and never outlives who started it."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
import time
from pathlib import Path

import pytest

from alerts.telling.notifier import FOR_PEOPLE
from inventory.loader import load_inventory
from inventory.secrets import Secrets
from monitor.demo.controls import SimulatorFailed, UnknownFault
from monitor.demo.inventory_files import settings_file
from monitor.demo.layout import NETWORKS
from monitor.demo.province import Province
from monitor.plan import make_plan, traits
from monitor.settings import load_settings
from probes.core.discovery import discover
from tests.monitor.demo.conftest import ApprovedKeys

_PARENT = """
import asyncio, sys
from pathlib import Path
from monitor.demo.province import Province

async def main() -> None:
    async with Province(Path(sys.argv[1])) as province:
        print(province._process.pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


async def test_everything_answers_within_five_seconds_and_progress_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    started = time.monotonic()
    async with Province(tmp_path, progress=told.append) as province:
        assert time.monotonic() - started < 5
        assert sum(1 for _ in province.layout.places) == 69 * 5 + 12
    assert told[-1] == "all 357 devices answer"


async def test_the_simulator_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _PARENT, str(tmp_path)), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    assert is_alive(child)
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    deadline = time.monotonic() + 5
    while is_alive(child) and time.monotonic() < deadline:  # noqa: ASYNC110 - it is another process
        await asyncio.sleep(0.05)
    assert not is_alive(child)


async def test_the_simulator_ends_with_the_province(tmp_path: Path) -> None:
    async with Province(tmp_path) as province:
        child = province._process.pid
    assert not is_alive(child)


async def test_a_second_start_in_the_same_folder_keeps_keys_and_secrets(tmp_path: Path) -> None:
    keys: list[dict[tuple[str, str, int], str]] = []
    for _ in range(2):
        async with Province(tmp_path) as province:
            store = ApprovedKeys()
            assert len(list(province.approve_into(store))) == 71
            assert list(province.approve_into(store)) == [], "what is approved is not reported again"
            keys.append({(device, "", port): line for (device, _, port), line in store.lines.items()})
    assert keys[0] == keys[1]


async def test_a_file_that_somebody_changed_is_kept_and_others_are_renewed(tmp_path: Path) -> None:
    async with Province(tmp_path) as province:
        changed = province.inventory_folder / "18073-thanh-sen.yaml"
        deleted = province.inventory_folder / "18100-tran-phu.yaml"
        changed.write_text(changed.read_text() + "# mine\n")
        deleted.unlink()
    told: list[str] = []
    async with Province(tmp_path, port=8099, progress=told.append) as province:
        assert changed.read_text().endswith("# mine\n")
        assert deleted.exists()
        assert "8099" in province.settings.read_text()
    assert "inventory/18073-thanh-sen.yaml was changed by somebody and is kept" in told


async def test_two_provinces_at_once_use_two_networks(tmp_path: Path) -> None:
    async with Province(tmp_path / "one") as one, Province(tmp_path / "two") as two:
        networks = {next(place.address for place in p.layout.places).rpartition(".0.")[0] for p in (one, two)}
    assert len(networks) == 2
    assert networks <= set(NETWORKS)


async def test_the_simulated_phone_has_the_limit_of_channels_that_people_read(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(settings_file(8080, "127.0.0.9"), "utf-8")
    (channel,) = load_settings(path).notifiers.values()
    assert channel.limit == FOR_PEOPLE


async def test_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    async with Province(tmp_path / "demo") as province:
        private = [*province.secrets_folder.iterdir(), tmp_path / "demo/simulator/host-keys.json"]
    assert len(private) == 5
    assert [stat.S_IMODE(path.stat().st_mode) for path in private] == [0o600] * 5


async def test_the_inventory_has_no_mistake_and_every_check_can_be_asked(tmp_path: Path) -> None:
    probes = traits(discover())
    async with Province(tmp_path) as province:
        loaded = load_inventory(province.inventory_folder, probes)
        plan = make_plan(loaded.inventory, Secrets(province.secrets_folder))
    assert [str(problem) for problem in loaded.warnings] == []
    assert len(loaded.inventory.sites) == 70
    assert len(loaded.inventory.devices) == 357
    assert all(device.checks for device in loaded.inventory.devices.values())
    assert [check.id for check in plan if check.blocked] == []
    assert "icmp" not in {check.probe for check in plan}


async def test_every_fault_can_be_switched_on_each_kind_of_target_and_off_again(tmp_path: Path) -> None:
    async with Province(tmp_path) as province:
        kinds = await province.kinds()
        assert len(next(kind for kind in kinds if kind.id == "cut-uplink").targets) == 69
        for kind in kinds:
            assert kind.title.vi != kind.title.en
            target = kind.targets[0].id
            await province.switch(kind.id, target, True)
            await province.switch(kind.id, target, True)
            assert [(fault.kind, fault.target) for fault in await province.faults()] == [(kind.id, target)]
            await province.switch(kind.id, target, False)
            assert await province.faults() == ()


@pytest.mark.parametrize(
    ("kind", "target", "says"),
    [
        ("meteor", "18073", "there is no fault 'meteor'"),
        ("cut-uplink", "99999", "there is no commune '99999'"),
        ("cut-uplink", "ttdl", "there is no commune 'ttdl'"),
        ("kill-device", "18073/toaster", "there is no device '18073/toaster'"),
        ("weaken-ssh", "18073/ups", "cannot strike 18073/ups, which is a ups"),
    ],
)
async def test_what_cannot_be_struck_is_said(tmp_path: Path, kind: str, target: str, says: str) -> None:
    async with Province(tmp_path) as province:
        with pytest.raises(UnknownFault, match=says):
            await province.switch(kind, target, True)
        assert await province.faults() == ()


async def test_a_simulator_that_is_gone_is_said(tmp_path: Path) -> None:
    async with Province(tmp_path) as province:
        os.kill(province._process.pid, signal.SIGKILL)
        await province._process.wait()
        with pytest.raises(SimulatorFailed, match="does not answer"):
            await province.switch("kill-device", "18073/ups", True)
        assert await province.faults() == ()
