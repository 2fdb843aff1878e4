"""Finds what a page says in the other language: English words on a Vietnamese page, Vietnamese letters on another.

Which words are English is known from the English texts of the product themselves: the messages of gettext and both
languages of the rules. A word that Vietnamese texts of ours use too (SNMP, router, ping) is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

from babel.messages.pofile import read_po

import alerts.baseline
import alerts.rules
import monitor.web
from inventory.communes import Communes

PO = Path(monitor.web.__file__).parent / "locale" / "vi" / "LC_MESSAGES" / "messages.po"
SPOKEN = ("title", "aria-label", "placeholder", "alt", "data-said", "data-off", "data-on", "data-confirm")
"""Attributes that people read or hear."""
_WORD = re.compile(r"(?<![\w./:@=#$&{%'’-])[A-Za-z][a-z]{2,}(?![\w/:@=#$&(}%-]|[.]\w)")
_ACCENTED = re.compile(r"[^\W\d_]*[À-ỹ][^\W\d_]*")
_FOREIGN_LETTERS = re.compile(r"[ăâđêôơưĂÂĐÊÔƠƯà-ãè-êìíò-õùúýÀ-ÃÈ-ÊÌÍÒ-ÕÙÚÝẠ-ỹ]")


class _Texts(HTMLParser):
    """Collects what people read: text and spoken attributes, each with the names of the elements around it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        silent = (
            tag in ("script", "style")
            or given.get("translate") == "no"
            or ("lang" in given and tag != "html")
        )
        if tag not in _VOID:
            self._open.append((tag, silent))
        if not self._silent and not silent:
            self.found += [text for name in SPOKEN if (text := given.get(name))]

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.found.append(" ".join(data.split()))

    @property
    def _silent(self) -> bool:
        return any(silent for _, silent in self._open)


_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)


def texts(html: str) -> list[str]:
    """Return what people read on a page."""
    parser = _Texts()
    parser.feed(html)
    return parser.found


@cache
def english() -> frozenset[str]:
    """Return the words that only the English texts of the product use."""
    with PO.open("rb") as stream:
        entries = [entry for entry in read_po(stream) if entry.id]
    pairs = [(_flat(entry.id), _flat(entry.string)) for entry in entries]
    for folder in (alerts.rules, alerts.baseline):
        for path in Path(str(folder.__file__)).parent.glob("*.yaml"):
            text = path.read_text("utf-8")
            pairs += [
                (
                    " ".join(re.findall(r"^ *en: (.*)$", text, re.M)),
                    " ".join(re.findall(r"^ *vi: (.*)$", text, re.M)),
                )
            ]
    ours = {word.lower() for en, _ in pairs for word in _WORD.findall(en)}
    theirs = {word.lower() for _, vi in pairs for word in re.findall(r"[A-Za-z]+", vi)}
    return frozenset(ours - theirs)


def _flat(text: object) -> str:
    return text if isinstance(text, str) else " ".join(text)  # type: ignore[arg-type]


def foreign(html: str, language: str, data: Iterable[str] = ()) -> Iterator[str]:
    """Yield the texts of a page that are not in its language; `data` are texts that are as they are for everybody."""
    known = sorted({text for text in data if text}, key=len, reverse=True)
    for text in dict.fromkeys(texts(html)):
        rest = text
        for one in known:
            rest = rest.replace(one, " ")
        if language == "en" and _FOREIGN_LETTERS.search(rest):
            yield text
        elif language == "vi" and (words := [w for w in _WORD.findall(rest) if w.lower() in english()]):
            yield f"{text}   <- {', '.join(words)}"


@cache
def communes() -> frozenset[str]:
    """Return the names of all communes and provinces."""
    found = list(Communes.load())
    return frozenset({one.name for one in found} | {one.province for one in found})
