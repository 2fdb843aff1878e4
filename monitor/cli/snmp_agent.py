"""Which agent a command means: a device of the inventory, or any address with a credential of the inventory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeVar

import click
import msgspec

from inventory.secrets import Credential
from monitor.binding import bound
from monitor.cli.common import clear_start, language
from monitor.configuration import Configuration
from monitor.ledger import Ledger
from probes.core.network import Network
from probes.core.probe import ProbeFailure
from probes.snmp.credentials import KINDS, security_of
from probes.snmp.engine import Peer, socket_address
from probes.snmp.keys import KeyRing

F = TypeVar("F", bound=Callable[..., Any])
PORT = 161


class Agent(msgspec.Struct, frozen=True):
    """Whom to ask: ``profile`` is what the inventory names, if it does."""

    name: str
    address: str
    port: int
    credential: Credential
    profile: str | None
    network: Network

    async def peer(self, wait: float = 2.0) -> Peer:
        """Return the agent as the engine knows it. Raises `ProbeFailure` when it has no address that may be asked."""
        security = security_of(self.credential, KeyRing(), time.monotonic)
        address = socket_address(await self.network.resolve(self.address), self.port)
        return Peer(address, security, wait)


def agent_options(command: F) -> F:
    """Add the options that say how an address is asked."""
    command = click.option("--port", type=click.IntRange(1, 65535), help="UDP port of the agent.")(command)
    return click.option("--credential", default="", help="Name of a credential in the inventory.")(command)


def find(configuration: Configuration, text: str, credential: str, port: int | None) -> Agent:
    """Return the agent at `text`, a device (SITE/NAME) or an address. Raises `click.UsageError`.

    A device's own credential is sent where the service would send it and nowhere else; who names a credential on the
    command line has decided.
    """
    with clear_start():
        configuration = asyncio.run(_bound(configuration))
    network = Network(configuration.settings.network)
    check = next(
        (c for c in configuration.plan if c.probe == "snmp" and text in (c.device, c.target.address)), None
    )
    device = configuration.inventory.devices.get(check.device if check else text)
    if device is None and "/" in text:
        raise click.UsageError(f"no device {text!r} in the inventory; `commune-monitor plan` lists them")
    if check and not credential:
        if check.target.credential is None:
            raise click.UsageError(f"{check.device}: {check.blocked.en or 'SNMP needs a credential'}")
        port = port or int(getattr(check.params, "port", PORT))
        target = check.target
        return Agent(check.device, target.address, port, check.target.credential, target.profile, network)
    chosen = _credential(configuration, credential)
    name, address = (device.id, device.address) if device else (text, text)
    return Agent(name, address, port or PORT, chosen, device.profile if device else None, network)


async def _bound(configuration: Configuration) -> Configuration:
    configuration.data.mkdir(parents=True, exist_ok=True)
    async with Ledger(configuration.data / "ledger.sqlite") as ledger:
        return bound(configuration, ledger.bindings.known)[0]


def _credential(configuration: Configuration, name: str) -> Credential:
    """Return the credential of that name; none is sent to a strange address unasked."""
    known = [n for n, spec in configuration.inventory.credentials.items() if spec.kind in KINDS]
    if name not in known:
        found = ", ".join(sorted(known)) or "none for SNMP"
        raise click.UsageError(f"say which credential to use: --credential NAME; the inventory has: {found}")
    credential, missing = configuration.plan.credentials[name]
    if credential is None:
        raise click.UsageError(missing.en)
    return credential


def failed(agent: Agent, failure: ProbeFailure) -> SystemExit:
    """Say why there is no answer, to stderr; the exit code is 1."""
    click.secho(
        f"{agent.name}: {failure.outcome}: {failure.detail.in_language(language())}", fg="red", err=True
    )
    return SystemExit(1)
