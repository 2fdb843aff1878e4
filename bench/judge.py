"""How much CPU one observation costs the judge: all well, a tenth with an open finding, and a mass outage.

python -m bench.judge --devices 10000 --json
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from alerts.judging.engine import Engine
from alerts.rule import BUILT_IN, load_rules
from inventory.model import CheckSpec, Device, Inventory, Site
from probes.core.observation import Fact, Observation, Outcome, Sample
from probes.core.probe import Params

START = datetime(2026, 11, 23, tzinfo=UTC)
SITE_SIZE = 5


def province(devices: int) -> Inventory:
    """Sites of a router and four devices behind it, each with ping and SNMP."""
    checks = tuple(
        CheckSpec(name=name, probe=name, params=Params(), interval=60.0, timeout=10.0)
        for name in ("icmp", "snmp")
    )

    def device(site: str, number: int) -> Device:
        return Device(
            id=f"{site}/d{number}",
            name=f"d{number}",
            site=site,
            title=f"Device {number}",
            address="192.0.2.1",
            role="router" if number == 0 else "server",
            parents=() if number == 0 else (f"{site}/d0",),
            checks=checks,
        )

    sites = tuple(
        Site(
            id=f"s{index}",
            name=f"Site {index}",
            kind="other",
            devices=tuple(device(f"s{index}", number) for number in range(SITE_SIZE)),
        )
        for index in range(devices // SITE_SIZE)
    )
    return Inventory(sites, {}, {})


def samples() -> tuple[Sample, ...]:
    """31 samples, as one SNMP poll of a server with 8 interfaces brings them."""
    found = [
        Sample("system.cpu.utilization", 0.2),
        Sample("system.memory.utilization", 0.5),
        Sample("system.uptime", 1e6, "s"),
        *(
            Sample("system.filesystem.utilization", 0.5, "1", (("mountpoint", m),))
            for m in ("/", "/var", "/home", "/boot")
        ),
    ]
    for index in range(8):
        labels = (("interface", f"eth{index}"),)
        found += [Sample("hw.network.io", 1e6, "bit/s", labels), Sample("hw.network.up", 1.0, "1", labels)]
        found += [Sample("hw.network.errors", 0.0, "{error}/s", labels)]
    return tuple(found[:31])


FACTS = (Fact("snmp.sys_name", "x"), Fact("snmp.profile", "net-snmp-linux"), Fact("snmp.sys_descr", "Linux"))
SAMPLES = samples()


def polls(
    inventory: Inventory, now: datetime, outcome: Outcome = Outcome.OK, weak: int = 0
) -> Iterator[Observation]:
    """One SNMP poll of every device; every `weak`-th has a finding."""
    finding = (*FACTS, Fact("ssh.weak_kex", ("diffie-hellman-group1-sha1",)))
    for index, device in enumerate(inventory.devices):
        facts = finding if weak and index % weak == 0 else FACTS
        good = outcome is Outcome.OK
        yield Observation(
            device, "snmp", "snmp", now, 0.01, outcome, "", SAMPLES if good else (), facts if good else ()
        )


def measure(engine: Engine, observations: list[Observation], now: datetime) -> float:
    """Return microseconds of CPU per observation."""
    began = time.process_time()
    for observation in observations:
        engine.take(observation, now)
    return (time.process_time() - began) / len(observations) * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    inventory = province(arguments.devices)
    began = time.process_time()
    engine = Engine(load_rules(*BUILT_IN), inventory)
    result = {"devices": arguments.devices, "start_seconds": round(time.process_time() - began, 2)}
    now = START
    rounds = {
        "first_us": {},
        "well_us": {},
        "well_again_us": {},
        "tenth_with_finding_us": {"weak": 10},
        "tenth_with_finding_again_us": {"weak": 10},
        "silent_1_us": {"outcome": Outcome.TIMEOUT},
        "silent_2_us": {"outcome": Outcome.TIMEOUT},
        "silent_3_us": {"outcome": Outcome.TIMEOUT},
        "silent_4_us": {"outcome": Outcome.TIMEOUT},
        "back_us": {},
    }
    for name, options in rounds.items():
        now += timedelta(seconds=60)
        observations = list(polls(inventory, now, **options))  # type: ignore[arg-type]
        result[name] = round(measure(engine, observations, now), 1)
    began = time.process_time()
    engine.tick(now)
    result["tick_ms"] = round((time.process_time() - began) * 1e3, 1)
    print(json.dumps(result) if arguments.json else "\n".join(f"{k:28} {v}" for k, v in result.items()))


if __name__ == "__main__":
    main()
