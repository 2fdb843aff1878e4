"""What one device poll costs, all in: ``python -m bench.pipeline [--json] [--devices N …] [--seconds S]``.

Simulated agents in a process of their own answer SNMP v2c: the system group, CPU, memory and 8 interfaces. This
process is the service without its pages: scheduler, engine, board, DuckDB, rules, ledger. CPU is its user and system
time, start-up and the first contact left out; a poll is one check of one device, from its release until it is stored.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from bench.agents import address
from monitor import configuration
from monitor.house import monitoring
from monitor.scheduler import Load
from probes.snmp import ber
from probes.snmp.security import Community
from probes.snmp.template import Template

PORT = 21161
SITE_SIZE = 20


def write_province(folder: Path, devices: int, interval: int) -> Path:
    """Write settings, inventory and the community; return the settings file."""
    (folder / "inventory").mkdir()
    (folder / "secrets").mkdir()
    (folder / "secrets" / "community").write_text("public\n")
    common = [
        "credentials: {fleet: {kind: snmp_v2c, community: {file: community}}}",
        "defaults: {credentials: {snmp: fleet}}",
        "roles:",
        "  agent:",
        "    title: {vi: Tác tử, en: Agent}",
        f"    checks: {{snmp: {{interval: {interval}s, timeout: {min(interval, 10)}s, port: {PORT}}}}}",
    ]
    (folder / "inventory" / "common.yaml").write_text("\n".join(common) + "\n")
    for first in range(0, devices, SITE_SIZE):
        name = f"site-{first // SITE_SIZE}"
        lines = ["sites:", f"  {name}:", "    name: Bench", "    kind: other", "    devices:"]
        for number in range(first, min(first + SITE_SIZE, devices)):
            lines.append(f"      agent-{number}: {{address: {address(number)}, role: agent}}")
        (folder / "inventory" / f"{name}.yaml").write_text("\n".join(lines) + "\n")
    settings = folder / "commune-monitor.yaml"
    settings.write_text("inventory: inventory\nnetwork: {allow: 127.0.0.0/8}\n")
    return settings


@asynccontextmanager
async def agents(devices: int) -> AsyncIterator[None]:
    """Run the simulated fleet in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.agents", "--count", str(devices), "--port", str(PORT),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        await asyncio.wait_for(process.stdout.readline(), 30)
        yield
    finally:
        process.terminate()
        await process.wait()


async def measure(devices: int, interval: int, seconds: float) -> dict[str, float]:
    """Watch `devices` agents, each every `interval` seconds, for `seconds` after the first round."""
    with tempfile.TemporaryDirectory() as name:
        loaded = configuration.load(write_province(Path(name), devices, interval))
        async with agents(devices), monitoring(loaded) as running:
            await asyncio.sleep(
                max(30.0, interval) + 5 + devices / 250
            )  # the first contact studies each device
            before, used, began = running.scheduler.load, os.times(), time.monotonic()
            await asyncio.sleep(seconds)
            after, now, wall = running.scheduler.load, os.times(), time.monotonic() - began
            cpu = now.user - used.user, now.system - used.system
            health = running.store.health()
            silent = sum(running.board.status(device).state != "up" for device in loaded.inventory.devices)
        async with agents(devices):
            floor = await asyncio.to_thread(bare_exchange, devices)
    return (
        {"devices": devices}
        | figures(before, after, cpu, wall)
        | {
            "bare_udp_us_per_poll": round(floor, 1),
            "interval_s": interval,
            "samples_stored": health.written,
            "samples_dropped": health.dropped,
            "load_average": round(os.getloadavg()[0], 1),
            "devices_not_up": silent,
        }
    )


def bare_exchange(devices: int, polls: int = 3000, port: int = PORT) -> float:
    """Return the CPU µs of sending a poll's two requests and receiving the answers, and nothing else.

    What the kernel of this machine takes for four datagrams: no monitor written in Python can be cheaper here.
    """
    scalars = tuple(ber.oid(f"1.3.6.1.2.1.1.{column}.0") for column in (1, 2, 3, 4, 5, 6, 7))
    columns = tuple(ber.oid(f"1.3.6.1.2.1.31.1.1.1.{column}") for column in (6, 10))
    requests = [
        Community("public").seal(template, 0x1234567)
        for template in (Template.get(scalars), Template.bulk(columns, 8))
    ]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bare:
        bare.settimeout(2)
        began = time.process_time()
        for number in range(polls):
            for request in requests:
                bare.sendto(request, (address(number % devices), port))
                bare.recvfrom(65535)
        return (time.process_time() - began) / polls * 1e6


def figures(before: Load, after: Load, cpu: tuple[float, float], wall: float) -> dict[str, float]:
    """Turn two readings into figures a poll."""
    polls = after.released - before.released
    return {
        "polls_per_s": round(polls / wall, 1),
        "cpu_us_per_poll": round(sum(cpu) / max(polls, 1) * 1e6, 1),
        "user_us_per_poll": round(cpu[0] / max(polls, 1) * 1e6, 1),
        "core_share": round(sum(cpu) / wall, 3),
        "skipped": after.skipped - before.skipped,
        "late_p50_ms": round(after.late_p50 * 1000, 1),
        "late_p99_ms": round(after.late_p99 * 1000, 1),
        "late_max_ms": round(after.late_max * 1000, 1),
        "rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def alone(devices: int, seconds: float) -> dict[str, float]:
    """Measure one fleet in a fresh process, so that memory and caches are its own."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        interval = min(60, max(1, round(devices / 1000))) if devices > 1000 else 1
        answer = asyncio.run(measure(devices, interval, seconds))
        os.write(write, json.dumps(answer).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as stream:
        answer = json.loads(stream.read() or "{}")
    os.waitpid(child, 0)
    return dict(answer)


def table(rows: list[dict[str, float]]) -> str:
    """Return one line a figure, one column a fleet."""
    names = dict.fromkeys(name for row in rows for name in row)
    width = max(map(len, names), default=0)
    return "\n".join(
        f"{name:{width}}" + "".join(f"{row.get(name, float('nan')):>12,}" for row in rows) for name in names
    )


def main() -> None:
    """Print the figures, as a table or as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--devices", type=int, nargs="+", default=[350, 1400, 10000])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = list(map(partial(alone, seconds=options.seconds), options.devices))
    if options.json:
        print(json.dumps({"fleets": rows}))
        return
    print(table(rows))


if __name__ == "__main__":
    main()
