"""The command line: ``commune-monitor COMMAND``. Results go to stdout, logs and progress to stderr.

Exit codes: 0 done, 1 the answer is no (a probe failed, a message was not accepted), 2 the command or a file is wrong.
One file here is one command.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import click

from monitor import logs
from monitor.cli.check import check
from monitor.cli.coverage import coverage
from monitor.cli.demo import demo
from monitor.cli.identify import identify
from monitor.cli.plan import plan
from monitor.cli.probe import probe
from monitor.cli.run import run
from monitor.cli.schema import schema
from monitor.cli.show import show
from monitor.cli.test_notifier import test_notifier
from monitor.cli.trust import trust
from monitor.cli.walk import walk

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


for command in (run, demo, check, show, coverage, schema, plan, probe, test_notifier, trust, identify, walk):
    main.add_command(command)
