"""``commune-monitor export``: the inventory for spreadsheets and Prometheus."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from inventory import files
from inventory.model import Inventory
from monitor.cli.common import load
from monitor.exchange import export as formats

FORMATS: Mapping[str, Callable[[Inventory, str], bytes]] = {
    "csv": formats.csv,
    "xlsx": formats.xlsx,
    "file_sd": lambda inventory, language: formats.file_sd(inventory),
}


@click.command
@click.argument("form", metavar="FORMAT", type=click.Choice(list(FORMATS)))
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; else standard output.",
)
@click.option(
    "--language", type=click.Choice(["vi", "en"]), default="vi", show_default=True, help="Of the headings."
)
@click.pass_obj
def export(settings: Path, form: str, output: Path | None, language: str) -> None:
    """Write the inventory as csv, xlsx or file_sd (Prometheus). Names of credentials, never secrets."""
    content = FORMATS[form](load(settings).inventory, language)
    if output is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        files.replace(output, content, 0o640)
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}") from None
    click.echo(f"Wrote {output}.", err=True)
