"""The command line: ``commune-monitor COMMAND``. Results go to stdout, logs and progress to stderr.

Exit codes: 0 done, 1 the answer is no (a probe failed, a message was not accepted), 2 the command or a file is wrong.
One file here is one command.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import click

from monitor import logs

SETTINGS = "commune-monitor.yaml"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--settings",
    "-s",
    type=click.Path(path_type=Path, dir_okay=False),
    default=SETTINGS,
    show_default=True,
    envvar="COMMUNE_MONITOR_SETTINGS",
    help="The settings file.",
)
@click.version_option(version("commune-monitor"), prog_name="commune-monitor")
@click.pass_context
def main(context: click.Context, settings: Path) -> None:
    """Watch the commune offices of a province: devices, services, conference units, security."""
    logs.configure()
    context.obj = settings


def _commands() -> Iterator[click.Command]:
    """Yield the command of each file here: the one that has the file's name."""
    for file in pkgutil.iter_modules(__path__):
        command = getattr(importlib.import_module(f"{__name__}.{file.name}"), file.name, None)
        if isinstance(command, click.Command):
            yield command


for command in _commands():
    main.add_command(command)
