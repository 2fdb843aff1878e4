"""Where somebody's role holds: everywhere, or at the sites that patterns and provinces name."""

from __future__ import annotations

from fnmatch import fnmatchcase

import msgspec

from inventory.model import Site

MAX_PATTERNS = 200


class Scope(msgspec.Struct, frozen=True):
    """Sites by patterns of their ids (``42*``, ``ttdl``) and by codes of their province; with neither, every site."""

    sites: tuple[str, ...] = ()
    provinces: tuple[str, ...] = ()
    within: Scope | None = None
    """Another scope that must cover a site as well: a token reaches no farther than its user."""

    @property
    def is_everywhere(self) -> bool:
        """Whether nothing is left out."""
        return not (self.sites or self.provinces) and (self.within is None or self.within.is_everywhere)

    def covers(self, site: Site) -> bool:
        """Whether `site` is in it."""
        return (self.within is None or self.within.covers(site)) and self._names(site)

    def _names(self, site: Site) -> bool:
        if not (self.sites or self.provinces):
            return True
        if site.commune is not None and site.commune.province_code in self.provinces:
            return True
        return any(fnmatchcase(site.id, pattern) for pattern in self.sites)

    def __str__(self) -> str:
        named = [*self.sites, *(f"province:{code}" for code in self.provinces)]
        return " ".join(named) or "every site"


EVERYWHERE = Scope()


def parse_scope(text: str) -> Scope:
    """Return the scope that words say: ids or patterns of sites, ``province:42``; none means every site.

    Raises `ValueError` with what to write instead.
    """
    words = text.replace(",", " ").split()
    if len(words) > MAX_PATTERNS or any(len(word) > 100 for word in words):
        raise ValueError(f"a scope has at most {MAX_PATTERNS} patterns of 100 characters")
    provinces = [word.removeprefix("province:") for word in words if word.startswith("province:")]
    if wrong := [code for code in provinces if not (code.isascii() and code.isdigit())]:
        raise ValueError(f"province: wants an official code such as province:42, found {wrong[0]!r}")
    return Scope(tuple(word for word in words if not word.startswith("province:")), tuple(provinces))
