"""What a nation's inventory costs: loading 3,321 files whole, taking one edit in, showing one device.

python -m bench.inventory --sites 3321 --devices 20 --json

Beside it the plain parsers, which neither check anything nor know a line: PyYAML's two loaders and ruamel.yaml read a
sample of the same files, and their figures are scaled to all of them.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import yaml
from ruamel.yaml import YAML

from alerts.judging.engine import Engine
from inventory.communes import Communes
from inventory.origins import trace
from monitor import configuration
from monitor.board import Board
from monitor.change import Change, change
from monitor.configuration import Configuration
from monitor.plan import traits

T = TypeVar("T")

ROLES = ("router", "switch", "server", "conference", "ups", "printer", "nvr", "access_point")
COMMON = """\
credentials:
  snmp: {kind: snmp_v2c, community: {file: snmp}}
  ssh: {kind: ssh_key, user: monitor, key: {file: ssh}}
defaults:
  credentials: {snmp: snmp, ssh: ssh}
"""
DEVICE = """\
      {name}:
        address: 10.{a}.{b}.{c}
        role: {role}
        title: Thiết bị {number} của {commune}
        tags: [mot-cua]
"""


def write_nation(home: Path, sites: int, devices: int) -> Path:
    """Write settings and one file a commune, in a folder a province; return the settings file."""
    (home / "secrets").mkdir(mode=0o700)
    (home / "commune-monitor.yaml").write_text("web: {port: 0}\n")
    folder = home / "inventory"
    folder.mkdir()
    (folder / "common.yaml").write_text(COMMON)
    for number, commune in enumerate(islice(Communes.load(), sites)):
        lines = [
            f"sites:\n  {commune.code}:\n    owner: {{name: Nguyễn Văn An, unit: UBND {commune.name},"
            f' phone: "0912345678"}}\n    devices:\n'
        ]
        for index in range(devices):
            role = ROLES[index] if index < 3 else ROLES[3 + index % 5]
            place = {"a": number >> 8, "b": number & 255, "c": index + 1}
            name = f"{role}-{index}"
            lines.append(DEVICE.format(name=name, role=role, number=index, commune=commune.name, **place))
        (folder / commune.province_code).mkdir(exist_ok=True)
        (folder / commune.province_code / f"{commune.code}.yaml").write_text("".join(lines))
    return home / "commune-monitor.yaml"


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Return the seconds `work` took, and what it returned."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


def loading(settings: Path) -> tuple[Configuration, dict[str, float]]:
    """Load everything as the service does."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds, loaded = timed(lambda: configuration.load(settings))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures = {"load_s": seconds, "load_mib": (after - before) / 1024, "peak_mib": after / 1024}
    return loaded, figures | {"devices": len(loaded.inventory.devices), "checks": len(loaded.plan)}


def editing(loaded: Configuration) -> dict[str, float]:
    """Change one device of one file twice, and take that in: reading, comparing, judging and showing by it."""
    path = min(path for path in loaded.edited[0].rglob("*.yaml") if path.stem.isdigit())
    now = datetime.now(UTC)
    board, engine = Board(loaded.inventory, loaded.plan, now), Engine(loaded.rules, loaded.inventory)
    started = change(loaded, configuration.reload(loaded))  # as the service looks once when it starts
    write_address(path, "10.255.7.1")
    first, coming = timed(partial(taken_in, started))
    write_address(path, "10.255.7.2")
    second, coming = timed(partial(taken_in, coming))
    began = time.perf_counter()
    touched = coming.touched
    engine.follow(coming.rules, coming.inventory, now, topology=coming.topology, touched=touched)
    board.follow(coming.inventory, touched.removed, coming.renewed, now)
    blocked = (time.perf_counter() - began) * 1000
    return {"first_edit_s": first, "next_edit_s": second, "loop_blocked_ms": blocked}


def write_address(path: Path, address: str) -> None:
    """Give the first device of a file another address."""
    path.write_text(re.sub(r"address: [0-9.]+", f"address: {address}", path.read_text("utf-8"), count=1))


def taken_in(last: Change) -> Change:
    """Read what was edited, as the service does in a thread."""
    loaded = last.configuration
    coming = change(loaded, configuration.reload(loaded), last.topology)
    assert len(coming.touched.changed) == 1, coming.touched
    return coming


def showing(loaded: Configuration) -> dict[str, float]:
    """Show where each value of one device comes from, as ``show`` does."""
    device = next(iter(loaded.inventory.devices))
    seconds, _ = timed(lambda: trace(loaded.edited[0], device, traits(loaded.probes), loaded.profiles))
    return {"show_s": seconds}


def peers(folder: Path, sample: int) -> dict[str, float]:
    """Read a sample of the files with the plain parsers, scaled to all."""
    every = sorted(folder.rglob("*.yaml"))
    texts = [path.read_text("utf-8") for path in every[:: max(1, len(every) // sample)]]
    scale = len(every) / len(texts)
    ruamel = YAML()
    readers: dict[str, Callable[[str], object]] = {
        "pyyaml_c_s": lambda text: yaml.load(text, yaml.CSafeLoader),
        "pyyaml_s": lambda text: yaml.load(text, yaml.SafeLoader),
        "ruamel_s": ruamel.load,
    }
    return {name: timed(partial(_each, read, texts))[0] * scale for name, read in readers.items()}


def _each(read: Callable[[str], object], texts: list[str]) -> None:
    for text in texts:
        read(text)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=3321)
    parser.add_argument("--devices", type=int, default=20)
    parser.add_argument("--sample", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        settings = write_nation(Path(home), options.sites, options.devices)
        loaded, figures = loading(settings)
        figures |= editing(loaded)
        figures |= showing(loaded)
        figures |= peers(loaded.edited[0], options.sample)
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:16} {value:10.3f}")


if __name__ == "__main__":
    main()
