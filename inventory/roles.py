"""The roles: those that come with the product, changed and added to by the inventory."""

from __future__ import annotations

from collections.abc import Collection
from importlib.resources import as_file, files

from inventory import document, yamltree
from inventory.checks import Planner, installed
from inventory.entries import RoleEntry
from inventory.levels import Level
from inventory.model import Role
from inventory.problem import Invalid, Problem


def built_in(probes: Collection[str], problems: list[Problem]) -> yamltree.Mapping:
    """Return the roles that come with the product, less the checks whose probe is not installed."""
    with as_file(files("inventory").joinpath("roles.yaml")) as path:
        root = document.read(path, problems)
    roles = yamltree.child(root, "roles") if root else None
    if not isinstance(roles, yamltree.Mapping):
        raise Invalid(problems)
    return roles.mapped(lambda role: installed(role, probes))


class Roles:
    """Every role by name; their checks are set in the planner."""

    def __init__(
        self,
        base: yamltree.Mapping,
        own: yamltree.Mapping,
        planner: Planner,
        problems: list[Problem],
        defaults: Level | None = None,
    ) -> None:
        """`base` are the product's roles, `own` the inventory's; what `defaults` change is between them."""
        self._problems = problems
        self.names: tuple[str, ...] = tuple(dict.fromkeys([*base.entries, *own.entries]))
        """Names of all roles, those with mistakes too."""
        self.sound: dict[str, Role] = {}
        self.behind: dict[str, tuple[str, ...]] = {}
        """For each role the roles through which its devices are reached, the likeliest first."""
        for name in self.names:
            path = yamltree.join("roles", name)
            written = [entry for layer in (base, own) if (entry := layer.entries.get(name))]
            for entry in written:
                self._read(name, entry, path)
            ours, theirs = (planner.level(layer.entries.get(name), path, adds=True) for layer in (base, own))
            planner.define(name, [level for level in (ours, defaults, theirs) if level])

    def _read(self, name: str, node: yamltree.Node, path: str) -> None:
        entry = document.validate(node, RoleEntry, self._problems, path, {"roles": self.names})
        if entry is None:
            return
        if entry.title is not None:
            self.sound[name] = Role(name=name, title=entry.title)
        elif name not in self.sound:
            self._problems.append(node.problem(path, "the key 'title' is missing"))
        if entry.behind is not None:
            self.behind[name] = entry.behind
