"""What an earlier reading of the inventory found, so that an edit costs what it changes, not what there is."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from inventory import roles, yamltree
from inventory.checks import Planner
from inventory.communes import Communes
from inventory.devices import Devices
from inventory.gather import FileRead, Sections
from inventory.inheritance import Levels, refuse_unknown
from inventory.keyring import Keyring
from inventory.problem import Problem
from inventory.sites import SiteRead, Sites
from inventory.traits import ProbeTraits

T = TypeVar("T")


class Memory:
    """Files and sites as they were read last; what has not changed is not read again. One thread at a time."""

    def __init__(self) -> None:
        self.files: dict[str, FileRead] = {}
        self._common: tuple[object, Common] | None = None
        self._sites: dict[str, SiteRead] = {}

    def common(
        self, sections: Sections, probes: Mapping[str, ProbeTraits], profiles: Collection[str] | None
    ) -> Common:
        """Return what sites are read with; all of them are read again when anything of it changed."""
        nodes = [sections.of(name).entries for name in ("credentials", "defaults", "provinces", "roles")]
        made_of = [[*entries.items()] for entries in nodes], probes, profiles
        if self._common is None or not _same(self._common[0], made_of):
            self._common = made_of, Common(sections, probes, profiles)
            self._sites.clear()
        return self._common[1]

    def sites(self, common: Common, entries: yamltree.Mapping) -> list[SiteRead]:
        """Return what each site says by itself."""
        before, self._sites = self._sites, {}
        for key, node in entries.entries.items():
            read = before.get(key)
            if read is None or read.node is not node:
                read = common.read(key, entries.keys[key], node)
            self._sites[key] = read
        return list(self._sites.values())


def _same(old: Any, new: Any) -> bool:
    """Whether sites would be read with the same entries: the very same nodes, under the same names."""
    (before, probes, profiles), (now, *others) = old, new
    if [probes, profiles] != others:
        return False
    pairs = [[(key, id(node)) for key, node in section] for section in (*before, *now)]
    return pairs[: len(before)] == pairs[len(before) :]


class Common:
    """What sites are read with: credentials, levels and roles; and the reader of sites that uses them."""

    def __init__(
        self, sections: Sections, probes: Mapping[str, ProbeTraits], profiles: Collection[str] | None
    ) -> None:
        communes = Communes.load()
        self._said: list[Problem] = []
        said = self._said
        self.planner = Planner(probes, said)
        self.keyring = Keyring(sections.of("credentials"), probes, said)
        provinces = sections.of("provinces")
        levels = Levels(sections.of("defaults"), provinces, self.keyring, self.planner, said)
        refuse_unknown(provinces, communes, said)
        self.own_roles = sections.of("roles")
        built_in = roles.built_in(probes, said)
        self.roles = roles.Roles(built_in, self.own_roles, self.planner, said, levels.default_checks)
        self._devices = Devices(self.roles, self.keyring, self.planner, profiles, said)
        self._sites = Sites(communes, self._devices, levels, said)
        self.changing = _taken(self.planner.changing)
        self.problems = _taken(said)

    def read(self, key: str, place: yamltree.Scalar, node: yamltree.Node) -> SiteRead:
        """Return what one site says by itself."""
        site = self._sites.read(key, place, node)
        claims = (*_taken(self._devices.claims), *_taken(self._sites.claims))
        written, changing = _taken(self._devices.written), _taken(self.planner.changing)
        return SiteRead(place, node, site, _taken(self._said), written, claims, changing)


def _taken(found: list[T]) -> tuple[T, ...]:
    """Return what was found since the last time, and begin anew."""
    taken = tuple(found)
    found.clear()
    return taken
