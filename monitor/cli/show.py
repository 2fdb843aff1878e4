"""``commune-monitor show DEVICE|SITE``: what holds for it, and which line of which file says so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from inventory.duration import written
from inventory.origins import Setting, Traced, Unknown, trace
from inventory.problem import Invalid
from monitor.cli.common import Name, json_option, print_json, print_problems, print_table
from monitor.configuration import profiles_of_the_product
from monitor.plan import traits
from monitor.settings import load_settings
from probes.core.discovery import discover


@click.command
@click.argument("subject", metavar="DEVICE|SITE", type=Name())
@json_option
@click.pass_obj
def show(settings: Path, subject: str, as_json: bool) -> None:
    """Print the effective configuration of a device (SITE/NAME) or a site, and where each value was written."""
    try:
        folder = settings.parent / load_settings(settings).inventory
        traced = trace(folder, subject, traits(discover()), profiles_of_the_product())
    except Invalid as error:
        print_problems(error.problems)
        raise SystemExit(2) from None
    except Unknown as error:
        raise click.UsageError(str(error)) from None
    _warn(traced)
    if as_json:
        print_json(traced)
    else:
        print_table(("KEY", "VALUE", "FROM", "WHERE"), [_row(setting) for setting in traced.settings])


def _warn(traced: Traced) -> None:
    if traced.mistakes:
        plural = "s" if traced.mistakes > 1 else ""
        click.echo(
            f"{traced.mistakes} mistake{plural} in the inventory: see `commune-monitor check`", err=True
        )


def _row(setting: Setting) -> tuple[str, str, str, str]:
    return setting.key, _text(setting), str(setting.origin), setting.where


def _text(setting: Setting) -> str:
    value = setting.value
    if setting.key.endswith((".interval", ".timeout")) and isinstance(value, float):
        return written(value)
    return _plain(value)


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(_plain(part) for part in value.values())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(part) for part in value) or "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    return "-" if value is None or value == "" else str(value)
