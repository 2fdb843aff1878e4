"""Recordings of real devices, read by the real engine and session: what others found in them is found here too."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

import inventory.profiles
from alerts.rule import BUILT_IN, load_rules
from bench.profiles.ask import Reported
from bench.profiles.cases import Case, cases
from bench.profiles.held_out import owed
from bench.profiles.judge import Judge, Verdict
from bench.profiles.noise import told
from bench.profiles.run import judge, reports
from bench.profiles.table import summary, table
from bench.profiles.unseen import WAYS, disguised, kept
from bench.recordings import Recording
from inventory.profile import Profile, load_profiles

SHARED = Path(__file__).parents[4] / "shared" / "devices"
EACH = 4
"""One in so many recordings is disguised here; ``python -m bench.profiles --table`` does so with all."""
UNSEEN = {"leaf": 0.98, "branch": 0.97, "wordless": 0.90}
"""Least share of what is read today that is read of the same device under a number that nobody knows."""
WRONG = {
    ("disk-full", "dsm"),
    ("disk-full", "dsm_ds214se-dsm6"),
    ("disk-full", "hpe-ilo_4_with_bat_checks"),
    ("disk-full", "qnap"),
    ("hardware-status", "fortigate_vm01"),  # VPN tunnels that are down
    ("hardware-status", "junos_qfx5100"),  # its yellow alarm is on
    ("printer-status", "konica"),
    ("printer-status", "ricoh_mpc3002"),
    ("printer-status", "samsungprinter_m4080fx"),
    ("room-temperature", "gaia"),  # 43 degrees at the air intake
}
"""What stands open of 168 recorded devices."""
FLOOR = {
    "vendor": 0.98,
    "system": 0.98,
    "port": 0.97,
    "cpu": 0.97,
    "memory": 0.97,
    "storage": 0.97,
    "model": 0.86,
    "version": 0.96,
    "serial": 0.92,
    "sensor": 0.97,
}

MADE_UP = """
1.3.6.1.2.1.1.1.0|4|Linux made-up 6.1.0 #1 SMP x86_64
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.8072.3.2.10
1.3.6.1.2.1.1.3.0|67|100
1.3.6.1.2.1.2.2.1.2.1|4|eth0
1.3.6.1.2.1.2.2.1.7.1|2|1
1.3.6.1.2.1.2.2.1.8.1|2|1
1.3.6.1.2.1.2.2.1.10.1|65|1234
1.3.6.1.2.1.25.3.3.1.2.7|2|42
1.3.6.1.2.1.47.1.1.1.1.7.3|4|inlet
1.3.6.1.2.1.99.1.1.1.1.3|2|8
1.3.6.1.2.1.99.1.1.1.2.3|2|8
1.3.6.1.2.1.99.1.1.1.3.3|2|1
1.3.6.1.2.1.99.1.1.1.4.3|2|215000
1.3.6.1.4.1.6574.1.5.1.0|4|DS0
1.3.6.1.4.1.6574.1.1.0|2|1
"""
EXPECTED = {
    "vendor_label": "Synology",
    "system": {"os": "dsm", "hardware": "DS0"},
    "ports": [
        {
            "ifIndex": 1,
            "ifName": "eth0",
            "adminStatus": "up",
            "operStatus": "up",
            "counters": {"inOctets": 1234},
        }
    ],
    "cpu": [{"percent": 42, "oid": "1.3.6.1.2.1.25.3.3.1.2.7"}],
    "sensors": [
        {"class": "temperature", "descr": "inlet", "value": 21.5, "oid": "1.3.6.1.2.1.99.1.1.1.4.3"},
        {"class": "temperature", "descr": "no such", "value": 1, "oid": "1.3.6.1.2.1.99.1.1.1.4.4"},
    ],
}


@pytest.fixture(scope="module")
def profiles() -> dict[str, Profile]:
    return dict(load_profiles(Path(inventory.profiles.__path__[0])))


def judged(several: dict[str, Case], profiles: dict[str, Profile]) -> list[Verdict]:
    return asyncio.run(judge(several, profiles))


def test_an_extra_object_a_port_a_processor_and_a_scaled_sensor(
    tmp_path: Path, profiles: dict[str, Profile]
) -> None:
    device = tmp_path / "devices" / "nas"
    device.mkdir(parents=True)
    (device / "nas.snmprec").write_text(MADE_UP)
    (device / "expected.json").write_text(json.dumps(EXPECTED))
    verdicts = judged(cases(tmp_path), profiles)
    assert {(v.kind, v.item, v.verdict) for v in verdicts} == {
        ("vendor", "vendor", "equal"),
        ("system", "system", "equal"),
        ("model", "model", "equal"),
        ("port", "1 eth0", "equal"),
        ("cpu", "None", "equal"),
        ("sensor", "temperature: inlet", "equal"),
        ("sensor", "temperature: no such", "missing"),
    }
    assert "| dsm | 4 | 3 | 3 | 0 | 1 sensor missing |" in table(verdicts)


@pytest.fixture(scope="module")
def recorded() -> dict[str, Case]:
    """All recordings: some four seconds to ask."""
    if not SHARED.is_dir():
        pytest.skip("the shared recordings are not here")
    return cases(SHARED)


@pytest.fixture(scope="module")
def asked(recorded: dict[str, Case], profiles: dict[str, Profile]) -> dict[str, Reported]:
    async def ask() -> dict[str, Reported]:
        return {name: reported async for name, _, reported in reports(recorded, profiles)}

    return asyncio.run(ask())


@pytest.fixture(scope="module")
def known(recorded: dict[str, Case], asked: dict[str, Reported]) -> list[Verdict]:
    return [
        verdict
        for name, case in recorded.items()
        for verdict in Judge(name, case.expected, asked[name], case.recording).verdicts()
    ]


def test_what_others_found_in_the_recordings_is_found(known: list[Verdict]) -> None:
    shares = {kind: row["share"] for kind, row in summary(known).items()}
    assert {kind: shares[kind] for kind in FLOOR if shares[kind] < FLOOR[kind]} == {}


@pytest.mark.parametrize("way", sorted(WAYS))
def test_a_model_with_an_unseen_number_is_read_as_its_family(
    way: str, recorded: dict[str, Case], known: list[Verdict], profiles: dict[str, Profile]
) -> None:
    some = {name: recorded[name] for name in sorted(recorded)[::EACH]}
    shares = kept(known, judged(disguised(some, way), profiles))
    assert {kind: one.share for kind, one in shares.items() if one.share < UNSEEN[way]} == {}


def test_the_rules_open_only_what_a_recorded_device_itself_calls_wrong(asked: dict[str, Reported]) -> None:
    """A rule, a limit or a state that is wrong about a family shows here as another incident."""
    rules = load_rules(*BUILT_IN)
    devices = [name for name in asked if not name.startswith("detect/")]
    assert {(one.rule, one.device) for name in devices for one in told(name, asked[name], rules)} == WRONG


def test_what_only_one_recording_shows_is_held_out(tmp_path: Path, profiles: dict[str, Profile]) -> None:
    one, other = tmp_path / "one.snmprec", tmp_path / "other.snmprec"
    one.write_text("1.3.6.1.4.1.674.10892.5.4.700.20.1.6.1.1|2|450\n")
    other.write_text("1.3.6.1.4.1.674.10892.5.4.700.12.1.6.1.1|2|840\n")
    left = owed(profiles["drac"], [Recording(one)])
    assert "temperature" in left.tables and "interface" in left.tables
    assert "fan" not in left.tables
    assert "fan" in owed(profiles["drac"], [Recording(one), Recording(other)]).tables
