"""Asks for addresses, each by a line of the input: python -m bench.web.ask URL."""

from __future__ import annotations

import asyncio
import json
import sys
import time

import aiohttp


async def main(url: str) -> None:
    """Answer each line, a token in JSON or ``GET ADDRESS``, by a line."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    headers = {"Accept-Encoding": "gzip"}
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        while line := (await lines.readline()).decode().strip():
            if line.startswith('"'):
                headers["Authorization"] = f"Bearer {json.loads(line)}"
                print("ready", flush=True)
                continue
            begun = time.monotonic()
            async with session.get(url + line[4:], headers=headers, allow_redirects=False) as answer:
                size = len(await answer.read())
            took = round((time.monotonic() - begun) * 1000, 1)
            print(json.dumps({"status": answer.status, "kB": round(size / 1000, 1), "ms": took}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
