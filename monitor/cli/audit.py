"""``commune-monitor audit``: who did what, and whether the record is as it was written."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from alerts.message import local
from inventory.problem import Invalid
from monitor.cli.common import clear_start, json_option, print_json, print_mistakes, print_table
from monitor.custody import changed
from monitor.ledger import AuditEntry, Ledger
from monitor.settings import load_settings


@click.command
@click.option(
    "--limit", "-n", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Most to print."
)
@click.option("--who", default="", help="Only what this person did.")
@click.option("--subject", default="", help="Only what was done to this device or secret.")
@json_option
@click.pass_obj
def audit(settings: Path, limit: int, who: str, subject: str, as_json: bool) -> None:
    """Print who changed secrets, confirmed addresses and approved host keys, newest first, and verify the record.

    Each line carries the digest of all before it. Exit code 1 when one is not as it was written.
    """
    try:
        path = settings.parent / load_settings(settings).data / "ledger.sqlite"
    except Invalid as error:
        print_mistakes(settings, error)
        raise SystemExit(2) from None
    if not path.exists():
        raise click.UsageError(f"nothing was recorded yet: {path} does not exist")
    with clear_start():
        broken, entries = asyncio.run(_read(path))
    chosen = [one for one in entries if who in ("", one.who) and subject in ("", one.subject)][:limit]
    if as_json:
        print_json({"broken_at": broken, "entries": chosen})
    else:
        print_table(
            ("TIME", "WHO", "WHAT", "SUBJECT", "DETAIL"),
            [(local(one.at), one.who, one.what, one.subject, one.detail) for one in chosen],
        )
    if broken is not None:
        click.secho(f"The record was tampered with: {changed(broken)}", fg="red", err=True)
    raise SystemExit(broken is not None)


async def _read(path: Path) -> tuple[int | None, list[AuditEntry]]:
    async with Ledger(path) as ledger:
        return await ledger.audit_broken_at(), await ledger.audited(limit=1_000_000)
