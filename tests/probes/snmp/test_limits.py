"""Numbers come with the limits that their device or its profile gives them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import inventory.profiles
from bench.profiles.cases import Case
from bench.profiles.run import reports
from bench.recordings import Recording
from inventory.problem import Invalid
from inventory.profile import Profile, load_profiles
from inventory.sensors import Limit, Sensor, State
from probes.core.observation import Limits, Sample

SYSTEM = """1.3.6.1.2.1.1.1.0|4|made up
1.3.6.1.2.1.1.2.0|6|{number}
1.3.6.1.2.1.1.3.0|67|100
"""
DRAC = """1.3.6.1.4.1.674.10892.5.4.700.20.1.6.1.1|2|450
1.3.6.1.4.1.674.10892.5.4.700.20.1.6.1.2|2|460
1.3.6.1.4.1.674.10892.5.4.700.20.1.8.1.1|4|Inlet
1.3.6.1.4.1.674.10892.5.4.700.20.1.8.1.2|4|CPU1
1.3.6.1.4.1.674.10892.5.4.700.20.1.10.1.1|2|470
1.3.6.1.4.1.674.10892.5.4.700.20.1.10.1.2|2|0
1.3.6.1.4.1.674.10892.5.4.700.20.1.11.1.1|2|420
1.3.6.1.4.1.674.10892.5.4.700.20.1.11.1.2|2|0
1.3.6.1.4.1.674.10892.5.4.700.20.1.12.1.1|2|30
1.3.6.1.4.1.674.10892.5.4.700.20.1.13.1.1|2|-70
"""
CISCO = """1.3.6.1.2.1.47.1.1.1.1.7.1094|4|Te1/1 Temperature
1.3.6.1.2.1.47.1.1.1.1.7.1095|4|Te1/2 Temperature
1.3.6.1.4.1.9.9.91.1.1.1.1.1.1094|2|8
1.3.6.1.4.1.9.9.91.1.1.1.1.1.1095|2|8
1.3.6.1.4.1.9.9.91.1.1.1.1.2.1094|2|9
1.3.6.1.4.1.9.9.91.1.1.1.1.2.1095|2|9
1.3.6.1.4.1.9.9.91.1.1.1.1.3.1094|2|3
1.3.6.1.4.1.9.9.91.1.1.1.1.3.1095|2|3
1.3.6.1.4.1.9.9.91.1.1.1.1.4.1094|2|41500
1.3.6.1.4.1.9.9.91.1.1.1.1.4.1095|2|0
1.3.6.1.4.1.9.9.91.1.1.1.1.5.1094|2|1
1.3.6.1.4.1.9.9.91.1.1.1.1.5.1095|2|2
1.3.6.1.4.1.9.9.91.1.2.1.1.2.1094.1|2|30
1.3.6.1.4.1.9.9.91.1.2.1.1.2.1094.2|2|10
1.3.6.1.4.1.9.9.91.1.2.1.1.2.1094.3|2|10
1.3.6.1.4.1.9.9.91.1.2.1.1.3.1094.1|2|4
1.3.6.1.4.1.9.9.91.1.2.1.1.3.1094.2|2|4
1.3.6.1.4.1.9.9.91.1.2.1.1.3.1094.3|2|2
1.3.6.1.4.1.9.9.91.1.2.1.1.4.1094.1|2|90000
1.3.6.1.4.1.9.9.91.1.2.1.1.4.1094.2|2|85000
1.3.6.1.4.1.9.9.91.1.2.1.1.4.1094.3|2|-5000
"""
AVTECH = "1.3.6.1.4.1.20916.1.10.1.1.1.0|2|2150\n"
PRINTER = """1.3.6.1.2.1.25.2.3.1.2.1|6|1.3.6.1.2.1.25.2.1.2
1.3.6.1.2.1.25.2.3.1.5.1|2|1000
1.3.6.1.2.1.25.2.3.1.6.1|2|1000
1.3.6.1.2.1.43.5.1.1.17.1|4|X1
"""


@pytest.fixture(scope="module")
def profiles() -> dict[str, Profile]:
    return dict(load_profiles(Path(inventory.profiles.__path__[0])))


def samples(tmp_path: Path, profiles: dict[str, Profile], number: str, rows: str) -> dict[str, Sample]:
    """What an agent with these rows says, by the row's name or the metric."""
    path = tmp_path / "made-up.snmprec"
    path.write_text(SYSTEM.format(number=number) + rows)

    async def ask() -> list[Sample]:
        cases = {"made-up": Case({}, Recording(path))}
        return [sample async for _, _, told in reports(cases, profiles) for sample in told.samples]

    return {dict(sample.labels).get("sensor", sample.metric): sample for sample in asyncio.run(ask())}


def test_columns_of_limits_are_scaled_like_their_sensor(tmp_path: Path, profiles: dict[str, Profile]) -> None:
    found = samples(tmp_path, profiles, "1.3.6.1.4.1.674.10892.5", DRAC)
    assert found["Inlet"].value == 45.0
    assert found["Inlet"].limits == Limits(42.0, 47.0, 3.0, -7.0, clear=2.0)


def test_limits_that_are_all_zero_are_none(tmp_path: Path, profiles: dict[str, Profile]) -> None:
    assert samples(tmp_path, profiles, "1.3.6.1.4.1.674.10892.5", DRAC)["CPU1"].limits is None


def test_a_table_of_limits_with_one_arc_more(tmp_path: Path, profiles: dict[str, Profile]) -> None:
    found = samples(tmp_path, profiles, "1.3.6.1.4.1.9.1.999", CISCO)
    assert found["Te1/1 Temperature"].value == 41.5
    assert found["Te1/1 Temperature"].limits == Limits(
        warning_above=85.0, critical_above=90.0, warning_below=-5.0
    )


def test_a_sensor_that_is_unavailable_is_not_read(tmp_path: Path, profiles: dict[str, Profile]) -> None:
    assert "Te1/2 Temperature" not in samples(tmp_path, profiles, "1.3.6.1.4.1.9.1.999", CISCO)


def test_a_profile_gives_limits_that_suit_its_family(tmp_path: Path, profiles: dict[str, Profile]) -> None:
    found = samples(tmp_path, profiles, "1.3.6.1.4.1.20916.1.10", AVTECH)["internal_sensor"]
    assert found.value == 21.5
    assert found.limits == Limits(warning_above=38.0, critical_above=45.0, clear=2.0)


def test_a_full_memory_of_a_printer_is_within_its_limits(
    tmp_path: Path, profiles: dict[str, Profile]
) -> None:
    found = samples(tmp_path, profiles, "1.3.6.1.4.1.99999.1", PRINTER)["system.memory.utilization"]
    assert (found.value, found.limits) == (1.0, Limits(warning_above=1.0))


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"oid": "1.3.6.1.4.1.9.1.0", "what": "fan", "clear": 5.0}, "`clear` wants"),
        ({"oid": "1.3.6.1.4.1.9.1.0", "states": {"1": State.OK}, "warning": Limit(above=1.0)}, "not limits"),
        (
            {"oid": "1.3.6.1.4.1.9.1.0", "what": "fan", "warning": Limit(below="1.3.6.1.4.1.9.2")},
            "all columns",
        ),
    ],
)
def test_limits_that_cannot_be_are_refused(keys: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Sensor.model_validate(keys)


def test_a_limit_that_changes_from_poll_to_poll_is_refused(tmp_path: Path) -> None:
    text = """name: x
tables:
  t:
    columns: {n: {oid: 1.3.6.1.4.1.9.1}, m: {oid: 1.3.6.1.4.1.9.2}}
    labels: {sensor: n}
    metrics: {v: {metric: hw.voltage, value: n, limits: {warning_above: m}}}
"""
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(Invalid, match="a limit is made of fixed columns; 'm' is none"):
        load_profiles(tmp_path)
