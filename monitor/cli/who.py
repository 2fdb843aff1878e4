"""``commune-monitor who``: who would be told of an incident, when, and by which ways?"""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import click
import msgspec

from alerts.calendar import VIETNAM, local_time
from alerts.duty.roster import Roster
from alerts.duty.rota import Override
from alerts.duty.who import Plan, Told, Who, supposed
from alerts.incident import Severity, Words
from alerts.quiet.silence import Silence
from inventory.duration import written
from monitor.cli.client import Client, remote_options
from monitor.cli.common import Name, clear_start, heads, json_option, load, print_json, print_table, spoken
from monitor.clock import utc_now
from monitor.configuration import Configuration
from monitor.ledger import Ledger
from monitor.quiet import book


class When(click.ParamType[datetime]):
    """A time of Viet Nam."""

    name = "time"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Return the time, or say how one is written."""
        if isinstance(value, datetime):
            return value
        try:
            return local_time(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command
@click.argument("about", type=Name())
@click.option("--at", type=When(), help='A time of Viet Nam, "2026-11-30 22:00"; now unless given.')
@click.option(
    "--severity",
    type=click.Choice([str(one) for one in Severity]),
    default="critical",
    show_default=True,
    help="How bad it would be.",
)
@click.option("--rule", default="device-down", show_default=True, help="Id of the rule.")
@json_option
@remote_options
def who(
    client: Client | None,
    settings: Path,
    /,
    about: str,
    at: datetime | None,
    severity: str,
    rule: str,
    as_json: bool,
) -> None:
    """Say who would be told of an incident of ABOUT (a device, SITE/NAME, or a site), step by step.

    Nothing is sent. The duty file (`duty:` in the settings) and the swaps made since are followed. Exit code 1 when
    nobody would be told.
    """
    if client:
        plan, quiet = _asked(client, about, at, severity, rule)
    else:
        plan, quiet = _worked_out(settings, about, at, severity, rule)
    if as_json:
        print_json(
            {"about": about, "at": at or utc_now(), "severity": severity, "plan": plan, "quiet": quiet}
        )
    else:
        _print(plan)
        if quiet:
            said = spoken(f"Lúc đó không báo cho ai: {quiet.vi}", f"Nobody is told then: {quiet.en}")
            click.echo(said, err=True)
    raise SystemExit(not any(step.reached for step in plan.steps))


def _asked(
    client: Client, about: str, at: datetime | None, severity: str, rule: str
) -> tuple[Plan, Words | None]:
    """Return what a running monitor says: whom it would tell, and what would hold that back."""
    query = {"about": about, "severity": severity, "rule": rule}
    found = client.get("/duty/who", query | ({"at": local_form(at)} if at else {}))
    return msgspec.convert(found, Plan), msgspec.convert(found["quiet"], Words | None)


def local_form(moment: datetime) -> str:
    """Return a time as the API reads it."""
    return moment.astimezone(VIETNAM).strftime("%Y-%m-%d %H:%M")


def _worked_out(
    settings: Path, about: str, at: datetime | None, severity: str, rule: str
) -> tuple[Plan, Words | None]:
    """Return the same from the files of this machine."""
    configuration = load(settings)
    inventory = configuration.inventory
    if about not in inventory.devices and about not in inventory.sites:
        raise click.UsageError(
            f"no device or site {about!r} in the inventory; `commune-monitor find` searches it"
        )
    with clear_start():
        overrides = asyncio.run(swaps(configuration))
        made = asyncio.run(silences(configuration))
    moment = at or utc_now()
    asked = Who(Roster(configuration.duty, lambda: overrides), inventory, configuration.settings.notifiers)
    incident = supposed(about, Severity(severity), moment, rule)
    plan = asked.plan(incident, moment)
    quiet = [one.quiet(moment) for one in configuration.planned.maintenance.values()]
    hidden = book(quiet, made, inventory).hides(incident, moment)
    return plan, hidden.quiet.words(hidden.until) if hidden else None


async def swaps(configuration: Configuration) -> tuple[Override, ...]:
    """Return the changes of rotas that are in the ledger; none when there is no ledger yet."""
    path = configuration.data / "ledger.sqlite"
    if not path.exists():
        return ()
    async with Ledger(path) as ledger:
        return ledger.rota.overrides


async def silences(configuration: Configuration) -> tuple[Silence, ...]:
    """Return what people made quiet; nothing when there is no ledger yet."""
    path = configuration.data / "ledger.sqlite"
    if not path.exists():
        return ()
    async with Ledger(path) as ledger:
        return ledger.silences.known


def _print(plan: Plan) -> None:
    rows = [row for step in plan.steps for row in _rows(step)]
    print_table(heads(("SAU", "AFTER"), ("LÚC", "AT"), ("AI", "WHO"), ("VÌ", "WHY"), ("QUA", "BY")), rows)
    followed = ", ".join(plan.policies) or spoken(
        "không tuyến nào phù hợp: báo cho tất cả", "no route fits: everybody is told"
    )
    click.echo(spoken(f"Quy trình báo: {followed}", f"Policy: {followed}"), err=True)
    if plan.repeats:
        every, times = written(plan.repeat_every), plan.repeats
        vi = f"Sau đó báo lại tất cả mỗi {every}, {times} lần."
        en = f"Then everybody again every {every}, {times} times."
        click.echo(spoken(vi, en), err=True)


def _rows(step: Told) -> list[tuple[str, ...]]:
    after = written(step.after) if step.after else spoken("ngay", "at once")
    when = (after, f"{step.at.astimezone(VIETNAM):%d/%m/%Y %H:%M}")
    if not step.reached:
        return [(*when, spoken("không ai", "nobody"), "", "")]
    return [
        (
            *when,
            one.receiver.name or spoken("mọi người ở đó", "everybody there"),
            one.target,
            spoken(", không được thì ", ", else ").join(
                f"{channel} {to}".strip() for channel, to in one.receiver.ways
            ),
        )
        for one in step.reached
    ]
