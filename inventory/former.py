"""The communes there were until 30 June 2025, and what each of them became: so that old codes and names are understood.

On 1 July 2025 10,035 communes became 3,321, by one resolution of the Standing Committee of the National
Assembly for each province (Hà Tĩnh: 1665/NQ-UBTVQH15 of 16 June 2025); their codes until then follow Quyết định
124/2004/QĐ-TTg and its changes. The data file beside this module has every one whose code, name or kind
changed: 8,919. A commune that was divided became several.

The facts come from the MIT-licensed data set tranngocminhhieu/vietnamadminunits, which joins the list of the National
Statistics Office with the resolutions; they were compared with those of thanglequoc/vietnamese-provinces-database. Tone
marks stand as in `inventory.communes`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from importlib.resources import files
from typing import Self

import msgspec

LAST_DAY = "30/06/2025"
"""The last day of the former communes, as people write it."""


class FormerCommune(msgspec.Struct, frozen=True, gc=False):
    """A commune that is no more, or no longer has this code, name or kind."""

    code: str
    """Five digits. One of the communes that became a new one may have left it its code."""
    name: str
    """With its kind: ``"Thị trấn Thạch Hà"``."""
    district: str
    province: str
    """Its province of that time."""
    now: tuple[str, ...]
    """Codes of the communes it is part of now; several when it was divided."""


class FormerCommunes:
    """The former communes by code."""

    def __init__(self, communes: Iterable[FormerCommune]) -> None:
        self._by_code = {commune.code: commune for commune in communes}

    @classmethod
    def load(cls) -> Self:
        """Read the data file."""
        with files("inventory").joinpath("former_communes.csv").open(encoding="utf-8") as stream:
            rows = csv.reader(stream)
            next(rows)
            return cls(
                FormerCommune(code, name, district, province, tuple(now.split()))
                for code, name, district, province, now in rows
            )

    def __len__(self) -> int:
        return len(self._by_code)

    def __iter__(self) -> Iterator[FormerCommune]:
        return iter(self._by_code.values())

    def get(self, code: str) -> FormerCommune | None:
        """Return the commune that had `code` until 30 June 2025, if it changed since."""
        return self._by_code.get(code)

    def became(self, code: str) -> tuple[FormerCommune, ...]:
        """Return the communes that the present commune `code` was made of."""
        return self._parts.get(code, ())

    @cached_property
    def _parts(self) -> Mapping[str, tuple[FormerCommune, ...]]:
        parts: dict[str, list[FormerCommune]] = {}
        for commune in self:
            for code in commune.now:
                parts.setdefault(code, []).append(commune)
        return {code: tuple(communes) for code, communes in parts.items()}
