"""The roles: those that come with the product, changed and added to by the inventory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.resources import as_file, files

from inventory import document, yamltree
from inventory.checks import Entries, Planner, installed
from inventory.entries import RoleEntry
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
        self, base: yamltree.Mapping, own: yamltree.Mapping, planner: Planner, problems: list[Problem]
    ) -> None:
        self._planner = planner
        self._problems = problems
        self.names: tuple[str, ...] = tuple(dict.fromkeys([*base.entries, *own.entries]))
        """Names of all roles, those with mistakes too."""
        self.sound: dict[str, Role] = {}
        self.behind: dict[str, tuple[str, ...]] = {}
        """For each role the roles through which its devices are reached, the likeliest first."""
        for name in self.names:
            self._read_layers(name, (base, own))

    def _read_layers(self, name: str, layers: tuple[yamltree.Mapping, ...]) -> None:
        checks: Mapping[str, yamltree.Mapping] = {}
        for layer in layers:
            node = layer.entries.get(name)
            if node is not None:
                self._read(name, node)
                path = f"{yamltree.join('roles', name)}.checks"
                checks = self._planner.define(name, yamltree.child(node, "checks"), Entries(checks), path)

    def _read(self, name: str, node: yamltree.Node) -> None:
        path = yamltree.join("roles", name)
        entry = document.validate(node, RoleEntry, self._problems, path, {"roles": self.names})
        if entry is None:
            return
        if entry.title is not None:
            self.sound[name] = Role(name=name, title=entry.title)
        elif name not in self.sound:
            self._problems.append(node.problem(path, "the key 'title' is missing"))
        if entry.behind is not None:
            self.behind[name] = entry.behind
