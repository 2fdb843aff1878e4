"""``commune-monitor audit``: who did what, and whether the record is as it was written."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from alerts.telling.message import local
from inventory.problem import Invalid
from monitor.cli.common import clear_start, json_option, print_json, print_mistakes, print_table
from monitor.custody import broken
from monitor.ledger import AuditEntry, Ledger, Seal, Verified
from monitor.settings import load_settings
from probes.core.text import clean


class _SealType(click.ParamType[Seal]):
    """``LINE:DIGEST``, as `audit --verify` prints it."""

    name = "seal"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Seal:
        """Read it."""
        if isinstance(value, Seal):
            return value
        line, _, digest = str(value).partition(":")
        if not (line.isascii() and line.isdigit() and len(line) < 19 and digest):
            self.fail("wants LINE:DIGEST, as `commune-monitor audit --verify` prints it", param, ctx)
        return Seal(int(line), digest)


@click.command
@click.option(
    "--limit", "-n", type=click.IntRange(1, 100_000), default=50, show_default=True, help="Most to print."
)
@click.option("--who", default="", help="Only what this person did.")
@click.option("--what", default="", help="Only this: 'secret set', 'credentials confirmed' …")
@click.option(
    "--subject", default="", help="Only what was done to this secret, device, or devices of this site."
)
@click.option("--verify", is_flag=True, help="Verify only: print the seal of the record, no lines.")
@click.option(
    "--seal", "noted", type=_SealType(), help="A seal noted before, which the record must still hold."
)
@json_option
@click.pass_obj
def audit(
    settings: Path,
    limit: int,
    who: str,
    what: str,
    subject: str,
    verify: bool,
    noted: Seal | None,
    as_json: bool,
) -> None:
    """Print who changed secrets, confirmed addresses and approved host keys, newest first, and verify the record.

    Each line carries the digest of all before it. Exit code 1 when one is not as it was written. Lines that are cut off
    at the end, or all written anew, show only against a seal that was noted elsewhere: --verify prints it, --seal
    compares.
    """
    with clear_start():
        path = _ledger(settings)
        found, entries = asyncio.run(_read(path, noted))
    chosen = [] if verify else [one for one in entries if _is_asked(one, who, what, subject)][:limit]
    if as_json:
        told = {"broken_at": found.broken_at, "seal": str(found.seal)}
        print_json(told if verify else told | {"entries": chosen})
    elif not verify:
        print_table(("TIME", "WHO", "WHAT", "SUBJECT", "DETAIL"), [_cells(one) for one in chosen])
    if found.broken_at is not None:
        click.secho(f"The record was tampered with: {broken(found.broken_at).en}", fg="red", err=True)
    elif not as_json:
        click.echo(_whole(found.seal), err=not verify)
    raise SystemExit(found.broken_at is not None)


def _ledger(settings: Path) -> Path:
    try:
        path = settings.parent / load_settings(settings).data / "ledger.sqlite"
    except Invalid as error:
        print_mistakes(settings, error)
        raise SystemExit(2) from None
    if not path.exists():
        raise click.UsageError(f"nothing was recorded yet: {path} does not exist")
    return path


def _whole(seal: Seal) -> str:
    if not seal.id:
        return "Nothing was recorded yet."
    return f"{seal.id} lines, all as they were written. Seal, to note elsewhere: {seal}"


async def _read(path: Path, noted: Seal | None) -> tuple[Verified, list[AuditEntry]]:
    async with Ledger(path) as ledger:
        return await ledger.audit.verify(noted), await ledger.audit.newest(limit=1_000_000)


def _is_asked(one: AuditEntry, who: str, what: str, subject: str) -> bool:
    named = subject in ("", one.subject) or one.subject.startswith(f"{subject}/")
    return named and who in ("", one.who) and what in ("", one.what)


def _cells(one: AuditEntry) -> tuple[str, ...]:
    """Return the cells of its row; whoever wrote to the file must not write to the terminal."""
    texts = (clean(text, 500) for text in (one.who, one.what, one.subject, one.detail))
    return local(one.at) if one.at else "?", *texts
