"""Plain text that stays plain: chat programs turn addresses and names into links by themselves (abuse case A34)."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_JOINER = "\N{WORD JOINER}"
_LINKISH = re.compile(r"://|\.(?=[^\W\d])|@|(?<!\w)/(?=\w)")
"""What begins a link, a domain name, a mention or a command. Numbers with dots, such as IP addresses, do not."""


def unlinked(text: str, own: str) -> str:
    """Return `text` in which nothing but addresses of the site of the URL `own` becomes a link.

    An invisible character takes the rest apart.
    """
    parts = urlsplit(own)
    if not parts.netloc:
        return _apart(text)
    ours = re.escape(f"{parts.scheme}://{parts.netloc}")
    pieces = re.split(rf"({ours}(?:/[\w/-]*)?(?![\w.@:-]))", text)
    return "".join(piece if index % 2 else _apart(piece) for index, piece in enumerate(pieces))


def _apart(text: str) -> str:
    return _LINKISH.sub(lambda found: found[0] + _JOINER, text)
