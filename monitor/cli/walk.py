"""``commune-monitor walk DEVICE [OID]``: what an agent has, row by row, with names."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import click

from monitor.cli.common import Name, json_option, load, print_json
from monitor.cli.snmp_agent import Agent, agent_options, failed, find
from probes.core.probe import ProbeFailure
from probes.snmp.ber import Malformed, VarBind, dotted
from probes.snmp.ber import oid as encoded
from probes.snmp.engine import Asks, Engine
from probes.snmp.mib import Mib
from probes.snmp.trace import value_of
from probes.snmp.walk import walk as rows_of

EVERYTHING = "1.3.6.1.2.1"


@click.command
@click.argument("device", type=Name())
@click.argument("oid", default=EVERYTHING)
@agent_options
@click.option(
    "--rows", type=click.IntRange(1, 1_000_000), default=1000, show_default=True, help="Most rows to show."
)
@click.option(
    "--seconds", type=click.IntRange(1, 3600), default=60, show_default=True, help="Longest time to take."
)
@click.option("--numbers", is_flag=True, help="Show OIDs as numbers.")
@click.option(
    "--reference", is_flag=True, help="Ask by pysnmp instead of our engine: a second opinion, slower."
)
@json_option
@click.pass_obj
def walk(
    settings: Path,
    device: str,
    oid: str,
    credential: str,
    port: int | None,
    rows: int,
    seconds: int,
    numbers: bool,
    reference: bool,
    as_json: bool,
) -> None:
    """Show what DEVICE (SITE/NAME, or an address) has under OID, such as 1.3.6.1.2.1.2, ifTable or IF-MIB::ifDescr.

    Values of tables that hold users and communities are not shown. Exit code 1 when it does not answer.
    """
    agent, mib = find(load(settings), device, credential, port), Mib.load()
    found: list[tuple[str, str]] = []

    def take(bind: VarBind) -> None:
        number, value = dotted(bind[0]), value_of(bind, mib)
        found.append((number, value))
        if not as_json:
            click.echo(f"{number if numbers else mib.name(number)} = {value}")

    try:
        asyncio.run(_walk(agent, _root(mib, oid), rows, seconds, reference, take))
    except ProbeFailure as failure:
        raise failed(agent, failure) from None
    except TimeoutError:
        click.echo(f"stopped after {seconds} s; --seconds allows more", err=True)
    if as_json:
        print_json([{"oid": number, "name": mib.name(number), "value": value} for number, value in found])
    if len(found) == rows:
        click.echo(f"stopped after {rows} rows; --rows allows more", err=True)
    elif not found:
        click.echo(f"{agent.name} has nothing under {oid}", err=True)


def _root(mib: Mib, text: str) -> bytes:
    try:
        return encoded(mib.oid(text))
    except (ValueError, Malformed) as error:
        raise click.UsageError(str(error)) from error


async def _walk(
    agent: Agent, root: bytes, rows: int, seconds: int, reference: bool, take: Callable[[VarBind], None]
) -> None:
    async with AsyncExitStack() as stack:
        engine = await _engine(stack, reference)
        await stack.enter_async_context(asyncio.timeout(seconds))
        async for bind in rows_of(engine, await agent.peer(), root, rows):
            take(bind)


async def _engine(stack: AsyncExitStack, reference: bool) -> Asks:
    if not reference:
        return await stack.enter_async_context(Engine(shards=1))
    from probes.snmp.reference import Reference  # half a second of imports that no one else pays

    return await stack.enter_async_context(Reference())
