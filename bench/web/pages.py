"""Every page and every address of the API that is read, as an operator's browser asks for it in the mass outage.

A page that was just asked for is answered from memory; so before each question something changes at the place that
is asked about. The hold is CPU time of the loop: neither work in other threads nor other work of the machine counts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from alerts.incident import DeviceState, Words
from bench.web.child import Child, child
from bench.web.hold import Holds, holds
from bench.web.house import House
from monitor.board import DeviceStatus
from monitor.web.app import create_app
from monitor.web.route import TABLE

MOST = 100.0
"""Milliseconds that no address may hold the loop."""
LEFT_OUT = ("/events", "/api/v1/events", "/static", "/a/", "/sign", "/demo", "/api/v1/demo")
MORE = (
    "/?province=42", "/?lang=en", "/wall?kiosk=1", "/map?by=carrier", "/map?by=power", "/map?by=province",
    "/incidents?status=open", "/incidents?status=resolved&kind=all", "/incidents?status=all&kind=all",
    "/search?q=thiet+bi", "/search?q=an",
    "/api/v1/sites?limit=100", "/api/v1/devices?limit=5000", "/api/v1/devices?state=down",
    "/api/v1/incidents?limit=1000", "/api/v1/incidents?text=router", "/api/v1/search?q=an&limit=500",
)  # fmt: skip
OFFICERS = ("/", "/map", "/incidents", "/api/v1/sites", "/api/v1/devices", "/api/v1/incidents")
"""Asked for by somebody whose role holds at one commune, too."""


def addresses(house: House) -> Iterator[str]:
    """Yield every address that is read: what a newcomer adds is measured by itself."""
    site = next(id for id in house.town.inventory.sites if id != "ttdl")
    known = {"site": site, "name": "d3", "id": "1"}
    for route in create_app(house.context)[TABLE].routes:
        if route.method == "GET" and not route.path.startswith(LEFT_OUT):
            yield _filled(route.path, known)
    yield from MORE


def _filled(path: str, known: dict[str, str]) -> str:
    parts = [
        known.get(part[1:-1].partition(":")[0], "1") if part.startswith("{") else part
        for part in path.split("/")
    ]
    filled = "/".join(parts)
    return f"{filled}?q=router" if filled.endswith("/search") else filled


async def measure(house: House) -> dict[str, Any]:
    """Return a row for each address that answers, the longest hold first."""
    asked = [(address, house.tokens[0], "") for address in dict.fromkeys(addresses(house))]
    asked += [(address, house.tokens[2], " of one commune") for address in OFFICERS]
    rows = []
    async with child("bench.web.ask", house.url) as asker:
        with holds() as held:
            for address, token, whose in asked:
                await asker.say(json.dumps(token))
                first = await _row(house, asker, held, address)
                again = await _row(house, asker, held, address)
                if again["status"] == 200:
                    rows.append({"address": address + whose, **again, "first_hold_ms": first["hold_ms"]})
    rows.sort(key=lambda row: -row["hold_ms"])
    return {
        "addresses": len(rows),
        "longest_hold_ms": rows[0]["hold_ms"],
        "longest_first_hold_ms": max(row["first_hold_ms"] for row in rows),
        "slower_than_100_ms": [row["address"] for row in rows if row["hold_ms"] > MOST],
        "rows": rows,
    }


async def _row(house: House, asker: Child, held: Holds, address: str) -> dict[str, Any]:
    """Ask for `address` after a change; nothing that was rendered before holds then."""
    device = next(site for site in house.town.inventory.sites.values() if site.id != "ttdl").devices[5].id
    why = Words("không trả lời", "no answer")
    house.town.board.set_status(device, DeviceStatus(DeviceState.DOWN, datetime.now(UTC), why))
    await asyncio.sleep(house.context.pace + 0.05)
    held.clear()
    answer: dict[str, Any] = json.loads(await asker.say(f"GET {address}"))
    return {**answer, "hold_ms": round(held.longest * 1000, 1), "loop_ms": round(held.total * 1000, 1)}
