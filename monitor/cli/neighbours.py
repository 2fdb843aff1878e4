"""``commune-monitor neighbours``: who is connected to whom, and what is connected that the inventory does not have?"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import click

from monitor.binding import bound
from monitor.cli.common import Name, clear_start, json_option, load, print_json, print_table
from monitor.clock import utc_now
from monitor.configuration import Configuration
from monitor.house import open_probes
from monitor.ledger import Ledger
from monitor.neighbours import Facts, Neighbourhood, neighbourhood
from monitor.runner import Runner
from probes.core.observation import Observation
from probes.core.probe import Check
from probes.snmp import Params, What

AT_ONCE = 20


@click.command
@click.argument("site", required=False, default="", type=Name())
@json_option
@click.pass_obj
def neighbours(settings: Path, site: str, as_json: bool) -> None:
    """Ask the routers and switches (of one SITE) what they see around them, and propose what the inventory lacks.

    LLDP, CDP and the tables of addresses are read. Nothing is stored or changed. Exit code 1 when no device answered.
    """
    configuration = load(settings)
    checks = [check for check in configuration.plan if _concerns(check, site)]
    if not checks:
        raise click.UsageError(
            f"no device{f' of {site}' if site else ''} is asked for its neighbours: routers, firewalls and switches are"
            ", once they have an SNMP credential (`commune-monitor show DEVICE`)"
        )
    with clear_start():
        seen, names = asyncio.run(_ask(configuration, checks))
    found = neighbourhood(configuration.inventory, seen, names)
    if as_json:
        print_json({"asked": len(checks), "answered": len(seen), "neighbourhood": found})
    else:
        _print(found)
        click.echo(f"{len(seen)} of {len(checks)} devices answered, {len(found.links)} links", err=True)
    raise SystemExit(not seen)


def _concerns(check: Check, subject: str) -> bool:
    within = not subject or check.device == subject or check.device.startswith(f"{subject}/")
    return within and isinstance(check.params, Params) and check.params.read is What.NEIGHBOURS


async def _ask(configuration: Configuration, checks: Iterable[Check]) -> tuple[Facts, Mapping[str, str]]:
    """Return what devices see, and what devices are called; no credential goes where the service would not send it."""
    configuration.data.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(Ledger(configuration.data / "ledger.sqlite"))
        probes = await open_probes(configuration, ledger.host_keys, configuration.probe_state, stack)
        bound_one, _ = bound(configuration, ledger.bindings.known)
        wanted = {check.id for check in checks}
        runner, places = Runner(probes, utc_now), asyncio.Semaphore(AT_ONCE)
        with click.progressbar(length=len(wanted), label="asking", file=sys.stderr) as bar:

            async def ask(check: Check) -> Observation:
                async with places:
                    observation = await runner.run(check)
                bar.update(1)
                return observation

            answers = await asyncio.gather(*(ask(check) for check in bound_one.plan if check.id in wanted))
        names = ledger.identities.names
    return {answer.device: answer.facts for answer in answers if answer.facts}, names


def _print(found: Neighbourhood) -> None:
    if found.proposals:
        print_table(
            ("DEVICE", "BEHIND", "SEEN BEHIND", "BY", "PORT", "HOW"),
            [
                (one.device, _names(one.named), _names(one.parents), link.device, link.port, link.how)
                for one in found.proposals
                for link in one.links
            ],
        )
        click.echo()
    if found.strangers:
        print_table(
            ("NOT IN THE INVENTORY", "ADDRESS", "HARDWARE", "SEEN BY", "PORT", "HOW", "DESCRIPTION"),
            [
                (
                    *(text or "-" for text in (one.name, one.address, one.hardware, one.seen_by, one.port)),
                    one.how,
                    one.description[:60],
                )
                for one in found.strangers
            ],
        )


def _names(devices: Iterable[str]) -> str:
    return ", ".join(devices) or "-"
