"""What notifiers over HTTP share: bounded requests without redirects, errors without URL or headers."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Annotated, Self, TypeVar
from urllib.parse import urlsplit

import aiohttp
import msgspec
from pydantic import AfterValidator

from alerts.telling.notifier import Notifier, Refused, S, TryLater
from alerts.telling.retry_after import retry_after

MAX_REPLY = 64 * 1024
CONFIGURATION_PAUSE = 600.0
"""Seconds to leave a channel alone that says our settings are wrong: someone has to repair them first."""

_THE_MESSAGE_IS_WRONG = frozenset({400, 413, 415, 422})


def check_url(url: str) -> str:
    """Return `url`. Raises `ValueError` when it is no plain http or https address."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  raises for a port that is none
    except ValueError as error:
        raise ValueError(f"not a URL: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("wants a URL that begins with https:// or http://")
    if parts.username or parts.password:
        raise ValueError("a URL may not hold a user or a password: this file is no place for secrets")
    if not url.isprintable() or " " in url:
        raise ValueError("a URL holds no spaces and no invisible characters")
    return url


Url = Annotated[str, AfterValidator(check_url)]


class Reply(msgspec.Struct, frozen=True):
    """What came back: status, the header Retry-After in seconds, at most 64 KiB of body."""

    status: int
    retry_after: float | None
    body: bytes

    def raise_for_status(self) -> None:
        """Raise `Refused` or `TryLater` for anything but success."""
        if 200 <= self.status < 300:
            return
        if self.status in _THE_MESSAGE_IS_WRONG:
            raise Refused(f"the channel refused the message: HTTP {self.status}")
        if 300 <= self.status < 500 and self.status not in (408, 425, 429):
            raise TryLater(f"the channel's settings seem wrong: HTTP {self.status}", CONFIGURATION_PAUSE)
        raise TryLater(f"the channel is busy or broken: HTTP {self.status}", self.retry_after)


class NotPermitted(OSError):
    """The channel leads to an address it may not connect to; the text names the address and the setting."""


class HttpNotifier(Notifier[S]):
    """A notifier with one HTTP session, open as long as the notifier is."""

    async def __aenter__(self) -> Self:
        """Open the HTTP session."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=2, socket_factory=self._socket),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    def _socket(self, found: aiohttp.AddrInfoType) -> socket.socket:
        """Return a socket for the address that is connected to next. Raises `NotPermitted`."""
        family, kind, protocol, _, address = found
        if refusal := self.network.refusal(str(address[0])):
            raise NotPermitted(refusal)
        return socket.socket(family, kind, protocol)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self._session.close()

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, most: int = MAX_REPLY
    ) -> Reply:
        """Send `body` (JSON) and return the reply. Raises `TryLater` when none came."""
        return await self.request(
            "POST", url, body, {"Content-Type": "application/json", **headers}, most=most
        )

    async def request(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        *,
        proxy: str | None = None,
        most: int = MAX_REPLY,
    ) -> Reply:
        """Send `body` and return the reply, at most `most` bytes of it. Raises `TryLater` when none came.

        An answer that breaks off is returned as far as it came: its status says whether the message was taken.
        """
        sent = {"Accept-Encoding": "identity", **headers}
        try:
            async with self._session.request(
                method, url, data=body, headers=sent, proxy=proxy, allow_redirects=False
            ) as response:
                content = await _read(response.content, most)
                return Reply(response.status, retry_after(response.headers), content)
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, NotPermitted):
                raise TryLater(str(error.os_error), CONFIGURATION_PAUSE) from None
            raise TryLater(f"the channel cannot be reached: {type(error).__name__}") from None
        except (aiohttp.ClientError, OSError, ssl.SSLError, ValueError) as error:
            # The text of these errors may hold the URL, and a bot's URL holds its token.
            raise TryLater(f"the channel cannot be reached: {type(error).__name__}") from None


async def _read(content: aiohttp.StreamReader, most: int) -> bytes:
    """Return the body up to `most` bytes, or to where it breaks off."""
    parts: list[bytes] = []
    with suppress(aiohttp.ClientError, OSError):
        while most > 0 and (part := await content.read(most)):
            parts.append(part)
            most -= len(part)
    return b"".join(parts)


T = TypeVar("T")


def read(raw: bytes | msgspec.Raw, model: type[T]) -> T | None:
    """Return a part of an answer as `model`, `None` when it is no such thing."""
    try:
        return msgspec.json.decode(raw, type=model)
    except (msgspec.DecodeError, RecursionError):
        return None


def decoded(reply: Reply, model: type[T], service: str) -> T:
    """Return the body of `reply` as `model`. Raises what its status says, or `TryLater` when it is no such answer."""
    try:
        return msgspec.json.decode(reply.body, type=model, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        reply.raise_for_status()
        raise TryLater(f"the answer is not one of {service}") from None
