"""``commune-monitor silence``: hold the telling back for a while, see what is held back, end it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import click

from alerts.calendar import VIETNAM, local_time
from alerts.quiet.known import must_be_known
from alerts.quiet.preview import Effect
from alerts.quiet.silence import Silence, read_wish
from alerts.telling.message import local
from inventory.duration import seconds
from monitor.cli import silences_api
from monitor.cli.client import Client, remote_options
from monitor.cli.common import heads, json_option, language, operator, print_json, print_table, spoken
from monitor.cli.effect import HISTORY, as_plain, meant, plain, print_effect, seen, with_ledger
from monitor.clock import utc_now
from monitor.configuration import Configuration
from monitor.ledger import Ledger
from probes.core.words import Words, say, why

F = TypeVar("F", bound=Callable[..., Any])

_KINDS = {"silence": Words("tạm dừng", "silence"), "maintenance": Words("bảo trì", "maintenance")}
_KEYS = ("site", "device", "role", "tags", "profile", "check", "probe")


class _Moment(click.ParamType[datetime]):
    """A time of Viet Nam, or a span from now: ``2h``."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it."""
        if isinstance(value, datetime):
            return value
        try:
            return utc_now() + timedelta(seconds=seconds(value))
        except ValueError:
            pass
        try:
            return local_time(value)
        except ValueError:
            self.fail('wants a time of Viet Nam such as "2026-12-01 22:00", or a span such as 2h', param, ctx)


_MOMENT = _Moment()


def _selecting(command: F) -> F:
    """Add the options that say what is meant."""
    helps = {
        "site": "Site: an official commune code; * stands for anything, here and below.",
        "device": "Device: SITE/NAME, or a name at every site.",
        "role": "Role of the device.",
        "tags": "Tag of the device.",
        "profile": "Profile of the device.",
        "check": "Name of the check: nothing else of the device then.",
        "probe": "Kind of the check: nothing else of the device then.",
        "rules": "Rule, such as device-down.",
    }
    for key, text in reversed(helps.items()):
        flag = {"tags": "--tag", "rules": "--rule"}.get(key, f"--{key}")
        command = click.option(flag, key, multiple=True, metavar="NAME", help=text)(command)
    return command


@click.group
def silence() -> None:
    """Hold back the telling of some incidents for a while. They are asked, judged and kept as ever."""


@silence.command
@_selecting
@click.option("--until", type=_MOMENT, required=True, help="When it is over: a time, or a span such as 2h.")
@click.option("--from", "start", type=_MOMENT, help="When it begins; now unless told.")
@click.option("--reason", required=True, help="Why; everybody sees it.")
@click.option("--maintenance", is_flag=True, help="Planned work: the wall shows it.")
@json_option
@remote_options
def add(
    client: Client | None,
    settings: Path,
    /,
    until: datetime,
    start: datetime | None,
    reason: str,
    maintenance: bool,
    as_json: bool,
    **where: Any,
) -> None:
    """Make a silence and print what it hides. A running service follows within a second."""
    wish = _wish(where, start, until, reason, "maintenance" if maintenance else "silence")

    async def work(configuration: Configuration, ledger: Ledger) -> tuple[Silence, Effect]:
        must_be_known(wish, configuration.inventory, configuration.rules)
        made = await ledger.silences.add(wish)
        return made, await seen(configuration, ledger, made.quiet, HISTORY)

    made, found = silences_api.add(client, wish) if client else with_ledger(settings, work)
    if as_json:
        print_json({"silence": plain(made), "effect": as_plain(found)})
    else:
        _say(made)
        print_effect(found, HISTORY)


@silence.command
@_selecting
@click.option(
    "--days", type=click.IntRange(1, 30), default=HISTORY, show_default=True, help="How far back to look."
)
@json_option
@remote_options
def preview(client: Client | None, settings: Path, /, days: int, as_json: bool, **where: Any) -> None:
    """Print what a silence would hide: devices, what is open now, what it would have hidden lately."""
    wish = _wish(where, None, utc_now() + timedelta(hours=1), "preview", "silence")

    async def look(configuration: Configuration, ledger: Ledger) -> Effect:
        must_be_known(wish, configuration.inventory, configuration.rules)
        return await seen(configuration, ledger, wish.quiet, days)

    if client:
        days, found = HISTORY, silences_api.preview(client, wish)
    else:
        found = with_ledger(settings, look)
    if as_json:
        print_json(as_plain(found))
    else:
        print_effect(found, days)


@silence.command(name="list")
@click.option("--all", "every", is_flag=True, help="Those that are over too.")
@json_option
@remote_options
def listed(client: Client | None, settings: Path, /, every: bool, as_json: bool) -> None:
    """Print the silences that hold or will hold, newest first."""

    async def work(_: Configuration, ledger: Ledger) -> tuple[Silence, ...]:
        return ledger.silences.known

    now = utc_now()
    known = silences_api.known(client) if client else with_ledger(settings, work)
    found = [one for one in known if every or one.until > now]
    if as_json:
        print_json([plain(one) for one in found])
        return
    rows = [
        (
            str(one.id),
            _KINDS[one.kind].in_language(language()),
            _stands(one, now),
            local(one.start),
            local(one.until),
            meant(one.quiet),
            one.reason,
            one.who,
        )
        for one in found
    ]
    print_table(_titles(), rows)


@silence.command
@click.argument("number", type=int)
@click.option(
    "--until", type=_MOMENT, required=True, help="When it is over: a time, or a span from now such as 2h."
)
@remote_options
def extend(client: Client | None, settings: Path, /, number: int, until: datetime) -> None:
    """Let a silence last until another time. Exit code 1 when it is over already."""
    if client:
        _said(number, silences_api.extend(client, number, until))
    else:
        _change(settings, number, lambda ledger: ledger.silences.extend(number, until, operator(), utc_now()))


@silence.command
@click.argument("number", type=int)
@remote_options
def end(client: Client | None, settings: Path, /, number: int) -> None:
    """End a silence now: what is open and was hidden is told. Exit code 1 when it is over already."""
    if client:
        _said(number, silences_api.end(client, number))
    else:
        _change(settings, number, lambda ledger: ledger.silences.end(number, operator(), utc_now()))


def _change(
    settings: Path, number: int, change: Callable[[Ledger], Coroutine[Any, Any, Silence | None]]
) -> None:
    _said(number, with_ledger(settings, lambda _, ledger: change(ledger)))


def _said(number: int, changed: Silence | None) -> None:
    if changed is None:
        vi = f"Không có lần tạm dừng cảnh báo {number} nào còn hiệu lực; `silence list --all` liệt kê tất cả."
        en = f"There is no silence {number} that is not over; `silence list --all` lists them."
        click.echo(spoken(vi, en), err=True)
        raise SystemExit(1)
    _say(changed)


def _wish(
    where: Mapping[str, tuple[str, ...]], start: datetime | None, until: datetime, reason: str, kind: str
) -> Silence:
    """Return what is asked for, or leave with exit code 2."""
    asked = {"where": {key: where[key] for key in _KEYS if where[key]}, "rules": where["rules"]}
    times = {"until": _written(until)} | ({"from": _written(start)} if start else {})
    try:
        return read_wish(asked | times | {"reason": reason, "kind": kind}).silence(operator(), utc_now())
    except ValueError as error:
        raise click.UsageError(say(why(error), language())) from None


def _written(moment: datetime) -> str:
    return moment.astimezone(VIETNAM).strftime("%Y-%m-%d %H:%M")


def _stands(one: Silence, now: datetime) -> str:
    if one.until <= now:
        return spoken("đã hết", "over")
    return spoken("đang hiệu lực", "holds") if one.start <= now else spoken("sắp tới", "comes")


def _say(one: Silence) -> None:
    name = spoken("Tạm dừng cảnh báo", "Silence")
    click.echo(f"{name} {one.id}: {local(one.start)} - {local(one.until)}")


def _titles() -> tuple[str, ...]:
    return heads(
        ("SỐ", "ID"), ("LOẠI", "KIND"), ("HIỆU LỰC", "STANDS"), ("TỪ", "FROM"), ("ĐẾN", "UNTIL"), ("PHẠM VI", "WHAT"),
        ("LÝ DO", "WHY"), ("AI", "WHO"),
    )  # fmt: skip
