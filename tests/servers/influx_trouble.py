"""An InfluxDB write address that answers what a test tells it to, and remembers the lines it took."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Answer = Callable[[bytes], web.Response]


def status(code: int, text: str = "", **headers: str) -> Answer:
    """Answer `code` and keep nothing."""
    return lambda body: web.Response(status=code, text=text, headers=headers)


class Troubled:
    """Answers from `plan`, one a request, and takes everything (204) when it is empty."""

    def __init__(self) -> None:
        self.plan: deque[Answer | str] = deque()
        """An answer, ``"reset"`` (close without one) or ``"hang"`` (keep the lines and never answer)."""
        self.lines: list[str] = []
        self.requests = 0
        self.times: list[float] = []
        self.url = ""
        self._hung = asyncio.Event()

    async def write(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        self.times.append(asyncio.get_running_loop().time())
        body = await request.read()
        answer = self.plan.popleft() if self.plan else "take"
        if answer == "reset":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if not callable(answer):
            self.lines += body.decode().split("\n")
        if answer == "hang":
            await self._hung.wait()
        return answer(body) if callable(answer) else web.Response(status=204)

    def release(self) -> None:
        """Let hanging requests end."""
        self._hung.set()


@asynccontextmanager
async def troubled_influxdb(port: int = 0, max_body: int = 1 << 20) -> AsyncIterator[Troubled]:
    """Run the server; a body beyond `max_body` bytes is answered 413."""
    server = Troubled()
    app = web.Application(client_max_size=max_body)
    app.router.add_post("/api/v2/write", server.write)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        server.release()
        await runner.cleanup()
