"""What people read, in both languages: it is made and stored so, and each reader is shown the own one."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from probes.core.text import clean


class Words(msgspec.Struct, frozen=True, gc=False):
    """One sentence in both languages, already rendered and cleaned."""

    vi: str
    en: str

    def in_language(self, language: str) -> str:
        """Return the sentence in ``"vi"`` or ``"en"``."""
        return self.en if language == "en" else self.vi

    def __bool__(self) -> bool:
        """Whether there is anything to read."""
        return bool(self.vi or self.en)


NOTHING = Words("", "")

Said = Words | str
"""A string is the same for every reader: what a person typed, a name, a number, the words of a device."""


def say(said: Said, language: str) -> str:
    """Return `said` in ``"vi"`` or ``"en"``."""
    return said if isinstance(said, str) else said.in_language(language)


def joined(parts: Iterable[Said], between: str = "; ") -> Said:
    """Return all that is said as one, what is empty left out."""
    given = [part for part in parts if part]
    if all(isinstance(part, str) for part in given):
        return between.join(say(part, "en") for part in given)
    return Words(*(between.join(say(part, language) for part in given) for language in ("vi", "en")))


def cleaned(said: Said, limit: int) -> Said:
    """Return `said` as one harmless line of at most `limit` characters; see `clean`."""
    return (
        clean(said, limit) if isinstance(said, str) else Words(clean(said.vi, limit), clean(said.en, limit))
    )


def same(text: str) -> Words:
    """Return words that are the same in both languages: a name, what a device says of itself."""
    return Words(text, text)


def milliseconds(seconds: float) -> Words:
    """Return a short time as people write it: ``"12,3 ms"``, ``"12.3 ms"``."""
    text = f"{seconds * 1000:.1f} ms"
    return Words(text.replace(".", ","), text)


class Unfit(ValueError):
    """What somebody asks for is not possible; the words say why and what to do."""

    def __init__(self, words: Words) -> None:
        super().__init__(words.en)
        self.words = words


def why(error: Exception) -> Said:
    """Return what an error says: in both languages where it knows them."""
    return error.words if isinstance(error, Unfit) else str(error)
