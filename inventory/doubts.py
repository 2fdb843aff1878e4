"""What is written without a mistake and is doubtful all the same: dead ends, and names that mean two things."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from inventory import yamltree
from inventory.model import Device, Site
from inventory.problem import Problem
from inventory.topology import Written


def doubts(
    sites: Sequence[Site],
    entries: yamltree.Mapping,
    written: Iterable[Written],
    roles: yamltree.Mapping,
    behind: Collection[str],
) -> Iterator[Problem]:
    """Yield warnings about sound sites, whose parents are known.

    `entries` are the sites and `roles` the inventory's own roles as written, `written` their devices; `behind`
    names the roles that say what they are behind.
    """
    by_id = {device.id: device for device in written}
    yield from _shared_addresses(by_id.values())
    yield from _names_of_places(sites, entries)
    yield from _unwatched(sites, by_id)
    yield from _behind_nothing(sites, by_id, roles, behind)
    for site in sites:
        yield from _titles(site.devices, by_id)


def _shared_addresses(written: Iterable[Written]) -> Iterator[Problem]:
    """Two devices at one address: one of them is asked in place of the other, or twice."""
    first: dict[str, Written] = {}
    for device in written:
        other = first.setdefault(device.address, device)
        if other is not device:
            where = f"{other.id} ({other.node.file}:{other.node.line})"
            message = f"{device.address} is also the address of {where}"
            yield device.node.problem(f"{_path(device.id)}.address", message).as_warning()


def _names_of_places(sites: Sequence[Site], entries: yamltree.Mapping) -> Iterator[Problem]:
    """Two places of one name: nobody can tell them apart in a message."""
    first: dict[str, Site] = {}
    for site in sites:
        if site.commune is None and first.setdefault(site.name, site) is not site:
            message = f"is called {site.name!r} like {first[site.name].id}"
            yield entries.keys[site.id].problem(yamltree.join("sites", site.id), message).as_warning()


def _titles(devices: Sequence[Device], written: Mapping[str, Written]) -> Iterator[Problem]:
    """Two devices of a site with one title; those called by their role are told apart by their names."""
    first: dict[str, Device] = {}
    for device in devices:
        if not device.title_en and first.setdefault(device.title, device) is not device:
            message = f"is called {device.title!r} like {first[device.title].name}"
            yield written[device.id].node.problem(f"{_path(device.id)}.title", message).as_warning()


def _unwatched(sites: Sequence[Site], written: Mapping[str, Written]) -> Iterator[Problem]:
    """Devices without a check; as parents they are dead ends, for nobody would learn that they are down."""
    devices = [device for site in sites for device in site.devices]
    silent = {device.id: 0 for device in devices if not device.checks}
    if not silent:
        return
    for device in devices:
        for parent in device.parents:
            if parent in silent:
                silent[parent] += 1
    for name, children in silent.items():
        message = "is not watched: it has no check"
        if children:
            message += f"; when it fails, what is behind it ({children}) is called down, not unreachable"
        yield written[name].node.problem(_path(name), message).as_warning()


def _behind_nothing(
    sites: Sequence[Site],
    written: Mapping[str, Written],
    roles: yamltree.Mapping,
    behind: Collection[str],
) -> Iterator[Problem]:
    """Roles that do not say what they are behind, where a device of theirs stands beside an uplink."""
    unsaid = {name for name in roles.entries if name not in behind}
    for site in sites if unsaid else ():
        uplinks = {parent for device in site.devices for parent in device.parents}
        for device in site.devices:
            if device.role in unsaid and uplinks - {device.id} and written[device.id].parents is None:
                unsaid.remove(device.role)
                message = (
                    f"does not say what it is behind, so {device.id} is never unreachable, only down; "
                    "write 'behind:' ([] for nothing)"
                )
                path = yamltree.join("roles", device.role)
                yield roles.keys[device.role].problem(path, message).as_warning()


def _path(device: str) -> str:
    site, _, name = device.partition("/")
    return yamltree.join(f"{yamltree.join('sites', site)}.devices", name)
