"""Reads the devices of a site: each entry with what its role, its site and the defaults add to it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from inventory import document, wording, yamltree
from inventory.checks import Planner
from inventory.entries import DeviceEntry
from inventory.inheritance import Inherited
from inventory.keyring import Assigned, Keyring
from inventory.levels import Level
from inventory.model import NAME, NAME_RULE, CheckSpec, Device
from inventory.network_policy import NetworkPolicy
from inventory.pasts import Claim, claims
from inventory.problem import Problem
from inventory.roles import Roles
from inventory.topology import Written


class Devices:
    """Reads devices, and remembers of all of them what can only be judged at the end."""

    def __init__(
        self,
        roles: Roles,
        keyring: Keyring,
        planner: Planner,
        profiles: Collection[str] | None,
        network: NetworkPolicy | None,
        problems: list[Problem],
    ) -> None:
        self._roles = roles
        self._keyring = keyring
        self._planner = planner
        self._problems = problems
        self._context = {"roles": roles.names, "profiles": profiles, "network": network}
        self.written: list[Written] = []
        """What each device says about its parents."""
        self.claims: list[Claim] = []
        """What devices say about ids they had before."""

    def read(self, site: str, node: yamltree.Node, inherited: Inherited, path: str) -> Iterator[Device]:
        """Yield the sound devices of a site, each with what it has `inherited` from the levels above."""
        devices = yamltree.child(node, "devices")
        for name, entry in self._entries(devices, path).items():
            place = yamltree.join(path, name)
            if isinstance(devices, yamltree.Mapping) and not NAME.fullmatch(name):
                message = f"the name of a device wants {NAME_RULE}"
                self._problems.append(devices.keys[name].problem(place, message))
            device = self._device(site, name, entry, inherited, place)
            if device is not None:
                yield device

    def _entries(self, node: yamltree.Node | None, path: str) -> dict[str, yamltree.Node]:
        if isinstance(node, yamltree.Mapping):
            return node.entries
        if node is not None:
            self._problems.append(node.problem(path, f"wants {wording.MAPPING}, found {wording.found(node)}"))
        return {}

    def _device(
        self, site: str, name: str, node: yamltree.Node, inherited: Inherited, path: str
    ) -> Device | None:
        credentials = self._keyring.assigned(node, inherited.credentials, path)
        entry = document.validate(
            yamltree.without(node, "checks"), DeviceEntry, self._problems, path, self._context
        )
        checks = self._checks(node, inherited.changes, credentials, path)
        if entry is None or entry.role not in self._roles.sound or not NAME.fullmatch(name):
            return None
        device = f"{site}/{name}"
        self.written.append(_written(device, entry, node, path, self._problems))
        if entry.formerly:
            self.claims.extend(claims(device, node, path))
        used = {check.probe for check in checks}
        return Device(
            id=device,
            name=name,
            site=site,
            title=entry.title or self._roles.sound[entry.role].title.vi,
            title_en="" if entry.title else self._roles.sound[entry.role].title.en,
            address=entry.address,
            role=entry.role,
            profile=entry.profile,
            every_parent=entry.every_parent,
            credentials={probe: credentials[probe] for probe in credentials if probe in used},
            owner=entry.owner,
            tags=tuple(dict.fromkeys((*inherited.tags, *entry.tags))),
            expect=entry.expect,
            checks=checks,
        )

    def _role(self, node: yamltree.Node) -> str:
        """Return the role that is written, even if the device has mistakes elsewhere; ``""`` for none we know."""
        role = yamltree.child(node, "role")
        return role.text if isinstance(role, yamltree.Scalar) and role.text in self._roles.names else ""

    def _checks(
        self, node: yamltree.Node, changes: tuple[Level, ...], credentials: Assigned, path: str
    ) -> tuple[CheckSpec, ...]:
        self._entries(yamltree.child(node, "checks"), f"{path}.checks")
        own = self._planner.level(node, path, adds=True)
        checks, unasked = self._planner.plan(self._role(node), changes, own, credentials)
        by_probe: dict[str, list[str]] = {}
        for check in unasked:
            by_probe.setdefault(check.probe, []).append(repr(check.name))
        for probe, names in by_probe.items():
            kinds, verb = self._planner.kinds(probe), "are" if len(names) > 1 else "is"
            message = f"{', '.join(names)} {verb} not checked: no credential of the kind {kinds} is given"
            self._problems.append(node.problem(f"{path}.checks", message).as_warning())
        return checks


def _written(
    device: str, entry: DeviceEntry, node: yamltree.Node, path: str, problems: list[Problem]
) -> Written:
    """Return what the entry says about parents, with the place of each name."""
    one, many = yamltree.child(node, "parent"), yamltree.child(node, "parents")
    if one is not None and many is not None:
        problems.append(one.problem(f"{path}.parent", "write 'parent' or 'parents', not both"))
    if entry.parents is not None and isinstance(many, yamltree.Sequence):
        named = tuple(zip(entry.parents, many.items, strict=True))
        return Written(device, entry.role, entry.address, node, f"{path}.parents", named)
    if entry.parent is not None:
        return Written(
            device, entry.role, entry.address, node, f"{path}.parent", ((entry.parent, one or node),)
        )
    return Written(device, entry.role, entry.address, node, path, None)
