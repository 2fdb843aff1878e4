"""The tokens of a Zalo official account: an access token for a day, and a refresh token that is good for one use.

What a renewal brings is on the disk before it is used: a process killed at any later moment finds it there. Only
between Zalo's answer and that, some milliseconds, can it be lost; then a new first token in the secret takes over.
A renewal is never given up half way because a message is late.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import msgspec

from alerts.telling.http_delivery import CONFIGURATION_PAUSE, Reply, decoded
from alerts.telling.notifier import TryLater
from inventory import files
from inventory.secrets import Secret

Ask = Callable[[str, bytes, dict[str, str]], Awaitable[Reply]]

EARLY = 600.0
"""Seconds before its end at which an access token is no longer used."""
_MAX_FILE = 64 * 1024
_SETTLE = 2.0
"""Seconds a renewal under way gets when the service stops."""


class _Kept(msgspec.Struct, frozen=True):
    """What the file holds."""

    seed: str
    """Digest of the first refresh token: another one in the secret means that somebody gave us a new one."""
    refresh: str
    access: str = ""
    expires: float = 0.0
    """Unix seconds."""


class _Tokens(msgspec.Struct):
    access_token: str = ""
    refresh_token: str = ""
    expires_in: float = 0.0
    error: int = 0


class ZaloToken:
    """Keeps the tokens of one channel in a file that only its owner may read."""

    def __init__(self, path: Path | None, app_id: str, url: str, ask: Ask) -> None:
        """Without a `path` nothing may be renewed: the next token would be lost."""
        self._path = path.with_name(f"{path.name}.zalo-token") if path else None
        self._app_id = app_id
        self._url = url
        self._ask = ask
        self._renewal: asyncio.Task[Secret] | None = None

    async def access(self, secret_key: Secret, seed: Secret) -> Secret:
        """Return an access token that is still good. Raises `TryLater`."""
        kept = await asyncio.to_thread(self._read, seed)
        if kept.access and kept.expires - EARLY > time.time():
            return Secret(kept.access)
        return await self._shielded(secret_key, seed, kept.access)

    async def renewed(self, secret_key: Secret, seed: Secret) -> Secret:
        """Return another access token than the one in use. Raises `TryLater`."""
        kept = await asyncio.to_thread(self._read, seed)
        return await self._shielded(secret_key, seed, kept.access)

    async def settle(self) -> None:
        """Wait a moment for a renewal under way."""
        if self._renewal is not None:
            await asyncio.wait({self._renewal}, timeout=_SETTLE)
            self._renewal.cancel()

    async def _shielded(self, secret_key: Secret, seed: Secret, old: str) -> Secret:
        """Join the renewal under way, or begin one, that goes on even when nobody waits for it any more."""
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew(secret_key, seed, old))
            self._renewal.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._renewal)

    async def _renew(self, secret_key: Secret, seed: Secret, old: str) -> Secret:
        """Use the refresh token, one process at a time, and keep what it brings."""
        if self._path is None:
            raise TryLater("there is no folder for the tokens of this channel", CONFIGURATION_PAUSE)
        with _alone(self._path):
            kept = await asyncio.to_thread(self._read, seed)
            if kept.access != old and kept.expires - EARLY > time.time():
                return Secret(kept.access)  # another process was quicker
            fresh = await self._exchange(secret_key, kept.refresh)
            after = _Kept(
                kept.seed, fresh.refresh_token, fresh.access_token, time.time() + max(fresh.expires_in, 0.0)
            )
            # At once and here: between the answer and the file nothing may wait, and no cancellation come between.
            _write(self._path, after)
        return Secret(after.access)

    async def _exchange(self, secret_key: Secret, refresh: str) -> _Tokens:
        form = {"refresh_token": refresh, "app_id": self._app_id, "grant_type": "refresh_token"}
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "secret_key": secret_key.reveal(),
        }
        reply = await self._ask(self._url, urlencode(form).encode(), headers)
        reply.raise_for_status()
        fresh = decoded(reply, _Tokens, "Zalo's authorization")
        if fresh.error or not fresh.access_token or not fresh.refresh_token:
            said = (
                f"Zalo gives no access token (error {fresh.error}): put a new refresh token into the secret"
            )
            raise TryLater(said, CONFIGURATION_PAUSE)
        return fresh

    def _read(self, seed: Secret) -> _Kept:
        first = _Kept(hashlib.sha256(seed.reveal().encode()).hexdigest(), seed.reveal())
        if self._path is None:
            return first
        try:
            raw = files.read_bytes(self._path, self._path.parent, _MAX_FILE)
            kept = msgspec.json.decode(raw, type=_Kept)
        except (files.Unreadable, msgspec.DecodeError, UnicodeDecodeError):
            return first
        return kept if kept.seed == first.seed else first


def _write(path: Path, kept: _Kept) -> None:
    try:
        files.replace(path, msgspec.json.encode(kept), 0o600)
    except OSError as error:
        raise TryLater(
            f"the tokens cannot be kept in {path.name}: {error.strerror}", CONFIGURATION_PAUSE
        ) from None


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes from renewing meanwhile. Raises `TryLater` when one is at it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise TryLater(
            f"the tokens cannot be kept in {path.parent.name}: {error.strerror}", CONFIGURATION_PAUSE
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise TryLater("another process is renewing the token", 5.0) from None
    else:
        yield
    finally:
        os.close(lock)
