"""``commune-monitor user``: who may use the pages and the API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import click

from alerts.telling.message import local
from inventory.document import Invalid
from inventory.duration import seconds
from monitor.access.passwords import Passwords
from monitor.access.people import Impossible, People
from monitor.access.permission import Role
from monitor.access.scope import Scope, parse_scope
from monitor.cli.common import clear_start, json_option, operator, print_json, print_mistakes, print_table
from monitor.clock import utc_now
from monitor.ledger import Ledger
from monitor.ledger.users import User
from monitor.settings import load_settings

Work = Callable[[People], Awaitable[None]]


class _Sites(click.ParamType[Scope]):
    """Sites by id, pattern or province."""

    name = "sites"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Scope:
        """Read them."""
        if isinstance(value, Scope):
            return value
        try:
            return parse_scope(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


class _Lasting(click.ParamType[timedelta]):
    """A span of time such as ``90d``."""

    name = "span"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read it."""
        if isinstance(value, timedelta):
            return value
        try:
            return timedelta(seconds=seconds(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


ROLE = click.Choice([role.value for role in Role])
SITES = click.option(
    "--sites",
    type=_Sites(),
    default="",
    help="Only these: codes or patterns ('18073 425*'), 'province:42'. Every site unless given.",
)


@click.group
def user() -> None:
    """Add people, give them roles, passwords and tokens; let them in no more.

    The running service follows within a second. Everything is in the record: `commune-monitor audit`.
    """


@user.command("list")
@json_option
@click.pass_obj
def list_(settings: Path, as_json: bool) -> None:
    """List everybody."""

    async def work(people: People) -> None:
        if as_json:
            print_json([_shown(one) for one in people.everybody])
            return
        heads = ("NAME", "ROLE", "SITES", "SIGNS IN WITH", "LAST SIGN-IN", "")
        print_table(heads, [_row(one) for one in people.everybody])

    _run(settings, work)


@user.command
@click.argument("name")
@click.argument("role", type=ROLE)
@SITES
@click.option("--title", default="", help="The name that people call them by.")
@click.pass_obj
def add(settings: Path, name: str, role: str, sites: Scope, title: str) -> None:
    """Add NAME with ROLE and print a one-time password, to be changed at the first sign-in."""

    async def work(people: People) -> None:
        click.echo(await people.add(name, Role(role), operator(), scope=sites, title=title))

    _run(settings, work)


@user.command("role")
@click.argument("name")
@click.argument("role", type=ROLE)
@SITES
@click.pass_obj
def role_(settings: Path, name: str, role: str, sites: Scope) -> None:
    """Give NAME another ROLE, at --sites or everywhere; their sessions end."""

    async def work(people: People) -> None:
        await people.set_role(people.named(name), Role(role), sites, operator())

    _run(settings, work)


@user.command
@click.argument("name")
@click.pass_obj
def reset(settings: Path, name: str) -> None:
    """Print a new one-time password for NAME; their sessions end."""

    async def work(people: People) -> None:
        click.echo(await people.reset(people.named(name), operator()))

    _run(settings, work)


@user.command("remove-factors")
@click.argument("name")
@click.pass_obj
def remove_factors(settings: Path, name: str) -> None:
    """Let NAME sign in without codes and passkeys: the phone is gone, and the recovery codes too."""

    async def work(people: People) -> None:
        await people.remove_factors(people.named(name), operator())

    _run(settings, work)


@user.command
@click.argument("name")
@click.option("--again", is_flag=True, help="Let them in again.")
@click.pass_obj
def disable(settings: Path, name: str, again: bool) -> None:
    """Let NAME in no more: sessions and tokens end at once."""

    async def work(people: People) -> None:
        await people.set_disabled(people.named(name), not again, operator())

    _run(settings, work)


@user.command
@click.argument("name")
@click.argument("purpose")
@click.option("--role", type=ROLE, default=Role.VIEWER.value, show_default=True)
@SITES
@click.option("--lasting", type=_Lasting(), default="90d", show_default=True, help="At most 366d.")
@click.pass_obj
def token(settings: Path, name: str, purpose: str, role: str, sites: Scope, lasting: timedelta) -> None:
    """Print a new token of NAME for a program; PURPOSE says which. It may do no more than NAME may.

    Programs send it as the header 'Authorization: Bearer TOKEN'.
    """

    async def work(people: People) -> None:
        click.echo(
            await people.add_token(people.named(name), purpose, Role(role), sites, lasting, operator())
        )

    _run(settings, work)


def _run(settings: Path, work: Work) -> None:
    async def all_of_it() -> None:
        async with _people(settings) as people:
            await work(people)

    with clear_start():
        try:
            asyncio.run(all_of_it())
        except Impossible as error:
            raise click.UsageError(str(error)) from error


@asynccontextmanager
async def _people(settings: Path) -> AsyncIterator[People]:
    """Yield the users of the ledger, which the running service may have open too."""
    try:
        data = settings.parent / load_settings(settings).data
    except Invalid as error:
        print_mistakes(settings, error)
        raise SystemExit(2) from None
    with Passwords() as passwords:
        async with Ledger(data / "ledger.sqlite") as ledger:
            yield People(ledger, passwords, utc_now)


def _shown(one: User) -> dict[str, object]:
    return {
        "name": one.name,
        "title": one.title,
        "role": one.role,
        "sites": one.scope.sites,
        "provinces": one.scope.provinces,
        "source": one.source,
        "disabled": one.disabled,
        "must_change": one.must_change,
        "signed_in_at": one.signed_in_at,
    }


def _row(one: User) -> tuple[str, ...]:
    last = local(one.signed_in_at) if one.signed_in_at else "never"
    return one.name, one.role, str(one.scope), one.source, last, "disabled" if one.disabled else ""
