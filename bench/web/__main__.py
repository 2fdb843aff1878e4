"""The pages of a whole nation in a mass outage: 3,321 communes, 66,420 devices, 500 viewers, 30 % lost in ten seconds.

python -m bench.web [--json] [--viewers 500] [--quiet 60] [--parts crowd pages paint]

crowd: a quiet minute, the outage, and everybody coming back after a cut and after a restart, with the poll wheel in
the same loop; pages: every address that is read, in the outage; paint: what a reader waits for in Chromium, in the
outage, on this machine and on a slow one. Clients and browsers are other processes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.web import crowd, pages, paint
from bench.web.house import house
from bench.web.outage import Outage

PARTS = ("crowd", "pages", "paint")


async def bench(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of the chosen parts."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with house(Path(folder)) as served:
            if "crowd" in chosen.parts:
                found["crowd"] = await crowd.measure(
                    served, chosen.viewers, chosen.quiet, chromium=not chosen.no_chromium
                )
            else:
                await Outage(served.town).run()
            if "pages" in chosen.parts:
                found["pages"] = await pages.measure(served)
            if "paint" in chosen.parts:
                found["paint"] = await paint.measure(served)
    return found


def lines(found: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """Yield the figures as indented lines."""
    for name, value in found.items():
        if isinstance(value, Mapping):
            yield f"{'  ' * depth}{name}"
            yield from lines(value, depth + 1)
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            yield from (f"{'  ' * depth}{'  '.join(map(str, row.values()))}" for row in value)
        else:
            yield f"{'  ' * depth}{name:34} {value}"


def main() -> None:
    """Run, and print lines or one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--viewers", type=int, default=500)
    parser.add_argument("--quiet", type=float, default=60.0, help="seconds before the outage")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--no-chromium", action="store_true")
    chosen = parser.parse_args()
    found = asyncio.run(bench(chosen))
    print(json.dumps(found) if chosen.json else "\n".join(lines(found)))


if __name__ == "__main__":
    main()
