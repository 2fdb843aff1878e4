"""Tells a Telegram chat through the Bot API, in plain text, through a proxy or another API server if need be.

Access to Telegram has been blocked by Vietnamese carriers at times: never make it the only channel.
Methods and limits: core.telegram.org/bots/api
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from pydantic import Field, model_validator

from alerts.incident import Step, Words
from alerts.telling import notifier
from alerts.telling.bot_api import LISTEN, MAX_UPDATES, BotNotifier, BotSettings, cut, each
from alerts.telling.http_delivery import Url, read
from alerts.telling.notification import Message
from alerts.telling.notifier import Refused
from alerts.telling.plain import unlinked
from alerts.telling.replies import MAX_TEXT as MAX_REPLY_TEXT
from alerts.telling.replies import Heard, button
from inventory.form import Form
from probes.core.text import clean

MAX_TEXT = 4000
"""The Bot API takes 4,096 UTF-16 units; what is longer is cut."""
_UPDATES = 10
"""Updates asked for at once: ten of the largest fit into what is read."""
_CHAT = r"(-?[0-9]{1,20}|@[A-Za-z0-9_]{4,64})"
_USER = "the number of a user, not his @name"
_WANTED = "the number of a chat such as -1001234567890, or @name of a channel"
_TAKE_ON = Words("Tôi nhận việc này", "I take it on")


class Settings(BotSettings):
    """Which bot, which chat, which way."""

    kind: Literal["telegram"]
    chat_id: Annotated[str, Form(_CHAT, _WANTED)]
    """Number of the chat or group, or ``@name`` of a channel."""
    replies_from: Annotated[
        tuple[Annotated[str, Form("[0-9]{1,20}", _USER)], ...], Field(max_length=200)
    ] = ()
    thread_id: int | None = None
    """Topic of a group with topics."""
    api: Url = "https://api.telegram.org"
    """Base address of the Bot API, for an own API server or a relay."""

    @model_validator(mode="after")
    def _heard_where(self) -> Settings:
        if self.replies and self.chat_id.startswith("@"):
            raise ValueError(
                "replies want the number of the chat: what is said there comes with its number only"
            )
        return self


class Notifier(BotNotifier[Settings]):
    """``sendMessage`` without a parse mode, so that nothing a device reports can become a link or markup.

    What is told of one incident hangs together: later messages answer the first, which is edited when it is over,
    unless it told of others too.
    """

    settings_model: ClassVar[type[notifier.Settings]] = Settings
    service = "Telegram"
    chat_form = _CHAT
    room = MAX_TEXT

    async def send(self, message: Message) -> str | None:
        """Send the text; its first line is the title. Returns ``CHAT/MESSAGE``."""
        chat = self.target(message)
        first = _message_of(message.thread, chat)
        text = unlinked(f"{message.title}\n{message.text}", message.link)
        if first and message.step is Step.RESOLVED and not message.shared:
            await self._edit(chat, first, text)
            text = unlinked(f"{message.title}\n{message.link}", message.link)
        sent = await self.call("sendMessage", self._body(message, chat, first, text))
        return _receipt(sent)

    async def _edit(self, chat: str, number: int, text: str) -> None:
        """Let the first message say that it is over, and lose its button; one that is gone does not matter."""
        body = {"chat_id": chat, "message_id": number, "text": cut(text, MAX_TEXT), **_PLAIN}
        with suppress(Refused):
            await self.call("editMessageText", body)

    def _body(self, message: Message, chat: str, first: int | None, text: str) -> dict[str, Any]:
        body: dict[str, Any] = {"chat_id": chat, "text": cut(text, MAX_TEXT), **_PLAIN}
        if self.settings.thread_id is not None and not message.to:
            body["message_thread_id"] = self.settings.thread_id
        if first:
            body["reply_parameters"] = {"message_id": first, "allow_sending_without_reply": True}
        if self.offers(message):
            pressed = {
                "text": _TAKE_ON.in_language(self.settings.language),
                "callback_data": button(message.code),
            }
            body["reply_markup"] = {"inline_keyboard": [[pressed]]}
        return body

    async def hear(self, after: str) -> Sequence[Heard]:
        """Ask for updates after the one with the number `after`: messages and pressed buttons."""
        body = {
            "timeout": LISTEN,
            "limit": _UPDATES,
            "allowed_updates": ["message", "callback_query"],
            **({"offset": int(after) + 1} if after else {}),
        }
        raw = await self.call("getUpdates", body, MAX_UPDATES)
        heard = (_heard(update) for update in each(raw))
        return [one for one in heard if one is not None]

    async def answer(self, heard: Heard, text: str) -> None:
        """Answer in the chat where it was said, and let a pressed button rest."""
        if heard.callback:
            body = {"callback_query_id": heard.callback, "text": cut(text, 190)}
            with suppress(Refused):  # too late for the little window: the chat is told anyway
                await self.call("answerCallbackQuery", body)
        said: dict[str, Any] = {"chat_id": heard.chat, "text": cut(unlinked(text, ""), MAX_TEXT), **_PLAIN}
        if self.settings.thread_id is not None and heard.chat == self.chat:
            said["message_thread_id"] = self.settings.thread_id
        await self.call("sendMessage", said)


_PLAIN = {"link_preview_options": {"is_disabled": True}}


class _Chat(msgspec.Struct):
    id: int


class _Sent(msgspec.Struct):
    message_id: int
    chat: _Chat


class _User(msgspec.Struct):
    id: int
    first_name: str = ""
    last_name: str = ""


class _Said(msgspec.Struct):
    chat: _Chat
    from_: _User | None = msgspec.field(default=None, name="from")
    text: str = ""
    reply_to_message: _Sent | None = None


class _Pressed(msgspec.Struct):
    id: str
    from_: _User = msgspec.field(name="from")
    data: str = ""
    message: _Sent | None = None


class _Numbered(msgspec.Struct):
    update_id: int


class _Update(_Numbered):
    message: _Said | None = None
    callback_query: _Pressed | None = None


def _heard(raw: msgspec.Raw) -> Heard | None:
    """Return what an update says; nothing but its number when it makes no sense, lest it come for ever."""
    update = read(raw, _Update)
    if update is None:
        known = read(raw, _Numbered)
        return Heard(str(known.update_id), "", "", "") if known else None
    number, said, pressed = str(update.update_id), update.message, update.callback_query
    if pressed is not None and pressed.message is not None:
        return Heard(
            number,
            str(pressed.message.chat.id),
            str(pressed.from_.id),
            _name(pressed.from_),
            button=pressed.data[:64],
            callback=pressed.id[:64],
        )
    if said is not None and said.from_ is not None:
        answered = said.reply_to_message
        thread = f"{answered.chat.id}/{answered.message_id}" if answered else ""
        text = said.text[:MAX_REPLY_TEXT]
        return Heard(number, str(said.chat.id), str(said.from_.id), _name(said.from_), text, thread)
    return Heard(number, "", "", "")


def _name(user: _User) -> str:
    return clean(f"{user.first_name} {user.last_name}", 64)


def _receipt(raw: msgspec.Raw) -> str | None:
    sent = read(raw, _Sent)
    return f"{sent.chat.id}/{sent.message_id}" if sent else None


def _message_of(thread: str, chat: str) -> int | None:
    """Return the number of the first message, if it is in `chat`."""
    where, _, number = thread.partition("/")
    return int(number) if number.isdecimal() and (where == chat or chat.startswith("@")) else None
