"""Recordings of real devices, read by the real engine and session: what others found in them is found here too."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

import inventory.profiles
from bench.profiles.cases import Case, cases
from bench.profiles.judge import Verdict
from bench.profiles.run import judge
from bench.profiles.table import summary, table
from inventory.profile import Profile, load_profiles

SHARED = Path(__file__).parents[4] / "shared" / "devices"
EACH = 8
"""One in so many recordings is judged here; ``python -m bench.profiles`` judges all."""
FLOOR = {
    "vendor": 0.98,
    "system": 0.98,
    "port": 0.97,
    "cpu": 0.97,
    "memory": 0.95,
    "storage": 0.95,
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


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared recordings are not here")
def test_what_others_found_in_the_recordings_is_found(profiles: dict[str, Profile]) -> None:
    every = cases(SHARED)
    some = {name: every[name] for name in sorted(every)[::EACH]}
    found = summary(judged(some, profiles))
    lost = {kind: row["expected"] - row["equal"] for kind, row in found.items() if kind in FLOOR}
    assert {
        kind for kind in lost if lost[kind] > max(2, (1 - FLOOR[kind]) * found[kind]["expected"])
    } == set()
