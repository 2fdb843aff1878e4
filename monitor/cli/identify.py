"""``commune-monitor identify ADDRESS``: what is there, by SNMP."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
import msgspec

from monitor.cli.common import Name, json_option, language, load, print_json
from monitor.cli.snmp_agent import Agent, agent_options, failed, find
from monitor.configuration import Configuration
from probes.core.probe import ProbeFailure
from probes.snmp import Params
from probes.snmp.engine import Engine
from probes.snmp.identify import Identity
from probes.snmp.identify import identify as ask
from probes.snmp.mib import Mib
from probes.snmp.session import studies


@click.command
@click.argument("address", type=Name())
@agent_options
@json_option
@click.pass_obj
def identify(settings: Path, address: str, credential: str, port: int | None, as_json: bool) -> None:
    """Say what answers SNMP at ADDRESS (or is the device SITE/NAME): vendor, profile, facts, which MIBs it has.

    Nothing is stored. Exit code 1 when it does not answer.
    """
    configuration = load(settings)
    agent = find(configuration, address, credential, port)
    try:
        found = asyncio.run(_ask(configuration, agent))
    except ProbeFailure as failure:
        raise failed(agent, failure) from None
    if as_json:
        print_json({"name": agent.name, "address": agent.address} | msgspec.to_builtins(found))
    else:
        _print(agent, found)


async def _ask(configuration: Configuration, agent: Agent) -> Identity:
    study = studies(configuration.profiles, agent.profile, Params().max_interfaces, ())
    async with Engine(shards=1) as engine:
        return await ask(engine, await agent.peer(), study, Mib.load())


def _print(agent: Agent, found: Identity) -> None:
    click.secho(f"{agent.name}: {found.vendor or 'unknown vendor'}", bold=True)
    click.echo(f"  {found.detail.in_language(language())}")
    click.echo(f"  profile: {found.profile} ({found.samples} numbers a poll)")
    for name, value in found.facts.items():
        if name != "snmp.profile":
            click.echo(f"  {name}: {', '.join(value) if isinstance(value, tuple) else value}")
    click.echo(f"  answers: {', '.join(found.mibs) or 'no MIB we ask for'}")
