"""Which agent a command means: a device of the inventory, or any address with a credential of the inventory."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

import click
import msgspec

from inventory.secrets import Credential, SecretMissing, resolve
from monitor.configuration import Configuration
from probes.core.probe import ProbeFailure
from probes.snmp.credentials import KINDS, security_of
from probes.snmp.engine import Peer
from probes.snmp.engine import resolve as address_of
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

    async def peer(self, wait: float = 2.0) -> Peer:
        """Return the agent as the engine knows it. Raises `ProbeFailure` when its name does not resolve."""
        security = security_of(self.credential, KeyRing(), time.monotonic)
        return Peer(await address_of(self.address, self.port), security, wait)


def agent_options(command: F) -> F:
    """Add the options that say how an address is asked."""
    command = click.option("--port", type=click.IntRange(1, 65535), help="UDP port of the agent.")(command)
    return click.option("--credential", default="", help="Name of a credential in the inventory.")(command)


def find(configuration: Configuration, text: str, credential: str, port: int | None) -> Agent:
    """Return the agent at `text`, a device (SITE/NAME) or an address. Raises `click.UsageError`."""
    check = next(
        (c for c in configuration.plan if c.probe == "snmp" and text in (c.device, c.target.address)), None
    )
    device = configuration.inventory.devices.get(check.device if check else text)
    if device is None and "/" in text:
        raise click.UsageError(f"no device {text!r} in the inventory; `commune-monitor plan` lists them")
    if check and not credential:
        if check.target.credential is None:
            raise click.UsageError(f"{check.device}: {check.blocked or 'SNMP needs a credential'}")
        port = port or int(getattr(check.params, "port", PORT))
        return Agent(check.device, check.target.address, port, check.target.credential, check.target.profile)
    chosen = _credential(configuration, credential)
    name, address = (device.id, device.address) if device else (text, text)
    return Agent(name, address, port or PORT, chosen, device.profile if device else None)


def _credential(configuration: Configuration, name: str) -> Credential:
    """Return the credential `name`, or the only one for SNMP: a strange address is never sent several."""
    known = {n: spec for n, spec in configuration.inventory.credentials.items() if spec.kind in KINDS}
    if not name and len(known) == 1:
        name = next(iter(known))
    if name not in known:
        found = ", ".join(sorted(known)) or "none for SNMP"
        raise click.UsageError(f"say which credential to use: --credential NAME; the inventory has: {found}")
    try:
        return resolve(known[name], configuration.secrets)
    except SecretMissing as error:
        raise click.UsageError(f"credential {name!r}: {error}") from error


def failed(agent: Agent, failure: ProbeFailure) -> SystemExit:
    """Say why there is no answer, to stderr; the exit code is 1."""
    click.secho(f"{agent.name}: {failure.outcome}: {failure.detail}", fg="red", err=True)
    return SystemExit(1)
