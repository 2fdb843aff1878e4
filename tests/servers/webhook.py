"""An HTTP server on a loopback port that keeps every request and answers as told.

async with webhook() as hook:      # or webhook(status=429, headers={"Retry-After": "7"}), webhook(delay=5)
    ...hook.url, hook.requests...
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(frozen=True)
class Received:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Hook:
    """What the server got, and how it behaves; both may be changed while it runs."""

    url: str = ""
    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    requests: list[Received] = field(default_factory=list)
    fail_after: int | None = None
    """How many requests are answered as told until one fails with 503."""

    async def answer(self, request: web.BaseRequest) -> web.Response:
        body = await request.read()
        self.requests.append(Received(request.path, dict(request.headers), body))
        await asyncio.sleep(self.delay)
        if self.fail_after is not None:
            self.fail_after -= 1
            if self.fail_after < 0:
                self.fail_after = None
                return web.Response(status=503)
        return web.Response(status=self.status, body=self.body, headers=self.headers)


@contextlib.asynccontextmanager
async def webhook(
    *, status: int = 200, body: bytes = b"{}", headers: dict[str, str] | None = None, delay: float = 0.0
) -> AsyncIterator[Hook]:
    """Serve until left."""
    hook = Hook(status=status, body=body, headers=headers or {}, delay=delay)
    runner = web.ServerRunner(web.Server(hook.answer), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield hook
    finally:
        await runner.cleanup()
