"""Tells another program by an HTTP POST of JSON, signed so that it can be sure who speaks."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import ClassVar, Literal

import msgspec

from alerts.telling import notifier
from alerts.telling.http_delivery import HttpNotifier, Url
from alerts.telling.notification import Message
from alerts.telling.notifier import Refused
from inventory.secrets import Secret, SecretRef
from probes.core.text import clean

MAX_ADDRESS = 200


class Settings(notifier.Settings):
    """Where to, and with what."""

    kind: Literal["webhook"]
    url: Url
    """Address that takes the POST."""
    signing_key: SecretRef | None = None
    """Key of the signature in ``X-Commune-Monitor-Signature``."""
    bearer_token: SecretRef | None = None
    """Sent as ``Authorization: Bearer``."""


class Notifier(HttpNotifier[Settings]):
    """``{"version": 1, "message": {...}}`` with an ``Idempotency-Key``; any 2xx is delivered.

    The signature is ``v1=`` and the hex HMAC-SHA256 of ``TIMESTAMP.BODY``, where TIMESTAMP is the header
    ``X-Commune-Monitor-Timestamp`` (Unix seconds); a receiver refuses old timestamps.
    """

    settings_model: ClassVar[type[notifier.Settings]] = Settings
    addressable = True

    def address(self, to: str) -> str:
        """Return any line of text: whom it means is for the receiver to know."""
        if clean(to, MAX_ADDRESS) != to:
            raise Refused(f"an address here is one line of at most {MAX_ADDRESS} characters")
        return to

    async def send(self, message: Message) -> None:
        """POST the message, with `to` in it."""
        if message.to:
            self.address(message.to)
        body = msgspec.json.encode({"version": 1, "message": message})
        headers = {"Idempotency-Key": message.key}
        if self.settings.signing_key is not None:
            stamp = str(int(time.time()))
            key = await self.secret(self.settings.signing_key)
            headers["X-Commune-Monitor-Timestamp"] = stamp
            headers["X-Commune-Monitor-Signature"] = signature(key, stamp, body)
        if self.settings.bearer_token is not None:
            headers["Authorization"] = f"Bearer {(await self.secret(self.settings.bearer_token)).reveal()}"
        reply = await self.post(self.settings.url, body, headers, most=0)
        reply.raise_for_status()


def signature(key: Secret, timestamp: str, body: bytes) -> str:
    """Return the signature of `body` sent at `timestamp`."""
    digest = hmac.new(key.reveal().encode(), timestamp.encode() + b"." + body, hashlib.sha256)
    return f"v1={digest.hexdigest()}"
