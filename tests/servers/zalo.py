"""Zalo on a loopback port as its documentation describes it: a bot, tokens of an account, notifications.

async with zalo_bot("123:abc") as bot: ...bot.url, bot.texts, bot.say("nhan 12")...
async with zns("first-refresh") as service: ...service.url, service.sent, service.refreshes...
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

from tests.servers.loopback_http import served


@dataclass
class ZaloBot:
    """What the bot got, and what people tell it."""

    token: str
    url: str = ""
    chats: frozenset[str] = frozenset({"6ede9afa66b88fe6d6a9"})
    texts: list[str] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)

    async def answer(self, request: web.BaseRequest) -> web.Response:
        method = request.path.removeprefix(f"/bot{self.token}/")
        body = json.loads(await request.read())
        if method == "getUpdates":
            if self.said:
                return web.json_response({"ok": True, "result": self.said.pop(0)})
            await asyncio.sleep(0.05)
            return _refusal(408, "Request timeout")
        if method != "sendMessage":
            return _refusal(401, "Unauthorized")
        if body["chat_id"] not in self.chats:
            return _refusal(404, "Chat not found")
        if not 1 <= len(body["text"]) <= 2000:
            return _refusal(400, "Bad request: text")
        self.sent.append(body)
        self.texts.append(body["text"])
        return web.json_response({"ok": True, "result": {"message_id": f"m{len(self.sent)}", "date": 1}})

    def say(
        self, text: str, *, user: str = "user-1", chat: str = "6ede9afa66b88fe6d6a9", id: str = ""
    ) -> None:
        """Somebody writes to the bot."""
        message = {
            "message_id": id or f"said-{len(self.said)}-{text}",
            "date": 1,
            "chat": {"id": chat, "chat_type": "PRIVATE"},
            "from": {"id": user, "display_name": "Trần Bình", "is_bot": False},
            "text": text,
        }
        self.said.append({"event_name": "message.text.received", "message": message})


@dataclass
class Zns:
    """The notification service and the authorization server; a refresh token is good for one use."""

    refresh: str
    url: str = ""
    access: str = ""
    lives: float = 90000
    """Seconds an access token is good for."""
    refreshes: list[str] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    error: int = 0
    """What sending answers."""
    delay: float = 0.0
    """Seconds the authorization server takes before it answers."""

    async def answer(self, request: web.BaseRequest) -> web.Response:
        body = (await request.read()).decode()
        return await self._token(request, body) if request.path == "/token" else self._send(request, body)

    async def _token(self, request: web.BaseRequest, body: str) -> web.Response:
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self.refreshes.append(form["refresh_token"])
        if request.headers.get("secret_key") is None or form["refresh_token"] != self.refresh:
            return web.json_response({"error": -14014, "error_name": "Invalid refresh token"})
        number = len(self.refreshes)
        self.refresh, self.access = f"refresh-{number}", f"access-{number}"
        await asyncio.sleep(self.delay)
        answer = {"access_token": self.access, "refresh_token": self.refresh, "expires_in": str(self.lives)}
        return web.json_response(answer)

    def _send(self, request: web.BaseRequest, body: str) -> web.Response:
        if request.headers.get("access_token") != self.access:
            return web.json_response({"error": -124, "message": "Access token invalid"})
        if self.error:
            return web.json_response({"error": self.error, "message": "…"})
        self.sent.append(json.loads(body))
        return web.json_response({"error": 0, "message": "Success", "data": {"msg_id": f"z{len(self.sent)}"}})


def _refusal(status: int, description: str) -> web.Response:
    return web.json_response({"ok": False, "error_code": status, "description": description}, status=status)


@contextlib.asynccontextmanager
async def zalo_bot(token: str) -> AsyncIterator[ZaloBot]:
    """Serve until left."""
    bot = ZaloBot(token)
    async with served(bot.answer) as bot.url:
        yield bot


@contextlib.asynccontextmanager
async def zns(refresh: str) -> AsyncIterator[Zns]:
    """Serve until left."""
    service = Zns(refresh)
    async with served(service.answer) as service.url:
        yield service
