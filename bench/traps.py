"""Polling beside a flood of traps (abuse case A32): ``python -m bench.traps [--rate N] [--seconds S] [--json]``.

A fleet is polled first in peace, then while a process of its own sends traps from addresses of known devices, all with
the right community, so that the service can refuse none of them at a glance. Both times: how late polls began, how many
were left out, what the service's CPU was; and what became of the traps.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import sys
import tempfile
import time
from pathlib import Path

from alerts.incident import DeviceState
from bench.agents import address
from bench.pipeline import agents, figures, write_province
from monitor import configuration
from monitor.house import Monitoring, monitoring
from probes.snmp import ber, message
from probes.snmp.ber import oid
from probes.snmp.message import Message, Pdu

PORT = 21163
SOURCES = 64
BATCH = 0.01
"""Seconds of traps that are sent at once."""


def trap(number: int) -> bytes:
    """Return a linkDown of port `number`."""
    binds: list[ber.VarBind] = [
        (oid("1.3.6.1.2.1.1.3.0"), ber.TIMETICKS, number),
        (oid("1.3.6.1.6.3.1.1.4.1.0"), ber.OID, oid("1.3.6.1.6.3.1.1.5.3")),
        (oid(f"1.3.6.1.2.1.2.2.1.1.{number}"), ber.INTEGER, number),
        (oid(f"1.3.6.1.2.1.2.2.1.8.{number}"), ber.INTEGER, 2),
    ]
    return message.encode(Message(message.V2C, b"public", Pdu(message.TRAP, number, 0, 0, binds)))


def flood(rate: int, seconds: float) -> int:
    """Send `rate` traps a second from many devices; return how many were sent."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(SOURCES)]
    for number, one in enumerate(sockets):
        one.bind((address(number), 0))
    traps = [trap(number) for number in range(1, 1000)]
    sent, began = 0, time.monotonic()
    while (age := time.monotonic() - began) < seconds:
        while sent < rate * age:
            sockets[sent % SOURCES].sendto(traps[sent % len(traps)], ("127.0.0.1", PORT))
            sent += 1
        time.sleep(BATCH)
    return sent


async def flooded(rate: int, seconds: float) -> int:
    """Send the flood from a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.traps", "--flood", "--rate", str(rate), "--seconds", str(seconds),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    return int(out)


async def window(running: Monitoring, seconds: float, rate: int) -> dict[str, float]:
    """Return figures of some seconds, with a flood when `rate` is not 0."""
    before, used, began = running.scheduler.load, os.times(), time.monotonic()
    sent = await flooded(rate, seconds) if rate else await asyncio.sleep(seconds, 0)
    wall, now, after = time.monotonic() - began, os.times(), running.scheduler.load
    cpu = now.user - used.user, now.system - used.system
    return figures(before, after, cpu, wall) | {"traps_sent": sent}


async def measure(devices: int, rate: int, seconds: float) -> dict[str, dict[str, float]]:
    """Watch `devices` agents, each every second, first in peace and then in the flood."""
    with tempfile.TemporaryDirectory() as name:
        settings = write_province(Path(name), devices, max(1, devices // 1000))
        settings.write_text(settings.read_text() + f"traps: {{host: 127.0.0.1, port: {PORT}}}\n")
        async with agents(devices), monitoring(configuration.load(settings)) as running:
            await asyncio.sleep(30 + devices / 250)
            peace = await window(running, seconds, 0)
            storm = await window(running, seconds, rate)
            traps = running.vitals().traps
            assert traps is not None
            storm |= {"traps_dropped": traps.dropped, "refused": traps.refused, "unknown": traps.unknown}
            states = [running.board.status(f"site-{n // 20}/agent-{n}").state for n in range(devices)]
    return {"peace": peace, "flood": storm | {"devices_down": states.count(DeviceState.DOWN)}}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--rate", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--flood", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.flood:
        print(flood(options.rate, options.seconds))
        return
    result = asyncio.run(measure(options.devices, options.rate, options.seconds))
    if options.json:
        print(json.dumps(result))
        return
    for name, row in result.items():
        print(name, "  ".join(f"{key}={value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
