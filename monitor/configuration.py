"""Everything read from files before anything runs: settings, inventory, profiles, rules and the plan made of them.

It is taken whole or not at all: `load` reports every mistake of every file at once.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

import inventory.profiles
from alerts.duty.roster import DutyFile, load_duty
from alerts.quiet.planned import Planned, load_planned
from alerts.rule import BUILT_IN, RuleBook, load_rules
from inventory.document import Invalid, Problem
from inventory.files import below
from inventory.loader import load_tree
from inventory.memory import Memory
from inventory.model import Inventory
from inventory.profile import Profile, load_profiles
from inventory.secrets import Secrets, permissions_problem
from inventory.tree import Tree, read_tree
from inventory.vault import Vault
from monitor.plan import Plan, make_plan, traits
from monitor.selfwatch.targets import strangers
from monitor.settings import Settings, load_settings
from probes.core.discovery import discover
from probes.core.probe import Probe

T = TypeVar("T")


class Configuration(msgspec.Struct, frozen=True):
    """A complete, valid configuration."""

    path: Path
    """The settings file."""
    settings: Settings
    tree: Tree
    """The files the inventory was read from."""
    memory: Memory
    """What reading them found, for the next time."""
    inventory: Inventory
    profiles: Mapping[str, Profile]
    rules: RuleBook
    duty: DutyFile
    planned: Planned
    """Planned maintenance."""
    probes: Mapping[str, type[Probe[Any]]]
    plan: Plan
    warnings: tuple[Problem, ...]

    def folder(self, name: str) -> Path:
        """Return a folder the settings name, seen from the settings file."""
        return self.path.parent / name

    @property
    def data(self) -> Path:
        """Folder the service writes."""
        return self.folder(self.settings.data)

    @property
    def probe_state(self) -> Path:
        """Folder where probes keep files across restarts."""
        return self.data / "probes"

    @property
    def channel_state(self) -> Path:
        """Folder where channels keep files across restarts."""
        return self.data / "channels"

    @property
    def edited(self) -> tuple[Path, ...]:
        """Files and folders that people edit while the service runs, and that it follows."""
        own = [self.folder(self.settings.rules)] if self.settings.rules else []
        own += [self.folder(self.settings.duty)] if self.settings.duty else []
        own += [self.folder(self.settings.maintenance)] if self.settings.maintenance else []
        values = (self.secrets.folder, self.vault.path, self.vault.key_path)
        return (self.folder(self.settings.inventory), *own, *values)

    @property
    def vault(self) -> Vault:
        """The encrypted store of secrets."""
        return _vault(self.path.parent, self.settings)

    @property
    def secrets(self) -> Secrets:
        """Where the values of secrets are."""
        return Secrets(self.folder(self.settings.secrets), self.vault)


def load(path: Path, tree: Tree | None = None) -> Configuration:
    """Read everything; the inventory from `tree` when given. Raises `Invalid` with every mistake of every file."""
    settings = load_settings(path)
    return _read(path, settings, tree or read_tree(path.parent / settings.inventory), None)


def reload(before: Configuration, tree: Tree | None = None) -> Configuration:
    """Read all but the settings again, what has not changed from memory; the inventory from `tree` when given.

    Raises `Invalid` with every mistake of every file.
    """
    root = before.folder(before.settings.inventory)
    return _read(before.path, before.settings, tree or read_tree(root, before.tree), before)


@contextmanager
def _no_collector() -> Iterator[None]:
    """Let Python's cycle collector rest: reading makes no cycles, and walking all that is made took a fifth of it."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@_no_collector()
def _read(path: Path, settings: Settings, tree: Tree, before: Configuration | None) -> Configuration:
    home = path.parent
    probes = before.probes if before else discover()
    mistakes: list[Problem] = []
    memory = before.memory if before else Memory()
    profiles = before.profiles if before else _collect(mistakes, profiles_of_the_product)
    loaded = _collect(mistakes, lambda: load_tree(tree, traits(probes), profiles, settings.network, memory))
    rules = _collect(mistakes, lambda: load_rules(*_rule_folders(home, settings)))
    duty = _collect(mistakes, lambda: _duty(home, settings))
    planned = _collect(mistakes, lambda: _planned(home, settings))
    if duty is not None:
        mistakes.extend(strangers(path, settings, duty))
    if mistakes or loaded is None or profiles is None or rules is None or duty is None or planned is None:
        raise Invalid(mistakes)
    vault = _vault(home, settings)
    secrets = Secrets(home / settings.secrets, vault)
    plan = make_plan(loaded.inventory, secrets, before.plan if before else None)
    return Configuration(
        path,
        settings,
        tree,
        memory,
        loaded.inventory,
        profiles,
        before.rules if before and before.rules == rules else rules,
        duty,
        planned,
        probes,
        plan,
        (
            *loaded.warnings,
            *planned.doubts(loaded.inventory),
            *_open_secrets(secrets.folder, vault),
            *_missing(path, plan),
        ),
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


def _duty(home: Path, settings: Settings) -> DutyFile:
    return load_duty(home / settings.duty, list(settings.notifiers)) if settings.duty else DutyFile()


def _planned(home: Path, settings: Settings) -> Planned:
    return load_planned(home / settings.maintenance) if settings.maintenance else Planned()


def _vault(home: Path, settings: Settings) -> Vault:
    return Vault(home / settings.vault, home / settings.master_key)


def _open_secrets(folder: Path, vault: Vault) -> Iterator[Problem]:
    """Yield a warning for the secrets folder and each file with secrets that others may read.

    What lies in ``/run`` is put there by a container engine or systemd, which answer for its modes.
    """
    own = (path for path in below(folder) if path.parent == folder)
    for path in (folder, *own, vault.path, vault.key_path):
        if not path.is_relative_to("/run") and (problem := permissions_problem(path)):
            yield Problem(str(path), 0, 0, "", problem, "warning")


def _missing(settings: Path, plan: Plan) -> Iterator[Problem]:
    """Yield a warning for each credential without a value: its checks are not asked."""
    blocked: dict[str, list[str]] = {}
    for check in plan:
        if check.blocked:
            blocked.setdefault(check.blocked.en, []).append(check.id)
    for reason, checks in blocked.items():
        others = f" and {len(checks) - 1} more" if len(checks) > 1 else ""
        yield Problem(str(settings), 0, 0, "", f"{checks[0]}{others} cannot be asked: {reason}", "warning")


def profiles_of_the_product() -> Mapping[str, Profile]:
    """Return the device profiles by name."""
    return load_profiles(Path(inventory.profiles.__path__[0]))
