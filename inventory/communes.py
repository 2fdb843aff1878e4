"""The official communes of Viet Nam: code, name, kind and province, from the data file beside this module.

In force are 34 provinces and 3,321 communes. Since 1 July 2025 by Quyết định 19/2025/QĐ-TTg of 30 June 2025
(codes and names), which follows Nghị quyết 202/2025/QH15 (provinces) and one resolution of the Standing
Committee of the National Assembly for each province (Hà Tĩnh: 1665/NQ-UBTVQH15 of 16 June 2025). Since
30 April 2026 by Nghị quyết 30/2026/QH16 and 237/NQ-UBTVQH16 (Đồng Nai a city, ten of its communes wards).

The facts come from the MIT-licensed data set thanglequoc/vietnamese-provinces-database, which has them from
the National Statistics Office; tone marks stand where the legal texts put them (``Hòa``, not ``Hoà``).
The point inside each commune is worked out from the boundaries in the same data set, which has them from the
reference map of the administrative units (Natural Resources, Environment and Cartography Publishing House).
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from importlib.resources import files
from string import digits
from typing import Self

from inventory.former import LAST_DAY, FormerCommunes
from inventory.model import Commune
from inventory.wording import shown

_KINDS = ("dac khu", "phuong", "thi tran", "xa")


class Communes:
    """The official list, by code."""

    def __init__(self, communes: Iterable[Commune]) -> None:
        self._by_code: Mapping[str, Commune] = {commune.code: commune for commune in communes}

    @classmethod
    def load(cls) -> Self:
        """Read the official list."""
        with files("inventory").joinpath("communes.csv").open(encoding="utf-8") as stream:
            return cls(_commune(row) for row in csv.DictReader(stream))

    def __len__(self) -> int:
        return len(self._by_code)

    def __iter__(self) -> Iterator[Commune]:
        return iter(self._by_code.values())

    def get(self, code: str) -> Commune | None:
        """Return the commune with the official `code`, if there is one."""
        return self._by_code.get(code)

    @cached_property
    def former(self) -> FormerCommunes:
        """The communes there were before the present ones."""
        return FormerCommunes.load()

    def fate(self, code: str) -> str:
        """Return what became of the former commune `code`, in words; ``""`` when there was none that changed."""
        old = self.former.get(code)
        if old is None:
            return ""
        now = " or ".join(f"{key} ({self._by_code[key].name})" for key in old.now)
        return f"{code} was {old.name} ({old.district}, {old.province}) until {LAST_DAY}, now {now}"

    def province(self, code: str) -> tuple[Commune, ...]:
        """Return the communes of the province with the two-digit `code`; empty for an unknown one."""
        return tuple(commune for commune in self if commune.province_code == code)

    @cached_property
    def provinces(self) -> Mapping[str, str]:
        """Names of the provinces by their two-digit code."""
        return {commune.province_code: commune.province for commune in self}

    def no_province(self, text: str) -> str:
        """Return what is wrong with `text` as the code of a province, with the one that may be meant."""
        wanted = folded(text[:80])
        likely = [
            f"{code} ({name})"
            for code, name in self.provinces.items()
            if text[::-1] == code or wanted in (folded(name), folded(name.partition(" ")[2]))
        ]
        guess = f"; did you mean {likely[0]}?" if likely else ""
        return f"wants the official two-digit code of a province; found {shown(text)}{guess}"

    def suggest(self, text: str, count: int = 3) -> tuple[Commune, ...]:
        """Return communes that may be meant by `text`, likeliest first: a code with a slip, or a name.

        Names are compared without tone marks, capitals and kind: ``thanh sen`` finds Phường Thành Sen.
        """
        text = text[:80]
        if text.isascii() and text.isdigit():
            return tuple(self._by_code[code] for code in sorted(_slips(text) & self._by_code.keys()))[:count]
        wanted = folded(text)
        near = [wanted] if wanted in self._by_name else get_close_matches(wanted, self._by_name, count, 0.7)
        return tuple(commune for name in near for commune in self._by_name[name])[:count]

    def named(self, name: str) -> tuple[Commune, ...]:
        """Return the communes called `name`, compared without tone marks, capitals and kind."""
        return tuple(self._by_name.get(folded(name[:80]), ()))

    @cached_property
    def _by_name(self) -> Mapping[str, list[Commune]]:
        names: dict[str, list[Commune]] = {}
        for commune in self:
            names.setdefault(folded(commune.name), []).append(commune)
        return names


def _commune(row: dict[str, str]) -> Commune:
    middle = (float(row.pop("latitude")), float(row.pop("longitude")))
    return Commune.model_validate({**row, "middle": middle})


def _slips(code: str) -> set[str]:
    """Return every code one slip away: two digits swapped, one wrong, one missing or one too many."""
    splits = [(code[:i], code[i:]) for i in range(len(code) + 1)][:7]
    swapped = {head + tail[1] + tail[0] + tail[2:] for head, tail in splits if len(tail) > 1}
    wrong = {head + digit + tail[1:] for head, tail in splits if tail for digit in digits}
    missing = {head + digit + tail for head, tail in splits for digit in digits}
    return swapped | wrong | missing | {head + tail[1:] for head, tail in splits if tail}


def folded(text: str) -> str:
    """Return a name without tone marks, capitals and kind: ``"Phường Thành Sen"`` is ``"thanh sen"``."""
    letters = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    words = " ".join("".join(c if c.isalnum() else " " for c in bare).split())
    for kind in _KINDS:
        if words.startswith(f"{kind} "):
            return words.removeprefix(f"{kind} ")
    return words
