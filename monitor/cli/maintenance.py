"""``commune-monitor maintenance``: what the files plan, when it comes, what it hides."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from alerts.quiet.quiet import Quiet, devices_meant
from alerts.telling.message import local
from monitor.cli.common import json_option, load, print_json, print_table
from monitor.cli.effect import HISTORY, as_plain, meant, print_effect, seen, with_ledger
from monitor.clock import utc_now
from monitor.configuration import Configuration


@click.group
def maintenance() -> None:
    """Show the planned maintenance of the files that the settings name (``maintenance:``)."""


@maintenance.command(name="list")
@json_option
@click.pass_obj
def listed(settings: Path, as_json: bool) -> None:
    """Print every maintenance of the files, with its next window."""
    configuration = load(settings)
    now = utc_now()
    found = _quiets(configuration)
    if as_json:
        print_json([_plain(configuration, one, 1) for one in found])
        return
    rows = []
    for one in found:
        following = one.coming(now)[:1]
        window = (
            f"{local(following[0].start)} - {local(following[0].end)}" if following else "none within a year"
        )
        devices = sum(1 for _ in devices_meant(one.where, configuration.inventory))
        rows.append((one.id, window, str(devices), meant(one), one.reason, one.who))
    print_table(("ID", "NEXT", "DEVICES", "WHAT", "WHY", "WHO"), rows)


@maintenance.command(name="next")
@click.option("--days", type=click.IntRange(1, 366), default=30, show_default=True, help="How far ahead.")
@json_option
@click.pass_obj
def following(settings: Path, days: int, as_json: bool) -> None:
    """Print the windows to come, earliest first. Exit code 1 when there is none."""
    configuration = load(settings)
    now = utc_now()
    last = now + timedelta(days=days)
    windows = sorted(
        (window, one.id, one)
        for one in _quiets(configuration)
        for window in one.coming(now)
        if window.start < last
    )
    if as_json:
        print_json([{"id": name, "from": window.start, "until": window.end} for window, name, _ in windows])
    else:
        rows = [(local(window.start), local(window.end), name, one.reason) for window, name, one in windows]
        print_table(("FROM", "UNTIL", "ID", "WHY"), rows)
    raise SystemExit(0 if windows else 1)


@maintenance.command
@click.argument("name")
@click.option(
    "--days", type=click.IntRange(1, 30), default=HISTORY, show_default=True, help="How far back to look."
)
@json_option
@click.pass_obj
def preview(settings: Path, name: str, days: int, as_json: bool) -> None:
    """Print what the maintenance NAME hides: devices, what is open now, what opened in its hours lately."""
    configuration = load(settings)
    one = configuration.planned.maintenance.get(name)
    if one is None:
        raise click.UsageError(
            f"no maintenance {name!r} in the files; `commune-monitor maintenance list` lists them"
        )
    quiet = one.quiet(utc_now())
    found = with_ledger(settings, lambda configuration, ledger: seen(configuration, ledger, quiet, days))
    if as_json:
        print_json(as_plain(found))
    else:
        print_effect(found, days)


def _quiets(configuration: Configuration) -> list[Quiet]:
    now = utc_now()
    return [one.quiet(now) for one in configuration.planned.maintenance.values()]


def _plain(configuration: Configuration, one: Quiet, windows: int) -> dict[str, object]:
    devices = [device.id for device in devices_meant(one.where, configuration.inventory)]
    coming = [{"from": window.start, "until": window.end} for window in one.coming(utc_now())[:windows]]
    return {
        "id": one.id,
        "reason": one.reason,
        "who": one.who,
        "rules": one.rules,
        "devices": devices,
        "next": coming,
    }
