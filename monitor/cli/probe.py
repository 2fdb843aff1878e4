"""``commune-monitor probe DEVICE``: ask now, and show everything that came back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import click
import msgspec

from monitor.binding import bound
from monitor.cli.common import Name, clear_start, json_option, language, load, print_json
from monitor.clock import utc_now
from monitor.configuration import Configuration
from monitor.house import open_probes
from monitor.ledger import Ledger
from monitor.runner import Runner
from probes.core.observation import Labels, Observation, Outcome
from probes.core.probe import Check, Probe
from probes.core.words import say
from probes.snmp.engine import Engine, Exchange
from probes.snmp.mib import Mib
from probes.snmp.trace import lines


@click.command
@click.argument("device", type=Name())
@click.option("--check", "only", default="", help="Ask only this check of the device.")
@click.option("--trace", is_flag=True, help="Show every SNMP question and answer, to stderr.")
@json_option
@click.pass_obj
def probe(settings: Path, device: str, only: str, trace: bool, as_json: bool) -> None:
    """Ask DEVICE (SITE/NAME) everything it is planned to be asked, once, and print what came back.

    Nothing is stored and nobody is told. Exit code 1 when a check did not end well.
    """
    configuration = load(settings)
    if not _chosen(configuration, device, only):
        raise click.UsageError(_unknown(configuration, device, only))
    with clear_start():
        observations = asyncio.run(_ask(configuration, device, only, trace))
    if as_json:
        print_json([msgspec.to_builtins(observation) for observation in observations])
    else:
        for observation in observations:
            _print(observation)
    raise SystemExit(any(o.outcome is not Outcome.OK for o in observations))


def _chosen(configuration: Configuration, device: str, only: str) -> list[Check]:
    checks = configuration.plan.by_device.get(device, ())
    return [check for check in checks if only in ("", check.name)]


async def _ask(configuration: Configuration, device: str, only: str, trace: bool) -> list[Observation]:
    """Ask, sending no credential where the service would not send it."""
    configuration.data.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(Ledger(configuration.data / "ledger.sqlite"))
        probes = await open_probes(configuration, ledger.host_keys, configuration.probe_state, stack)
        if trace:
            _look_on(probes.values())
        runner = Runner(probes, utc_now)
        bound_one, _ = bound(configuration, ledger.bindings.known)
        return [await runner.run(check) for check in _chosen(bound_one, device, only)]


def _look_on(probes: Iterable[Probe[Any]]) -> None:
    """Print every exchange of the SNMP engines. What is sealed in a message, communities and keys, is not in it."""
    mib = Mib.load()

    def show(exchange: Exchange) -> None:
        for line in lines(exchange, mib):
            click.secho(line, err=True, dim=line.startswith(" "))

    for one in probes:
        engine = getattr(one, "engine", None)
        if isinstance(engine, Engine):
            engine.onlooker = show


def _print(observation: Observation) -> None:
    colour = "green" if observation.outcome is Outcome.OK else "red"
    click.secho(f"{observation.check}: {observation.outcome}", fg=colour, bold=True, nl=False)
    click.echo(f"  in {observation.duration * 1000:.0f} ms  {say(observation.detail, language())}")
    for sample in observation.samples:
        unit = "" if sample.unit == "1" else f" {sample.unit}"
        click.echo(f"  {sample.metric}{_labels(sample.labels)} = {sample.value:.6g}{unit}")
    for fact in observation.facts:
        subject = f"[{fact.subject}]" if fact.subject else ""
        value = ", ".join(fact.value) if isinstance(fact.value, tuple) else fact.value
        click.echo(f"  {fact.name}{subject}: {value}")


def _labels(labels: Labels) -> str:
    return "{" + ", ".join(f"{name}={value}" for name, value in labels) + "}" if labels else ""


def _unknown(configuration: Configuration, device: str, only: str) -> str:
    names = [check.name for check in configuration.plan.by_device.get(device, ())]
    if names:
        return f"{device} has no check {only!r}; it has: {', '.join(names)}"
    return f"no device {device!r} with checks in the inventory; `commune-monitor plan` lists them"
