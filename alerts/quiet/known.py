"""Does what somebody wants to be quiet exist? A mistyped name would hide nothing, and people be woken."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from difflib import get_close_matches

from alerts.quiet.quiet import literal
from alerts.quiet.silence import Silence
from alerts.rule import RuleBook
from inventory.communes import folded
from inventory.model import Inventory
from inventory.wording import MAX_SHOWN, shown
from probes.core.words import Unfit, Words

Likely = Callable[[str], Mapping[str, str]]
"""Returns what may be meant by a name: how it may be written, and the name it is known by."""

_SITE = Words("đơn vị", "site")
_DEVICE = Words("thiết bị", "device")
_ROLE = Words("vai trò", "role")
_RULE = Words("quy tắc", "rule")


def must_be_known(wish: Silence, inventory: Inventory, rules: RuleBook) -> None:
    """Raise `Unfit` for the first plain name of a site, device, role or rule that does not exist.

    It says the nearest name that does. Patterns with ``*`` may mean what is to come. `inventory` is what whoever asks
    may know of: no name beyond it is told, nor whether there is one.
    """
    where, devices = wish.where, inventory.devices
    _must_be_among(_SITE, where.site, inventory.sites, lambda _: _sites(inventory))
    whole = [name for name in where.device if "/" in name]
    _must_be_among(_DEVICE, whole, devices, lambda name: _devices_at(inventory, name))
    names = {device.name for device in devices.values()} if len(whole) < len(where.device) else set()
    _must_be_among(_DEVICE, set(where.device) - {*whole}, names, lambda _: _plain(names))
    roles = {*inventory.roles, *(device.role for device in devices.values())} if where.role else set()
    _must_be_among(_ROLE, where.role, roles, lambda _: _plain(roles))
    known = {rule.id for rule in rules}
    _must_be_among(_RULE, wish.rules, known, lambda _: _plain(known))


def _must_be_among(what: Words, names: Iterable[str], known: Container[str], likely: Likely) -> None:
    for name in names:
        if literal((name,)) and name not in known:
            raise Unfit(_unknown(what, name, likely(name)))


def _unknown(what: Words, name: str, likely: Mapping[str, str]) -> Words:
    wanted = name[:MAX_SHOWN]
    near = next(
        iter(get_close_matches(wanted, likely, 1) or get_close_matches(folded(wanted), likely, 1)), ""
    )
    meant = (f" (có phải {likely[near]}?)", f" (did you mean {likely[near]}?)") if near else ("", "")
    return Words(
        f"không có {what.vi} {shown(name)}{meant[0]}; ghi tên có thật, hoặc dùng * để chỉ nhiều tên",
        f"there is no {what.en} {shown(name)}{meant[1]}; give a name that exists, or a pattern with *",
    )


def _plain(names: Iterable[str]) -> Mapping[str, str]:
    return {name: name for name in sorted(names)}


def _sites(inventory: Inventory) -> Mapping[str, str]:
    """Return the sites by id, and by name as people type it."""
    by_name = {folded(site.name): site.id for site in inventory.sites.values()}
    return {**by_name, **_plain(inventory.sites)}


def _devices_at(inventory: Inventory, name: str) -> Mapping[str, str]:
    """Return the devices of the site that a device's id names; where there is no such site, those of its name."""
    at, _, own = name.partition("/")
    site = inventory.sites.get(at)
    if site is not None:
        return _plain(device.id for device in site.devices)
    return _plain(device for one in inventory.sites if (device := f"{one}/{own}") in inventory.devices)
