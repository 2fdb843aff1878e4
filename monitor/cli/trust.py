"""``commune-monitor trust``: which SSH host keys are approved, which wait, approving and revoking one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from monitor.cli.common import Name, clear_start, json_option, load, operator, print_json, print_table
from monitor.clock import utc_now
from monitor.ledger import Ledger
from monitor.ledger.hostkeys import State

_STATES: tuple[State, ...] = ("pending", "approved", "revoked")


@click.command
@click.argument("device", type=Name(), required=False)
@click.argument("fingerprint", required=False)
@click.option(
    "--revoke",
    is_flag=True,
    help="No longer trust that key: no credential goes there, and it is not asked about.",
)
@json_option
@click.pass_obj
def trust(settings: Path, device: str | None, fingerprint: str | None, revoke: bool, as_json: bool) -> None:
    """List SSH host keys, or approve the one of DEVICE whose FINGERPRINT (SHA256:…) you compared on the machine.

    No credential is sent to a host before its key is approved. Compare with, on the machine itself:
    ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
    A key that is revoked may be approved again.
    """
    if revoke and not (device and fingerprint):
        raise click.UsageError("--revoke wants DEVICE and FINGERPRINT; `commune-monitor trust` lists them")
    configuration = load(settings)
    if device and not revoke and device not in configuration.inventory.devices:
        raise click.UsageError(f"no device {device!r} in the inventory; `commune-monitor plan` lists them")
    path = configuration.data / "ledger.sqlite"
    with clear_start():
        path.parent.mkdir(parents=True, exist_ok=True)
        if device and fingerprint:
            asyncio.run((_revoke if revoke else _approve)(path, device, fingerprint))
        else:
            asyncio.run(_list(path, device, as_json))


async def _approve(path: Path, device: str, fingerprint: str) -> None:
    async with Ledger(path) as ledger:
        if not await ledger.host_keys.approve(device, fingerprint, operator(), utc_now()):
            raise click.UsageError(f"{device} has no pending host key {fingerprint}; `trust` lists them")
    click.echo(f"Approved {fingerprint} for {device}; the next attempt logs in.")


async def _revoke(path: Path, device: str, fingerprint: str) -> None:
    async with Ledger(path) as ledger:
        if not await ledger.host_keys.revoke(device, fingerprint, operator(), utc_now()):
            raise click.UsageError(f"{device} has no host key {fingerprint}; `trust` lists them")
    click.echo(f"Revoked {fingerprint} of {device}: nothing is sent to it any more.")


async def _list(path: Path, device: str | None, as_json: bool) -> None:
    async with Ledger(path) as ledger:
        keys = [
            (key, state)
            for state in _STATES
            for key in await ledger.host_keys.stored(state)
            if device in (None, key.device)
        ]
    if as_json:
        print_json([{"state": state, "key": key} for key, state in keys])
        return
    print_table(
        ("DEVICE", "ADDRESS", "STATE", "FINGERPRINT"),
        [(key.device, f"{key.address}:{key.port}", state, key.fingerprint) for key, state in keys],
    )
    click.echo(_next(any(state == "pending" for _, state in keys), bool(keys)), err=True)


def _next(pending: bool, some: bool) -> str:
    """Return what to do now."""
    if pending:
        return "Compare a pending key on the machine itself, then: commune-monitor trust DEVICE FINGERPRINT"
    return "None waits for approval." if some else "No host key was seen yet: run `probe` or `run` first."
