"""What several commands share: loading the configuration, printing tables and JSON."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from click.shell_completion import CompletionItem

from inventory.document import Invalid, Problem
from inventory.origins import names
from inventory.secrets import SecretMissing
from inventory.tree import read_tree
from monitor import configuration
from monitor.configuration import Configuration
from monitor.instance import InUse
from monitor.ledger import LedgerError
from monitor.settings import load_settings
from monitor.store import StoreError
from probes.core.words import Words

F = TypeVar("F", bound=Callable[..., Any])


class Name(click.ParamType[str]):
    """A device (``SITE/NAME``) or a site of the inventory, which the shell can complete."""

    name = "name"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the sites that begin so, and the devices of a single one."""
        settings = ctx.find_root().params["settings"]
        try:
            folder = settings.parent / load_settings(settings).inventory
        except Invalid:
            return []
        found = names(folder, incomplete)
        if len(found) == 1 and "/" not in incomplete:
            found += names(folder, f"{found[0]}/")
        return [CompletionItem(name) for name in found]


def json_option(command: F) -> F:
    """Add ``--json`` to a command."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON value instead of text.")(
        command
    )


def load(settings: Path, inventory: Path | None = None) -> Configuration:
    """Read the configuration, or print every mistake to stderr and leave with exit code 2.

    `inventory` is read in place of the one that the settings name.
    """
    try:
        return configuration.load(settings, read_tree(inventory) if inventory else None)
    except Invalid as error:
        print_mistakes(settings, error)
        raise SystemExit(2) from None


def language() -> str:
    """Return the reader's language, ``"vi"`` or ``"en"``: what ``--lang`` says."""
    context = click.get_current_context(silent=True)
    chosen: str = context.find_root().params.get("lang", "vi") if context else "vi"
    return chosen


def spoken(vi: str, en: str) -> str:
    """Return a sentence in the reader's language."""
    return Words(vi, en).in_language(language())


def heads(*names: tuple[str, str]) -> tuple[str, ...]:
    """Return the heads of a table in the reader's language, each given in Vietnamese and English."""
    return tuple(spoken(*name) for name in names)


SEVERITIES = {
    "low": Words("thấp", "low"),
    "medium": Words("trung bình", "medium"),
    "warning": Words("cảnh báo", "warning"),
    "high": Words("cao", "high"),
    "critical": Words("nghiêm trọng", "critical"),
}
"""How bad, in words."""


def operator() -> str:
    """Return who runs the command, by the system's word: the environment says what its owner likes."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def print_mistakes(settings: Path, error: Invalid) -> None:
    """Print every mistake, and what to do when there is no settings file at all."""
    print_problems(error.problems)
    if not _is_there(settings):
        click.echo("Name the settings file: commune-monitor --settings FILE COMMAND", err=True)


def _is_there(path: Path) -> bool:
    """Whether there is such a file, or no telling because a folder is closed to us."""
    try:
        path.stat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


@contextmanager
def clear_start() -> Iterator[None]:
    """Turn what may stop a start (a port in use, a broken file, a missing secret) into one line and exit code 2."""
    try:
        yield
    except (InUse, LedgerError, StoreError, SecretMissing) as error:
        click.echo(f"commune-monitor: {error}", err=True)
        raise SystemExit(2) from error
    except OSError as error:
        click.echo(f"commune-monitor: cannot start: {_reason(error)}", err=True)
        raise SystemExit(2) from error


def _reason(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


def print_problems(problems: Sequence[Problem]) -> None:
    """Print mistakes, one line each, and their number."""
    for problem in problems:
        click.echo(str(problem), err=True)
    wrong = sum(problem.severity == "error" for problem in problems)
    if wrong:
        click.echo(f"{wrong} mistake{'s' if wrong > 1 else ''} to mend", err=True)


def print_json(value: object) -> None:
    """Print one JSON value."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value, enc_hook=str)) + b"\n")
    sys.stdout.buffer.flush()


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns; heads in bold on a terminal."""
    widths = [max(len(row[n]) for row in [heads, *rows]) for n in range(len(heads))]
    click.secho(_line(heads, widths), bold=True)
    for row in rows:
        click.echo(_line(row, widths))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
