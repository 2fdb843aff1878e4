"""What `silence` and `maintenance` share: the ledger at hand, and what something quiet hides, as text and JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from alerts.incident import Incident
from alerts.quiet.preview import Effect, effect
from alerts.quiet.quiet import Quiet
from alerts.quiet.silence import Silence
from alerts.telling.message import local
from monitor.cli.common import SEVERITIES, clear_start, heads, language, load, print_table, spoken
from monitor.clock import utc_now
from monitor.configuration import Configuration
from monitor.ledger import Ledger
from monitor.quiet import lately
from probes.core.text import clean
from probes.core.words import say, why

T = TypeVar("T")

HISTORY = 30
"""Days of history that a preview looks at unless told."""
SHOWN = 20


def with_ledger(settings: Path, work: Callable[[Configuration, Ledger], Coroutine[Any, Any, T]]) -> T:
    """Return what `work` returns, with the configuration and its ledger at hand. Exit code 2 when that fails."""
    configuration = load(settings)
    path = configuration.data / "ledger.sqlite"

    async def opened() -> T:
        async with Ledger(path) as ledger:
            return await work(configuration, ledger)

    with clear_start():
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return asyncio.run(opened())
        except ValueError as error:
            raise click.UsageError(say(why(error), language())) from None


async def seen(configuration: Configuration, ledger: Ledger, quiet: Quiet, days: int) -> Effect:
    """Return what something quiet hides now and would have hidden in the last `days`."""
    past = await lately(ledger.incidents, utc_now() - timedelta(days=days))
    return effect(quiet, configuration.inventory, await ledger.incidents.all_open(), past)


def plain(silence: Silence) -> dict[str, object]:
    """Return a silence for JSON."""
    return {
        "id": silence.id,
        "kind": silence.kind,
        "where": silence.where.model_dump(exclude_defaults=True),
        "rules": silence.rules,
        "from": silence.start,
        "until": silence.until,
        "reason": silence.reason,
        "who": silence.who,
        "made_at": silence.made_at,
        "ended_by": silence.ended_by,
    }


def as_plain(found: Effect) -> dict[str, object]:
    """Return an effect for JSON: incidents by number."""
    return {
        "devices": found.devices,
        "sites": found.sites,
        "open": [one.id for one in found.open],
        "past": [one.id for one in found.past],
    }


def meant(quiet: Quiet) -> str:
    """Return what is meant in one cell: ``"site 18073, role ups, rule device-*"``."""
    names = quiet.where.model_dump(exclude_defaults=True)
    parts = [f"{key} {'|'.join(some)}" for key, some in names.items()]
    return clean(", ".join([*parts, *(f"rule {rule}" for rule in quiet.rules)]), 120)


def print_effect(found: Effect, days: int) -> None:
    """Print what something quiet hides."""
    devices, sites = len(found.devices), len(found.sites)
    click.echo(spoken(f"Thiết bị: {devices} ở {sites} đơn vị", f"Devices: {devices} at {sites} sites"))
    for device in found.devices[:SHOWN]:
        click.echo(f"  {device}")
    _more(len(found.devices))
    _print_incidents(spoken("Đang có", "Open now"), found.open)
    _print_incidents(
        spoken(f"Trong {days} ngày qua rơi vào khoảng này", f"Opened within it in the last {days} days"),
        found.past,
    )


def _print_incidents(title: str, incidents: tuple[Incident, ...]) -> None:
    click.echo(f"{title}: {len(incidents)}")
    if incidents:
        rows = [
            (
                f"  {one.id}",
                SEVERITIES[one.severity].in_language(language()),
                local(one.opened_at),
                clean(say(one.summary, language()), 100),
            )
            for one in incidents[:SHOWN]
        ]
        print_table(
            heads(("  SỐ", "  ID"), ("MỨC ĐỘ", "SEVERITY"), ("TỪ LÚC", "OPENED"), ("SỰ CỐ", "WHAT")), rows
        )
    _more(len(incidents))


def _more(count: int) -> None:
    if count > SHOWN:
        more = count - SHOWN
        click.echo(spoken(f"  … và {more} nữa (--json có đủ)", f"  … and {more} more (--json has all)"))
