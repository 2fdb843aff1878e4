"""Where somebody's role holds: everywhere, or at the sites that patterns and provinces name."""

from __future__ import annotations

from fnmatch import fnmatchcase

import msgspec

from inventory.model import Site


class Scope(msgspec.Struct, frozen=True):
    """Sites by patterns of their ids (``42*``, ``ttdl``) and by codes of their province; with neither, every site."""

    sites: tuple[str, ...] = ()
    provinces: tuple[str, ...] = ()

    @property
    def is_everywhere(self) -> bool:
        """Whether nothing is left out."""
        return not (self.sites or self.provinces)

    def covers(self, site: Site) -> bool:
        """Whether `site` is in it."""
        if self.is_everywhere:
            return True
        if site.commune is not None and site.commune.province_code in self.provinces:
            return True
        return any(fnmatchcase(site.id, pattern) for pattern in self.sites)


EVERYWHERE = Scope()
