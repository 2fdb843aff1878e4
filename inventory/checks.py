"""Which checks a device has: those of its role, changed and added to by its own entry."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from inventory import document, yamltree
from inventory.duration import written
from inventory.entries import CheckEntry
from inventory.keyring import Assigned
from inventory.model import NAME, NAME_RULE, CheckSpec
from inventory.problem import Problem
from inventory.traits import RESERVED, ProbeTraits
from inventory.wording import unknown

Entries = dict[str, yamltree.Mapping]
"""What is written under ``checks:`` by the check's name."""
Plan = tuple[tuple[CheckSpec, ...], tuple[CheckSpec, ...]]
"""The checks of a device, and those of its role that cannot be asked because a credential is missing."""


class Planner:
    """Turns entries into checks, and says what is wrong with them."""

    def __init__(self, probes: Mapping[str, ProbeTraits], problems: list[Problem]) -> None:
        self._probes = probes
        self._problems = problems
        self._roles: dict[str, Entries] = {}
        self._broken: set[tuple[str, str]] = set()
        self._specs: dict[str, dict[str, CheckSpec]] = {}
        self._plans: dict[tuple[str, frozenset[str]], Plan] = {}

    def define(self, role: str, node: yamltree.Node | None, base: Entries, path: str) -> Entries:
        """Set the checks of a role: `node` over `base`. Returns them as they are then."""
        entries = self._merged(node, base, path)
        specs: dict[str, CheckSpec] = {}
        for name, entry in entries.items():
            before = len(self._problems)
            spec = self._spec(name, entry, f"{path}.{name}")
            if spec is not None:
                specs[name] = spec
            elif len(self._problems) > before:
                self._broken.add((role, name))
        self._roles[role] = entries
        self._specs[role] = specs
        return entries

    def plan(self, role: str, own: yamltree.Node | None, credentials: Assigned, path: str) -> Plan:
        """Return a device's checks, and those of its role that lack a credential."""
        if isinstance(own, yamltree.Mapping) and role not in self._specs:
            own = self._certain(own)
        if isinstance(own, yamltree.Mapping) and own.entries:
            return self._special(role, own, credentials, path)
        key = (role, frozenset(credentials))
        if key not in self._plans:
            self._plans[key] = self._split(self._specs.get(role, {}), credentials)
        return self._plans[key]

    def entries(self, role: str, own: yamltree.Node | None) -> Entries:
        """Return what is written for each check of a device of `role`, its own over the role's.

        Every value keeps the place where it stands, in whichever file.
        """
        return self._merged(own, self._roles.get(role, {}), "")

    def kinds(self, probe: str) -> str:
        """Return the kinds of credential `probe` can use, as people say it."""
        return " or ".join(self._probes[probe].credential_kinds)

    def _lacks(self, spec: CheckSpec, credentials: Assigned) -> bool:
        """Whether a check cannot be asked because its probe has no credential."""
        return self._probes[spec.probe].needs_credential and spec.probe not in credentials

    def _certain(self, own: yamltree.Mapping) -> yamltree.Mapping:
        """Return the checks whose probe is certain: of an unknown role nothing else can be judged."""
        items = own.entries.items()
        certain = [name for name, entry in items if name in self._probes or yamltree.child(entry, "probe")]
        return own.only(certain)

    def _split(self, specs: Mapping[str, CheckSpec], credentials: Assigned) -> Plan:
        missing = [spec for spec in specs.values() if self._lacks(spec, credentials)]
        return tuple(spec for spec in specs.values() if spec not in missing), tuple(missing)

    def _special(self, role: str, own: yamltree.Mapping, credentials: Assigned, path: str) -> Plan:
        specs = self._specs.get(role, {})
        checks: list[CheckSpec] = []
        unasked: list[CheckSpec] = []
        for name, entry in self._merged(own, self._roles.get(role, {}), path).items():
            if name in own.entries:
                spec = self._own(role, name, entry, credentials, path)
                checks.extend([spec] if spec else [])
            elif name in specs:
                missing = self._lacks(specs[name], credentials)
                (unasked if missing else checks).append(specs[name])
        return tuple(checks), tuple(unasked)

    def _own(
        self, role: str, name: str, entry: yamltree.Mapping, credentials: Assigned, path: str
    ) -> CheckSpec | None:
        """Return the check the device itself writes; a missing credential is a mistake here."""
        if (role, name) in self._broken:
            return None
        place = yamltree.join(path, name)
        spec = self._spec(name, entry, place)
        if spec is not None and self._lacks(spec, credentials):
            kinds = self.kinds(spec.probe)
            message = f"the probe {spec.probe!r} needs a credential of the kind {kinds}; none is given"
            self._problems.append(entry.problem(place, message))
        return spec

    def _merged(self, node: yamltree.Node | None, base: Entries, path: str) -> Entries:
        """Return `base` with what `node` changes; another probe takes no parameters of the old one."""
        entries = dict(base)
        if not isinstance(node, yamltree.Mapping):
            return entries
        for name, entry in node.entries.items():
            place = yamltree.join(path, name)
            if not NAME.fullmatch(name):
                message = f"the name of a check wants {NAME_RULE}"
                self._problems.append(node.keys[name].problem(place, message))
            elif isinstance(entry, yamltree.Mapping):
                old = base.get(name)
                other = old is None or _probe(name, entry, old) != _probe(name, old)
                entries[name] = entry if old is None or other else entry.over(old)
            else:
                document.validate(entry, CheckEntry, self._problems, place)
                entries.pop(name, None)
        return entries

    def _spec(self, name: str, entry: yamltree.Mapping, path: str) -> CheckSpec | None:
        """Return the check, or `None` when it is switched off or wrong."""
        own = document.validate(entry.only(RESERVED), CheckEntry, self._problems, path)
        probe = _probe(name, entry)
        traits = self._probes.get(probe)
        if traits is None:
            place = entry.entries.get("probe", entry)
            where = yamltree.join(path, "probe") if "probe" in entry.entries else path
            hint = "" if "probe" in entry.entries else "; say which one with 'probe:'"
            self._problems.append(place.problem(where, unknown("probe", probe, self._probes) + hint))
            return None
        own_params = entry.only(RESERVED, inside=False)
        params = document.validate(own_params, traits.params, self._problems, path, also=RESERVED)
        times = self._times(traits, own, entry, path) if own else None
        if own is None or params is None or times is None or not own.enabled:
            return None
        return CheckSpec(name=name, probe=probe, params=params, interval=times[0], timeout=times[1])

    def _times(
        self, traits: ProbeTraits, own: CheckEntry, entry: yamltree.Mapping, path: str
    ) -> tuple[float, float] | None:
        """Return interval and timeout in seconds; a timeout nobody wrote gives way to a short interval."""
        interval = own.interval or traits.interval
        timeout = own.timeout or min(traits.timeout, interval)
        if timeout <= interval:
            return interval, timeout
        message = f"the timeout {written(timeout)} is longer than the interval {written(interval)}"
        place = entry.entries["timeout"]
        self._problems.append(place.problem(yamltree.join(path, "timeout"), message))
        return None


def installed(role: yamltree.Node, probes: Collection[str]) -> yamltree.Node:
    """Return the entry of a role with those checks only whose probe is among `probes`."""
    checks = role.entries.get("checks") if isinstance(role, yamltree.Mapping) else None
    if not isinstance(role, yamltree.Mapping) or not isinstance(checks, yamltree.Mapping):
        return role
    kept = [name for name, entry in checks.entries.items() if _asks(name, entry) in probes]
    return role.mapped(lambda node: checks.only(kept) if node is checks else node)


def _asks(name: str, entry: yamltree.Node) -> str:
    return _probe(name, entry) if isinstance(entry, yamltree.Mapping) else name


def _probe(name: str, entry: yamltree.Mapping, base: yamltree.Mapping | None = None) -> str:
    """Return the probe an entry asks: the one it names, else that of `base`, else the check's name."""
    node = entry.entries.get("probe")
    if isinstance(node, yamltree.Scalar):
        return node.text
    return _probe(name, base) if base is not None else name
