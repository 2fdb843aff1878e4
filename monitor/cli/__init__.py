"""The command line: ``commune-monitor COMMAND``. Results go to stdout, logs and progress to stderr.

Exit codes: 0 done, 1 the answer is no (a probe failed, a message was not accepted), 2 the command or a file is wrong.
One file here is one command.
"""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import version
from pathlib import Path

import click

from monitor import logs

SETTINGS = "commune-monitor.yaml"


class Commands(click.Group):
    """The files of this folder; only that of the command asked for is imported, so that it answers at once."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of all commands; this imports every file."""
        found = (_command(file.name) for file in pkgutil.iter_modules(__path__))
        return sorted(command.name or "" for command in found if command is not None)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return the command of that name: a file has it, with a line at its end where it is a word of Python."""
        file = name.replace("-", "_")
        files = {module.name for module in pkgutil.iter_modules(__path__)} & {file, f"{file}_"}
        command = _command(files.pop()) if files else None
        return command if command is not None and command.name == name else None


def _command(file: str) -> click.Command | None:
    """Return the command in a file: what has the file's name; helpers have none."""
    command = getattr(importlib.import_module(f"{__name__}.{file}"), file, None)
    return command if isinstance(command, click.Command) else None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--settings",
    "-s",
    type=click.Path(path_type=Path, dir_okay=False),
    default=SETTINGS,
    show_default=True,
    envvar="COMMUNE_MONITOR_SETTINGS",
    help="The settings file.",
)
@click.option(
    "--lang",
    type=click.Choice(["vi", "en"]),
    default="vi",
    show_default=True,
    envvar="COMMUNE_MONITOR_LANG",
    help="The language of the duty's commands, and of what was told people.",
)
@click.version_option(version("commune-monitor"), prog_name="commune-monitor")
@click.pass_context
def main(context: click.Context, settings: Path, lang: str) -> None:
    """Watch the commune offices of a province: devices, services, conference units, security."""
    logs.configure()
    context.obj = settings
