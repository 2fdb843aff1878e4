"""The calls of Telegram's Bot API that we make, on a loopback port, with their good and bad answers.

async with telegram("123:abc") as bot:
    ...bot.url, bot.texts, bot.edited, bot.say("nhan 12"), bot.press(bot.button(), user=7)...
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.servers.loopback_http import served


@dataclass
class Bot:
    """What the API got."""

    token: str
    url: str = ""
    chats: frozenset[str] = frozenset({"-100"})
    texts: list[str] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    edited: list[dict[str, Any]] = field(default_factory=list)
    answered: list[dict[str, Any]] = field(default_factory=list)
    updates: list[dict[str, Any]] = field(default_factory=list)
    """What `getUpdates` hands out until an offset confirms it."""
    first: int = 500
    """Number of the first update."""
    offsets: list[int | None] = field(default_factory=list)
    take_then_fail: bool = False
    """Whether a message is taken and the answer an error all the same."""

    async def answer(self, request: web.BaseRequest) -> web.Response:
        method = request.path.removeprefix(f"/bot{self.token}/")
        body = json.loads(await request.read())
        match method:
            case "sendMessage":
                return self._send(body)
            case "editMessageText":
                return self._edit(body)
            case "answerCallbackQuery":
                self.answered.append(body)
                return _result(True)
            case "getUpdates":
                return await self._updates(body)
        return _reply(401, "Unauthorized")

    def _send(self, body: dict[str, Any]) -> web.Response:
        if body["chat_id"] not in self.chats:
            return _reply(400, "Bad Request: chat not found")
        if wrong := _wrong_text(body["text"]):
            return _reply(400, wrong)
        self.sent.append(body)
        self.texts.append(body["text"])
        if self.take_then_fail:
            return _reply(502, "Bad Gateway")
        return _result({"message_id": len(self.texts), "chat": {"id": int(body["chat_id"])}, "date": 1})

    def _edit(self, body: dict[str, Any]) -> web.Response:
        if not 1 <= body["message_id"] <= len(self.sent):
            return _reply(400, "Bad Request: message to edit not found")
        if wrong := _wrong_text(body["text"]):
            return _reply(400, wrong)
        self.edited.append(body)
        return _result({"message_id": body["message_id"], "chat": {"id": int(body["chat_id"])}, "date": 1})

    async def _updates(self, body: dict[str, Any]) -> web.Response:
        offset = body.get("offset")
        self.offsets.append(offset)
        if offset is not None:
            self.updates = [update for update in self.updates if update["update_id"] >= offset]
        if not self.updates:
            await asyncio.sleep(0.05)  # a short long poll
        return _result(self.updates[: body.get("limit", 100)])

    def say(self, text: str, *, user: int = 7, chat: int = -100, to: int | None = None, **more: Any) -> None:
        """Somebody writes into a chat; `to`: number of the message he answers."""
        where = {"id": chat, "type": "group"}
        said = {"message_id": 1000, "date": 1, "chat": where, "from": _user(user), "text": text, **more}
        if to is not None:
            said["reply_to_message"] = {"message_id": to, "date": 1, "chat": where, "text": "…"}
        self._add({"message": said})

    def press(self, data: str, *, user: int = 7, chat: int = -100, message: int = 1) -> None:
        """Somebody presses a button under a message."""
        under = {"message_id": message, "date": 1, "chat": {"id": chat, "type": "group"}}
        pressed = {"id": "99", "from": _user(user), "message": under, "chat_instance": "1", "data": data}
        self._add({"callback_query": pressed})

    def button(self, number: int = -1) -> str:
        """Return what the button of a message that was sent carries."""
        data: str = self.sent[number]["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
        assert len(data.encode()) <= 64
        return data

    def _add(self, update: dict[str, Any]) -> None:
        number = self.updates[-1]["update_id"] + 1 if self.updates else self.first + len(self.offsets)
        self.updates.append({"update_id": number, **update})


def _user(number: int) -> dict[str, Any]:
    return {"id": number, "is_bot": False, "first_name": "Nguyễn", "last_name": "An"}


def _wrong_text(text: str) -> str:
    if not text:
        return "Bad Request: message text is empty"
    return "Bad Request: message is too long" if len(text.encode("utf-16-le")) > 2 * 4096 else ""


def _result(result: object) -> web.Response:
    return web.json_response({"ok": True, "result": result})


def _reply(status: int, description: str) -> web.Response:
    body = {"ok": False, "error_code": status, "description": description}
    return web.json_response(body, status=status)


@contextlib.asynccontextmanager
async def telegram(token: str) -> AsyncIterator[Bot]:
    """Serve until left."""
    bot = Bot(token)
    async with served(bot.answer) as bot.url:
        yield bot
