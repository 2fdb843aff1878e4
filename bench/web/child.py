"""Another process that does what the lines it is sent say: clients must not take the time of the loop they measure."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

LONGEST = 32 * 1024 * 1024


class Child:
    """A program of this bench."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def line(self) -> str:
        """Return the next line that it prints. Raises `RuntimeError` when it ended."""
        assert self._process.stdout is not None
        line = (await self._process.stdout.readline()).decode().strip()
        if not line:
            raise RuntimeError("a client of the bench ended before it said anything")
        return line

    async def say(self, words: str, *, answered: bool = True) -> str:
        """Send it a line, and return its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{words}\n".encode())
        await self._process.stdin.drain()
        return await self.line() if answered else ""

    async def result(self, words: str = "end") -> Any:
        """Send it a line that it answers in JSON."""
        return json.loads(await self.say(words))


@asynccontextmanager
async def child(module: str, *arguments: str) -> AsyncIterator[Child]:
    """Run ``python -m MODULE ARGUMENTS``; it is ended with the context."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LONGEST,
    )  # fmt: skip
    try:
        yield Child(process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
