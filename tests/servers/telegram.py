"""The one call of Telegram's Bot API that we make, on a loopback port, with its good and bad answers.

async with telegram("123:abc") as bot:
    ...bot.url, bot.texts...
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Bot:
    """What the API got."""

    token: str
    url: str = ""
    chats: frozenset[str] = frozenset({"-100"})
    texts: list[str] = field(default_factory=list)
    sent: list[dict[str, object]] = field(default_factory=list)

    async def answer(self, request: web.BaseRequest) -> web.Response:
        if request.path != f"/bot{self.token}/sendMessage":
            return _reply(401, "Unauthorized")
        body = json.loads(await request.read())
        if body["chat_id"] not in self.chats:
            return _reply(400, "Bad Request: chat not found")
        if len(body["text"].encode("utf-16-le")) > 2 * 4096:
            return _reply(400, "Bad Request: message is too long")
        self.sent.append(body)
        self.texts.append(body["text"])
        return web.json_response({"ok": True, "result": {"message_id": len(self.texts)}})


def _reply(status: int, description: str) -> web.Response:
    body = {"ok": False, "error_code": status, "description": description}
    return web.json_response(body, status=status)


@contextlib.asynccontextmanager
async def telegram(token: str) -> AsyncIterator[Bot]:
    """Serve until left."""
    bot = Bot(token)
    runner = web.ServerRunner(web.Server(bot.answer), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    bot.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield bot
    finally:
        await runner.cleanup()
