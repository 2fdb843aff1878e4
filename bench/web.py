"""The pages of a whole nation in a mass outage: 3,321 communes, 66,420 devices, 500 viewers, 30 % lost in ten seconds.

python -m bench.web [--json] [--viewers 500] [--no-chromium]

The viewers are another process. Incidents are numbered, so that one viewer can say when it saw which: the time from the
board (after judging) to the screen's stream. Observations keep coming as of a nation that is polled each minute.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import re
import statistics
import sys
import tempfile
import time
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from alerts.incident import DeviceState, Incident, IncidentKey, Kind, Severity, Status, Words
from inventory.communes import Communes
from inventory.model import Commune, Device, Inventory, Role, Site, Text
from monitor.board import DeviceStatus
from monitor.web.app import serve
from probes.core.observation import Observation, Outcome
from tests.monitor.web.province import Province, province
from tests.servers.chromium import browser

DEVICES = 20
LOST = 0.3
SPAN = 10.0
POLL = 60.0
_OPEN = re.compile(rb'data-open-incidents="(\d+)"')


def nation() -> Inventory:
    """Return every commune of the official list with a router and nineteen devices behind it."""
    roles = {"router": Role(name="router", title=Text(vi="Bộ định tuyến", en="Router"))}
    found = Communes.load()
    sites = [_site(commune) for commune in found]
    return Inventory(tuple(sites), roles, {})


def _site(commune: Commune) -> Site:
    code = commune.code
    devices = tuple(
        Device(
            id=f"{code}/d{number}", name=f"d{number}", site=code, title=f"Thiết bị {number}", address="192.0.2.1",
            role="router", parents=(f"{code}/d0",) if number else (),
        )
        for number in range(DEVICES)
    )  # fmt: skip
    return Site(id=code, name=commune.name, kind="commune", commune=commune, devices=devices)


class Outage:
    """Loses sites one after the other, and notes when each incident came onto the board."""

    def __init__(self, town: Province) -> None:
        self.town = town
        self.opened: dict[int, float] = {}

    async def run(self) -> None:
        """Lose 30 % of the sites within ten seconds."""
        sites = list(self.town.inventory.sites.values())
        lost = sites[: round(len(sites) * LOST)]
        begun = time.monotonic()
        for number, site in enumerate(lost, 1):
            self._lose(number, site)
            ahead = begun + SPAN * number / len(lost) - time.monotonic()
            if ahead > 0:
                await asyncio.sleep(ahead)

    def _lose(self, number: int, site: Site) -> None:
        now, why = datetime.now(UTC), Words("không trả lời", "no answer")
        for device in site.devices:
            state = DeviceState.UNREACHABLE if device.parents else DeviceState.DOWN
            self.town.board.set_status(device.id, DeviceStatus(state, now, why))
        words = Words(
            "Bộ định tuyến mất kết nối, cùng 19 thiết bị phía sau", "Router down, 19 devices behind"
        )
        key = IncidentKey("device-down", site.devices[0].id)
        incident = Incident(number, key, Kind.INCIDENT, Severity.CRITICAL, Status.OPEN, words, "", now, now)
        self.town.board.set_incident(incident)
        self.opened[number] = time.time()


async def polled(town: Province) -> None:
    """Let every device answer once a minute, as the pipeline would say it to the board."""
    devices, step = list(town.inventory.devices), 0.05
    each = max(1, round(len(devices) * step / POLL))
    at = 0
    while True:
        for device in devices[at : at + each]:
            town.board.observe(Observation(device, "icmp", "icmp", datetime.now(UTC), 0.01, Outcome.OK))
        at = (at + each) % len(devices)
        await asyncio.sleep(step)


async def late(found: list[float]) -> None:
    """Note by how much a sleep of 20 ms is late."""
    while True:
        begun = time.monotonic()
        await asyncio.sleep(0.02)
        found.append(time.monotonic() - begun - 0.02)


async def viewer(session: aiohttp.ClientSession, url: str, tally: dict[str, Any], *, reads: bool) -> None:
    """Look at the wall; one that `reads` notes when it saw which number of open incidents."""
    unpack, text = zlib.decompressobj(31), b""
    async with session.get(f"{url}/events?view=wall", headers={"Accept-Encoding": "gzip"}) as answer:
        tally["connected"] += 1
        async for chunk in answer.content.iter_any():
            tally["bytes"] += len(chunk)
            if reads:
                text += unpack.decompress(chunk)
                for seen in _OPEN.findall(text):
                    tally["seen"].setdefault(int(seen), time.time())
                text = text[-64:]


async def watch(url: str, count: int, seconds: float) -> dict[str, Any]:
    """Be the viewers, and ask for the wall meanwhile."""
    tally: dict[str, Any] = {"bytes": 0, "seen": {}, "wall": [], "connected": 0}
    timeout = aiohttp.ClientTimeout(total=None)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector, auto_decompress=False) as session:
        tasks = [asyncio.create_task(viewer(session, url, tally, reads=n == 0)) for n in range(count)]
        while tally["connected"] < count:  # noqa: ASYNC110 - counts up in 500 places
            await asyncio.sleep(0.1)
        print("ready", flush=True)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            begun = time.monotonic()
            async with session.get(url, headers={"Accept-Encoding": "gzip"}) as answer:
                size = len(await answer.read())
            tally["wall"].append((time.monotonic() - begun, size))
            await asyncio.sleep(0.5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return tally


async def painted(url: str) -> dict[str, float]:
    """Return what Chromium says of the wall: kilobytes over the wire, first paint."""
    script = """() => {
      const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
      const paint = performance.getEntriesByName('first-contentful-paint')[0];
      return [all.reduce((sum, one) => sum + one.transferSize, 0) / 1000, paint ? paint.startTime : -1];
    }"""
    async with browser(width=1920, height=1080) as shown:
        await shown.page.goto(url)
        await shown.page.wait_for_timeout(1500)
        weight, paint = await shown.page.evaluate(script)
    return {"page_kB": round(weight, 1), "first_paint_ms": round(paint)}


async def bench(viewers: int, *, chromium: bool) -> dict[str, Any]:
    """Return every figure; all viewers are there before anything is measured."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            province(Path(folder), nation()) as town,
            serve(town.context(pace=0.5), "127.0.0.1", 0) as url,
        ):
            gc.collect()
            gc.freeze()  # as the service does: the inventory stays for ever
            gc.set_threshold(10_000, 10, 10)
            overshoot: list[float] = []
            outage = Outage(town)
            helpers = [asyncio.create_task(work) for work in (polled(town), late(overshoot))]
            command = (sys.executable, "-m", "bench.web", "--watch", url, "--viewers", str(viewers))
            child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
            assert child.stdout is not None
            await child.stdout.readline()
            overshoot.clear()
            await asyncio.sleep(3)
            quiet, before = sorted(overshoot), len(overshoot)
            await outage.run()
            told = await child.stdout.read()
            await child.wait()
            during = sorted(overshoot[before:])
            figures = _figures(json.loads(told), outage.opened, viewers)
            figures |= {
                "loop_late_quiet_ms_p99": _ms(quiet, 0.99),
                "loop_late_outage_ms_p99": _ms(during, 0.99),
            }
            figures["loop_late_outage_ms_max"] = round(during[-1] * 1000)
            if chromium:
                figures |= await painted(url)
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
    return figures


def _figures(told: dict[str, Any], opened: dict[int, float], viewers: int) -> dict[str, Any]:
    """A count of incidents that was seen tells of all up to it: the one that waited longest counts."""
    seen = sorted((int(number), at) for number, at in told["seen"].items() if int(number))
    delays, before = [], 0
    for number, at in seen:
        delays.append(at - opened[before + 1])
        before = number
    times, sizes = zip(*told["wall"], strict=True)
    return {
        "viewers": viewers,
        "updates_seen": len(seen),
        "update_delay_s_median": round(statistics.median(delays), 2),
        "update_delay_s_max": round(max(delays), 2),
        "all_seen": before == len(opened),
        "wall_ms_median": _ms(sorted(times), 0.5),
        "wall_ms_p95": _ms(sorted(times), 0.95),
        "wall_kB_compressed": round(max(sizes) / 1000, 1),
        "stream_kB_per_viewer": round(told["bytes"] / viewers / 1000, 1),
    }


def _ms(ordered: list[float], part: float) -> int:
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000) if ordered else -1


def main() -> None:
    """Run, and print a table or JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--viewers", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--no-chromium", action="store_true")
    parser.add_argument("--watch", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.watch:
        print(json.dumps(asyncio.run(watch(chosen.watch, chosen.viewers, SPAN + 10))))
        return
    figures = asyncio.run(bench(chosen.viewers, chromium=not chosen.no_chromium))
    print(json.dumps(figures) if chosen.json else "\n".join(f"{k:28} {v}" for k, v in figures.items()))


if __name__ == "__main__":
    main()
