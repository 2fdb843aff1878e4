"""Which checks a device has: those of its role, changed by every level above it and by its own entry."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from inventory import document, wording, yamltree
from inventory.duration import written
from inventory.entries import CheckEntry
from inventory.keyring import Assigned
from inventory.levels import Layered, Level, at_home, named_probe, over
from inventory.model import NAME, NAME_RULE, CheckSpec
from inventory.problem import Problem
from inventory.traits import RESERVED, ProbeTraits

Plan = tuple[tuple[CheckSpec, ...], tuple[CheckSpec, ...]]
"""The checks of a device, and those of its role that cannot be asked because a credential is missing."""


Changing = tuple[Level, yamltree.Mapping]
"""A level that changes checks and adds none, and its entries as they are written."""


class _Made(NamedTuple):
    """The checks that some levels make together."""

    levels: tuple[Level, ...]
    layered: Mapping[str, Layered]
    specs: Mapping[str, CheckSpec]
    """Those that are sound and not switched off."""
    broken: frozenset[str]
    """Those with mistakes, which have been said."""


_NOTHING = _Made((), {}, {}, frozenset())


class Planner:
    """Turns entries into checks, and says what is wrong with them.

    Devices of one role that inherit the same share their checks: they are made once.
    """

    def __init__(self, probes: Mapping[str, ProbeTraits], problems: list[Problem]) -> None:
        self._probes = probes
        self._problems = problems
        self.changing: list[Changing] = []
        """What levels write that may add no checks, as they are read."""
        self._made: dict[tuple[str, tuple[Level, ...]], _Made] = {}
        self._plans: dict[tuple[str, tuple[Level, ...], frozenset[str]], Plan] = {}

    def level(self, node: yamltree.Node | None, path: str, *, adds: bool = False) -> Level | None:
        """Return what is written under ``checks:`` of `node`, `None` for nothing. Wrong entries are left out."""
        checks = yamltree.child(node, "checks") if node else None
        if not isinstance(checks, yamltree.Mapping) or not checks.entries:
            return None
        path = f"{path}.checks"
        level = Level(path, dict(self._sound(checks, path, adds=adds)), adds)
        if not adds:
            self.changing.append((level, checks))
        return level

    def define(self, role: str, levels: Sequence[Level]) -> None:
        """Set the checks of a role: what each of `levels` writes, over the one before."""
        self._made[role, ()] = self._make(_NOTHING, levels)

    def plan(self, role: str, changes: tuple[Level, ...], own: Level | None, credentials: Assigned) -> Plan:
        """Return a device's checks, and those of its role that lack a credential.

        `changes` are the levels between its role and its own entry.
        """
        if own is None:
            key = (role, changes, frozenset(credentials))
            if key not in self._plans:
                self._plans[key] = self._split(self._under(role, changes), credentials)
            return self._plans[key]
        made = self._make(self._under(role, changes), (self._certain(role, own),))
        self._refuse_unasked(made, own, credentials)
        return self._split(made, credentials, own)

    def layered(self, role: str, changes: tuple[Level, ...], own: Level | None) -> Mapping[str, Layered]:
        """Return what is written for each check of a device; every value keeps its place, in whichever file."""
        made = self._under(role, changes).layered
        whole = made if own is None else over(made, own)
        return {name: one for name, one in whole.items() if one.exists}

    def kinds(self, probe: str) -> str:
        """Return the kinds of credential `probe` can use, as people say it."""
        return " or ".join(self._probes[probe].credential_kinds)

    def unused(self, changing: Iterable[Changing]) -> Iterator[Problem]:
        """Yield a warning for each change that changes nothing: no device it could hold for has the check."""
        known = {name for made in self._made.values() for name, one in made.layered.items() if one.exists}
        for level, node in changing:
            for name in level.checks.keys() - level.used:
                near = get_close_matches(name, known - {name}, n=1)
                guess = f"; did you mean {near[0]!r}?" if near else ""
                message = f"changes nothing: no device here has a check of this name{guess}"
                yield node.keys[name].problem(yamltree.join(level.path, name), message).as_warning()

    def _sound(
        self, checks: yamltree.Mapping, path: str, *, adds: bool
    ) -> Iterator[tuple[str, yamltree.Mapping]]:
        for name, entry in checks.entries.items():
            place = yamltree.join(path, name)
            if not NAME.fullmatch(name):
                message = f"the name of a check wants {NAME_RULE}"
                self._problems.append(checks.keys[name].problem(place, message))
            elif not isinstance(entry, yamltree.Mapping):
                document.validate(entry, CheckEntry, self._problems, place)
            else:
                if not adds:  # nobody may have this check, and then it is judged nowhere else
                    document.validate(entry.only(RESERVED), CheckEntry, self._problems, place)
                yield name, entry

    def _under(self, role: str, changes: tuple[Level, ...]) -> _Made:
        """Return the checks of a role under the levels between it and a device; none for an unknown role."""
        plain = self._made.get((role, ()))
        if plain is None or not changes:
            return plain or _NOTHING
        if (role, changes) not in self._made:
            self._made[role, changes] = self._make(plain, changes)
        return self._made[role, changes]

    def _make(self, base: _Made, levels: Sequence[Level]) -> _Made:
        """Return the checks of `base` with what `levels` change; what they do not touch is shared."""
        layered: Mapping[str, Layered] = base.layered
        for level in levels:
            layered = over(layered, level)
        touched = {name for level in levels for name in level.checks}
        all_levels = (*base.levels, *levels)
        specs: dict[str, CheckSpec] = {}
        broken = set(base.broken)
        for name, one in layered.items():
            if name in touched and one.exists and name not in base.broken:
                spec = self._spec(name, one, all_levels, broken)
            else:
                spec = base.specs.get(name)
            if spec is not None:
                specs[name] = spec
        _mark(all_levels, layered)
        return _Made(all_levels, layered, specs, frozenset(broken))

    def _certain(self, role: str, own: Level) -> Level:
        """Return the checks whose probe is certain: of an unknown role nothing else can be judged."""
        if (role, ()) in self._made:
            return own
        certain = {
            name: entry for name, entry in own.checks.items() if name in self._probes or named_probe(entry)
        }
        return Level(own.path, certain, adds=True)

    def _split(self, made: _Made, credentials: Assigned, own: Level | None = None) -> Plan:
        """Tell the checks that can be asked from those that lack a credential; the own ones were refused."""
        asked: list[CheckSpec] = []
        missing: list[CheckSpec] = []
        for name, spec in made.specs.items():
            lacks = self._lacks(spec, credentials) and not (own and name in own.checks)
            (missing if lacks else asked).append(spec)
        return tuple(asked), tuple(missing)

    def _refuse_unasked(self, made: _Made, own: Level, credentials: Assigned) -> None:
        """A check that the device itself writes must have the credential it needs."""
        for name, entry in own.checks.items():
            spec = made.specs.get(name)
            if spec is not None and name not in made.broken and self._lacks(spec, credentials):
                kinds = self.kinds(spec.probe)
                message = f"the probe {spec.probe!r} needs a credential of the kind {kinds}; none is given"
                self._problems.append(entry.problem(yamltree.join(own.path, name), message))

    def _lacks(self, spec: CheckSpec, credentials: Assigned) -> bool:
        """Whether a check cannot be asked because its probe has no credential."""
        return self._probes[spec.probe].needs_credential and spec.probe not in credentials

    def _spec(self, name: str, one: Layered, levels: Sequence[Level], broken: set[str]) -> CheckSpec | None:
        """Return the check, or `None` when it is switched off or wrong (then its name goes to `broken`)."""
        problems: list[Problem] = []
        spec = self._judged(name, one, problems)
        if problems:
            broken.add(name)
            self._problems.extend(at_home(problem, name, levels) for problem in problems)
        return spec

    def _judged(self, name: str, one: Layered, problems: list[Problem]) -> CheckSpec | None:
        entry, traits = one.entry, self._probes.get(one.probe)
        own = document.validate(entry.only(RESERVED), CheckEntry, problems, name)
        if traits is None:
            place = entry.entries.get("probe", entry)
            where = yamltree.join(name, "probe") if "probe" in entry.entries else name
            hint = "" if "probe" in entry.entries else "; say which one with 'probe:'"
            problems.append(place.problem(where, wording.unknown("probe", one.probe, self._probes) + hint))
            return None
        own_params = entry.only(RESERVED, inside=False)
        params = document.validate(own_params, traits.params, problems, name, also=RESERVED)
        times = _times(traits, own, entry, name, problems) if own else None
        if own is None or params is None or times is None or not own.enabled:
            return None
        return CheckSpec(name=name, probe=one.probe, params=params, interval=times[0], timeout=times[1])


def _mark(levels: Sequence[Level], layered: Mapping[str, Layered]) -> None:
    """Remember which changes met a check that exists."""
    for level in levels:
        if not level.adds:
            level.used.update(name for name in level.checks if layered[name].exists)


def _times(
    traits: ProbeTraits, own: CheckEntry, entry: yamltree.Mapping, path: str, problems: list[Problem]
) -> tuple[float, float] | None:
    """Return interval and timeout in seconds; a timeout nobody wrote gives way to a short interval."""
    interval = own.interval or traits.interval
    timeout = own.timeout or min(traits.timeout, interval)
    if timeout <= interval:
        return interval, timeout
    message = f"the timeout {written(timeout)} is longer than the interval {written(interval)}"
    problems.append(entry.entries["timeout"].problem(yamltree.join(path, "timeout"), message))
    return None


def installed(role: yamltree.Node, probes: Collection[str]) -> yamltree.Node:
    """Return the entry of a role with those checks only whose probe is among `probes`."""
    checks = yamltree.child(role, "checks")
    if not isinstance(role, yamltree.Mapping) or not isinstance(checks, yamltree.Mapping):
        return role
    kept = [name for name, entry in checks.entries.items() if _asks(name, entry) in probes]
    return role.mapped(lambda node: checks.only(kept) if node is checks else node)


def _asks(name: str, entry: yamltree.Node) -> str:
    return (named_probe(entry) if isinstance(entry, yamltree.Mapping) else "") or name
