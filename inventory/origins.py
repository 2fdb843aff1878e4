"""Where each value of a device's or a site's effective configuration was written.

Nothing is kept for this while an inventory is loaded: the files are read again when somebody asks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

import msgspec

from inventory import roles, wording, yamltree
from inventory.checks import Planner
from inventory.gather import Sections, gather
from inventory.loader import assemble
from inventory.model import CheckSpec, Device, Inventory, Site
from inventory.problem import Invalid, Problem
from inventory.traits import RESERVED, ProbeTraits
from inventory.tree import Tree, read_tree
from inventory.yamltree import Node, child


class Origin(StrEnum):
    """Which level of the inventory a value comes from."""

    DEVICE = "device"
    SITE = "site"
    PROVINCE = "province"
    DEFAULTS = "defaults"
    ROLE = "role"
    BUILT_IN_ROLE = "built-in role"
    PROBE = "default of the probe"
    OFFICIAL = "official list"
    UNSET = "not set"


class Setting(msgspec.Struct, frozen=True):
    """One effective value and its place; line and column count from 1, 0 where no file has it."""

    key: str
    """``"address"``, ``"checks.icmp.interval"``."""
    value: object
    """Plain values, lists and mappings of them; `None` when there is none."""
    origin: Origin
    file: str = ""
    line: int = 0
    column: int = 0

    @property
    def where(self) -> str:
        """``file:line:column``, ``""`` where no file has it."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else ""


class Traced(msgspec.Struct, frozen=True):
    """The effective configuration of one site or device."""

    subject: str
    settings: tuple[Setting, ...]
    mistakes: int
    """Errors elsewhere in what was read: with any, a service would not start."""


class Unknown(LookupError):
    """No site or device of that name is written; the text names the likeliest."""


Layer = tuple[Origin, Node | None]
_ADDING = (Origin.DEVICE, Origin.ROLE, Origin.BUILT_IN_ROLE)
"""The levels that may add a check; the others change those there are."""


def trace(
    folder: Path,
    subject: str,
    probes: Mapping[str, ProbeTraits],
    profiles: Collection[str] | None = None,
) -> Traced:
    """Return the effective configuration of a device (``"18073/router"``) or a site (``"18073"``).

    Raises `Unknown` when nothing of that name is written, `Invalid` when it has mistakes or roles have.
    Other mistakes do not matter. Files that are about other sites only are not even parsed, unless something is wrong.
    """
    tree = read_tree(folder)
    with suppress(Unknown, Invalid):
        traced = _traced(_about(subject.partition("/")[0], tree), subject, probes, profiles)
        if not traced.mistakes:
            return traced
    return _traced(tree, subject, probes, profiles)


def names(folder: Path, beginning: str) -> list[str]:
    """Return the keys of sites that begin so, or after a slash (``"18073/r"``) the devices of that site that do."""
    site, slash, _ = beginning.partition("/")
    sites = gather(_about(site, read_tree(folder)), []).of("sites").entries
    devices = child(sites[site], "devices") if slash and site in sites else None
    within = devices.entries if isinstance(devices, yamltree.Mapping) else {}
    found = [f"{site}/{name}" for name in within] if slash else list(sites)
    return sorted(name for name in found if name.startswith(beginning))


_MORE_THAN_SITES = re.compile(
    rb"^(?!sites:|---|[ #\r\n]|\Z)"  # a line that begins another section, or how that could be written otherwise:
    rb"|\\|\r(?!\n)|\xc2\x85|\xe2\x80[\xa8\xa9]",  # an escape, the other line breaks of YAML
    re.MULTILINE,
)


def _about(site: str, tree: Tree) -> Tree:
    """Return the files that may say something about a site: those naming it, those with more than sites."""
    key = site.encode()
    named = {name: raw for name, raw in tree.files.items() if key in raw or _MORE_THAN_SITES.search(raw)}
    return Tree(tree.root, named, tree.problems)


def _traced(
    tree: Tree, subject: str, probes: Mapping[str, ProbeTraits], profiles: Collection[str] | None
) -> Traced:
    problems: list[Problem] = []
    sections = gather(tree, problems)
    _must_be_written(sections, subject)
    site = subject.partition("/")[0]
    inventory = assemble(sections, probes, profiles, problems, only=site)
    errors = [problem for problem in problems if problem.severity == "error"]
    if subject not in (*inventory.sites, *inventory.devices):
        raise Invalid(errors)
    if concerning := [problem for problem in errors if _concerns(problem.path, subject)]:
        raise Invalid(concerning)
    reader = _Reader(sections, inventory, probes)
    settings = reader.device(inventory.devices[subject]) if "/" in subject else reader.site(subject)
    return Traced(subject, tuple(settings), len(set(errors)))


def _concerns(path: str, subject: str) -> bool:
    """Whether a mistake is about the subject or a level above it: what would be shown is not what was meant."""
    site, slash, name = subject.partition("/")
    place = yamltree.join("sites", site)
    others = f"{place}.devices"
    if slash and _within(path, others):
        return _within(path, f"{others}.{name}")
    return any(_within(path, above) for above in (place, "roles", "defaults", "provinces"))


def _within(path: str, place: str) -> bool:
    return path == place or path.startswith((f"{place}.", f"{place}["))


def _must_be_written(sections: Sections, subject: str) -> None:
    sites = sections.of("sites").entries
    site, slash, name = subject.partition("/")
    if site not in sites:
        raise Unknown(wording.unknown("site", site, sites))
    devices = child(sites[site], "devices")
    names = devices.entries if isinstance(devices, yamltree.Mapping) else {}
    if slash and name not in names:
        raise Unknown(wording.unknown(f"device of {site}:", name, names))


class _Reader:
    """Finds for each value of a sound inventory the level that gave it."""

    def __init__(self, sections: Sections, inventory: Inventory, probes: Mapping[str, ProbeTraits]) -> None:
        ignored: list[Problem] = []
        self._inventory = inventory
        self._sites = sections.of("sites")
        self._provinces = sections.of("provinces")
        self._defaults = sections.of("defaults")
        self._own = sections.of("roles")
        self._built_in = roles.built_in(probes, ignored)
        self._planner = Planner(probes, ignored)
        defaults = self._planner.level(self._defaults, "")
        roles.Roles(self._built_in, self._own, self._planner, ignored, defaults)

    def site(self, key: str) -> Iterator[Setting]:
        """Yield what holds for a whole site, then one line for each device."""
        site, node = self._inventory.sites[key], self._sites.entries[key]
        own: list[Layer] = [(Origin.SITE, node)]
        levels = self._above(site)
        yield self._named(site)
        yield _pick("kind", site.kind, own, Origin.OFFICIAL if site.commune else Origin.UNSET)
        yield _pick("owner", _plain(site.owner), levels)
        yield _pick("location", site.location, own)
        yield _pick("aliases", site.aliases, own)
        yield _pick("formerly", site.formerly, own)
        yield _pick("carrier", site.carrier or None, own)
        yield _pick("power_feed", site.power_feed or None, own)
        yield from _tags(levels)
        yield from _site_credentials(levels)
        yield from _changes(levels)
        devices = child(node, "devices")
        for device in site.devices:
            yield _at(
                f"devices.{device.name}",
                [device.address, device.role],
                Origin.SITE,
                child(devices or node, device.name),
            )

    def device(self, device: Device) -> Iterator[Setting]:
        """Yield everything that holds for one device."""
        node = self._sites.entries[device.site]
        entry = child(child(node, "devices") or node, device.name) or node
        own: list[Layer] = [(Origin.DEVICE, entry)]
        yield self._named(self._inventory.sites[device.site], "site")
        yield _pick("address", device.address, own)
        yield _pick("role", device.role, own)
        yield _pick("title", device.title, [*own, *self._role(device.role)])
        yield _pick("profile", device.profile, own)
        yield from _expected(device, entry)
        yield _pick("formerly", device.formerly, [*own, (Origin.SITE, node)])
        yield self._parents(device, entry)
        if device.every_parent:
            yield _pick("every_parent", device.every_parent, own)
        levels = [*own, *self._above(self._inventory.sites[device.site])]
        yield _pick("owner", _plain(self._inventory.owner_of(device.id)), levels)
        yield from _tags(levels)
        for probe, name in device.credentials.items():
            yield _pick(probe, name, _under("credentials", levels), prefix="credentials.")
        yield from self._checks(device, levels)

    def _above(self, site: Site) -> list[Layer]:
        """Return the levels above the devices of a site, the most special first."""
        node = self._sites.entries[site.id]
        named = child(node, "province")
        code = site.commune.province_code if site.commune else getattr(named, "text", "")
        return [
            (Origin.SITE, node),
            (Origin.PROVINCE, self._provinces.entries.get(code)),
            (Origin.DEFAULTS, self._defaults),
        ]

    def _named(self, site: Site, key: str = "name") -> Setting:
        node = self._sites.entries[site.id]
        value = f"{site.id} {site.name}" if key == "site" else site.name
        if site.commune:
            return _at(key, f"{value}, {site.commune.province}", Origin.OFFICIAL, self._sites.keys[site.id])
        return _at(key, value, Origin.SITE, child(node, "name"))

    def _role(self, name: str) -> list[Layer]:
        return [
            (Origin.ROLE, self._own.entries.get(name)),
            (Origin.BUILT_IN_ROLE, self._built_in.entries.get(name)),
        ]

    def _parents(self, device: Device, entry: Node) -> Setting:
        """Return the parents: named by the device, else implied by what its role is behind."""
        for key in ("parents", "parent"):
            if _there(child(entry, key)):
                return _at("parents", device.parents, Origin.DEVICE, child(entry, key))
        layers = self._role(device.role)
        found = next(
            ((origin, node) for origin, role in layers if role and _there(node := child(role, "behind"))),
            None,
        )
        return _at("parents", device.parents, *(found or (Origin.UNSET, None)))

    def _checks(self, device: Device, levels: Sequence[Layer]) -> Iterator[Setting]:
        """Yield the checks of a device, `levels` being its own entry and those above it."""
        specs = {spec.name: spec for spec in device.checks}
        (_, own), *_, defaults = levels
        role, built_in = self._role(device.role)
        order = _under("checks", [*levels[:-1], role, defaults, built_in])
        changes = tuple(
            level
            for _, node in reversed(levels[1:-1])
            if (level := self._planner.level(node, "", adds=False))
        )
        whole = self._planner.layered(device.role, changes, self._planner.level(own, "", adds=True))
        for name, one in whole.items():
            written = [(origin, node) for origin, checks in order if checks and (node := child(checks, name))]
            trail = _Trail(f"checks.{name}", one.entry, written)
            if name in specs:
                yield from trail.check(specs[name])
            elif "enabled" in one.entry.entries:
                yield trail.setting("enabled", False)
            else:
                yield Setting(f"checks.{name}", "not asked: no credential for it", Origin.UNSET)


class _Trail:
    """Where the keys of one check come from."""

    def __init__(self, path: str, entry: yamltree.Mapping, written: Sequence[tuple[Origin, Node]]) -> None:
        """`entry` is the check with everything that is written for it, `written` the levels it is made of,
        the most special first.
        """
        self._path = path
        self._entry = entry
        self._written = written

    def check(self, spec: CheckSpec) -> Iterator[Setting]:
        """Yield every value of the check."""
        yield self._probe(spec.probe)
        yield self.setting("interval", spec.interval)
        yield self.setting("timeout", spec.timeout)
        for key, value in spec.params.model_dump(mode="json").items():
            yield self.setting(key, value)

    def _probe(self, name: str) -> Setting:
        """Return the probe: named by a key, else by the check's own name, where that was first written."""
        if "probe" in self._entry.entries:
            return self.setting("probe", name)
        origin, node = [level for level in self._written if level[0] in _ADDING][-1]
        return _at(f"{self._path}.probe", name, origin, node)

    def setting(self, key: str, value: object) -> Setting:
        """Return one value with its place; the probe's own default when nobody wrote one."""
        node = self._entry.entries.get(key)
        if node is None or (key in RESERVED and not _there(node)):
            return Setting(f"{self._path}.{key}", value, Origin.PROBE)
        origin = next(origin for origin, level in self._written if child(level, key) is node)
        return _at(f"{self._path}.{key}", value, origin, node)


def _under(key: str, levels: Iterable[Layer]) -> list[Layer]:
    return [(origin, child(level, key) if level else None) for origin, level in levels]


def _expected(device: Device, entry: Node) -> Iterator[Setting]:
    """Yield what the device should say of itself, where that is written."""
    node = child(entry, "expect")
    if node is not None:
        for key, value in (_plain(device.expect) or {}).items():
            yield _at(f"expect.{key}", value, Origin.DEVICE, child(node, key))


def _tags(levels: Sequence[Layer]) -> Iterator[Setting]:
    """Yield every tag with the level that gave it, in the order in which they add up."""
    seen: set[str] = set()
    for origin, written in reversed(_under("tags", levels)):
        for node in written.items if isinstance(written, yamltree.Sequence) else ():
            if isinstance(node, yamltree.Scalar) and node.text not in seen:
                seen.add(node.text)
                yield _at(f"tags[{len(seen) - 1}]", node.text, origin, node)
    if not seen:
        yield Setting("tags", (), Origin.UNSET)


def _site_credentials(levels: Sequence[Layer]) -> Iterator[Setting]:
    given = _under("credentials", levels)
    probes = dict.fromkeys(
        probe for _, level in given if isinstance(level, yamltree.Mapping) for probe in level.entries
    )
    for probe in probes:
        found = next(name for _, level in given if level and (name := child(level, probe)))
        yield _pick(probe, yamltree.plain(found), given, prefix="credentials.")


def _changes(levels: Sequence[Layer]) -> Iterator[Setting]:
    """Yield what the levels above its devices change of their checks, the most special of each key."""
    seen: set[str] = set()
    for origin, checks in _under("checks", levels):
        for name, entry in checks.entries.items() if isinstance(checks, yamltree.Mapping) else ():
            for key, node in entry.entries.items() if isinstance(entry, yamltree.Mapping) else ():
                path = f"checks.{name}.{key}"
                if path not in seen:
                    seen.add(path)
                    yield _at(path, yamltree.plain(node), origin, node)


def _there(node: Node | None) -> bool:
    """Whether something is written: ``null`` means that nothing is."""
    return node is not None and not (isinstance(node, yamltree.Scalar) and node.value is None)


def _at(key: str, value: object, origin: Origin, node: Node | None) -> Setting:
    return (
        Setting(key, value, origin, node.file, node.line, node.column)
        if node
        else Setting(key, value, origin)
    )


def _pick(
    key: str,
    value: object,
    layers: Collection[Layer],
    absent: Origin = Origin.UNSET,
    *,
    prefix: str = "",
) -> Setting:
    """Return the setting `key` at the first of `layers` that writes it."""
    for origin, layer in layers:
        node = child(layer, key) if layer else None
        if node is not None and _there(node):
            return _at(f"{prefix}{key}", value, origin, node)
    return Setting(f"{prefix}{key}", value, absent)


def _plain(model: object) -> dict[str, object] | None:
    dump = getattr(model, "model_dump", None)
    return {key: text for key, text in dump().items() if text} if dump else None
