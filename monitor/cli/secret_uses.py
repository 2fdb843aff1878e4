"""Which secrets there are, which are missing, and what uses each: the rows of ``secret list``. Never values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec
from pydantic import BaseModel

from alerts.telling.message import local
from inventory.secrets import SecretMissing, SecretRef, references
from monitor.configuration import Configuration
from monitor.settings import Settings


class Use(msgspec.Struct, frozen=True):
    """One secret as `list` shows it."""

    name: str
    kept_in: str
    """``"file"`` or ``"store"``."""
    created: datetime | None
    changed: datetime | None
    credentials: tuple[str, ...]
    """Names of credentials; of notifiers and the store, as ``"notifier duty-mail"``."""
    devices: int
    problem: str
    """``"missing"``, ``"unusable"``, ``"unused"`` or nothing."""


def uses(configuration: Configuration) -> Iterator[Use]:
    """Yield what credentials refer to, then what nothing refers to. Raises `VaultError`."""
    sealed = dict(configuration.vault.entries())
    used: dict[SecretRef, list[str]] = {}
    for name, spec in configuration.inventory.credentials.items():
        for reference in references(spec):
            used.setdefault(reference, []).append(name)
    for name, reference in of_settings(configuration.settings):
        used.setdefault(reference, []).append(name)
    for reference, credentials in used.items():
        entry = sealed.pop(reference.secret, None) if reference.secret else None
        problem = _problem(reference.file, configuration) if reference.file else "" if entry else "missing"
        yield Use(
            reference.secret or reference.file or "",
            "store" if reference.secret else "file",
            entry.created if entry else None,
            entry.changed if entry else None,
            tuple(credentials),
            _users(configuration, credentials),
            problem,
        )
    for name, entry in sealed.items():
        yield Use(name, "store", entry.created, entry.changed, (), 0, "unused")


def _problem(file: str, configuration: Configuration) -> str:
    """Return what is wrong with a file: it may be there, and not for us to read."""
    try:
        (configuration.secrets.folder / file).stat()
    except FileNotFoundError:
        return "missing"
    except OSError:
        return "unusable"
    try:
        configuration.secrets.in_file(file)
    except SecretMissing:
        return "unusable"
    return ""


def of_settings(settings: Settings) -> Iterator[tuple[str, SecretRef]]:
    """Yield what the service itself uses: ``"notifier duty-mail"`` or ``"the store"`` with each of its references."""
    parts: dict[str, BaseModel] = {
        f"notifier {name}": channel for name, channel in settings.notifiers.items()
    }
    parts |= {"the store": settings.store}
    outside = {"single sign-on": settings.web.oidc, "the directory": settings.web.ldap}
    parts |= {name: part for name, part in outside.items() if part is not None}
    for name, part in parts.items():
        yield from ((name, reference) for reference in references(part))


def _users(configuration: Configuration, credentials: Iterable[str]) -> int:
    wanted = {*credentials}
    return sum(
        not wanted.isdisjoint(device.credentials.values())
        for device in configuration.inventory.devices.values()
    )


def cells(row: Use) -> tuple[str, ...]:
    """Return the cells of its row in a table."""
    times = (local(time) if time else "" for time in (row.created, row.changed))
    return row.name, row.kept_in, *times, ", ".join(row.credentials), str(row.devices), row.problem
