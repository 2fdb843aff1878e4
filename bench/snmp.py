"""CPU of the `snmp` probe alone, per device poll: ``python -m bench.snmp [--count N] [--rounds R] [--json]``.

A poll is what one minute of one device asks: 15 scalars and 8 interfaces with state and 64-bit rates (every
fifth poll also errors and administrative state), made into samples. The agents run in a process of their own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import inventory.profiles
from bench.agents import address
from inventory.network_policy import NetworkPolicy
from inventory.profile import load_profiles
from inventory.secrets import Credential, Secret
from probes.core.hostkeys import NoHostKeys
from probes.core.network import Network
from probes.core.probe import Environment, ProbeFailure, Target
from probes.snmp import Params, Probe

PORT = 21162
AT_ONCE = 200


async def one_round(probe: Probe, targets: list[Target]) -> tuple[float, float, int, int]:
    """Poll every target once; return CPU and wall seconds, failures, samples."""
    cpu, wall = time.process_time(), time.monotonic()
    todo = iter(targets)
    failures = samples = 0
    params = Params(port=PORT)

    async def worker() -> None:
        nonlocal failures, samples
        for target in todo:
            try:
                answer = await probe.ask(target, params)
                samples += len(answer.samples)
            except ProbeFailure:
                failures += 1

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))
    return time.process_time() - cpu, time.monotonic() - wall, failures, samples


async def measure(count: int, rounds: int) -> dict[str, float]:
    """Poll `count` agents `rounds` times after the first contact."""
    profiles = load_profiles(Path(inventory.profiles.__path__[0]))
    credential = Credential("snmp_v2c", {}, {"community": Secret("public")})
    targets = [Target(f"bench/{number}", address(number), credential) for number in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        async with Probe(
            Environment(profiles, NoHostKeys(), Path(folder), Network(NetworkPolicy(allow=("127.0.0.0/8",))))
        ) as probe:
            first = await one_round(probe, targets)
            results = []
            for _ in range(rounds):
                await asyncio.sleep(0.6)
                results.append(await one_round(probe, targets))
    cpu = [result[0] / count * 1e6 for result in results]
    return {
        "devices": count,
        "first_contact_us": round(first[0] / count * 1e6, 1),
        "cpu_us_per_poll": round(statistics.median(cpu), 1),
        "cpu_us_min": round(min(cpu), 1),
        "cpu_us_max": round(max(cpu), 1),
        "polls_per_s": round(count / statistics.median(result[1] for result in results)),
        "failures": first[2] + sum(result[2] for result in results),
        "samples_per_poll": round(results[-1][3] / count, 1),
        "rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


async def with_agents(count: int, rounds: int) -> dict[str, float]:
    """Measure with a fleet of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.agents", "--count", str(count), "--port", str(PORT),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        await asyncio.wait_for(process.stdout.readline(), 30)
        return await measure(count, rounds)
    finally:
        process.terminate()
        await process.wait()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = asyncio.run(with_agents(options.count, options.rounds))
    print(json.dumps(figures) if options.json else "  ".join(f"{k}={v}" for k, v in figures.items()))


if __name__ == "__main__":
    main()
