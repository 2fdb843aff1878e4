"""Holds the sensors of the device profiles against MIB files: ``python scripts/verify_sensors.py FOLDER``.

For each object of each sensor: does a MIB of FOLDER define it, is it a number, do its own words on units (UNITS,
DISPLAY-HINT, or the description) agree with `what` and `scale`, and is it a whole column. Prints what is wrong or not
known, and the counts; ``--all`` prints what agrees too. Where editions of a module disagree, one that agrees is enough.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from math import isclose, prod
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))
from mib_objects import MibObject, objects

from inventory import document
from inventory.problem import Problem
from inventory.profile import Profile
from inventory.sensors import Sensor

PROFILES = Path(__file__).parent.parent / "inventory" / "profiles"
NUMBERS = re.compile(r"(?i)integer|gauge|counter|unsigned|ticks|percent|float|range")
TEXTS = re.compile(r"(?i)string|text|date")

_UNIT_WORDS: Mapping[str, str] = {
    "temperature": r"celsius|centigrade|°c|degrees?\b(?!.*fahrenheit)|\bc\b|temperature",
    "fahrenheit": r"fahrenheit|\bf\b|temperature",
    "humidity": r"humidity|percent|%|rh",
    "voltage": r"volt|\bm?v(?:ac|dc)?\b|rms",
    "current": r"amp|\b(?:m|u)?a\b|current",
    "power": r"watt|\b[mk]?w\b|power",
    "apparent_power": r"\bk?va\b|volt-?amp|apparent",
    "energy": r"kwh|watt-?hour|energy|kilowatt",
    "frequency": r"hertz|\b[mk]?hz\b|frequency|herz",
    "fan": r"rpm|revolution|speed|fan",
    "pressure": r"pascal|pressure|pa\b|bar\b",
    "power_factor": r"power factor",
    "dbm": r"dbm|power|laser|signal|rssi",
    "decibel": r"\bdb\b|noise|snr|ratio",
    "load": r"percent|%|load|utili[sz]ation",
    "charge": r"percent|%|charge|capacity",
    "minutes": r"minute|min\b|runtime|time",
    "seconds": r"second|sec\b|time",
    "on_battery": r"second|time",
    "delay": r"second|delay|latency|rtt|ms\b",
    "percent": r"percent|%|usage|utili[sz]ation|level|remaining|rate|quality",
    "cpu": r"percent|%|utili[sz]ation|usage|cpu|busy|load|processor",
    "memory": r"memory|byte|octet|kb|percent|%|pool|ram",
    "storage": r"disk|storage|byte|octet|kb|percent|%|volume|partition|space|filesystem",
    "supply": r"supply|level|toner|percent|%|capacity|remaining",
    "count": r"",
    "status": r"",
}
"""What a MIB says of an object that is such a quantity, in its units, name or description."""
SCALES = (
    (r"(?i)\btenths?\b|\b1/10\b|\bdeci|(?:expanded|multiplied by|times|[x*]) ?10\b|(?<![\d.])0\.1\b|\bd-1\b", 0.1),
    (r"(?i)\bhundredths?\b|\b1/100\b|\bcenti(?!grade)|(?:expanded|multiplied by|[x*]) ?100\b|\b0\.01\b|\bd-2\b", 0.01),
    (r"(?i)\bthousandths?\b|\b1/1000\b|(?:expanded|multiplied by|[x*]) ?1000\b|(?<![\d.])0\.001\b|\bd-3\b", 0.001),
    (r"(?i)\bmilli-?\w|(?-i:\bm[VAWC]\b)", 0.001),
    (r"(?i)\bmicro-?\w|(?-i:\bu[VAW]\b)", 0.000001),
    (r"(?i)\bkilo(?!watt-?hour)\w|(?-i:\bk(?:W|VA)\b)", 1000.0),
    (r"(?i)\bhundreds of\b", 100.0),
)  # fmt: skip
"""What units and descriptions call a scale; all that are there are multiplied: hundreds of microvolts."""
TIMES = {"minutes": 60.0, "seconds": 1.0, "on_battery": 1.0, "delay": 1.0}
"""Seconds in one of what a sensor of time counts."""


class Finding(NamedTuple):
    """What was found out about one object of one sensor."""

    profile: str
    sensor: str
    what: str
    oid: str
    verdict: str
    title: str
    said: str


def findings(known: Mapping[str, list[MibObject]]) -> Iterator[Finding]:
    """Yield a finding for each object of each sensor that a profile writes itself."""
    for path in sorted(PROFILES.glob("*.yaml")):
        problems: list[Problem] = []
        node = document.read(path, problems)
        profile = document.validate(node, Profile, problems) if node else None
        for key, sensor in profile.sensors.items() if profile else ():
            for number in sensor.objects.values():
                verdict, one = judged(sensor, number, known)
                said = f"{one.syntax} | {one.units} | {one.hint} | {one.description[:160]}" if one else ""
                yield Finding(path.stem, key, sensor.what, number, verdict, one.title if one else "", said)


def judged(sensor: Sensor, number: str, known: Mapping[str, list[MibObject]]) -> tuple[str, MibObject | None]:
    """Return what the MIBs say of one object of a sensor: the best that any edition says."""
    column, part = number.removesuffix(".0"), False
    while column not in known and column.count(".") > 8:
        column, part = column.rpartition(".")[0], True
    candidates = [
        one for one in known.get(column, ()) if one.syntax and not one.syntax.endswith(("Entry", "SEQUENCE"))
    ]
    if not candidates:
        return "no MIB", None
    verdicts = [(_verdict(sensor, one), one) for one in candidates]
    order = ["agrees", "scale not said", "unit not said", "another scale", "another unit", "a text"]
    verdict, one = min(verdicts, key=lambda pair: order.index(pair[0]))
    return (f"{verdict}, fixed row" if part else verdict), one


def _verdict(sensor: Sensor, one: MibObject) -> str:
    if TEXTS.search(one.syntax) and not NUMBERS.search(one.syntax):
        return "a text"
    if sensor.what in ("status", "count") or sensor.parts:
        return "agrees"
    pattern = _UNIT_WORDS[sensor.what]
    if not re.search(
        pattern, f"{one.units} {one.syntax} {_split(f'{one.name} {one.description}')}", re.IGNORECASE
    ):
        return "another unit" if one.units else "unit not said"
    said = _scale(f"{one.units} {one.hint}") or (None if one.units else _scale(one.description))
    if sensor.what in TIMES:
        return _time_verdict(sensor, one)
    if said is None:
        return "agrees" if sensor.scale == 1 else "scale not said"
    return "agrees" if isclose(said, sensor.scale, rel_tol=1e-3) else "another scale"


def _time_verdict(sensor: Sensor, one: MibObject) -> str:
    """Return what a MIB says of a time: in ticks, seconds or minutes."""
    words = one.units or one.description
    ticks = one.syntax in ("TimeTicks", "TimeInterval")
    said = (
        0.01
        if ticks
        else 60.0
        if re.search(r"(?i)minute", words)
        else 1.0
        if re.search(r"(?i)sec", words)
        else None
    )
    if said is None:
        return "scale not said"
    return "agrees" if isclose(said, sensor.scale * TIMES[sensor.what], rel_tol=1e-3) else "another scale"


def _scale(text: str) -> float | None:
    found = [scale for pattern, scale in SCALES if re.search(pattern, text)]
    return prod(found) if found else None


def _split(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)


def main() -> None:
    """Print what the MIBs do not confirm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--all", action="store_true", help="what agrees too")
    options = parser.parse_args()
    counts: Counter[str] = Counter()
    for found in findings(objects(options.folder)):
        counts[found.verdict] += 1
        if options.all or found.verdict != "agrees":
            sys.stdout.write(f"{' '.join(found[:6])} | {found.said}\n")
    for verdict, count in counts.most_common():
        sys.stdout.write(f"{count:5} {verdict}\n")


if __name__ == "__main__":
    main()
