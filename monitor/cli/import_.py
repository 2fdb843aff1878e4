"""``commune-monitor import``: devices from spreadsheets and NetBox into the inventory's files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from inventory import files
from inventory.document import MAX_BYTES
from inventory.files import Unreadable, read_bytes
from inventory.secrets import Secret
from monitor.cli.common import json_option, load, print_json
from monitor.configuration import Configuration
from monitor.exchange import netbox as api
from monitor.exchange.columns import columns, records
from monitor.exchange.intake import Intake, take_in
from monitor.exchange.record import Record, Wrong
from monitor.exchange.table import NoTable, read
from monitor.web.files import NEW_FILE_MODE, compared

F = TypeVar("F", bound=Callable[..., Any])


def common_options(command: F) -> F:
    """Add what every import has."""
    for option in (
        click.option("--write", is_flag=True, help="Write the files; without it nothing is written."),
        click.option("--skip-wrong", is_flag=True, help="Leave out what is wrong, and take in the rest."),
        click.option(
            "--into", "folder", default="", help="Folder below the inventory for files of new sites."
        ),
        click.option(
            "--province",
            default="",
            help="Official code of the province in which communes are named, such as 42.",
        ),
    ):
        command = option(command)
    return json_option(command)


@click.group("import")
def import_() -> None:
    """Bring devices in from a spreadsheet or from NetBox. Shows what would change; --write does it.

    Values that are empty there say nothing, so nothing is removed; what the inventory says already is not touched,
    and comments in its files stay.
    """


def pairs(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """Return ``A=B`` options as a mapping."""
    found = dict[str, str]()
    for one in given:
        name, sign, value = one.rpartition("=")
        if not sign:
            raise click.BadParameter(f"{one!r} is not of the form NAME=VALUE")
        found[name.strip()] = value.strip()
    return found


@import_.command
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--map",
    "mapping",
    multiple=True,
    callback=pairs,
    metavar="HEADING=KEY",
    help="What a column is; KEY '-' leaves it out.",
)
@click.option("--sheet", default="", help="The sheet of an XLSX file; else its first.")
@common_options
@click.pass_obj
def sheet(settings: Path, /, file: Path, mapping: Mapping[str, str], sheet: str, **how: Any) -> None:
    """Read a CSV or XLSX file. Headings are recognised in Vietnamese and English.

    `commune-monitor export xlsx` writes a file with every column there is.
    """
    configuration = load(settings)
    wrong: list[Wrong] = []
    try:
        table = read(file, sheet)
        found = list(records(table, columns(table, mapping, wrong)))
    except NoTable as error:
        raise click.ClickException(str(error)) from None
    if wrong:
        _report(Intake(tuple(wrong), (), (), {}, 0), how["as_json"], configuration)
        raise SystemExit(1)
    _take(configuration, found, **how)


@import_.command
@click.argument("url")
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    required=True,
    help="File with an API token that may read.",
)
@click.option(
    "--site-field",
    default="facility",
    show_default=True,
    help="Field of a site with the commune's code: slug, custom_fields.NAME.",
)
@click.option(
    "--role",
    "roles",
    multiple=True,
    callback=pairs,
    metavar="SLUG=ROLE",
    help="Our role for one of NetBox's.",
)
@common_options
@click.pass_obj
def netbox(
    settings: Path, /, url: str, token_file: Path, site_field: str, roles: Mapping[str, str], **how: Any
) -> None:
    """Read sites and devices from the NetBox at URL."""
    configuration = load(settings)
    try:
        token = Secret(read_bytes(token_file, token_file.parent, 4096).decode().strip())
        found = list(api.records(url, token, api.FieldMap(site_field, roles)))
    except (Unreadable, UnicodeDecodeError) as error:
        raise click.ClickException(f"{token_file}: {error}") from None
    except api.NetBoxFailed as error:
        raise click.ClickException(str(error)) from None
    _take(configuration, found, **how)


def _take(
    configuration: Configuration,
    found: Iterable[Record],
    *,
    write: bool,
    skip_wrong: bool,
    folder: str,
    province: str,
    as_json: bool,
) -> None:
    """Show what the records change, and write it when asked and nothing is wrong. Exit code 1 when something is."""
    intake = take_in(found, configuration, province=province, folder=folder, skip_wrong=skip_wrong)
    stopped = bool(intake.wrong) and not skip_wrong
    _report(intake, as_json, configuration)
    if write and not stopped:
        written = _write(configuration, intake.texts)
        click.echo(f"Wrote {written} files; a running service follows at once.", err=True)
    elif intake.texts and not stopped:
        click.echo("Nothing is written yet: --write does it.", err=True)
    raise SystemExit(1 if stopped else 0)


def _report(intake: Intake, as_json: bool, configuration: Configuration) -> None:
    if as_json:
        print_json(
            {
                "wrong": intake.wrong,
                "doubtful": intake.doubtful,
                "changes": intake.changes,
                "unchanged": intake.unchanged,
                "files": list(intake.texts),
            }
        )
        return
    for one in intake.doubtful:
        click.echo(f"{one.place}: warning: {one.message}", err=True)
    for one in intake.wrong:
        click.echo(str(one), err=True)
    for name, text in intake.texts.items():
        raw = configuration.tree.files.get(name)
        click.secho(f"--- {configuration.tree.place(name)}{'' if raw else ' (new)'}", bold=True)
        for line in compared(raw.decode() if raw else None, text):
            click.secho(line, fg={"+": "green", "-": "red"}.get(line[:1]))
    signs = [line.sign for line in intake.changes if "/" in line.id]
    new, changed = signs.count("+"), signs.count("~")
    click.echo(
        f"{new} devices are new, {changed} changed; {intake.unchanged} rows say nothing new,"
        f" {len(intake.wrong)} are wrong."
    )


def _write(configuration: Configuration, texts: Mapping[str, str]) -> int:
    for name, text in texts.items():
        if len(text.encode()) > MAX_BYTES:
            raise click.ClickException(
                f"{name} would be larger than {MAX_BYTES // 1024} KiB: bring in fewer sites at a time"
            )
    for name, text in texts.items():
        path = configuration.tree.root / name if name else configuration.tree.root
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = path.stat().st_mode & 0o777 if path.exists() else NEW_FILE_MODE
        files.replace(path, text.encode(), mode)
    return len(texts)
