"""The plan: every check of the inventory with its credential resolved, ready to be scheduled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from inventory.model import CheckSpec, Device, Inventory
from inventory.secrets import Credential, SecretMissing, resolve
from inventory.traits import ProbeTraits
from probes.core.probe import Check, Params, Probe, Target


def traits(probes: Mapping[str, type[Probe[Any]]]) -> dict[str, ProbeTraits]:
    """Return what the inventory's loader needs to know of each probe."""
    return {
        name: ProbeTraits(
            params=probe.params,
            interval=probe.interval,
            timeout=probe.timeout,
            credential_kinds=probe.credential_kinds,
            needs_credential=probe.needs_credential,
        )
        for name, probe in probes.items()
    }


def make_plan(inventory: Inventory, secrets: Path) -> tuple[Check, ...]:
    """Return every check of `inventory`, in its order.

    A check whose credential has no value in the folder `secrets` is planned all the same, and says so each time
    (outcome ``not_ready``): a missing file must be seen on the dashboard, not stop the watch.
    """
    vault = _Vault(inventory, secrets)
    return tuple(vault.check(device, spec) for device in inventory.devices.values() for spec in device.checks)


class _Vault:
    """Credentials by name, each read once."""

    def __init__(self, inventory: Inventory, folder: Path) -> None:
        self._specs = inventory.credentials
        self._folder = folder
        self._read: dict[str, tuple[Credential | None, str]] = {}

    def check(self, device: Device, spec: CheckSpec) -> Check:
        credential, blocked = self._credential(device.credentials.get(spec.probe))
        target = Target(device.id, device.address, credential, device.profile)
        params = cast(Params, spec.params)
        return Check(spec.name, spec.probe, target, params, spec.interval, spec.timeout, blocked)

    def _credential(self, name: str | None) -> tuple[Credential | None, str]:
        if name is None:
            return None, ""
        if name not in self._read:
            self._read[name] = self._resolve(name)
        return self._read[name]

    def _resolve(self, name: str) -> tuple[Credential | None, str]:
        try:
            return resolve(self._specs[name], self._folder), ""
        except SecretMissing as error:
            return None, f"credential {name!r}: {error}"
