"""``commune-monitor plan``: what is asked, of whom, how often."""

from __future__ import annotations

from pathlib import Path

import click

from monitor.cli.common import json_option, load, print_json, print_table


@click.command
@click.option("--device", "-d", default="", help="Only this device (SITE/NAME) or this site.")
@json_option
@click.pass_obj
def plan(settings: Path, device: str, as_json: bool) -> None:
    """List every check that the inventory leads to."""
    checks = [
        check
        for check in load(settings).plan
        if not device or check.device == device or check.device.startswith(f"{device}/")
    ]
    if device and not checks:
        raise click.UsageError(f"no check for {device!r}: name a site or a device, SITE/NAME")
    if as_json:
        print_json(
            [
                {
                    "id": check.id,
                    "device": check.device,
                    "probe": check.probe,
                    "address": check.target.address,
                    "interval": check.interval,
                    "timeout": check.timeout,
                    "params": check.params.model_dump(mode="json"),
                    "credential": check.target.credential.kind if check.target.credential else None,
                    "blocked": check.blocked,
                }
                for check in checks
            ]
        )
        return
    print_table(
        ("CHECK", "PROBE", "ADDRESS", "EVERY", "TIMEOUT", ""),
        [
            (c.id, c.probe, c.target.address, f"{c.interval:g} s", f"{c.timeout:g} s", c.blocked)
            for c in checks
        ],
    )
