"""``commune-monitor quality``: how good were the alarms?"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from alerts.quantity import duration
from inventory.duration import seconds
from monitor.cli.common import json_option, load, print_json, print_table
from monitor.clock import utc_now
from monitor.ledger import LedgerError
from monitor.quality.figures import Group, Quality, Spread
from monitor.quality.measure import measure


class Span(click.ParamType[timedelta]):
    """A span of time such as ``7d``."""

    name = "span"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Return it; a mistake ends the command."""
        if isinstance(value, timedelta):
            return value
        try:
            found = timedelta(seconds=seconds(value))
        except (ValueError, OverflowError) as error:
            self.fail(str(error), param, ctx)
        return found


@click.command
@click.option("--since", type=Span(), default="30d", show_default=True, help="How far back to look.")
@json_option
@click.pass_obj
def quality(settings: Path, since: timedelta, as_json: bool) -> None:
    """Say how good the alarms were: false ones, how many, how soon noticed, taken on and over."""
    configuration, now = load(settings), utc_now()
    try:
        found = measure(configuration.data / "ledger.sqlite", configuration.inventory, now - since, now)
    except LedgerError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        print_json(found)
    else:
        _say(found)


def _say(found: Quality) -> None:
    whole = found.whole
    click.echo(
        f"{whole.incidents} incidents, {found.per_commune_week:.2f} for each commune and week; "
        f"{whole.false} false ({whole.false_share:.1%}), {whole.suspected} suspected"
    )
    heads = ("rule", "incidents", "false", "suspected", "noticed p50/p90", "taken on p50/p90", "over p50/p90")
    print_table(heads, [_row(group) for group in (whole, *found.rules)])
    if found.channels:
        click.echo()
        rows = [
            (one.name, str(one.told), str(one.given_up), str(one.false), _spread(one.delay))
            for one in found.channels
        ]
        print_table(("channel", "told", "given up", "of false alarms", "delay p50/p90"), rows)


def _row(group: Group) -> tuple[str, ...]:
    counts = (str(group.incidents), str(group.false), str(group.suspected))
    times = (group.detect, group.acknowledge, group.resolve)
    return (group.name or "all", *counts, *map(_spread, times))


def _spread(found: Spread) -> str:
    if found.median is None or found.p90 is None:
        return "-"
    return f"{duration(found.median, 'en')} / {duration(found.p90, 'en')}"
