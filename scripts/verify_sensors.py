"""Holds the sensors of the device profiles against MIB files: ``python scripts/verify_sensors.py FOLDER``.

For each sensor's objects: does a MIB of FOLDER define it, is it a number, does its own word on units (UNITS, DISPLAY-HINT, or
what its description says) agree with `what` and `scale`, and is it a whole column. Prints what is wrong or unknown, and the
counts; ``--all`` prints what agrees too. Where editions of a module disagree, one that agrees is enough.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
from mib_objects import MibObject, objects

from inventory import document
from inventory.problem import Problem
from inventory.profile import Profile
from inventory.sensors import Sensor

PROFILES = Path(__file__).parent.parent / "inventory" / "profiles"
NUMBERS = re.compile(r"(?i)integer|gauge|counter|unsigned|timeticks|timeinterval|percent|float|rpm|celsius|temp|volt|level")
TEXTS = re.compile(r"(?i)octet string|displaystring|string|dateandtime|adminString|owner")

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
    (r"\b(?:tenths?|1/10(?:th)?s?|0\.1|deci\w*|10ths?|x ?10\b|multiplied by 10|\*10)\b|d-1|0\.1", 0.1),
    (r"\b(?:hundredths?|1/100(?:th)?s?|0\.01|centi(?!grade)\w*|multiplied by 100)\b|d-2", 0.01),
    (r"\b(?:thousandths?|milli\w*|1/1000|0\.001|mv|ma|mw|mhz(?=never))\b|d-3", 0.001),
    (r"\b(?:micro\w*|ua|uw|uv)\b|d-6", 0.000001),
    (r"\b(?:kilo(?!watt-?hours?|watthours?)\w*|kw|kva)\b", 1000.0),
)  # fmt: skip
"""What units and descriptions call a scale; the first that is found counts, units before descriptions."""


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


def judged(
    sensor: Sensor, number: str, known: Mapping[str, list[MibObject]]
) -> tuple[str, MibObject | None]:
    """Return what the MIBs say of one object of a sensor: the best that any edition says."""
    column, part = number.removesuffix(".0"), False
    while column not in known and column.count(".") > 8:
        column, part = column.rpartition(".")[0], True
    candidates = [one for one in known.get(column, ()) if one.syntax]
    if not candidates:
        return "no MIB", None
    if any(one.syntax.startswith("SEQUENCE") or one.syntax[0].isupper() and one.syntax.endswith("Entry") for one in candidates):
        return "no MIB", candidates[0]
    verdicts = [(_verdict(sensor, one), one) for one in candidates]
    order = ["agrees", "scale not said", "unit not said", "another scale", "another unit", "a text"]
    verdict, one = min(verdicts, key=lambda pair: order.index(pair[0]))
    return (f"{verdict}, fixed row" if part else verdict), one


def _verdict(sensor: Sensor, one: MibObject) -> str:
    words = f"{one.name} {one.description}"
    if TEXTS.search(one.syntax) and not NUMBERS.search(one.syntax):
        return "a text"
    if sensor.what in ("status", "count") or sensor.parts:
        return "agrees"
    pattern = _UNIT_WORDS[sensor.what]
    if not re.search(pattern, f"{one.units} {one.syntax} {_split(words)}", re.IGNORECASE):
        return "another unit" if one.units else "unit not said"
    said = _scale(f"{one.units} {one.hint}") or (None if one.units else _scale(one.description))
    wanted = _wanted(sensor)
    if said is None:
        return "agrees" if wanted == 1 else "scale not said"
    return "agrees" if abs(said - wanted) < said / 1e3 else "another scale"


def _wanted(sensor: Sensor) -> float:
    return sensor.scale


def _scale(text: str) -> float | None:
    for pattern, scale in SCALES:
        if re.search(pattern, text, re.IGNORECASE):
            return scale
    return None


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
            print(" ".join(found[:6]), "|", found.said)
    for verdict, count in counts.most_common():
        print(f"{count:5} {verdict}")


if __name__ == "__main__":
    main()
