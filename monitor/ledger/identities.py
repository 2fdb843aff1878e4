"""What devices say they are, now and at first: a line for each, written when it changes."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from functools import partial

import msgspec

from monitor.ledger.database import Database, LedgerError, from_ms, to_ms
from probes.core.observation import Fact, Observation
from probes.core.text import clean

log = logging.getLogger(__name__)

MODEL, FIRMWARE, SERIAL, NAME = "device.model", "device.firmware", "device.serial", "snmp.sys_name"
VENDOR, SYSTEM, PROFILE = "device.vendor", "device.system", "snmp.profile"
FACTS = frozenset({MODEL, FIRMWARE, SERIAL, NAME, VENDOR, SYSTEM, PROFILE})
"""Facts of any probe that are remembered."""
LENGTH = 100


class Trait(msgspec.Struct, frozen=True):
    """One thing that a device says it is."""

    value: str
    since: datetime
    """When it first said so, aware UTC."""
    first: str
    """What it said at the very first."""
    first_at: datetime


Traits = Mapping[str, Mapping[str, Trait]]
"""By device, then by fact."""


class LedgerIdentities:
    """The traits in memory; a change is written without anyone waiting for it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._traits: dict[str, dict[str, Trait]] = {}
        self._told_by: dict[tuple[str, str], str] = {}
        self._noted: dict[tuple[str, str], tuple[Fact, ...]] = {}
        """The facts that a check of a device told last: a probe that learnt nothing new hands on the same ones."""

    @property
    def traits(self) -> Traits:
        """Every trait that is known."""
        return self._traits

    @property
    def names(self) -> Mapping[str, str]:
        """What each device calls itself, by id."""
        return {device: traits[NAME].value for device, traits in self._traits.items() if NAME in traits}

    def learn(self, traits: dict[str, dict[str, Trait]]) -> None:
        """Replace what is known by what the ledger holds."""
        self._traits = traits
        self._noted.clear()

    def note(self, observation: Observation) -> None:
        """Take in what an observation says of who the device is.

        Two checks may put it in different words (SNMP, a conference unit's own interface): the one that was first to
        tell a fact since the start is listened to.
        """
        if self._noted.get((observation.device, observation.check)) is observation.facts:
            return
        self._noted[observation.device, observation.check] = observation.facts
        for fact in observation.facts:
            if fact.name in FACTS and not fact.subject and isinstance(fact.value, str) and fact.value:
                teller = self._told_by.setdefault((observation.device, fact.name), observation.check)
                if teller == observation.check:
                    self._put(observation.device, fact.name, clean(fact.value, LENGTH), observation.time)

    def _put(self, device: str, fact: str, value: str, at: datetime) -> None:
        known = self._traits.setdefault(device, {})
        old = known.get(fact)
        if old is not None and old.value == value:
            return
        known[fact] = Trait(value, at, old.first, old.first_at) if old else Trait(value, at, value, at)
        work = partial(_put, device=device, fact=fact, trait=known[fact])
        self._database.soon(work, partial(self._failed, device, fact, old))

    def _failed(self, device: str, fact: str, old: Trait | None, error: LedgerError) -> None:
        log.warning("what a device is could not be stored; it is tried again", extra={"error": str(error)})
        self._noted.clear()
        if old is not None:
            self._traits[device][fact] = old
        else:
            self._traits[device].pop(fact, None)


def load(db: sqlite3.Connection) -> dict[str, dict[str, Trait]]:
    """Return every trait by device and fact."""
    traits: dict[str, dict[str, Trait]] = {}
    for device, fact, value, since, first, first_at in db.execute(
        "SELECT device, fact, value, since, first, first_at FROM identities"
    ):
        traits.setdefault(device, {})[fact] = Trait(value, from_ms(since), first, from_ms(first_at))
    return traits


def _put(db: sqlite3.Connection, *, device: str, fact: str, trait: Trait) -> None:
    db.execute(
        "INSERT INTO identities(device, fact, value, since, first, first_at) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT(device, fact) DO UPDATE SET value = excluded.value, since = excluded.since",
        (device, fact, trait.value, to_ms(trait.since), trait.first, to_ms(trait.first_at)),
    )
