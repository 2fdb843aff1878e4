"""Takes records of other systems into the inventory's files: what changes, and every mistake with its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from inventory import wording
from inventory.communes import Communes, folded
from inventory.difference import Line, difference, lines
from inventory.document import Invalid
from inventory.model import NAME, Commune, Contact, Device, Inventory, Site
from inventory.problem import Problem
from inventory.writer import Unwritable, Writer
from monitor import configuration
from monitor.configuration import Configuration
from monitor.exchange.record import Record, Wrong

_OWNER = ("name", "unit", "phone", "email")


class Intake(msgspec.Struct, frozen=True):
    """What taking records in would do."""

    wrong: tuple[Wrong, ...]
    """Records that cannot be taken in; nothing is written while there are any."""
    doubtful: tuple[Wrong, ...]
    changes: tuple[Line, ...]
    texts: Mapping[str, str]
    """The files as they would be, by name."""
    unchanged: int
    """Records that say what the inventory says already."""


def take_in(
    records: Iterable[Record],
    before: Configuration,
    *,
    province: str = "",
    folder: str = "",
    skip_wrong: bool = False,
) -> Intake:
    """Return what `records` change. Writes nothing. With `skip_wrong`, mistakes of records leave only these out.

    `province` is an official code in which names of communes are looked up; `folder` gets the files of new sites.
    """
    reader = _Reader(before.inventory, province)
    found = [one for one in map(reader.read, records) if one is not None]
    writer = Writer(before.tree, folder)
    unchanged = 0
    try:
        for one in found:
            unchanged += not _write(one, before.inventory, reader.owners(found), writer)
    except Unwritable as error:
        return Intake((*reader.wrong, Wrong("inventory", str(error))), (), (), {}, 0)
    texts = writer.texts
    after = _read(before, texts)
    if isinstance(after, Configuration):
        changes = tuple(
            lines(before.inventory, after.inventory, difference(before.inventory, after.inventory))
        )
        return Intake(tuple(reader.wrong), tuple(reader.doubtful), changes, texts, unchanged)
    mistakes = [_told(problem, found) for problem in after]
    if skip_wrong and (
        bad := {one.place for one in found if any(m.place.startswith(one.place) for m in mistakes)}
    ):
        rest = [one.record for one in found if one.place not in bad]
        again = take_in(rest, before, province=province, folder=folder)
        return msgspec.structs.replace(again, wrong=(*reader.wrong, *mistakes, *again.wrong))
    return Intake((*reader.wrong, *mistakes), tuple(reader.doubtful), (), texts, unchanged)


class _Read(msgspec.Struct, frozen=True):
    """A record whose site and name are known."""

    record: Record
    site: str
    device: str
    """``""`` for a record of a site alone."""
    role: str
    owner: Contact | None

    @property
    def place(self) -> str:
        return self.record.place


class _Reader:
    """Finds out which site, device and role a record means."""

    def __init__(self, inventory: Inventory, province: str) -> None:
        self._inventory = inventory
        self._province = province
        self._communes = Communes.load()
        self._roles = {
            folded(f"x {name}"): role
            for role in inventory.roles.values()
            for name in (role.name, role.title.vi, role.title.en)
        }
        self._names: dict[tuple[str, str], str] = {}
        self._by_address = {
            (device.site, device.address): device.name for device in inventory.devices.values()
        }
        self.wrong: list[Wrong] = []
        self.doubtful: list[Wrong] = []

    def read(self, record: Record) -> _Read | None:
        """Return what a record means; what is wrong with it goes to `wrong`."""
        site = self._site(record)
        role = self._role(record)
        if site is None or role is None:
            return None
        owner = self._owner(record)
        if not (record.text("address") or record.text("device") or record.text("title")):
            return _Read(record, site, "", role, owner)
        name = self._device(record, site, role)
        if (site, name) in self._names:
            first = self._names[site, name]
            self.wrong.append(Wrong(record.place, f"{site}/{name} is written twice, first at {first}"))
            return None
        self._names[site, name] = record.place
        if f"{site}/{name}" not in self._inventory.devices and not (role and record.text("address")):
            missing = "address" if role else "role"
            self.wrong.append(
                Wrong(record.where(missing), f"the new device {site}/{name} wants the column {missing!r}")
            )
            return None
        return _Read(record, site, name, role, owner)

    def owners(self, found: Sequence[_Read]) -> Mapping[str, Contact]:
        """Return who answers for each site: who does so already, else whom most of its records name."""
        counted: dict[str, Counter[Contact]] = {}
        for one in found:
            if one.owner is not None:
                counted.setdefault(one.site, Counter())[one.owner] += 1
        chosen = {site: count.most_common(1)[0][0] for site, count in counted.items()}
        known = {id: site.owner for id, site in self._inventory.sites.items() if site.owner is not None}
        return chosen | known

    def _site(self, record: Record) -> str | None:
        code, name = record.text("site"), record.text("site_name")
        if (
            code in self._inventory.sites
            or self._communes.get(code)
            or (code and not code.isdigit() and NAME.fullmatch(code))
        ):
            return code
        if code.isdigit() and self._communes.get(code.zfill(5)):
            return code.zfill(5)  # a spreadsheet took the code for a number
        if code:
            near = self._communes.suggest(code)
            self.wrong.append(
                Wrong(record.where("site"), f"{wording.shown(code)} is no official commune code{_or(near)}")
            )
            return None
        return self._site_named(record, name)

    def _site_named(self, record: Record, name: str) -> str | None:
        own = [
            site.id for site in self._inventory.sites.values() if name and folded(site.name) == folded(name)
        ]
        found = (
            [c for c in self._communes.named(name) if not self._province or c.province_code == self._province]
            if name
            else []
        )
        kind = [commune for commune in found if name.lower().startswith(commune.kind)]
        codes = list(dict.fromkeys(own or [commune.code for commune in kind or found]))
        if len(codes) == 1:
            return codes[0]
        if not name:
            message = "names no site: fill the column of the commune's code, or of its name"
        elif codes:
            several = _or(found[:5])
            message = f"{wording.shown(name)} is the name of several communes{several}; give the code, or --province"
        else:
            message = f"there is no commune {wording.shown(name)}{_or(self._communes.suggest(name))}"
        self.wrong.append(Wrong(record.where("site_name"), message))
        return None

    def _role(self, record: Record) -> str | None:
        text = record.text("role")
        if not text:
            return ""
        role = self._roles.get(folded(f"x {text}"))
        if role is None:
            self.wrong.append(
                Wrong(record.where("role"), wording.unknown("role", text, self._inventory.roles))
            )
        return role.name if role else None

    def _device(self, record: Record, site: str, role: str) -> str:
        """Return the device's name: as written, else that of what has its address, else made of its title or role."""
        text = record.text("device").partition("/")[2] or record.text("device")
        if text and NAME.fullmatch(text):
            return text
        known = self._by_address.get((site, record.text("address")))
        if known and not text:
            return known
        base = _slug(text or record.text("title") or role) or "device"
        name, number = base, 1
        while (site, name) in self._names or (not text and f"{site}/{name}" in self._inventory.devices):
            number += 1
            name = f"{base}-{number}"
        return name

    def _owner(self, record: Record) -> Contact | None:
        parts = {key: record.text(f"owner.{key}") for key in _OWNER}
        if not parts["name"]:
            return None
        phone = parts["phone"]
        if phone.isdigit() and len(phone) == 9 and not phone.startswith("0"):
            self.doubtful.append(
                Wrong(
                    record.where("owner.phone"),
                    f"{phone} has lost its leading 0 to the spreadsheet; taken as 0{phone}",
                )
            )
            phone = f"0{phone}"
        return Contact(
            name=parts["name"][:100], unit=parts["unit"][:200], phone=phone[:40], email=parts["email"][:254]
        )


def _or(communes: Sequence[Commune]) -> str:
    shown = " or ".join(f"{commune.code} ({commune.name}, {commune.province})" for commune in communes)
    return f"; did you mean {shown}?" if shown else ""


def _slug(text: str) -> str:
    plain = folded(f"x {text}").removeprefix("x ").strip()
    return "-".join(plain.split())[:50].strip("-.")


def _write(one: _Read, inventory: Inventory, owners: Mapping[str, Contact], writer: Writer) -> bool:
    """Give what a record says and the inventory does not to `writer`; return whether that was anything."""
    site = inventory.sites.get(one.site)
    of_site = _of_site(one, site, owners.get(one.site))
    if of_site or (site is None and not one.device):
        writer.site(one.site, of_site)
    if not one.device:
        return bool(of_site)
    device = inventory.devices.get(f"{one.site}/{one.device}")
    of_device = _of_device(one, device, inventory, owners.get(one.site))
    if of_device:
        writer.device(one.site, one.device, of_device)
    return bool(of_site or of_device)


def _of_site(one: _Read, site: Site | None, owner: Contact | None) -> dict[str, Any]:
    record, values = one.record, dict[str, Any]()
    if site is None and not one.site.isdigit():
        values["name"] = record.text("site_name") or one.site
    if owner is not None and (site is None or site.owner is None):
        values["owner"] = _plain(owner)
    if record.text("latitude") and record.text("longitude"):
        place = _number(record.text("latitude")), _number(record.text("longitude"))
        if site is None or site.location != place:
            values["location"] = list(place)
    return values


def _of_device(
    one: _Read, device: Device | None, inventory: Inventory, owner: Contact | None
) -> dict[str, Any]:
    """Return the keys that differ from what holds now; what a record leaves empty says nothing."""
    record, values = one.record, dict[str, Any]()
    title = inventory.roles[one.role].title.vi if one.role in inventory.roles else ""
    now = {
        "address": device.address if device else None,
        "role": device.role if device else None,
        "title": device.title if device else title,
        "profile": device.profile if device else None,
    }
    said = {
        "address": record.text("address").lower(),
        "role": one.role,
        "title": record.text("title"),
        "profile": record.text("profile"),
    }
    values |= {key: text for key, text in said.items() if text and text != now[key]}
    if tags := [tag for tag in record.text("tags").replace(";", ",").replace(" ", ",").split(",") if tag]:
        values |= {"tags": tags} if device is None or set(tags) != set(device.tags) else {}
    parents = [
        _short(parent, one.site)
        for parent in record.text("parent").replace(";", ",").split(",")
        if parent.strip()
    ]
    if parents and (device is None or parents != [_short(parent, one.site) for parent in device.parents]):
        values["parents"] = parents
    if one.owner is not None and one.owner != (inventory.owner_of(device.id) if device else owner):
        values["owner"] = _plain(one.owner)
    for key, value in record.values.items():
        probe = key.removeprefix("credentials.")
        if probe != key and (device is None or device.credentials.get(probe) != value.text):
            values.setdefault("credentials", {})[probe] = value.text
    return values


def _short(parent: str, site: str) -> str:
    return parent.strip().removeprefix(f"{site}/")


def _plain(owner: Contact) -> dict[str, str]:
    return {key: value for key in _OWNER if (value := getattr(owner, key))}


def _number(text: str) -> float | str:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return text


def _read(before: Configuration, texts: Mapping[str, str]) -> Configuration | Sequence[Problem]:
    """Read the inventory with the changed files; every mistake of it when it has some."""
    changed = before.tree.altered({name: text.encode() for name, text in texts.items()})
    try:
        return configuration.reload(before, changed)
    except Invalid as error:
        return error.problems


def _told(problem: Problem, found: Sequence[_Read]) -> Wrong:
    """Return a mistake of the inventory as one of the record that brought it, as far as that is known."""
    for one in found:
        start = f"sites.{one.site}.devices.{one.device}" if one.device else f"sites.{one.site}"
        if problem.path == start or problem.path.startswith(f"{start}."):
            return Wrong(one.record.where(problem.path.removeprefix(f"{start}.")), problem.message)
    return Wrong(f"{problem.file}:{problem.line}:{problem.column} {problem.path}", problem.message)
