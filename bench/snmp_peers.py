"""Other monitors over the same fleet: Debian's collectd and prometheus-snmp-exporter, where they are installed."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.agents import address
from bench.snmp_engines import COLUMNS, PORT, SCALARS, Fleet, Skipped

Figures = dict[str, Any]
TICKS = os.sysconf("SC_CLK_TCK")
SETTLE = 8.0
NUMBERS = [name for name in SCALARS if not name.startswith("1.3.6.1.2.1.1.") or name == "1.3.6.1.2.1.1.3.0"]
"""collectd reads no text."""


def cpu_of(pid: int) -> float:
    """Return the user and system seconds of a process and its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_of(pid: int) -> float:
    """Return the resident memory of a process, MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


async def watched(pid: int, polls: Callable[[float], Awaitable[float]], seconds: float) -> Figures:
    """Return what a process took while `polls` counted for some seconds."""
    before = cpu_of(pid)
    done = await polls(seconds)
    cpu = cpu_of(pid) - before
    return {
        "cpu_us_per_poll": round(cpu / max(done, 1) * 1e6, 1),
        "polls_per_s": round(done / seconds),
        "rss_mib": memory_of(pid),
    }


def collectd_configuration(fleet: Fleet, folder: Path) -> str:
    """Return a configuration that polls the fleet every second."""
    lines = [f'BaseDir "{folder}"', "Interval 1", "ReadThreads 32", "WriteQueueLimitHigh 100000"]
    lines += ['TypesDB "/usr/share/collectd/types.db"', "LoadPlugin snmp", "<Plugin snmp>"]
    for number, name in enumerate(NUMBERS):
        lines += [f'<Data "s{number}">', 'Type "gauge"', "Table false", f'TypeInstance "s{number}"']
        lines += [f'Values "{name}"', "</Data>"]
    lines += [
        '<Data "io">',
        'Type "if_octets"',
        "Table true",
        f'Values "{COLUMNS[0]}" "{COLUMNS[1]}"',
        "</Data>",
    ]
    collect = " ".join(f'"s{number}"' for number in range(len(NUMBERS))) + ' "io"'
    version = 2
    for number in range(fleet.count):
        lines += [f'<Host "h{number}">', f'Address "{address(number)}:{PORT}"', f"Version {version}"]
        lines += ['Community "public"', f"Collect {collect}", "Interval 1", "</Host>"]
    return "\n".join([*lines, "</Plugin>", ""])


async def collectd(fleet: Fleet, seconds: float) -> Figures:
    """Let collectd poll the fleet; it neither stores nor judges here."""
    binary = shutil.which("collectd") or shutil.which("collectd", path="/usr/sbin")
    if binary is None:
        raise Skipped("collectd is not installed (apt-get install collectd-core)")
    if fleet.v3:
        raise Skipped("measured with v2c only")
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "collectd.conf"
        file.write_text(collectd_configuration(fleet, Path(name)))
        process = await asyncio.create_subprocess_exec(
            binary, "-f", "-C", str(file), "-P", str(Path(name) / "pid"), stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            await asyncio.sleep(SETTLE)
            if process.returncode is not None:
                raise Skipped("collectd did not start")

            async def polls(time: float) -> float:
                await asyncio.sleep(time)
                return fleet.count * time

            return await watched(process.pid, polls, seconds) | {"note": "polls/s is what was asked of it"}
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


def exporter_configuration() -> str:
    """Return the module that asks for the same values."""
    lines = [
        "bench:",
        "  version: 2",
        "  auth: {community: public}",
        "  walk:",
        *(f"    - {c}" for c in COLUMNS),
    ]
    lines += ["  get:", *(f"    - {name}" for name in NUMBERS), "  metrics:"]
    for number, name in enumerate(NUMBERS):
        lines += [f"    - {{name: s{number}, oid: {name.removesuffix('.0')}, type: gauge, help: x}}"]
    for number, column in enumerate(COLUMNS):
        index = "[{labelname: ifIndex, type: gauge}]"
        lines += [f"    - {{name: c{number}, oid: {column}, type: counter, help: x, indexes: {index}}}"]
    return "\n".join([*lines, ""])


async def snmp_exporter(fleet: Fleet, seconds: float) -> Figures:
    """Drive prometheus-snmp-exporter by HTTP as fast as 16 connections can."""
    import aiohttp

    binary = shutil.which("prometheus-snmp-exporter")
    if binary is None:
        raise Skipped("prometheus-snmp-exporter is not installed (apt-get install prometheus-snmp-exporter)")
    if fleet.v3:
        raise Skipped("measured with v2c only")
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "snmp.yml"
        file.write_text(exporter_configuration())
        process = await asyncio.create_subprocess_exec(
            binary, f"--config.file={file}", "--web.listen-address=127.0.0.1:21164",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            await asyncio.sleep(2)
            if process.returncode is not None:
                raise Skipped("prometheus-snmp-exporter did not start")
            async with aiohttp.ClientSession(base_url="http://127.0.0.1:21164") as http:

                async def polls(time: float) -> float:
                    return await _scraped(http, fleet, time)

                return await watched(process.pid, polls, seconds)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _scraped(http: Any, fleet: Fleet, seconds: float) -> float:
    loop = asyncio.get_running_loop()
    until, done, numbers = loop.time() + seconds, 0, iter(range(10**9))

    async def driver() -> None:
        nonlocal done
        while loop.time() < until:
            target = f"{address(next(numbers) % fleet.count)}:{PORT}"
            async with http.get("/snmp", params={"module": "bench", "target": target}) as answer:
                await answer.read()
                done += answer.status == 200

    await asyncio.gather(*(driver() for _ in range(16)))
    return done


PEERS = {"collectd": collectd, "snmp_exporter": snmp_exporter}


async def peer(name: str, fleet: Fleet, seconds: float) -> Figures:
    """Return figures of one of `PEERS`. Raises `Skipped`."""
    return {"devices": fleet.count} | await PEERS[name](fleet, seconds)
