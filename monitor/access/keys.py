"""Random keys that sessions and tokens are: 256 bits, shown once, kept as digests."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

PREFIX = "cmt_"
"""How tokens of the API begin, so that scanners of leaked secrets know them."""
TOKEN = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{20,}}")


def fresh(prefix: str = "") -> str:
    """Return a new key."""
    return prefix + secrets.token_urlsafe(32)


def digest(key: str) -> str:
    """Return what to keep of a key; SHA-256 suffices where the key itself is random."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def form_key(session: str) -> str:
    """Return what forms of a session carry: who cannot read the cookie cannot make it."""
    return hmac.new(session.encode("utf-8", "surrogateescape"), b"form", hashlib.sha256).hexdigest()
