"""Tells a Telegram chat through the Bot API, in plain text, through a proxy or another API server if need be.

Access to Telegram has been blocked by Vietnamese carriers at times: never make it the only channel.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from pydantic import Field

from alerts import notifier
from alerts.http_delivery import CONFIGURATION_PAUSE, HttpNotifier, Reply, Url
from alerts.notification import Message
from alerts.notifier import Refused, TryLater
from inventory.secrets import SecretRef
from probes.core.text import clean

MAX_TEXT = 4000
"""The Bot API takes 4,096 UTF-16 units; what is longer is cut."""

_CHAT = r"^(-?[0-9]{1,20}|@[A-Za-z0-9_]{4,64})$"


class Settings(notifier.ForPeople):
    """Which bot, which chat, which way."""

    kind: Literal["telegram"]
    token: SecretRef
    """The bot's token."""
    chat_id: Annotated[str, Field(pattern=_CHAT)]
    """Number of the chat or group, or ``@name`` of a channel."""
    thread_id: int | None = None
    """Topic of a group with topics."""
    api: Url = "https://api.telegram.org"
    """Base address of the Bot API, for an own API server or a relay."""
    proxy: Url | None = None
    """HTTP proxy to go through."""


class Notifier(HttpNotifier[Settings]):
    """``sendMessage`` without a parse mode, so that nothing a device reports can become a link or markup."""

    settings_model: ClassVar[type[notifier.Settings]] = Settings
    addressable = True

    def address(self, to: str) -> str:
        """Return the number of a chat; that of a person who has spoken to the bot is his own."""
        if not re.fullmatch(_CHAT, to):
            raise Refused(f"{clean(to, 80)!r} is no number of a Telegram chat, such as 123456789")
        return to

    async def send(self, message: Message) -> None:
        """Send the text; its first line is the title."""
        token = await self.secret(self.settings.token)
        url = f"{self.settings.api.rstrip('/')}/bot{token.reveal()}/sendMessage"
        body = msgspec.json.encode(self._body(message))
        reply = await self.post(url, body, {}, proxy=self.settings.proxy)
        _check(reply)

    def _body(self, message: Message) -> dict[str, Any]:
        body: dict[str, Any] = {
            "chat_id": self.address(message.to) if message.to else self.settings.chat_id,
            "text": _cut(f"{message.title}\n{message.text}"),
            "link_preview_options": {"is_disabled": True},
        }
        if self.settings.thread_id is not None and not message.to:
            body["message_thread_id"] = self.settings.thread_id
        return body


class _Parameters(msgspec.Struct):
    retry_after: int | None = None


class _Result(msgspec.Struct):
    """The Bot API's envelope."""

    ok: bool
    description: str = ""
    parameters: _Parameters = msgspec.field(default_factory=_Parameters)


def _check(reply: Reply) -> None:
    try:
        result = msgspec.json.decode(reply.body, type=_Result)
    except (msgspec.DecodeError, RecursionError):
        reply.raise_for_status()
        raise TryLater("the answer is not one of the Bot API") from None
    if result.ok and 200 <= reply.status < 300:
        return
    said = f"HTTP {reply.status}: {clean(result.description, 120)}"
    if reply.status == 400 and "chat" not in result.description.lower():
        raise Refused(f"Telegram refused the message, {said}")
    if reply.status in (400, 401, 403, 404):
        raise TryLater(f"Telegram does not know the bot or the chat, {said}", CONFIGURATION_PAUSE)
    raise TryLater(f"Telegram is busy, {said}", result.parameters.retry_after or reply.retry_after)


def _cut(text: str) -> str:
    """Return `text` within the limit, which counts UTF-16 units."""
    units = text.encode("utf-16-le")
    if len(units) <= 2 * MAX_TEXT:
        return text
    return units[: 2 * MAX_TEXT].decode("utf-16-le", "ignore") + " …"
