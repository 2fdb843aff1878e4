"""Viewers in a process of their own: python -m bench.web.viewers URL COUNT (tokens on standard input).

They look at pages as people do: most at the wall, some at a province, the map, the incidents. On ``cut`` they all lose
their connection and come back as the script of the pages does; at the end of the input they say what they saw.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

OPEN = re.compile(rb'data-open-incidents="(\d+)"')
DELAY, JITTER = 0.5, 0.3
"""Seconds until the first try, and by which part of them it varies: what `monitor/web/templates/base.html` sets."""
PATIENCE = 4.0
LONGEST = 60.0
"""Seconds in which all must look."""
WATCHES = 10
"""Viewers of the wall who read what they get."""
_WALL_EVERY = 0.2


@dataclass
class Tally:
    """What all of them saw."""

    bytes: int = 0
    connected: int = 0
    refused: int = 0
    seen: dict[int, float] = field(default_factory=dict)
    """When the slowest of those who read saw a count of open incidents."""
    back: list[float] = field(default_factory=list)
    """Seconds from the cut until a viewer had the page again."""
    wall: list[tuple[float, int]] = field(default_factory=list)
    """Seconds and bytes of the wall, asked for meanwhile."""
    cut_at: float = 0.0
    cut: asyncio.Event = field(default_factory=asyncio.Event)


def views(count: int, tokens: Sequence[str]) -> list[tuple[str, str]]:
    """Return what each looks at, and as whom: with few tokens for everywhere, then one each for single communes."""
    shared, single = tokens[:2], tokens[2:]
    chance = random.Random(6)
    found = [("view=wall&lang=vi", shared[n % 2]) for n in range(WATCHES)]
    while len(found) < count:
        draw = chance.random()
        if draw < 0.6:
            found.append(("view=wall", shared[len(found) % 2]))
        elif draw < 0.75:
            found.append((f"view=wall&province={chance.choice(('01', '42', '40', '79', '38'))}", shared[0]))
        elif draw < 0.8:
            found.append(("view=map", shared[1]))
        elif draw < 0.9:
            found.append(("view=incidents", shared[1]))
        elif draw < 0.95:
            found.append(("view=kiosk", shared[0]))
        else:
            found.append(("view=wall", chance.choice(single or shared)))
    return found


async def viewer(
    session: aiohttp.ClientSession, url: str, view: str, token: str, tally: Tally, place: int
) -> None:
    """Look at one page, and come back whenever the connection ends."""
    headers, tries, began = {"Accept-Encoding": "gzip", "Authorization": f"Bearer {token}"}, 0, False
    while True:
        try:
            async with session.get(f"{url}/events?{view}", headers=headers) as answer:
                if answer.status != 200:
                    raise aiohttp.ClientError(str(answer.status))
                await _until_cut(answer, tally, headers, reads=place < WATCHES, first=not began)
                began, tries = True, 0
        except (aiohttp.ClientError, OSError):
            tally.refused += 1
        tries += 1
        wait = min(DELAY * 2 ** (tries - 1), PATIENCE)
        await asyncio.sleep(wait * (1 + random.uniform(-JITTER, JITTER)))


async def _until_cut(
    answer: aiohttp.ClientResponse, tally: Tally, headers: dict[str, str], *, reads: bool, first: bool
) -> None:
    tasks = [
        asyncio.create_task(_read(answer, tally, headers, reads=reads, first=first)),
        asyncio.create_task(tally.cut.wait()),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _read(
    answer: aiohttp.ClientResponse, tally: Tally, headers: dict[str, str], *, reads: bool, first: bool
) -> None:
    unpack, text, new = zlib.decompressobj(31), b"", True
    async for chunk in answer.content.iter_any():
        tally.bytes += len(chunk)
        text += unpack.decompress(chunk)
        if new and b"\n\n" in text:
            new = False
            tally.connected += first
            if not first and tally.cut_at:
                tally.back.append(time.monotonic() - tally.cut_at)
        for line in re.findall(rb"(?m)^id: (\S+)", text):
            headers["Last-Event-ID"] = line.decode()
        if reads:
            for seen in OPEN.findall(text):
                tally.seen.setdefault(int(seen), time.time())
        text = text[-64:]


async def _ask(session: aiohttp.ClientSession, url: str, token: str, tally: Tally) -> None:
    """Open the wall again and again, as people who come to it."""
    headers = {"Accept-Encoding": "gzip", "Authorization": f"Bearer {token}"}
    while True:
        begun = time.monotonic()
        async with session.get(url, headers=headers) as answer:
            size = len(await answer.read())
        tally.wall.append((time.monotonic() - begun, size))
        await asyncio.sleep(_WALL_EVERY)


def told(tally: Tally, count: int) -> Mapping[str, Any]:
    """Return what is told to the bench."""
    return {
        "seen": tally.seen, "wall": tally.wall, "refused": tally.refused,
        "kB_per_viewer": round(tally.bytes / count / 1000, 1),
    }  # fmt: skip


async def main(url: str, count: int) -> None:
    """Say ``ready`` when all look; then do what the lines of the input say."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    tokens, tally = json.loads(await lines.readline()), Tally()
    made = aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=None),
        connector=aiohttp.TCPConnector(limit=0),
        auto_decompress=False,
    )
    async with made as session:
        tasks = [
            asyncio.create_task(viewer(session, url, view, token, tally, place))
            for place, (view, token) in enumerate(views(count, tokens))
        ]
        async with asyncio.timeout(LONGEST):
            while tally.connected < count:  # noqa: ASYNC110 - counts up in 500 places
                await asyncio.sleep(0.1)
        tasks.append(asyncio.create_task(_ask(session, url, tokens[0], tally)))
        print("ready", flush=True)
        while (line := (await lines.readline()).decode().strip()) != "end" and line:
            if line == "clear":
                tally.wall.clear()
                tally.bytes = 0
            if line in ("cut", "restart"):
                tally.back.clear()
                tally.cut_at = time.monotonic()
            if line == "cut":
                old, tally.cut = tally.cut, asyncio.Event()
                old.set()
            print(json.dumps(tally.back) if line == "back" else "done", flush=True)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps(told(tally, count)), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
