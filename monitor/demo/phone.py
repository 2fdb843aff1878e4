"""The phone of whoever is on duty in the simulated province: a gateway that takes messages and shows them."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiohttp import web

from monitor.demo.controls import Received
from monitor.demo.layout import PHONE_PORT

KEPT = 200
MAX_BODY = 256 * 1024


class _Message(msgspec.Struct):
    title: str
    text: str
    to: str = ""
    name: str = ""
    take: str = ""


class _Delivery(msgspec.Struct):
    """What the webhook notifier posts; the rest of it is of no use to a phone."""

    message: _Message


class Phone:
    """``POST /messages`` takes one, ``GET /messages`` returns the last, newest first."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._received: deque[Received] = deque(maxlen=KEPT)
        self._keys: deque[str] = deque(maxlen=KEPT)

    async def open(self) -> web.AppRunner:
        """Serve, and return what ends that by its ``cleanup``."""
        app = web.Application(client_max_size=MAX_BODY)
        app.add_routes([web.post("/messages", self._take), web.get("/messages", self._show)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, self._address, PHONE_PORT).start()
        return runner

    async def _take(self, request: web.Request) -> web.Response:
        key = request.headers.get("Idempotency-Key", "")
        try:
            message = msgspec.json.decode(await request.read(), type=_Delivery).message
        except msgspec.DecodeError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        if not key or key not in self._keys:
            self._keys.append(key)
            own: dict[str, Any] = msgspec.structs.asdict(message)
            self._received.appendleft(Received(datetime.now(UTC), **own))
        return web.Response(status=204)

    async def _show(self, request: web.Request) -> web.Response:
        return web.Response(body=msgspec.json.encode(list(self._received)), content_type="application/json")
