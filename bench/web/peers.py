"""The web page of another monitor that runs here, seen by the same Chromium: python -m bench.web.peers [--json].

Grafana and Uptime Kuma are no packages of Debian, and its VictoriaMetrics has no pages; Prometheus has. It runs empty,
with nothing to watch: what is measured is the page, not a nation. What is not installed is left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from bench.web.paint import PROFILES, chromium, look
from tests.servers.ports import free_port

PEERS: Mapping[str, tuple[str, tuple[str, ...], Mapping[str, str]]] = {
    "Prometheus": (
        "prometheus",
        ("--config.file={folder}/prometheus.yml", "--storage.tsdb.path={folder}/data",
         "--web.listen-address=127.0.0.1:{port}"),
        {"graph": "/graph"},
    ),
}  # fmt: skip
"""Program, arguments, pages."""
STARTED = 20.0
"""Seconds in which a program must answer."""


@asynccontextmanager
async def running(program: str, arguments: tuple[str, ...]) -> AsyncIterator[str]:
    """Run a program on a free port, and yield its address once it answers."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        await asyncio.to_thread(Path(folder, "prometheus.yml").write_text, "scrape_configs: []\n")
        given = [one.format(folder=folder, port=port) for one in arguments]
        nothing = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(program, *given, stdout=nothing, stderr=nothing)
        try:
            address = f"http://127.0.0.1:{port}"
            await asyncio.wait_for(_answers(address), STARTED)
            yield address
        finally:
            process.terminate()
            await process.wait()


async def _answers(address: str) -> None:
    while True:
        try:
            await asyncio.to_thread(lambda: urlopen(address, timeout=2).close())
        except (URLError, OSError):
            await asyncio.sleep(0.2)
        else:
            return


async def measure() -> dict[str, Any]:
    """Return the figures of each that is installed."""
    found: dict[str, Any] = {}
    async with chromium() as browser:
        for name, (program, arguments, pages) in PEERS.items():
            if shutil.which(program) is None:
                continue
            async with running(program, arguments) as address:
                for page, path in pages.items():
                    found[f"{name}: {page}"] = {
                        profile: await look(browser, profile, address + path) for profile in PROFILES
                    }
    return found


def main() -> None:
    """Run, and print lines or one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    found = asyncio.run(measure())
    if chosen.json:
        print(json.dumps(found))
        return
    for page, profiles in found.items():
        for profile, figures in profiles.items():
            print(f"{page:28} {profile:10} {figures}")


if __name__ == "__main__":
    main()
