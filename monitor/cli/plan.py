"""``commune-monitor plan``: what is asked, of whom, how often; and what an edit will change in that."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.cli.common import json_option, language, load, print_json, print_table
from monitor.cli.difference import print_difference
from probes.core.probe import Check


@click.command
@click.option("--device", "-d", default="", help="Only this device (SITE/NAME) or this site.")
@click.option(
    "--diff",
    is_flag=True,
    help="Only what the files would change in what was last in force: devices, values, checks.",
)
@click.option(
    "--inventory",
    type=click.Path(path_type=Path, exists=True),
    help="Another folder or file in place of the inventory of the settings: a copy you edit, a branch.",
)
@json_option
@click.pass_obj
def plan(settings: Path, device: str, diff: bool, inventory: Path | None, as_json: bool) -> None:
    """List every check that the inventory leads to, or with --diff what an edit will change.

    A running service follows its files at once: to see beforehand, edit a copy and name it with --inventory.
    """
    configuration = load(settings, inventory)
    if diff:
        print_difference(configuration, device, as_json)
        return
    checks = [
        check
        for check in configuration.plan
        if not device or check.device == device or check.device.startswith(f"{device}/")
    ]
    if device and not checks:
        raise click.UsageError(f"no check for {device!r}: name a site or a device, SITE/NAME")
    if as_json:
        print_json([_as_json(check) for check in checks])
        return
    print_table(("CHECK", "PROBE", "ADDRESS", "EVERY", "TIMEOUT", ""), [_row(check) for check in checks])


def _as_json(check: Check) -> dict[str, object]:
    return {
        "id": check.id,
        "device": check.device,
        "probe": check.probe,
        "address": check.target.address,
        "interval": check.interval,
        "timeout": check.timeout,
        "params": check.params.model_dump(mode="json"),
        "credential": check.target.credential.kind if check.target.credential else None,
        "blocked": check.blocked.in_language(language()),
    }


def _row(check: Check) -> tuple[str, ...]:
    every, timeout = f"{check.interval:g} s", f"{check.timeout:g} s"
    return check.id, check.probe, check.target.address, every, timeout, check.blocked.in_language(language())
