"""What polling a fleet by SNMP costs, ours and others: ``python -m bench.snmp [--engines …] [--json]``.

The same simulated agents are asked the same by each: 15 scalars, and bytes in and out of every port (``probe`` asks
what its profile says, and makes samples). CPU is user and system time of the polling process. The agents are a
process of their own. ``floor`` is what the kernel takes here for bare datagrams like those of one poll.

Made worse at will: ``--dead 10`` percent of the agents, ``--loss 5`` percent of the replies, ``--latency 50`` ms,
``--ports 48``, ``--v3``. An engine that is not installed is left out, and the reason given.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bench.agents import is_dead
from bench.pipeline import bare_exchange
from bench.snmp_engines import AT_ONCE, ENGINES, MOST, PORT, Fleet, Poll, Skipped
from bench.snmp_peers import PEERS, peer
from probes.core.probe import ProbeFailure

Figures = dict[str, Any]
LONGEST = 900
"""Seconds that one engine may take in all."""


async def one_round(poll: Poll, count: int, at_once: int) -> tuple[float, float, int, int]:
    """Poll every device once; return CPU and wall seconds, failures, values."""
    cpu, wall = time.process_time(), time.monotonic()
    todo = iter(range(count))
    failures = values = 0

    async def worker() -> None:
        nonlocal failures, values
        for number in todo:
            try:
                got = await poll(number)
                values += got  # not in one statement: the sum would be read before the others' polls
            except (ProbeFailure, OSError, TimeoutError):
                failures += 1

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return time.process_time() - cpu, time.monotonic() - wall, failures, values


async def engine(name: str, fleet: Fleet, rounds: int, dead: int) -> Figures:
    """Poll the fleet `rounds` times after the first contact."""
    async with ENGINES[name](fleet) as poll:
        first = await one_round(poll, fleet.count, AT_ONCE[name])
        results = []
        for _ in range(rounds):
            await asyncio.sleep(0.6)  # the probe makes no rate of less than half a second
            results.append(await one_round(poll, fleet.count, AT_ONCE[name]))
    cpu = [result[0] / fleet.count * 1e6 for result in results]
    expected = sum(is_dead(number, dead) for number in range(fleet.count))
    return {
        "devices": fleet.count,
        "cpu_us_per_poll": round(statistics.median(cpu), 1),
        "cpu_us_min": round(min(cpu), 1),
        "cpu_us_max": round(max(cpu), 1),
        "first_contact_us": round(first[0] / fleet.count * 1e6, 1),
        "polls_per_s": round(fleet.count / statistics.median(result[1] for result in results)),
        "failures_a_round": round(statistics.mean(result[2] for result in results), 1),
        "dead": expected,
        "values_a_poll": round(results[-1][3] / max(1, fleet.count - results[-1][2]), 1),
        "rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


@asynccontextmanager
async def agents(fleet: Fleet, options: argparse.Namespace) -> AsyncIterator[None]:
    """Run the fleet in a process of its own."""
    trouble = ["--dead", str(options.dead), "--loss", str(options.loss), "--latency", str(options.latency)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.agents", "--count", str(fleet.count), "--port", str(PORT),
        "--ports", str(fleet.ports), *trouble, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        await asyncio.wait_for(process.stdout.readline(), 30)
        yield
    finally:
        process.terminate()
        await process.wait()


async def measure(name: str, fleet: Fleet, options: argparse.Namespace) -> Figures:
    """Measure one engine with a fleet of its own."""
    async with agents(fleet, options):
        try:
            if name == "floor":
                cost = await asyncio.to_thread(bare_exchange, min(fleet.count, 1000), port=PORT)
                return {"cpu_us_per_poll": round(cost, 1)}
            if name in PEERS:
                return await peer(name, fleet, options.seconds)
            return await engine(name, fleet, options.rounds, options.dead)
        except Skipped as reason:
            return {"skipped": str(reason)}


def alone(name: str) -> Figures:
    """Measure in a fresh process, so that memory and caches are its own."""
    asked = [argument for argument in sys.argv[1:] if argument != "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "bench.snmp", *asked, "--alone", name], stdout=subprocess.PIPE, timeout=LONGEST
    )
    answer: Figures = json.loads(done.stdout or b'{"skipped": "it ended early"}')
    return answer


def main() -> None:
    """Print the figures, a line for each engine or one JSON object."""
    names = ["floor", *ENGINES, *PEERS]
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--engines", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names)
    )
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=20.0, help="Seconds that a peer is watched.")
    parser.add_argument("--ports", type=int, default=8)
    parser.add_argument("--dead", type=int, default=0, help="Percent of agents that never answer.")
    parser.add_argument("--loss", type=int, default=0, help="Percent of replies that are lost.")
    parser.add_argument("--latency", type=int, default=0, help="Milliseconds until a reply leaves.")
    parser.add_argument("--v3", action="store_true", help="SNMPv3 authPriv: SHA-256, AES-128.")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    options = parser.parse_args()
    wait = 2.0 if not (options.dead or options.loss) else 0.5
    results: dict[str, Figures] = {"machine": {"load_average_before": round(os.getloadavg()[0], 1)}}
    if options.alone:
        name = options.alone
        fleet = Fleet(min(options.count, MOST.get(name, options.count)), options.ports, options.v3, wait)
        print(json.dumps(asyncio.run(measure(name, fleet, options))))
        return
    for name in options.engines:
        results[name] = alone(name)
        if not options.json:
            print(
                f"{name:14}", "  ".join(f"{key}={value}" for key, value in results[name].items()), flush=True
            )
    if options.json:
        print(json.dumps(results))


if __name__ == "__main__":
    main()
