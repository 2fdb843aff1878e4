"""eSMS.vn and SpeedSMS on a loopback port as their documentation describes them.

async with esms("key") as gateway: ...gateway.url, gateway.sent, gateway.code = "103"...
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.servers.loopback_http import served


@dataclass
class Gateway:
    """What arrived, and what is answered."""

    key: str
    url: str = ""
    code: str = ""
    """Code of an error, ``""`` for success."""
    sent: list[dict[str, Any]] = field(default_factory=list)
    take_then_fail: bool = False

    async def esms(self, request: web.BaseRequest) -> web.Response:
        body = json.loads(await request.read())
        if (body["ApiKey"], body["SecretKey"]) != (self.key, self.key):
            return web.json_response({"CodeResult": "101", "ErrorMessage": "Authorize Failed"})
        if any(body["RequestId"] == earlier["RequestId"] for earlier in self.sent):
            return web.json_response({"CodeResult": "124", "ErrorMessage": "Duplicate RequestId"})
        if self.code:
            return web.json_response({"CodeResult": self.code, "ErrorMessage": "…"})
        self.sent.append(body)
        if self.take_then_fail:
            return web.Response(status=502)
        return web.json_response({"CodeResult": "100", "CountRegenerate": 0, "SMSID": f"e{len(self.sent)}"})

    async def speedsms(self, request: web.BaseRequest) -> web.Response:
        proof = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        if proof != f"{self.key}:x":
            return web.json_response(
                {"status": "error", "code": "401", "message": "unauthorized"}, status=401
            )
        if self.code:
            return web.json_response({"status": "error", "code": self.code, "message": "…"})
        body = json.loads(await request.read())
        self.sent.append(body)
        data = {"tranId": 1000 + len(self.sent), "totalSMS": 1, "totalPrice": 250, "invalidPhone": []}
        return web.json_response({"status": "success", "code": "00", "data": data})


@contextlib.asynccontextmanager
async def esms(key: str) -> AsyncIterator[Gateway]:
    """Serve until left."""
    gateway = Gateway(key)
    async with served(gateway.esms) as gateway.url:
        yield gateway


@contextlib.asynccontextmanager
async def speedsms(key: str) -> AsyncIterator[Gateway]:
    """Serve until left."""
    gateway = Gateway(key)
    async with served(gateway.speedsms) as gateway.url:
        yield gateway
