"""What a new inventory changes against the one in force: sites and devices added, removed, changed, and in what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from pydantic import BaseModel

from inventory.duration import written
from inventory.model import Device, Inventory, Site

_OF_A_SITE = ("name", "kind", "owner", "location", "aliases", "formerly", "carrier", "power_feed")
_NOT_SHOWN = frozenset({"id", "name", "site", "title_en", "formerly", "checks"})
"""Fields of a device that name it, now or before, repeat another one, or are shown check by check."""


class FieldChange(msgspec.Struct, frozen=True):
    """One value that becomes another; ``""`` where there is none."""

    key: str
    """``"address"``, ``"checks.icmp.interval"``."""
    before: str
    after: str


class Difference(msgspec.Struct, frozen=True):
    """Ids of what differs, in the order of the inventory that has it."""

    added: tuple[str, ...] = ()
    """Devices."""
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    """Devices that are in both and not the same, or whose site is not."""
    sites_added: tuple[str, ...] = ()
    sites_removed: tuple[str, ...] = ()
    sites_changed: tuple[str, ...] = ()
    moved: Mapping[str, str] = {}
    """The present id of every device by each former id that is told of for the first time; what was removed under the
    one and added under the other is the same device."""

    def __bool__(self) -> bool:
        return self != NONE

    @property
    def counts(self) -> str:
        """The numbers of devices in one line: ``"+5 -0 ~1"``."""
        return f"+{len(self.added)} -{len(self.removed)} ~{len(self.changed)}"


NONE = Difference()


class Line(msgspec.Struct, frozen=True):
    """One site or device that differs, for people to read."""

    sign: str
    """``"+"`` added, ``"-"`` removed, ``"~"`` changed."""
    id: str
    what: str
    """The name of a site, address and role of a device."""
    changes: tuple[FieldChange, ...] = ()


def difference(old: Inventory, new: Inventory) -> Difference:
    """Return what `new` changes; devices that are the same object are taken as equal without a look."""
    others = {key for key, site in new.sites.items() if key in old.sites and _differs(old.sites[key], site)}
    return Difference(
        added=tuple(key for key in new.devices if key not in old.devices),
        removed=tuple(key for key in old.devices if key not in new.devices),
        changed=tuple(
            key
            for key, device in new.devices.items()
            if (before := old.devices.get(key)) is not None
            and (device.site in others or (before is not device and before != device))
        ),
        sites_added=tuple(key for key in new.sites if key not in old.sites),
        sites_removed=tuple(key for key in old.sites if key not in new.sites),
        sites_changed=tuple(key for key in new.sites if key in others),
        moved={was: now for was, now in new.moved.items() if old.moved.get(was) != now},
    )


def _differs(old: Site, new: Site) -> bool:
    return old is not new and any(getattr(old, name) != getattr(new, name) for name in _OF_A_SITE)


def changes_of_site(old: Site, new: Site) -> tuple[FieldChange, ...]:
    """Return what differs between two states of a site, its devices aside."""
    return tuple(_changes(_values(old, _OF_A_SITE), _values(new, _OF_A_SITE)))


def changes_of_device(old: Device, new: Device) -> tuple[FieldChange, ...]:
    """Return what differs between two states of a device, check by check and parameter by parameter."""
    shown = [name for name in Device.model_fields if name not in _NOT_SHOWN]
    return tuple(_changes(_values(old, shown) | _checks(old), _values(new, shown) | _checks(new)))


def lines(old: Inventory, new: Inventory, touched: Difference) -> Iterator[Line]:
    """Yield what differs: sites first, each kind in the order of the inventory."""
    for id in touched.sites_added:
        yield Line("+", id, new.sites[id].name)
    for id in touched.sites_removed:
        yield Line("-", id, old.sites[id].name)
    for id in touched.sites_changed:
        yield Line("~", id, new.sites[id].name, changes_of_site(old.sites[id], new.sites[id]))
    moved = {was: now for was, now in touched.moved.items() if was in old.devices and now in touched.added}
    for was, now in moved.items():
        yield Line(">", now, f"was {was}", changes_of_device(old.devices[was], new.devices[now]))
    for id in (id for id in touched.added if id not in moved.values()):
        yield Line("+", id, _what(new.devices[id]))
    for id in (id for id in touched.removed if id not in moved):
        yield Line("-", id, _what(old.devices[id]))
    for id in touched.changed:
        if changes := changes_of_device(old.devices[id], new.devices[id]):
            yield Line("~", id, _what(new.devices[id]), changes)


def _what(device: Device) -> str:
    return f"{device.address} {device.role}"


def _values(model: BaseModel, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(model, name) for name in names}


def _checks(device: Device) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for check in device.checks:
        place = f"checks.{check.name}"
        found[place] = check.probe
        found[f"{place}.interval"] = written(check.interval)
        found[f"{place}.timeout"] = written(check.timeout)
        found |= {f"{place}.{key}": value for key, value in check.params.model_dump(mode="json").items()}
    return found


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[FieldChange]:
    for key in dict.fromkeys([*old, *new]):
        before, after = old.get(key), new.get(key)
        if before != after:
            yield FieldChange(key, _text(before), _text(after))


def _text(value: object) -> str:
    """Return a value as people read it: the parts of a contact, the entries of a list."""
    if isinstance(value, BaseModel):
        return _text([part for part in value.model_dump().values() if part])
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_text(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_text(part) for part in value)
    return "" if value is None else str(value)
