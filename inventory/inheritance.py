"""What a device has from the levels above it: defaults, the province, the site.

Credentials, owner and checks override what is less special; tags add up.
"""

from __future__ import annotations

import msgspec

from inventory import document, yamltree
from inventory.checks import Planner
from inventory.communes import Communes
from inventory.entries import DefaultsEntry, LevelEntry, PlaceEntry, ProvinceEntry
from inventory.keyring import Assigned, Keyring
from inventory.levels import Level
from inventory.model import Contact
from inventory.problem import Problem


class Inherited(msgspec.Struct, frozen=True):
    """What devices have from the levels above them."""

    credentials: Assigned = {}
    owner: Contact | None = None
    tags: tuple[str, ...] = ()
    changes: tuple[Level, ...] = ()
    """What changes the checks of their roles, the most special last."""


class Levels:
    """Reads the levels that are above devices, and says what is wrong with them."""

    def __init__(
        self,
        defaults: yamltree.Mapping,
        provinces: yamltree.Mapping,
        keyring: Keyring,
        planner: Planner,
        problems: list[Problem],
    ) -> None:
        self._keyring = keyring
        self._planner = planner
        self._problems = problems
        node = defaults.only(DefaultsEntry.model_fields)
        self.default_checks = planner.level(node, "defaults")
        """What the defaults change of the checks of roles: beneath what the inventory's own roles say."""
        entry = document.validate(node, DefaultsEntry, [])  # its mistakes were said when the file was read
        self._defaults = self._under(Inherited(), node, entry, "defaults")
        self._provinces = {
            code: self._province(code, province) for code, province in provinces.entries.items()
        }

    def of_site(
        self, node: yamltree.Node, entry: LevelEntry | None, province: str | None, path: str
    ) -> Inherited:
        """Return what the devices of a site inherit; `entry` is `None` for a site with mistakes."""
        base = self._provinces.get(province or "", self._defaults)
        return self._with_changes(self._under(base, node, entry, path), node, path)

    def _province(self, code: str, node: yamltree.Node) -> Inherited:
        path = yamltree.join("provinces", code)
        entry = document.validate(node, ProvinceEntry, [])  # as above
        return self._with_changes(self._under(self._defaults, node, entry, path), node, path)

    def _under(self, base: Inherited, node: yamltree.Node, entry: LevelEntry | None, path: str) -> Inherited:
        """Return what holds beneath the level `node`; `base` itself where it writes nothing."""
        credentials = self._keyring.assigned(node, base.credentials, path)
        owner, tags = (entry.owner, entry.tags) if entry else (None, ())
        if owner is not None and not isinstance(entry, PlaceEntry):
            self._warn_out_of_reach(owner, yamltree.child(node, "owner") or node, path)
        if credentials is base.credentials and owner is None and not tags:
            return base
        return Inherited(
            credentials, owner or base.owner, tuple(dict.fromkeys((*base.tags, *tags))), base.changes
        )

    def _with_changes(self, inherited: Inherited, node: yamltree.Node, path: str) -> Inherited:
        level = self._planner.level(node, path)
        if level is None:
            return inherited
        return msgspec.structs.replace(inherited, changes=(*inherited.changes, level))

    def _warn_out_of_reach(self, owner: Contact, node: yamltree.Node, path: str) -> None:
        missing = [key for key in ("unit", "phone") if not getattr(owner, key)]
        if missing:
            message = f"{owner.name} has no {' and no '.join(missing)}: nobody knows whom to call at night"
            self._problems.append(node.problem(f"{path}.owner", message).as_warning())


def refuse_unknown(provinces: yamltree.Mapping, communes: Communes, problems: list[Problem]) -> None:
    """Add a mistake to `problems` for every key of `provinces` that is no official code."""
    for code, place in provinces.keys.items():
        if code not in communes.provinces:
            problems.append(place.problem(yamltree.join("provinces", code), communes.no_province(code)))
