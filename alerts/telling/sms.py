"""What fits in a text message: Vietnamese without accents, GSM characters, few segments; and whose phone it is.

One message holds 160 characters of the GSM alphabet, a segment of a longer one 153; with a single other character it is
70 and 67 (3GPP TS 23.038, 23.040). A brandname gateway charges for each segment.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator

from alerts.calendar import VIETNAM
from alerts.telling.notification import Message
from probes.core.text import clean

GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The basic alphabet: one septet each."""
GSM_TWO = frozenset("^{}\\[~]|€\f")
"""The extension table: two septets each."""

_SIMPLER = str.maketrans("[]{}\\|~^`đĐ₫–—‘’“”…•", "()()//-''dDd--''\"\".-", "")
_TAGGED = re.compile(r"\[([^\]]{1,60})\] (.*)", re.DOTALL)
_LINKISH = re.compile(r":(?=//)|\.(?=[A-Za-z])")
"""What makes a link in the eyes of a phone or a carrier, who may hold the message back for it; addresses do not."""
_NOT_A_DIGIT = re.compile(r"[ .()-]")
_NATIONAL = re.compile(r"(?:\+?84|0)([1-9][0-9]{8,9})")


def unaccented(text: str) -> str:
    """Return one line of `text` in ASCII that costs one septet a character: ``"Xa Thach Ha: mat ket noi"``.

    What has no letter like it becomes ``?``.
    """
    simpler = clean(text.translate(_SIMPLER), 4000)
    apart = unicodedata.normalize("NFKD", simpler).translate(_SIMPLER)
    letters = (c for c in apart if not unicodedata.combining(c))
    plain = "".join(c if c.isascii() and c in GSM and c.isprintable() else "?" for c in letters)
    return " ".join(plain.split())


def segments(text: str) -> int:
    """Return how many segments `text` takes, 0 for none."""
    if all(c in GSM or c in GSM_TWO for c in text):
        septets = sum(2 if c in GSM_TWO else 1 for c in text)
        return _segments(septets, 160, 153)
    return _segments(len(text.encode("utf-16-le")) // 2, 70, 67)


def _segments(units: int, alone: int, joined: int) -> int:
    return min(units, 1) if units <= alone else -(-units // joined)


def room(parts: int) -> int:
    """Return the characters of the GSM alphabet that `parts` segments hold."""
    return 160 if parts == 1 else 153 * parts


def cut(text: str, parts: int) -> str:
    """Return unaccented `text` within `parts` segments."""
    return text if len(text) <= room(parts) else text[: room(parts) - 2].rstrip() + ".."


def short(message: Message, parts: int) -> str:
    """Return a message for a small screen, unaccented: the commune, the state, what, since when, a link that fits."""
    headline = _LINKISH.sub(lambda found: f"{found[0]} ", _headline(message))
    text = f"{headline}. {_since(message)}"
    for link in (message.take, message.link):
        with_link = f"{text} {unaccented(link)}"
        if link and len(with_link) <= room(parts):
            return with_link
    return cut(text, parts)


def _headline(message: Message) -> str:
    """Return a title ``[TAG] Place: what`` as ``Place: TAG. what``; any other one as it is, without its brackets."""
    tagged = _TAGGED.fullmatch(message.title)
    if tagged is None:
        return unaccented(message.title)
    tag, rest = tagged[1], tagged[2]
    if message.place and rest.startswith(f"{message.place}: "):
        return unaccented(f"{message.place}: {tag}. {rest.removeprefix(f'{message.place}: ')}")
    return unaccented(f"{tag}: {rest}")


def _since(message: Message) -> str:
    moment = message.incident.resolved_at or message.incident.opened_at
    return moment.astimezone(VIETNAM).strftime("%H:%M %d/%m")


def phone(text: str) -> str:
    """Return a Vietnamese number in the international form without plus: ``"0912 345 678"`` is ``"84912345678"``.

    Raises `ValueError`.
    """
    found = _NATIONAL.fullmatch(_NOT_A_DIGIT.sub("", text)) if len(text) <= 30 else None
    if found is None:
        raise ValueError("wants a Vietnamese phone number: 0912345678 or +84912345678")
    return f"84{found[1]}"


def national(number: str) -> str:
    """Return a number from `phone` as people in Viet Nam dial it: ``"0912345678"``."""
    return "0" + number.removeprefix("84")


Phone = Annotated[str, AfterValidator(phone)]
"""A Vietnamese phone number, kept in the international form."""
