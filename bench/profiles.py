"""How well the profiles read what others read of the same devices: ``python -m bench.profiles FOLDER [--json]``.

FOLDER holds recordings with the values that LibreNMS found in them (``devices/<id>/<id>.snmprec`` and
``expected.json``) and, for identification alone, ``detect/<id>.snmprec``. Each is served from memory, and the real
engine and session recognise it, study it and poll it twice. The rules by which a value counts are in
`docs/profiles-measured.md`, which ``--table`` writes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import re
import sys
import time
from collections import ChainMap, Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

import inventory.profiles
from bench.recordings import Agents, Recording
from inventory.profile import Profile, load_profiles
from probes.core.observation import Answer
from probes.core.probe import ProbeFailure
from probes.core.text import clean
from probes.snmp.ber import dotted, oid
from probes.snmp.cells import Both
from probes.snmp.cells import Counter as Growth
from probes.snmp.collect import Collector
from probes.snmp.engine import Engine, Peer
from probes.snmp.plan import Output, Overall, Plan
from probes.snmp.security import Community
from probes.snmp.session import Session
from probes.snmp.study import Study

KINDS = (
    "vendor",
    "system",
    "model",
    "version",
    "serial",
    "port",
    "cpu",
    "memory",
    "storage",
    "sensor",
    "state",
    "supply",
)
"""``sensor`` are numbers, ``state`` are states and counts: of those LibreNMS' choice is one of many."""
JUDGED = ("port", "cpu", "memory", "storage", "sensor")
INTERVAL = 60.0
"""Seconds between the two polls, by the session's clock."""

CLASSES: Mapping[str, tuple[str, ...]] = {
    "temperature": ("hw.temperature",),
    "voltage": ("hw.voltage",),
    "current": ("hw.current",),
    "power": ("hw.power", "hw.apparent_power"),
    "power_consumed": ("hw.energy.total",),
    "power_factor": ("hw.power_factor",),
    "fanspeed": ("hw.fan.speed",),
    "frequency": ("hw.frequency",),
    "humidity": ("hw.humidity",),
    "pressure": ("hw.pressure",),
    "charge": ("hw.battery.charge",),
    "runtime": ("hw.battery.time_left", "hw.battery.time_used"),
    "load": ("hw.power_supply.utilization", "hw.utilization"),
    "percent": ("hw.utilization", "hw.humidity", "hw.battery.charge", "hw.power_supply.utilization"),
    "dbm": ("hw.signal.power",),
    "signal": ("hw.signal.power",),
    "snr": ("hw.signal.ratio",),
    "delay": ("hw.delay",),
    "state": ("hw.status",),
    "count": ("hw.count",),
}
"""What LibreNMS calls a sensor, and the metrics that say the same."""
PERCENT = frozenset(
    ("hw.humidity", "hw.battery.charge", "hw.power_supply.utilization", "hw.utilization", "hw.supply.level")
)


class Verdict(msgspec.Struct, frozen=True):
    """One expected value and what became of it."""

    family: str
    device: str
    kind: str
    item: str
    verdict: str
    """``equal``, ``different`` or ``missing``."""
    expected: str
    found: str = ""
    oid: str = ""


class Evidence(msgspec.Struct, frozen=True):
    """One number that the probe reports, and the objects it is made of."""

    metric: str
    labels: Mapping[str, str]
    value: float | None
    objects: frozenset[str]


class Reported(msgspec.Struct):
    """Everything the probe found out about one device."""

    facts: Mapping[str, object] = {}
    evidence: Sequence[Evidence] = ()
    counters: Mapping[str, int] = {}
    """What counters stand at, by object."""
    failure: str = ""


class _Kept(Study):
    """A study whose plan can be looked at."""

    made: Plan

    async def plan(self) -> Plan:
        self.made = await super().plan()
        return self.made


async def ask(
    engine: Engine, address: tuple[str, int], name: str, profiles: Mapping[str, Profile]
) -> Reported:
    """Recognise, study and poll one recording twice."""
    studies: list[_Kept] = []
    now = [1000.0]

    def study(collector: Collector) -> Study:
        studies.append(_Kept(collector, profiles, None, 512, ()))
        return studies[-1]

    peer = Peer(address, Community(name), wait=3.0, tries=1)
    session = Session(engine, peer, study, clock=lambda: now[0], budget=5000)
    try:
        answer: Answer = await session.poll()
        now[0] += INTERVAL
        await session.poll()
    except ProbeFailure as failure:
        return Reported(failure=failure.detail)
    plan = studies[-1].made
    return Reported({fact.name: fact.value for fact in answer.facts}, *_read(plan))


def _read(plan: Plan) -> tuple[list[Evidence], dict[str, int]]:
    places: dict[tuple[int, str], str] = {}
    counters: dict[str, int] = {}
    for step in plan.steps:
        for name, cell in zip(step.oids, step.cells, strict=True):
            text = dotted(name)
            for one in cell.others if isinstance(cell, Both) else (cell,):
                places[id(one.readings), one.name] = text
                if isinstance(one, Growth) and one.last is not None:
                    counters[text] = one.last
    return [_evidence(output, places) for output in _outputs(plan)], counters


def _outputs(plan: Plan) -> Iterator[Output]:
    for output in plan.outputs:
        yield from output.rows if isinstance(output, Overall) else (output,)


def _evidence(output: Output, places: Mapping[tuple[int, str], str]) -> Evidence:
    maps = output.readings.maps if isinstance(output.readings, ChainMap) else [output.readings]
    objects = {
        places[id(readings), name]
        for readings in maps
        for name in output.value.names
        if (id(readings), name) in places
    }
    sample = output.sample()
    return Evidence(output.metric, dict(output.labels), sample.value if sample else None, frozenset(objects))


class Judge:
    """Compares what was reported of one device with what was expected."""

    def __init__(
        self, name: str, expected: Mapping[str, Any], reported: Reported, recording: Recording
    ) -> None:
        self._name = name
        self._expected = expected
        self._reported = reported
        self._rows = recording.rows
        self._used: set[int] = set()
        self._by_object: dict[str, list[Evidence]] = {}
        for evidence in reported.evidence:
            for at in evidence.objects:
                self._by_object.setdefault(at, []).append(evidence)

    @property
    def family(self) -> str:
        """The system, as the expectation calls it."""
        return str(self._system.get("os", ""))

    @property
    def _system(self) -> Mapping[str, Any]:
        system: Mapping[str, Any] = self._expected.get("system", self._expected)
        return system

    def verdicts(self) -> Iterator[Verdict]:
        """Yield what became of every expected value."""
        yield from self._identity()
        for port in self._expected.get("ports", ()):
            verdict = self._port(port)
            if verdict:
                yield verdict
        for kind, metric in (
            ("cpu", "system.cpu"),
            ("memory", "system.memory"),
            ("storage", "system.filesystem"),
        ):
            for item in self._expected.get(kind, ()):
                if "check" not in item:
                    yield self._percent(kind, item, (metric, "system.paging", "system.memory"))
        for item in self._expected.get("sensors", ()):
            if "check" not in item:
                yield self._sensor(item)
        for item in self._expected.get("supplies", ()):
            if "check" not in item:
                yield self._percent("supply", item, ("hw.supply",))

    def _verdict(
        self, kind: str, item: str, verdict: str, expected: object, found: object = "", at: str = ""
    ) -> Verdict:
        return Verdict(self.family, self._name, kind, item, verdict, str(expected), str(found), at)

    def _identity(self) -> Iterator[Verdict]:
        facts = self._reported.facts
        label = self._expected.get("vendor_label")
        if label:
            found = str(facts.get("device.vendor", ""))
            yield self._named("vendor", label, found, same_vendor(label, found))
        found = str(facts.get("device.system", ""))
        yield self._named("system", self.family, found, same_system(self.family, found))
        how = self._expected.get("system_how", {})
        for kind, key, fact in (
            ("model", "hardware", "device.model"),
            ("version", "version", "device.firmware"),
            ("serial", "serial", "device.serial"),
        ):
            wanted = str(self._system.get(key) or "")
            if wanted and how.get(key) != "redacted":
                found = str(facts.get(fact, ""))
                yield self._named(kind, wanted, found, same_text(wanted, found))

    def _named(self, kind: str, wanted: str, found: str, same: bool) -> Verdict:
        verdict = "equal" if same else "different" if found else "missing"
        return self._verdict(kind, kind, verdict, wanted, found or self._reported.failure)

    def _has(self, at: str) -> bool:
        return oid(at) in self._rows

    def _recorded(self, at: str) -> str:
        row = self._rows.get(oid(at))
        return row[2].decode("utf-8", "replace") if row else ""

    def _port(self, port: Mapping[str, Any]) -> Verdict | None:
        index = port["ifIndex"]
        item = f"{index} {port.get('ifName') or port.get('ifDescr')}"
        if port.get("rec_ifType") == 24 or port.get("ifType") == "softwareLoopback":
            return None
        columns = {key: f"{base}.{index}" for key, base in PORT.items()}
        if not any(self._has(at) for at in columns.values()):
            return self._verdict("port", item, "missing", "a port", "not in the recording's IF-MIB")
        mine = [e for at in columns.values() for e in self._by_object.get(at, ())]
        if not mine:
            listed = self._reported.facts.get("snmp.interfaces", ())
            if str(port.get("ifName")) in cast(tuple[str, ...], listed) and not any(
                self._has(at) for key, at in columns.items() if key not in ("name", "descr")
            ):
                return self._verdict("port", item, "equal", "a port", "of which only the name is recorded")
            return self._verdict("port", item, "missing", "a port")
        wrong = [*self._port_differences(port, columns, mine)]
        return self._verdict("port", item, "different" if wrong else "equal", "a port", "; ".join(wrong))

    def _port_differences(
        self, port: Mapping[str, Any], columns: Mapping[str, str], mine: Sequence[Evidence]
    ) -> Iterator[str]:
        name = port.get("ifName") if self._has(columns["name"]) else port.get("ifDescr")
        found = mine[0].labels.get("interface", "")
        if (
            name
            and self._recorded(columns["name"]) == name
            and found.partition(" #")[0] != clean(name, 64)[: len(found)]
        ):
            yield f"name {name!r}, found {found!r}"
        up = next((e.value for e in mine if e.metric == "hw.network.up"), None)
        if self._has(columns["oper"]) and self._has(columns["admin"]):
            oper = port.get("operStatus")
            wanted = float(oper == "up") if port.get("adminStatus") == "up" else None
            if up != wanted and port.get("adminStatus") in ("up", "down"):
                yield f"up {wanted}, found {up}"
        counters = port.get("counters") or {}
        for key, wide, narrow in (("inOctets", "hc_in", "in"), ("outOctets", "hc_out", "out")):
            places = [columns[wide], columns[narrow]]
            stands = [self._reported.counters[at] for at in places if at in self._reported.counters]
            if counters.get(key) is not None and any(map(self._has, places)) and counters[key] not in stands:
                yield f"{key} {counters[key]}, found {stands}"

    def _percent(self, kind: str, item: Mapping[str, Any], metrics: tuple[str, ...]) -> Verdict:
        wanted = item.get("percent")
        places = [
            str(value).lstrip(".")
            for key, value in item.items()
            if key == "oid" or key.endswith("_oid")
            if value
        ]
        descr = str(item.get("descr"))
        if wanted is None:
            return self._verdict(kind, descr, "equal", "")
        mine = [e for at in places for e in self._by_object.get(at, ()) if e.metric.startswith(metrics)]
        found = [100 * e.value for e in mine if e.value is not None]
        if any(abs(value - wanted) <= 1.01 for value in found):
            return self._verdict(kind, descr, "equal", wanted)
        others = self._unused(
            lambda e: e.metric.startswith(metrics[0]), lambda v: abs(100 * v - wanted) <= 1.01
        )
        if others and (item.get("class", "system") == "system"):
            return self._verdict(kind, descr, "equal", wanted, "elsewhere")
        verdict = "different" if mine else "missing"
        return self._verdict(kind, descr, verdict, wanted, found, " ".join(places))

    def _unused(self, fits: Any, same: Any) -> bool:
        for at, evidence in enumerate(self._reported.evidence):
            if (
                at not in self._used
                and fits(evidence)
                and evidence.value is not None
                and same(evidence.value)
            ):
                self._used.add(at)
                return True
        return False

    def _sensor(self, item: Mapping[str, Any]) -> Verdict:
        what = str(item["class"])
        kind = "state" if what in ("state", "count") else "sensor"
        title = f"{what}: {item.get('descr')}"
        wanted, at = item.get("value"), str(item.get("oid", "")).lstrip(".")
        metrics = CLASSES.get(what, ())
        if wanted is None:
            return self._verdict(kind, title, "equal", "")
        if what == "state":
            wanted = self._generic(item)
        mine = [e for e in self._by_object.get(at, ()) if e.metric in metrics]
        found = [_in_their_unit(e) for e in mine if e.value is not None]
        if any(_close(value, wanted) for value in found) or (found and wanted is None):
            return self._verdict(kind, title, "equal", wanted)
        if what not in ("state", "count") and self._unused(
            lambda e: e.metric in metrics and at not in e.objects,
            lambda v: _close(v * (100 if metrics[0] in PERCENT else 1), wanted),
        ):
            return self._verdict(kind, title, "equal", wanted, "elsewhere")
        verdict = "different" if found else "missing"
        return self._verdict(kind, title, verdict, wanted, found, at)

    def _generic(self, item: Mapping[str, Any]) -> float | None:
        names = self._expected.get("state_names", {}).get(item.get("state_name"), ())
        generic = next((state["generic"] for state in names if state["value"] == item["value"]), None)
        return generic if generic in (0, 1, 2, 3) else None


PORT = {
    "name": "1.3.6.1.2.1.31.1.1.1.1",
    "descr": "1.3.6.1.2.1.2.2.1.2",
    "oper": "1.3.6.1.2.1.2.2.1.8",
    "admin": "1.3.6.1.2.1.2.2.1.7",
    "hc_in": "1.3.6.1.2.1.31.1.1.1.6",
    "hc_out": "1.3.6.1.2.1.31.1.1.1.10",
    "in": "1.3.6.1.2.1.2.2.1.10",
    "out": "1.3.6.1.2.1.2.2.1.16",
}


def _in_their_unit(evidence: Evidence) -> float:
    value = evidence.value or 0.0
    if evidence.metric in PERCENT:
        return value * 100
    if evidence.metric == "hw.status":
        return value if value >= 0 else 3.0
    return value / 60 if evidence.metric.startswith("hw.battery.time") else value


def _close(value: float, wanted: float | None) -> bool:
    return wanted is not None and math.isclose(value, wanted, rel_tol=0.006, abs_tol=0.051)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold())


def same_vendor(label: str, found: str) -> bool:
    """Whether a vendor is one of those that a label such as ``H3C-HPE`` names."""
    return bool(found) and _plain(found) in {_plain(label), *map(_plain, re.split(r"[-/ ]", label))}


def same_system(wanted: str, found: str) -> bool:
    """Whether two names of a system are the same but for case and punctuation."""
    return bool(found) and _plain(wanted) == _plain(found)


def same_text(wanted: str, found: str) -> bool:
    """Whether one of two texts holds the other, case and punctuation aside: of models, versions, serials."""
    a, b = _plain(wanted), _plain(found)
    return a == b or (min(len(a), len(b)) >= 2 and (a in b or b in a))


class Case(msgspec.Struct, frozen=True):
    """One recording and what is expected of it."""

    expected: Mapping[str, Any]
    recording: Recording


def cases(folder: Path, only: Sequence[str] = ()) -> dict[str, Case]:
    """Return the recordings of `folder` by name, those for identification as ``detect/<id>``."""
    out: dict[str, Case] = {}
    for path in sorted(folder.glob("devices/*/expected.json")):
        name = path.parent.name
        if not only or name in only:
            out[name] = Case(json.loads(path.read_text("utf-8")), Recording(path.parent / f"{name}.snmprec"))
    detect = folder / "detect" / "expected.json"
    for item in json.loads(detect.read_text("utf-8")) if detect.exists() else ():
        name = f"detect/{item['id']}"
        if not only or name in only:
            out[name] = Case(item, Recording(folder / "detect" / f"{item['id']}.snmprec"))
    return out


async def judge(several: Mapping[str, Case], profiles: Mapping[str, Profile]) -> list[Verdict]:
    """Serve the recordings, ask each as the probe does, and return what became of every expected value."""
    agents = Agents({name: case.recording for name, case in several.items()})
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: agents, local_addr=("127.0.0.1", 0))
    address = transport.get_extra_info("sockname")
    out: list[Verdict] = []
    try:
        async with Engine() as engine:
            for name, case in several.items():
                reported = await ask(engine, address, name, profiles)
                out += Judge(name, case.expected, reported, case.recording).verdicts()
    finally:
        transport.close()
    return out


def summary(verdicts: Sequence[Verdict]) -> dict[str, dict[str, float]]:
    """Return for each kind: expected, found, equal, and the share that is equal."""
    out: dict[str, dict[str, float]] = {}
    for kind in KINDS:
        counts = Counter(verdict.verdict for verdict in verdicts if verdict.kind == kind)
        whole = sum(counts.values())
        found = whole - counts["missing"]
        share = counts["equal"] / whole if whole else 1.0
        elsewhere = sum(v.kind == kind and v.found == "elsewhere" for v in verdicts)
        out[kind] = {
            "expected": whole,
            "found": found,
            "equal": counts["equal"],
            "elsewhere": elsewhere,
            "share": round(share, 4),
        }
    return out


RULES = """# How well the profiles read: measured

Made by `python -m bench.profiles ../shared/devices --table`; not to be edited. The real engine asks each recording
over UDP on loopback, recognises it, studies it and polls it twice. What was expected is what LibreNMS found in the
same recording (`expected.json`). An expected value is *found* when the probe reports something made of the same
object, and *equal* when it says the same.

Read the figures with care. The profiles were written with these recordings at hand and none was held out, so they say
how much of this equipment is read, not how well another model will be. What states mean is our own judgement of the
words in the vendors' MIBs (`scripts/judge_states.py`, one rule for all): it differs from LibreNMS' in places, and
states whose MIB was not at hand, or that cannot tell good from bad, are not reported at all: hence their low share.
Columns and scales of sensors were not checked against MIBs one by one. The rules:

* **vendor**: one of the vendors that the label names. **system**: the name LibreNMS uses, case and punctuation aside.
  **model, version, serial**: one of the two texts holds the other.
* **port**: by ifIndex; its name, whether it is up (nothing, when switched off), and where its counters of octets
  stand, as far as the recording holds them. Software loopbacks are left out. A name that LibreNMS made up
  is not compared.
* **cpu, memory, storage**: within one percentage point. Where the probe reads another object than LibreNMS, a pool
  of the same kind with the same value counts, once (net-snmp: used memory without buffers and caches);
  the column *elsewhere* says how often, also for sensors.
* **sensor**: numbers, within 0.6 % or 0.05, in its unit (minutes, percent). **state**: what the state means (0 to 3),
  and counts. Which states and counts there are is LibreNMS' choice.
* **supply**: levels of a printer, within one point. What it marked with `check` is left out.
"""


def table(verdicts: Sequence[Verdict]) -> str:
    """Return the measured table: the kinds, the families, and what is not equal."""
    lines = [
        RULES,
        "| Kind | Expected | Found | Equal | Elsewhere | Share |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for kind, row in summary(verdicts).items():
        lines.append(
            f"| {kind} | {row['expected']} | {row['found']} | {row['equal']} | {row['elsewhere']}"
            f" | {100 * row['share']:.1f} % |"
        )
    lines += [
        "",
        "## Families with values",
        "",
        "| System | Expected | Found | Equal | Different | Why not |",
    ]
    lines.append("|---|---:|---:|---:|---:|---|")
    judged = [v for v in verdicts if v.kind in (*JUDGED, "state", "supply")]
    for family in sorted({v.family for v in judged}):
        lines.append(_family(family, [v for v in judged if v.family == family]))
    return "\n".join(lines) + "\n"


def _family(name: str, verdicts: Sequence[Verdict]) -> str:
    counts = Counter(v.verdict for v in verdicts)
    wrong = Counter(f"{v.kind} {v.verdict}" for v in verdicts if v.verdict != "equal")
    why = ", ".join(f"{count} {what}" for what, count in wrong.most_common())
    found = len(verdicts) - counts["missing"]
    return f"| {name} | {len(verdicts)} | {found} | {counts['equal']} | {counts['different']} | {why} |"


def main() -> None:
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--table", action="store_true", help="docs/profiles-measured.md")
    parser.add_argument("--missed", metavar="KIND", help="list what is missing or different")
    parser.add_argument("--only", nargs="*", default=[], help="these recordings only")
    options = parser.parse_args()
    started = time.monotonic()
    profiles = load_profiles(Path(inventory.profiles.__path__[0]))
    verdicts = asyncio.run(judge(cases(options.folder, options.only), profiles))
    if options.table:
        print(table(verdicts), end="")
        return
    if options.json:
        wrong = [msgspec.to_builtins(v) for v in verdicts if v.verdict != "equal"]
        json.dump({"summary": summary(verdicts), "not_equal": wrong}, sys.stdout, indent=1)
        return
    for kind, row in summary(verdicts).items():
        print(
            f"{kind:8} {row['expected']:6} expected {row['found']:6} found {row['equal']:6} equal {row['share']:.1%}"
        )
    print(f"{time.monotonic() - started:.1f} s")
    for v in verdicts:
        if options.missed in (v.kind, "all") and v.verdict != "equal":
            print(v.device, v.kind, v.verdict, v.item, "|", v.expected, "|", v.found, "|", v.oid)


if __name__ == "__main__":
    main()
