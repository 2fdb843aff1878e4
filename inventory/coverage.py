"""Has every site what a site of its kind must have, and if not, who lacks what?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib.resources import as_file, files

import msgspec

from inventory import document, wording, yamltree
from inventory.entries import NeedEntry
from inventory.model import NAME, NAME_RULE, Inventory, Need, Site, Text
from inventory.problem import Invalid, Problem
from inventory.yamltree import join

Needs = Mapping[str, tuple[Need, ...]]
"""What a site must have, by kind of site."""


class Lack(msgspec.Struct, frozen=True):
    """A need of a site that too few of its devices meet."""

    need: Need
    has: int


class SiteCoverage(msgspec.Struct, frozen=True):
    """What one site lacks; nothing when it is complete."""

    site: Site
    lacks: tuple[Lack, ...]


class Coverage(msgspec.Struct, frozen=True):
    """Every site whose kind has needs, in the order of the inventory."""

    needs: Needs
    sites: tuple[SiteCoverage, ...]

    @property
    def lacking(self) -> tuple[SiteCoverage, ...]:
        """The sites that lack something."""
        return tuple(site for site in self.sites if site.lacks)

    def complete(self, kind: str, need: str = "") -> tuple[int, int]:
        """Return how many sites of a kind lack nothing (or not this need), and how many there are."""
        of_kind = [site for site in self.sites if site.site.kind == kind]
        missing = [site for site in of_kind if any(need in ("", lack.need.name) for lack in site.lacks)]
        return len(of_kind) - len(missing), len(of_kind)


def as_json(covered: Coverage) -> dict[str, object]:
    """Return the coverage as the command line and the API give it."""
    return {
        "complete": not covered.lacking,
        "kinds": {kind: _kind_as_json(covered, kind, needs) for kind, needs in covered.needs.items()},
        "lacking": [
            {
                "site": one.site.id,
                "name": one.site.name,
                "kind": one.site.kind,
                "lacks": [
                    {"need": lack.need.name, "has": lack.has, "wants": lack.need.count} for lack in one.lacks
                ],
            }
            for one in covered.lacking
        ],
    }


def _kind_as_json(covered: Coverage, kind: str, needs: Iterable[Need]) -> dict[str, object]:
    each = {
        need.name: need.model_dump(mode="json") | _numbers(covered.complete(kind, need.name))
        for need in needs
    }
    return _numbers(covered.complete(kind)) | {"needs": each}


def _numbers(numbers: tuple[int, int]) -> dict[str, object]:
    return {"complete": numbers[0], "sites": numbers[1]}


def coverage(inventory: Inventory) -> Coverage:
    """Return what each site has and lacks of what its kind must have; declared devices count, silent ones too."""
    sites = tuple(
        SiteCoverage(site, tuple(_lacks(site, inventory.needs[site.kind])))
        for site in inventory.sites.values()
        if inventory.needs.get(site.kind)
    )
    return Coverage({kind: needs for kind, needs in inventory.needs.items() if needs}, sites)


def _lacks(site: Site, needs: Collection[Need]) -> Iterator[Lack]:
    for need in needs:
        has = sum(device.role in need.roles for device in site.devices)
        if has < need.count:
            yield Lack(need, has)


def read_needs(own: yamltree.Mapping, roles: Collection[str], problems: list[Problem]) -> Needs:
    """Return the needs that come with the product, changed and added to by the ``coverage:`` of an inventory."""
    base = _built_in(problems)
    kinds = dict.fromkeys([*base.entries, *own.entries])
    return {
        kind: tuple(
            _kind(join("coverage", kind), base.entries.get(kind), own.entries.get(kind), roles, problems)
        )
        for kind in kinds
    }


def _built_in(problems: list[Problem]) -> yamltree.Mapping:
    with as_file(files("inventory").joinpath("coverage.yaml")) as path:
        root = document.read(path, problems)
    needs = yamltree.child(root, "coverage") if root else None
    if not isinstance(needs, yamltree.Mapping):
        raise Invalid(problems)
    return needs


def _kind(
    path: str,
    base: yamltree.Node | None,
    own: yamltree.Node | None,
    roles: Collection[str],
    problems: list[Problem],
) -> Iterator[Need]:
    """Yield the needs of one kind of site: `own` over `base`, by name."""
    if own is not None and not isinstance(own, yamltree.Mapping):
        problems.append(own.problem(path, f"wants {wording.MAPPING}, found {wording.found(own)}"))
    before = base.entries if isinstance(base, yamltree.Mapping) else {}
    after = own.entries if isinstance(own, yamltree.Mapping) else {}
    for name in dict.fromkeys([*before, *after]):
        if isinstance(own, yamltree.Mapping) and name in after and not NAME.fullmatch(name):
            problems.append(own.keys[name].problem(join(path, name), f"the name of a need wants {NAME_RULE}"))
            continue
        need = _need(name, _over(after.get(name), before.get(name)), join(path, name), roles, problems)
        if need is not None:
            yield need


def _over(own: yamltree.Node | None, base: yamltree.Node | None) -> yamltree.Node | None:
    if isinstance(own, yamltree.Mapping) and isinstance(base, yamltree.Mapping):
        return own.over(base)
    return own or base


def _need(
    name: str, node: yamltree.Node | None, path: str, roles: Collection[str], problems: list[Problem]
) -> Need | None:
    entry = document.validate(node, NeedEntry, problems, path, {"roles": roles}) if node else None
    if entry is None or not entry.enabled:
        return None
    return Need(name=name, title=entry.title or Text(vi=name, en=name), roles=entry.roles, count=entry.count)
