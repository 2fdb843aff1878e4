"""What Telegram's Bot API and Zalo's, which is shaped after it, have in common: calls, verdicts, hearing people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec
from pydantic import Field

from alerts.telling import notifier
from alerts.telling.http_delivery import CONFIGURATION_PAUSE, MAX_REPLY, HttpNotifier, Url, decoded
from alerts.telling.notification import Message
from alerts.telling.notifier import Refused, TryLater
from alerts.telling.replies import Heard, Hears
from inventory.secrets import SecretRef
from probes.core.text import clean

LISTEN = 25
"""Seconds a question for updates stays open."""
MAX_UPDATES = 1024 * 1024
"""Bytes of updates read at once."""


class BotSettings(notifier.ForPeople):
    """Which bot, which chat, which way, and whether it listens."""

    token: SecretRef
    """The bot's token."""
    chat_id: str
    """Id of the channel's own chat."""
    api: Url
    """Base address of the API, for a relay."""
    proxy: Url | None = None
    """HTTP proxy to go through."""
    replies: bool = False
    """Whether people may take incidents on by answering."""
    replies_from: Annotated[tuple[str, ...], Field(max_length=200)] = ()
    """Ids of users who may; unless given, whoever writes in the channel's own chat. Persons on duty may always."""


B = TypeVar("B", bound=BotSettings)


class _Parameters(msgspec.Struct):
    retry_after: int | None = None


class _Envelope(msgspec.Struct):
    ok: bool
    result: msgspec.Raw = msgspec.Raw(b"null")
    description: str = ""
    error_code: int | None = None
    parameters: _Parameters | None = None


class BotNotifier(HttpNotifier[B], Hears):
    """Calls methods of a bot: ``POST API/botTOKEN/METHOD`` with JSON."""

    service: ClassVar[str]
    """Name of the service, for errors."""
    chat_form: ClassVar[str]
    """Pattern of the id of a chat."""
    addressable = True

    @property
    def chat(self) -> str:
        """Id of the channel's own chat."""
        return self.settings.chat_id

    @property
    def hears(self) -> bool:
        """Whether the settings want replies to be heard."""
        return self.settings.replies

    @property
    def users(self) -> Sequence[str]:
        """Ids of users whom the settings let take incidents on."""
        return self.settings.replies_from

    def address(self, to: str) -> str:
        """Return the id of a chat; that of a person who has spoken to the bot is his own."""
        if not re.fullmatch(self.chat_form, to):
            raise Refused(f"{clean(to, 80)!r} is no id of a {self.service} chat")
        return to

    def target(self, message: Message) -> str:
        """Return the chat a message goes to. Raises `Refused`."""
        return self.address(message.to) if message.to else self.chat

    def offers(self, message: Message) -> bool:
        """Whether whoever reads the message may take the incident on by answering."""
        return self.hears and bool(message.code)

    async def call(self, method: str, body: dict[str, Any], most: int = MAX_REPLY) -> msgspec.Raw:
        """Return the result of a method, as JSON. Raises `Refused`, `TryLater`."""
        token = await self.secret(self.settings.token)
        url = f"{self.settings.api.rstrip('/')}/bot{token.reveal()}/{method}"
        headers = {"Content-Type": "application/json"}
        reply = await self.request(
            "POST", url, msgspec.json.encode(body), headers, proxy=self.settings.proxy, most=most
        )
        envelope = decoded(reply, _Envelope, f"the {self.service} bot API")
        if envelope.ok and 200 <= reply.status < 300:
            return envelope.result
        raise self._verdict(envelope, envelope.error_code or reply.status, reply.retry_after)

    def _verdict(self, envelope: _Envelope, status: int, retry_after: float | None) -> Exception:
        said = f"{status}: {clean(envelope.description, 120)}"
        if status == 400 and "chat" not in envelope.description.lower():
            return Refused(f"{self.service} refused the message, {said}")
        if status in (400, 401, 403, 404):
            return TryLater(f"{self.service} does not know the bot or the chat, {said}", CONFIGURATION_PAUSE)
        if status == 409:
            return TryLater(f"another program listens for this bot, or it has a webhook, {said}", 60.0)
        asked = envelope.parameters.retry_after if envelope.parameters else None
        return TryLater(f"{self.service} is busy, {said}", asked or retry_after)


def cut(text: str, most: int) -> str:
    """Return `text` within `most` UTF-16 units, which is how both services count."""
    units = text.encode("utf-16-le", "replace")
    if len(units) <= 2 * most:
        return text
    return units[: 2 * (most - 2)].decode("utf-16-le", "ignore") + " …"


def each(raw: msgspec.Raw) -> Iterator[msgspec.Raw]:
    """Yield the updates of a result: a list of them, one alone, or none."""
    try:
        yield from msgspec.json.decode(raw, type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        if bytes(raw).lstrip().startswith(b"{"):
            yield raw


__all__ = ["BotNotifier", "BotSettings", "Heard", "cut", "each"]
