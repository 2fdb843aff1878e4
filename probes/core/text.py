"""Text that a device reports, made harmless before anything else sees it (abuse cases A30, A35, A36)."""

from __future__ import annotations

import unicodedata

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def clean(raw: str | bytes, limit: int = 255) -> str:
    """Return `raw` as one printable line of at most `limit` characters.

    Bytes are read as UTF-8; what is no UTF-8, control characters (Cc) and format characters (Cf, such as
    bidirectional overrides) become U+FFFD; white space runs become one space.
    """
    text = raw[: limit * 4].decode("utf-8", "replace") if isinstance(raw, bytes) else raw[: limit * 4]
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()[:limit]
    words = " ".join(text.split())
    safe = "".join(REPLACEMENT if unicodedata.category(c) in _UNSAFE else c for c in words)
    return safe[:limit].rstrip()


_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
