"""``commune-monitor rules``: are they right, which are there, and what would they have told?"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import click
import msgspec

from alerts.incident import Incident
from alerts.rule import BUILT_IN, Rule, RuleBook, load_rules
from alerts.telling.message import local
from inventory.document import Invalid
from inventory.model import Inventory
from monitor.cli.common import json_option, language, load, print_json, print_problems, print_table
from monitor.cli.quality import Span
from monitor.clock import utc_now
from monitor.configuration import Configuration
from monitor.last_seen import last_seen
from monitor.ledger import Ledger, LedgerError
from monitor.replay.compare import Row
from monitor.replay.present import Forecast, Would, forecast
from monitor.replay.replay import Happened
from monitor.replay.trial import Trial, try_rules
from monitor.settings import load_settings
from monitor.store import StoreError
from probes.core.words import joined, say

SHOWN = 20
"""Incidents of one kind that are printed."""
FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group
def rules() -> None:
    """Check rules, list them, and try them against what was measured."""


@rules.command
@click.argument("folder", type=FOLDER, required=False)
@click.pass_context
def check(context: click.Context, folder: Path | None) -> None:
    """Check the rules in FOLDER, or those of the settings; every mistake at once. Exit code 2 if there is one."""
    book = _book(folder or _own(_settings(context)))
    click.echo(f"Valid: {len(book)} rules, {sum(not rule.enabled for rule in book)} of them switched off.")


@rules.command("list")
@click.option("--rules", "folder", type=FOLDER, help="A folder of rules in place of that of the settings.")
@json_option
@click.pass_context
def list_(context: click.Context, folder: Path | None, as_json: bool) -> None:
    """List every rule: what it looks at, how bad that is, and what it is about."""
    book = _book(folder or _own(_settings(context)))
    if as_json:
        print_json([rule.model_dump(mode="json", exclude_defaults=True, by_alias=True) for rule in book])
        return
    rows = [
        (
            rule.id,
            rule.kind,
            _severity(rule),
            _about(rule),
            "" if rule.enabled else "off",
            rule.title.in_language(language()),
        )
        for rule in book
    ]
    print_table(("rule", "kind", "severity", "looks at", "", "title"), rows)


@rules.command
@click.option("--since", type=Span(), default="7d", show_default=True, help="How far back to look.")
@click.option("--rules", "folder", type=FOLDER, help="The rules to try: the folder that would be `rules:`.")
@click.option("--now", "at_once", is_flag=True, help="Against what every check saw last, not the history.")
@json_option
@click.pass_context
def test(context: click.Context, since: timedelta, folder: Path | None, at_once: bool, as_json: bool) -> None:
    """Say what other rules would have told, beside those in force.

    Without --rules: what those in force told, or would have. Nothing is sent, and the running service goes on.
    Exit code 1 when there is a difference.
    """
    configuration = load(_settings(context))
    proposed = _book(folder) if folder else configuration.rules
    now = utc_now()
    if at_once:
        _test_now(configuration, proposed, now, as_json=as_json)
        return
    try:
        trial = try_rules(configuration, proposed, now - since, now)
    except (StoreError, LedgerError) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        print_json(trial)
    else:
        _say(trial, configuration.inventory, tried=folder is not None)
    compared = trial.comparison
    if compared.new or compared.vanished or compared.otherwise:
        raise SystemExit(1)


def _test_now(configuration: Configuration, proposed: RuleBook, now: datetime, *, as_json: bool) -> None:
    """Say what putting the proposed rules in force would do. Leaves with exit code 1 when it would do something."""
    try:
        open_now = asyncio.run(_open_incidents(configuration.data / "ledger.sqlite"))
        seen = last_seen(configuration.data)
        found = forecast(configuration.rules, proposed, configuration.inventory, open_now, seen, now)
    except FileNotFoundError as error:
        raise click.ClickException(
            f"{error.filename} is not there yet: the service writes it a minute after its start"
        ) from None
    except (OSError, ValueError, LedgerError) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        print_json(found)
    else:
        say_forecast(found)
    if found.steps or found.instead:
        raise SystemExit(1)


async def _open_incidents(ledger: Path) -> list[Incident]:
    async with Ledger(ledger) as opened:
        return await opened.incidents.all_open()


def say_forecast(found: Forecast) -> None:
    """Print what putting rules in force would do: how much of what, then one by one."""
    newest, spoken = f", the newest at {local(found.newest)}" if found.newest else "", language()
    click.echo(f"By what {found.checks} checks saw last{newest}, if it stays so:")
    differences = (("By the proposed rules", found.steps), ("No longer", found.instead))
    _count(differences)
    for title, steps in differences:
        for one in steps[:SHOWN]:
            said = say(joined((one.summary, one.note), " "), spoken)
            click.echo(f"- {title}: {one.step} [{one.severity}] {one.rule} {one.device}: {said}")
        if len(steps) > SHOWN:
            click.echo(f"- {title}: … and {len(steps) - SHOWN} more (--json has all)")
    if not (found.steps or found.instead):
        click.echo("- no difference")
    click.echo(
        "Attempts, durations and averages are left out: what waits for them comes later, or not if it passes."
    )


def _count(differences: Sequence[tuple[str, Sequence[Would]]]) -> None:
    """Say how many steps of which rule there are, and at how many devices, when that is not seen at a glance."""
    counts: Counter[tuple[str, ...]] = Counter()
    devices = defaultdict[tuple[str, ...], set[str]](set)
    for title, steps in differences:
        for one in steps:
            what = (title, str(one.step), one.rule, one.severity)
            counts[what] += 1
            devices[what].add(one.device)
    if sum(counts.values()) > SHOWN // 4:
        rows = [(*what, str(number), str(len(devices[what]))) for what, number in counts.most_common()]
        print_table(("", "step", "rule", "severity", "number", "devices"), rows)
        click.echo()


def _settings(context: click.Context) -> Path:
    settings: Path = context.find_root().params["settings"]
    return settings


def _own(settings: Path) -> Path | None:
    """Return the folder of rules that the settings name. Leaves with exit code 2 when they have mistakes."""
    try:
        named = load_settings(settings).rules
    except Invalid as error:
        print_problems(error.problems)
        raise SystemExit(2) from None
    return settings.parent / named if named else None


def _book(folder: Path | None) -> RuleBook:
    """Return the product's rules with those of a folder. Leaves with exit code 2 when there is a mistake."""
    try:
        return load_rules(*BUILT_IN, *([folder] if folder else []))
    except Invalid as error:
        print_problems(error.problems)
        raise SystemExit(2) from None


def _severity(rule: Rule) -> str:
    return "/".join(level for level, _ in rule.threshold.levels) if rule.threshold else str(rule.level)


def _about(rule: Rule) -> str:
    if rule.threshold:
        return rule.threshold.metric
    if rule.fact or rule.event:
        return (rule.fact.name if rule.fact else "") or (rule.event.fact if rule.event else "")
    if rule.service:
        return f"outcome {', '.join(rule.service.outcomes)}"
    return "outage" if rule.outage else "mains lost" if rule.mains_lost else "device down"


def _say(trial: Trial, inventory: Inventory, *, tried: bool) -> None:
    compared = trial.comparison
    click.echo(
        f"{local(trial.start)} to {local(trial.end)}: {trial.attempts} attempts judged"
        + (f", the service was away {trial.restarts} times" if trial.restarts else "")
    )
    heads = ("in force", "proposed") if tried else ("in force", "")
    rows = [
        ("incidents", *_pair(compared.incidents, tried)),
        ("messages", *_pair(compared.messages, tried)),
    ]
    print_table(("", *heads), rows)
    _rows("rule", compared.rules, tried)
    _rows("site", [_named(row, inventory) for row in compared.sites[:SHOWN]], tried)
    if len(compared.sites) > SHOWN:
        click.echo(f"… and {len(compared.sites) - SHOWN} more sites (--json has all)")
    if tried:
        _list("Only by the proposed rules", compared.new)
        _list("No longer", compared.vanished)
        _list("Otherwise", [after for _, after in compared.otherwise])
    click.echo("\nNot tried:")
    for line in trial.not_replayed:
        click.echo(f"- {line}")
    if trial.rules_without_history:
        click.echo(f"- rules: {', '.join(trial.rules_without_history)}")


def _rows(name: str, rows: Sequence[Row], tried: bool) -> None:
    click.echo()
    compared = (name, "incidents in force", "proposed", "messages in force", "proposed")
    heads = compared if tried else (name, "incidents", "messages")
    cells = [(row.name, *_pair(row.incidents, tried), *_pair(row.messages, tried)) for row in rows]
    print_table(heads, cells if tried else [tuple(one for one in row if one) for row in cells])


def _named(row: Row, inventory: Inventory) -> Row:
    site = inventory.sites.get(row.name)
    return msgspec.structs.replace(row, name=f"{row.name} {site.name}") if site else row


def _pair(values: tuple[int, int], tried: bool) -> tuple[str, str]:
    return str(values[0]), str(values[1]) if tried else ""


def _list(title: str, found: Sequence[Happened]) -> None:
    if not found:
        return
    click.echo(f"\n{title}: {len(found)}")
    for one in found[:SHOWN]:
        until = local(one.resolved_at) if one.resolved_at else "still open"
        said = one.summary.in_language(language())
        click.echo(f"- {local(one.opened_at)} – {until} [{one.severity}] {one.rule} {one.device}: {said}")
    if len(found) > SHOWN:
        click.echo(f"- … and {len(found) - SHOWN} more (--json has all)")
