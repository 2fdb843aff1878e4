"""``commune-monitor check``: are all the files right?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from alerts.duty.roster import Roster
from inventory.document import Invalid, Problem
from monitor import configuration
from monitor.cli.common import json_option, print_json, print_problems
from monitor.configuration import Configuration
from monitor.holes import hole


@click.command
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="github: annotations that GitHub Actions and Forgejo show at the line.",
)
@json_option
@click.pass_obj
def check(settings: Path, form: str, as_json: bool) -> None:
    """Check settings, inventory, profiles and rules; every mistake at once. Exit code 2 if there is one."""
    loaded, problems = _read(settings)
    if as_json or form == "json":
        print_json({"valid": loaded is not None, "problems": [_plain(problem) for problem in problems]})
    elif form == "github":
        for problem in problems:
            click.echo(annotation(problem))
    else:
        print_problems(problems)
    if loaded is None:
        raise SystemExit(2)
    if form == "text" and not as_json:
        _say_valid(loaded)


def _read(settings: Path) -> tuple[Configuration | None, Sequence[Problem]]:
    """Return the configuration with its warnings, or nothing with its mistakes."""
    try:
        loaded = configuration.load(settings)
    except Invalid as error:
        return None, error.problems
    return loaded, (*loaded.warnings, *_holes(loaded))


def _holes(loaded: Configuration) -> Iterator[Problem]:
    """Yield a warning when nobody will be on duty in the days to come, swaps apart."""
    if found := hole(Roster(loaded.duty), datetime.now(UTC)):
        yield Problem(str(loaded.folder(loaded.settings.duty or "")), 0, 0, "rotas", found.en, "warning")


def _say_valid(loaded: Configuration) -> None:
    sites, devices = len(loaded.inventory.sites), len(loaded.inventory.devices)
    click.echo(
        f"Valid: {sites} sites, {devices} devices, {len(loaded.plan)} checks, {len(loaded.rules)} rules."
    )


def annotation(problem: Problem) -> str:
    """Return a problem as a workflow command of GitHub Actions: one line, shown at its place in the change.

    Source: GitHub documentation, "Workflow commands for GitHub Actions"; its toolkit escapes ``%``, CR and LF
    everywhere, in properties ``:`` and ``,`` too.
    """
    places = {"file": problem.file, "line": problem.line, "col": problem.column}
    where = ",".join(f"{key}={_property(str(value))}" for key, value in places.items() if value)
    what = f"{problem.path}: {problem.message}" if problem.path else problem.message
    return f"::{problem.severity} {where}::{_escaped(what)}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _plain(problem: Problem) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(problem, enc_hook=str)
    return plain
