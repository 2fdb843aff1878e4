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
    """Return what forms of a session carry: who cannot read the cookie cannot make it.

    It is another one each time, so that the length of compressed pages tells nothing of it (BREACH).
    """
    nonce = secrets.token_hex(16)
    return nonce + _of_form(session, nonce)


def is_form_key(given: str, session: str) -> bool:
    """Whether a form of `session` carried `given`."""
    nonce, proof = given[:32], given[32:]
    return given.isascii() and hmac.compare_digest(proof, _of_form(session, nonce))


def _of_form(session: str, nonce: str) -> str:
    return hmac.new(session.encode(), f"form {nonce}".encode(), hashlib.sha256).hexdigest()
