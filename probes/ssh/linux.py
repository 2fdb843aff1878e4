"""What the sections of a Linux host's answer mean: samples and facts. What is missing is left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from probes.core.observation import Fact, Sample
from probes.core.text import clean

MAX_FILESYSTEMS: Final = 64
MAX_UNITS: Final = 50
_NOT_STORAGE: Final = frozenset(
    {
        "autofs",
        "bpf",
        "cgroup",
        "cgroup2",
        "configfs",
        "debugfs",
        "devpts",
        "devtmpfs",
        "efivarfs",
        "fuse.lxcfs",
    }
    | {
        "hugetlbfs",
        "iso9660",
        "mqueue",
        "nsfs",
        "proc",
        "pstore",
        "ramfs",
        "rpc_pipefs",
        "securityfs",
        "squashfs",
    }
    | {"sysfs", "tmpfs", "tracefs", "udf"}
)
"""File systems that hold nothing, or are read-only images and so always full."""
_NOT_DEVICES: Final = frozenset({"tmpfs", "udev", "devtmpfs", "none", "shm"})
"""The same by the first column, for a ``df`` that does not tell types."""
Section = list[str]


class CpuTime(NamedTuple):
    """Clock ticks since boot: busy and all (proc(5), ``/proc/stat``)."""

    busy: int
    total: int

    def utilization_since(self, earlier: CpuTime) -> float | None:
        """Ratio 0..1 between two readings; `None` when no time passed or the counters went back (reboot)."""
        total, busy = self.total - earlier.total, self.busy - earlier.busy
        return busy / total if total > 0 and 0 <= busy <= total else None


def cpu_time(section: Section) -> CpuTime | None:
    """Read the ``cpu`` line: user nice system idle iowait irq softirq steal; idle, iowait are not busy."""
    match = re.match(r"cpu +((?:[0-9]{1,20} ?){4,10})", section[0]) if section else None
    if match is None:
        return None
    ticks = [int(word) for word in match[1].split()][
        :8
    ]  # what follows, guest time, is counted in user already
    idle = ticks[3] + (ticks[4] if len(ticks) > 4 else 0)
    return CpuTime(sum(ticks) - idle, sum(ticks))


def samples(sections: Mapping[str, Section], excluded: Iterable[str] = ()) -> Iterator[Sample]:
    """Everything but CPU utilization, which needs two readings. `excluded` are mount points to leave out."""
    yield from _uptime(sections["uptime"])
    yield from _load(sections["loadavg"])
    yield from _memory(sections["meminfo"])
    yield from _filesystems(sections["df"], frozenset(excluded))
    units = failed_units(sections["units"])
    if units is not None:
        yield Sample("system.systemd.units.failed", float(len(units)), "{unit}")


def facts(sections: Mapping[str, Section]) -> Iterator[Fact]:
    """The system's name and version (os-release(5)) and its kernel."""
    values = dict(_assignments(sections["os"]))
    for key, name in (("ID", "os.id"), ("VERSION_ID", "os.version_id"), ("PRETTY_NAME", "os.description")):
        if values.get(key):
            yield Fact(name, clean(values[key], 100))
    if sections["kernel"]:
        yield Fact("os.kernel", clean(sections["kernel"][0], 100))


def failed_units(section: Section) -> tuple[str, ...] | None:
    """Names of failed systemd units, `None` when systemd did not answer (there may be none)."""
    if not section or section[0].strip() != "ok":
        return None
    words = (line.replace("●", " ").split() for line in section[1 : MAX_UNITS + 1])
    return tuple(clean(line[0], 100) for line in words if line)


def _uptime(section: Section) -> Iterator[Sample]:
    numbers = _numbers(section)
    if numbers:
        yield Sample("system.uptime", numbers[0], "s")


def _load(section: Section) -> Iterator[Sample]:
    numbers = _numbers(section)
    if len(numbers) >= 3:
        for value, minutes in zip(numbers, (1, 5, 15), strict=False):
            yield Sample(f"system.linux.cpu.load_{minutes}m", value, "{thread}")


def _numbers(section: Section) -> list[float]:
    found = re.match(r"(?:[0-9]{1,15}(?:\.[0-9]{1,9})?(?: |$)){1,3}", section[0].strip()) if section else None
    return [float(word) for word in found[0].split()] if found else []


def _memory(section: Section) -> Iterator[Sample]:
    sizes = {
        match[1]: int(match[2]) * 1024
        for line in section
        if (match := re.fullmatch(r"([A-Za-z0-9_()]{1,40}): +([0-9]{1,15}) kB", line.strip()))
    }
    total = sizes.get("MemTotal", 0)
    available = sizes.get("MemAvailable", _available_before_3_14(sizes))
    if total > 0 and available is not None and 0 <= available <= total:
        yield Sample("system.memory.usage", float(total - available), "By")
        yield Sample("system.memory.limit", float(total), "By")
        yield Sample("system.memory.utilization", (total - available) / total)
    swap, free = sizes.get("SwapTotal", 0), sizes.get("SwapFree")
    if swap > 0 and free is not None and free <= swap:
        yield Sample("system.paging.utilization", (swap - free) / swap)


def _available_before_3_14(sizes: Mapping[str, int]) -> int | None:
    """Linux before 3.14 does not estimate what is available: free memory and what the page cache holds."""
    parts = [sizes.get(name) for name in ("MemFree", "Buffers", "Cached")]
    return sum(part for part in parts if part is not None) if parts[0] is not None else None


_DF_ROW = re.compile(
    r"(?P<source>\S.{0,200}?)\s+(?:(?P<type>[A-Za-z][\w.+-]{0,30})\s+)?(?P<size>[0-9]{1,18})\s+(?P<used>[0-9]{1,18})\s+"
    r"(?P<free>-?[0-9]{1,18})\s+[0-9]{1,5}%\s+(?P<mountpoint>/.{0,250})"
)
"""A row of ``df -P`` (POSIX) with or without the column of ``-T``."""


def _filesystems(section: Section, excluded: frozenset[str]) -> Iterator[Sample]:
    rows = {match["mountpoint"]: match for line in section if (match := _DF_ROW.fullmatch(line.strip()))}
    stored = [match for mount, match in rows.items() if mount not in excluded and _is_storage(match)]
    for match in stored[:MAX_FILESYSTEMS]:
        used, usable = int(match["used"]), int(match["used"]) + max(int(match["free"]), 0)
        labels = (("mountpoint", clean(match["mountpoint"], 128)),)
        yield Sample("system.filesystem.usage", used * 1024.0, "By", labels)
        yield Sample("system.filesystem.limit", int(match["size"]) * 1024.0, "By", labels)
        yield Sample("system.filesystem.utilization", used / usable, "1", labels)


def _is_storage(row: re.Match[str]) -> bool:
    if int(row["used"]) + max(int(row["free"]), 0) == 0:
        return False
    if row["type"]:
        return row["type"] not in _NOT_STORAGE
    return row["source"] not in _NOT_DEVICES and not row["mountpoint"].startswith("/snap/")


def _assignments(section: Section) -> Iterator[tuple[str, str]]:
    for line in section[:64]:
        name, found, value = line.strip().partition("=")
        if found:
            yield name, value.strip().strip("\"'")
