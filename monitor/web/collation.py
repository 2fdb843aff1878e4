"""Vietnamese order of names: by letter (a ă â … d đ …), then by tone; the kind of commune does not count."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_KINDS = ("Đặc khu ", "Phường ", "Xã ")
_LETTERS = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
_TONES = "\u0300\u0309\u0303\u0301\u0323"  # huyền, hỏi, ngã, sắc, nặng: the dictionary's order
_MARKS = {"\u0306", "\u0302", "\u031b"}  # breve, circumflex, horn belong to the letter

Key = tuple[tuple[int, ...], tuple[int, ...], str]


def bare_name(name: str) -> str:
    """Return a commune's name without its kind: ``"Phường Thành Sen"`` is ``"Thành Sen"``."""
    for kind in _KINDS:
        if name.startswith(kind):
            return name.removeprefix(kind)
    return name


@lru_cache(maxsize=8192)  # a mass outage sorts a thousand names with every change
def name_key(name: str) -> Key:
    """Return the sort key of a place's name."""
    letters: list[int] = []
    tones: list[int] = []
    for character in unicodedata.normalize("NFC", bare_name(name)).lower():
        letter, tone = _split(character)
        letters.append(_LETTERS.find(letter) + 200 if letter in _LETTERS else ord(letter[0]) % 200)
        tones.append(tone)
    return tuple(letters), tuple(tones), name


def _split(character: str) -> tuple[str, int]:
    base, *marks = list(unicodedata.normalize("NFD", character))
    kept = "".join(mark for mark in marks if mark in _MARKS)
    tone = next((_TONES.index(mark) + 1 for mark in marks if mark in _TONES), 0)
    return unicodedata.normalize("NFC", base + kept), tone
