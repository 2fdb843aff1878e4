"""What is reported of one recording, held against what is expected of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec

from bench.profiles.ask import Evidence, Reported
from bench.recordings import Recording
from probes.core.text import clean
from probes.snmp.ber import oid

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
    "delay": ("hw.delay", "hw.battery.time_left"),
    "state": ("hw.status",),
    "count": ("hw.count",),
}
"""What LibreNMS calls a sensor, and the metrics that say the same."""
PERCENT = frozenset(
    ("hw.humidity", "hw.battery.charge", "hw.power_supply.utilization", "hw.utilization", "hw.supply.level")
)

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
        found = [e.value if what == "delay" else _in_their_unit(e) for e in mine if e.value is not None]
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
