"""Everything read from files before anything runs: settings, inventory, profiles, rules and the plan made of them.

It is taken whole or not at all: `load` reports every mistake of every file at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

import inventory.profiles
from alerts.rule import BUILT_IN, RuleBook, load_rules
from inventory.document import Invalid, Problem
from inventory.loader import load_inventory
from inventory.model import Inventory
from inventory.profile import Profile, load_profiles
from inventory.secrets import permissions_problem
from monitor.plan import make_plan, traits
from monitor.settings import Settings, load_settings
from probes.core.discovery import discover
from probes.core.probe import Check, Probe

T = TypeVar("T")


class Configuration(msgspec.Struct, frozen=True):
    """A complete, valid configuration."""

    path: Path
    """The settings file."""
    settings: Settings
    inventory: Inventory
    profiles: Mapping[str, Profile]
    rules: RuleBook
    probes: Mapping[str, type[Probe[Any]]]
    plan: tuple[Check, ...]
    warnings: tuple[Problem, ...]

    def folder(self, name: str) -> Path:
        """Return a folder the settings name, seen from the settings file."""
        return self.path.parent / name

    @property
    def data(self) -> Path:
        """Folder the service writes."""
        return self.folder(self.settings.data)

    @property
    def secrets(self) -> Path:
        """Folder of the secret files."""
        return self.folder(self.settings.secrets)


def load(path: Path) -> Configuration:
    """Read everything. Raises `Invalid` with every mistake of every file."""
    settings = load_settings(path)
    home = path.parent
    probes = discover()
    mistakes: list[Problem] = []
    profiles = _collect(mistakes, profiles_of_the_product)
    loaded = _collect(mistakes, lambda: load_inventory(home / settings.inventory, traits(probes), profiles))
    rules = _collect(mistakes, lambda: load_rules(*_rule_folders(home, settings)))
    if loaded is None or profiles is None or rules is None:
        raise Invalid(mistakes)
    secrets = home / settings.secrets
    plan = make_plan(loaded.inventory, secrets)
    return Configuration(
        path,
        settings,
        loaded.inventory,
        profiles,
        rules,
        probes,
        plan,
        (*loaded.warnings, *_open_secrets(secrets)),
    )


def _collect(mistakes: list[Problem], read: Callable[[], T]) -> T | None:
    try:
        return read()
    except Invalid as error:
        mistakes.extend(error.problems)
        return None


def _rule_folders(home: Path, settings: Settings) -> list[Path]:
    own = [home / settings.rules] if settings.rules else []
    return [*BUILT_IN, *own]


def _open_secrets(folder: Path) -> Iterator[Problem]:
    """Yield a warning for the secrets folder and each file in it that others may read.

    What lies in ``/run`` is put there by a container engine or systemd, which answer for its modes.
    """
    if folder.is_relative_to("/run"):
        return
    for path in (folder, *sorted(folder.glob("*"))):
        if problem := permissions_problem(path):
            yield Problem(str(path), 0, 0, "", problem, "warning")


def profiles_of_the_product() -> Mapping[str, Profile]:
    """Return the device profiles by name."""
    return load_profiles(Path(inventory.profiles.__path__[0]))
