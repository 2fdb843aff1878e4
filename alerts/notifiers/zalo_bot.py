"""Tells a Zalo chat through a bot of the Zalo Bot Platform, in plain text. A person must have written to the bot first.

It cannot edit a message, nor answer one in particular. Methods: bot.zaloplatforms.com/docs
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import msgspec
from pydantic import Field

from alerts.incident import Words
from alerts.telling import notifier
from alerts.telling.bot_api import LISTEN, MAX_UPDATES, BotNotifier, BotSettings, cut, each
from alerts.telling.http_delivery import Url, read
from alerts.telling.notification import Message
from alerts.telling.notifier import TryLater
from alerts.telling.plain import unlinked
from alerts.telling.replies import MAX_TEXT as MAX_REPLY_TEXT
from alerts.telling.replies import Heard
from inventory.form import Form
from probes.core.text import clean

MAX_TEXT = 2000
"""Characters of a message; what is longer is cut."""
_CHAT = r"[A-Za-z0-9_-]{4,64}"
_USER = "the id of a user, as the bot's updates name it"
_WANTED = "the id of a chat, as the bot's updates name it: letters and digits such as 6ede9afa66b88fe6d6a9"
_HOW = Words("Trả lời “nhan {id}” để nhận việc này.", "Send “ack {id}” to take it on.")


class Settings(BotSettings):
    """Which bot, which chat."""

    kind: Literal["zalo_bot"]
    chat_id: Annotated[str, Form(_CHAT, _WANTED)]
    """Id of the chat with a person or of a group."""
    replies_from: Annotated[tuple[Annotated[str, Form(_CHAT, _USER)], ...], Field(max_length=200)] = ()
    api: Url = "https://bot-api.zaloplatforms.com"
    """Base address of the API, for a relay."""


class Notifier(BotNotifier[Settings]):
    """``sendMessage`` without a parse mode."""

    settings_model: ClassVar[type[notifier.Settings]] = Settings
    service = "Zalo"
    chat_form = _CHAT
    room = MAX_TEXT

    async def send(self, message: Message) -> str | None:
        """Send the text; its first line is the title. Returns the id of the message."""
        how = ""
        if self.offers(message):
            how = "\n" + _HOW.in_language(self.settings.language).format(id=message.incident.id)
        text = unlinked(f"{message.title}\n{message.text}", message.link)
        text = cut(text, MAX_TEXT - len(how)) + how
        sent = await self.call("sendMessage", {"chat_id": self.target(message), "text": text})
        told = read(sent, _Sent)
        return (told and told.message_id) or None

    async def hear(self, after: str) -> Sequence[Heard]:
        """Ask for what was said: the service hands out each message once, and 408 when there was none."""
        try:
            raw = await self.call("getUpdates", {"timeout": str(LISTEN)}, MAX_UPDATES)
        except TryLater as error:
            if "408" in str(error):
                return ()
            raise
        heard = (_heard(update) for update in each(raw))
        return [one for one in heard if one is not None]

    async def answer(self, heard: Heard, text: str) -> None:
        """Answer in the chat where it was said."""
        body = {"chat_id": self.address(heard.chat), "text": cut(unlinked(text, ""), MAX_TEXT)}
        await self.call("sendMessage", body)


class _Sent(msgspec.Struct):
    message_id: str = ""


class _Party(msgspec.Struct):
    id: str
    display_name: str = ""
    first_name: str = ""
    is_bot: bool = False


class _Said(msgspec.Struct):
    message_id: str
    chat: _Party
    from_: _Party = msgspec.field(name="from")
    text: str = ""


class _Update(msgspec.Struct):
    message: _Said


def _heard(raw: msgspec.Raw) -> Heard | None:
    update = read(raw, _Update)
    if update is None or update.message.from_.is_bot:
        return None  # a picture, an event of another kind, a bot: it does not come again
    said = update.message
    name = clean(said.from_.display_name or said.from_.first_name, 64)
    user, chat = said.from_.id[:64], said.chat.id[:64]
    return Heard(said.message_id[:64], chat, user, name, said.text[:MAX_REPLY_TEXT])
