"""Where each value of a device's or a site's effective configuration was written.

Nothing is kept for this while an inventory is loaded: the files are read again when somebody asks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
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
from inventory.tree import read_tree
from inventory.yamltree import Node, child


class Origin(StrEnum):
    """Which level of the inventory a value comes from."""

    DEVICE = "device"
    SITE = "site"
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
    """Errors elsewhere in the inventory: with any, a service would not start."""


class Unknown(LookupError):
    """No site or device of that name is written; the text names the likeliest."""


Layer = tuple[Origin, Node | None]


def trace(
    folder: Path,
    subject: str,
    probes: Mapping[str, ProbeTraits],
    profiles: Collection[str] | None = None,
) -> Traced:
    """Return the effective configuration of a device (``"18073/router"``) or a site (``"18073"``).

    Raises `Unknown` when nothing of that name is written, `Invalid` when it has mistakes or roles have.
    Other mistakes do not matter.
    """
    problems: list[Problem] = []
    sections = gather(read_tree(folder), problems)
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
    """Whether a mistake is about the subject itself or about roles: what would be shown is not what was meant."""
    site, slash, name = subject.partition("/")
    own = yamltree.join("sites", site) + (f".devices.{name}" if slash else "")
    return any(path == place or path.startswith((f"{place}.", f"{place}[")) for place in (own, "roles"))


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
        self._defaults = sections.of("defaults")
        self._own = sections.of("roles")
        self._built_in = roles.built_in(probes, ignored)
        self._planner = Planner(probes, ignored)
        roles.Roles(self._built_in, self._own, self._planner, ignored)

    def site(self, key: str) -> Iterator[Setting]:
        """Yield what holds for a whole site, then one line for each device."""
        site, node = self._inventory.sites[key], self._sites.entries[key]
        layers: list[Layer] = [(Origin.SITE, node)]
        yield self._named(site)
        yield _pick("kind", site.kind, layers, Origin.OFFICIAL if site.commune else Origin.UNSET)
        yield _pick("owner", _plain(site.owner), layers)
        yield _pick("location", site.location, layers)
        yield from self._site_credentials(node)
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
        yield self._parents(device, entry)
        owner = self._inventory.owner_of(device.id)
        yield _pick("owner", _plain(owner), [*own, (Origin.SITE, node)])
        yield _pick("tags", device.tags, own)
        levels = [*own, (Origin.SITE, node), (Origin.DEFAULTS, self._defaults)]
        given = [(origin, child(level or node, "credentials")) for origin, level in levels]
        for probe, name in device.credentials.items():
            yield _pick(probe, name, given, prefix="credentials.")
        yield from self._checks(device, child(entry, "checks"))

    def _named(self, site: Site, key: str = "name") -> Setting:
        node = self._sites.entries[site.id]
        value = f"{site.id} {site.name}" if key == "site" else site.name
        if site.commune:
            return _at(key, f"{value}, {site.commune.province}", Origin.OFFICIAL, self._sites.keys[site.id])
        return _at(key, value, Origin.SITE, child(node, "name"))

    def _site_credentials(self, node: Node) -> Iterator[Setting]:
        levels: list[Layer] = [
            (Origin.SITE, child(node, "credentials")),
            (Origin.DEFAULTS, self._defaults.entries.get("credentials")),
        ]
        probes = dict.fromkeys(
            probe for _, level in levels if isinstance(level, yamltree.Mapping) for probe in level.entries
        )
        for probe in probes:
            found = next(name for _, level in levels if level and (name := child(level, probe)))
            yield _pick(probe, yamltree.plain(found), levels, prefix="credentials.")

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

    def _checks(self, device: Device, own: Node | None) -> Iterator[Setting]:
        specs = {spec.name: spec for spec in device.checks}
        levels = [(origin, role and child(role, "checks")) for origin, role in self._role(device.role)]
        for name, entry in self._planner.entries(device.role, own).items():
            written = [
                (origin, level and child(level, name)) for origin, level in ((Origin.DEVICE, own), *levels)
            ]
            trail = _Trail(f"checks.{name}", entry, [(origin, node) for origin, node in written if node])
            if name in specs:
                yield from trail.check(specs[name])
            elif "enabled" in entry.entries:
                yield trail.setting("enabled", False)
            else:
                yield Setting(f"checks.{name}", "not asked: no credential for it", Origin.UNSET)


class _Trail:
    """Where the keys of one check come from: the device's own entry, or its role's."""

    def __init__(self, path: str, entry: yamltree.Mapping, written: Sequence[tuple[Origin, Node]]) -> None:
        """`entry` is the check with everything that is written for it, `written` the levels it is made of."""
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
        origin, node = self._written[-1]
        return _at(f"{self._path}.probe", name, origin, node)

    def setting(self, key: str, value: object) -> Setting:
        """Return one value with its place; the probe's own default when nobody wrote one."""
        node = self._entry.entries.get(key)
        if node is None or (key in RESERVED and not _there(node)):
            return Setting(f"{self._path}.{key}", value, Origin.PROBE)
        origin = next(origin for origin, level in self._written if child(level, key) is node)
        return _at(f"{self._path}.{key}", value, origin, node)


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


def _plain(model: object) -> object:
    dump = getattr(model, "model_dump", None)
    return {key: text for key, text in dump().items() if text} if dump else None
