"""Seals what the ledger must keep and not show: AES-256-GCM under a key in a file beside it."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE = 12


class Unsealable(Exception):
    """A value does not open: the key is another one, or the value was changed."""


class Seal:
    """Seals texts; the file with the key is made when it is first needed, for its owner only."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def seal(self, text: str, name: str) -> str:
        """Return `text` sealed, bound to `name`. Blocks shortly."""
        nonce = secrets.token_bytes(_NONCE)
        sealed = AESGCM(self._key()).encrypt(nonce, text.encode(), name.encode())
        return base64.b64encode(nonce + sealed).decode()

    def open(self, sealed: str, name: str) -> str:
        """Return what was sealed for `name`. Raises `Unsealable`. Blocks shortly."""
        try:
            raw = base64.b64decode(sealed)
            return AESGCM(self._key()).decrypt(raw[:_NONCE], raw[_NONCE:], name.encode()).decode()
        except (InvalidTag, ValueError, OSError) as error:
            raise Unsealable(f"{self._path} is not the key that this was sealed with") from error

    def _key(self) -> bytes:
        if not self._path.exists():
            with os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
        return self._path.read_bytes()
