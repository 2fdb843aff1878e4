"""The page of one device: state and why, what each check last said, numbers, charts and configuration."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from inventory.model import Device
from monitor.board import Board
from monitor.store import Latest, Store, StoreUnavailable
from monitor.web.charts import charts
from monitor.web.context import WebContext
from monitor.web.interfaces import Seen, interfaces
from monitor.web.language import N_
from monitor.web.live import device_topic, site_topic
from monitor.web.record import recorded
from monitor.web.seen import Sighting
from monitor.web.view import NoSuch, Params, Values, View
from probes.core.observation import Fact, FactValue, Observation, Sample
from probes.core.probe import Check

MAX_ROWS = 400
"""Numbers and facts shown of one device; a device decides how many there are."""
PAST_SHOWN = 8
OLD_AFTER = 3
"""Intervals after which a value is shown as old."""
PATIENCE = 2.0
"""Seconds that a page waits for the store; without it the page shows what the monitor itself remembers."""
MAX_NAME = 200
_IDENTITY = ("device.vendor", "device.model", "device.firmware", "device.serial", "snmp.profile")
_OWN = "probe."
"""How the series begin that the store keeps of the checks themselves."""
_NUMBER = re.compile(r"([0-9]+)")


class Asked(msgspec.Struct, frozen=True):
    """A check and what came back last."""

    check: Check
    last: Observation | None


class Watched(msgspec.Struct, frozen=True):
    """A check and what it saw last, however long ago."""

    check: Check
    sighting: Sighting


class Reading(msgspec.Struct, frozen=True):
    """One number as last read."""

    sample: Sample
    check: str
    """Name of the check, ``""`` when only the store remembers the number."""
    time: datetime
    old: bool
    """Whether more than three intervals have passed, so that it says little about the present."""
    shared: bool = False
    """Whether another check reads the same."""


class Evidence(msgspec.Struct, frozen=True):
    """One fact as last read."""

    fact: Fact
    check: str
    time: datetime
    old: bool

    @property
    def text(self) -> str:
        """The value on one line; ``""`` when it is an empty list."""
        return fact_text(self.fact.value)


def find_device(context: WebContext, params: Params) -> Device:
    """Return the device that ``site`` and ``name`` name, now or before. Raises `NoSuch`."""
    inventory, name = context.board.inventory, f"{params.get('site', '')}/{params.get('name', '')}"
    device = inventory.devices.get(inventory.moved.get(name, name))
    if device is None:
        raise NoSuch("there is no such device in the inventory")
    return device


def view(context: WebContext, params: Params) -> View:
    """Return the page of ``site`` and ``name``. Raises `NoSuch`."""
    device = find_device(context, params)

    async def values() -> Values:
        return await device_values(context, device)

    topics = frozenset({device_topic(device.id), site_topic(device.site)})
    return View("device", topics, values, N_("Device"), device.title)


async def device_values(context: WebContext, device: Device) -> Values:
    """Return what the page of `device` shows."""
    board, inventory = context.board, context.board.inventory
    past = await recorded(context.ledger.incidents.search(device=device.id, limit=PAST_SHOWN))
    keys = await recorded(context.ledger.host_keys.stored("pending"))
    return {
        "one": context.summaries.view(board, device),
        "maintained": device.id in context.quiets.under_maintenance,
        "quiet_now": context.quiets.of_device(device),
        "site": inventory.sites[device.site],
        "role": inventory.roles.get(device.role),
        "owner": inventory.owner_of(device.id),
        "behind": [one for one in inventory.sites[device.site].devices if device.id in one.parents],
        "parents": [inventory.devices[name] for name in device.parents if name in inventory.devices],
        "asked": asked_of(board, device.id),
        "keys": [key for key in keys or () if key.device == device.id],
        "past": [entry for entry in past or () if entry.resolved_at is not None],
        "unread": past is None or keys is None,
        "rules": context.rules(),
        **await _seen_values(context, device.id),
    }


async def _seen_values(context: WebContext, device: str) -> Values:
    """Return numbers, facts and charts: as last seen, for a silent device is the one whose past is wanted."""
    watched = watched_of(context, device)
    stored = await stored_of(context.store, device)
    now = context.now()
    numbers = readings(watched, stored or (), now)
    checks = [one.check.name for one in watched]
    known = facts(watched, now)
    return {
        "readings": numbers[:MAX_ROWS],
        "facts": known[:MAX_ROWS],
        "identity": identity(known),
        "interfaces": interfaces(
            (Seen(one.sample, one.time, one.old) for one in numbers), (one.fact for one in known)
        ),
        "metrics": sorted({(one.sample.metric, one.sample.unit) for one in numbers}),
        "charts": charts([one.sample for one in numbers], checks),
        "store_away": stored is None,
    }


def asked_of(board: Board, device: str) -> list[Asked]:
    """Return the checks of a device with their last answers."""
    return [Asked(check, board.last(check.id)) for check in board.checks(device)]


def watched_of(context: WebContext, device: str) -> list[Watched]:
    """Return the checks of a device with what they saw last."""
    note, last = context.seen.note, context.board.last
    return [Watched(check, note(check.id, last(check.id))) for check in context.board.checks(device)]


async def stored_of(store: Store, device: str) -> list[Latest] | None:
    """Return the newest value of every series of a device; `None` when the store does not answer soon."""
    try:
        async with asyncio.timeout(PATIENCE):
            found = await store.latest(device)
    except (StoreUnavailable, TimeoutError):
        return None
    return [one for one in found if not one.key.metric.startswith(_OWN)]


def readings(watched: Sequence[Watched], stored: Iterable[Latest], now: datetime) -> list[Reading]:
    """Return the newest numbers, in the order of their names; `stored` fills in what no check has seen."""
    found = [
        Reading(sample, one.check.name, last.time, _old(last.time, one.check.interval, now))
        for one in watched
        if (last := one.sighting.numbers) is not None
        for sample in last.samples
    ]
    counts = Counter((one.sample.metric, one.sample.labels) for one in found)
    shown = [_shared(one) if counts[one.sample.metric, one.sample.labels] > 1 else one for one in found]
    interval = min((one.check.interval for one in watched), default=0.0)
    shown += [
        Reading(_sample(one), "", one.time, _old(one.time, interval, now))
        for one in stored
        if (one.key.metric, one.key.labels) not in counts
    ]
    return sorted(shown, key=lambda one: (_natural(one.sample.metric), one.sample.labels))


def facts(watched: Iterable[Watched], now: datetime) -> list[Evidence]:
    """Return the newest facts, in the order of their names."""
    found = [
        Evidence(fact, one.check.name, last.time, _old(last.time, one.check.interval, now))
        for one in watched
        if (last := one.sighting.facts) is not None
        for fact in last.facts
    ]
    return sorted(found, key=lambda evidence: (evidence.fact.name, evidence.fact.subject))


def identity(known: Iterable[Evidence]) -> list[tuple[str, str]]:
    """Return what the device says it is: names of facts with their values."""
    said = {one.fact.name: one.text for one in known if not one.fact.subject}
    return [(name, said[name]) for name in _IDENTITY if said.get(name)]


def _old(time: datetime, interval: float, now: datetime) -> bool:
    return (now - time).total_seconds() > OLD_AFTER * interval


def _shared(reading: Reading) -> Reading:
    return msgspec.structs.replace(reading, shared=True)


def _sample(latest: Latest) -> Sample:
    return Sample(latest.key.metric, latest.value, latest.unit, latest.key.labels)


def _natural(name: str) -> list[tuple[int, str]]:
    """Order ``load_5m`` before ``load_15m``."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in _NUMBER.split(name[:MAX_NAME])]


def fact_text(value: FactValue) -> str:
    """Return a fact's value on one line."""
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)
