"""The plan: every check of the inventory with its credential resolved, ready to be scheduled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, repeat
from types import MappingProxyType
from typing import Any, cast

from inventory.model import CheckSpec, Device, Inventory
from inventory.secrets import Credential, SecretMissing, Secrets, resolve
from inventory.traits import ProbeTraits
from probes.core.probe import Check, Params, Probe, Target
from probes.core.words import NOTHING, Words


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


Resolved = tuple[Credential | None, Words]
"""A credential with its values, or why it has none."""


class Plan:
    """Every check, by device; iterates over all of them in the inventory's order."""

    def __init__(
        self,
        by_device: Mapping[str, tuple[Check, ...]],
        devices: Mapping[str, Device] = MappingProxyType({}),
        credentials: Mapping[str, Resolved] = MappingProxyType({}),
    ) -> None:
        """`devices` and `credentials` are what the checks were made of."""
        self.by_device = by_device
        self.devices = devices
        self.credentials = credentials

    def __iter__(self) -> Iterator[Check]:
        return chain.from_iterable(self.by_device.values())

    def __len__(self) -> int:
        return sum(map(len, self.by_device.values()))


def make_plan(inventory: Inventory, secrets: Secrets, before: Plan | None = None) -> Plan:
    """Return every check of `inventory`.

    A check whose credential has no value is planned all the same, and says so each time
    (outcome ``not_ready``): a missing file must be seen on the dashboard, not stop the watch. Devices whose checks
    are as in the plan `before` have the same objects.
    """
    vault = _Vault(inventory, secrets)
    credentials = {name: vault.credential(name) for name in inventory.credentials}
    known = before.devices if before and before.credentials == credentials else {}
    old = before.by_device if before else {}
    by_device = {
        id: old[id] if known.get(id) is device else vault.checks(device, old.get(id, ()))
        for id, device in inventory.devices.items()
    }
    return Plan(by_device, inventory.devices, credentials)


class _Vault:
    """Credentials by name, each read once."""

    def __init__(self, inventory: Inventory, secrets: Secrets) -> None:
        self._specs = inventory.credentials
        self._secrets = secrets
        self._read: dict[str, Resolved] = {}

    def checks(self, device: Device, before: tuple[Check, ...]) -> tuple[Check, ...]:
        """Return the checks of a device; those it had `before` when they are the same."""
        if len(before) == len(device.checks) and all(map(self._same, repeat(device), device.checks, before)):
            return before
        return tuple(self._check(device, spec) for spec in device.checks)

    def _same(self, device: Device, spec: CheckSpec, check: Check) -> bool:
        """Whether a check is what `spec` leads to, for little more than a look."""
        target, (credential, blocked) = check.target, self.credential(device.credentials.get(spec.probe))
        return (
            check.params is spec.params
            and (check.name, check.probe, check.blocked) == (spec.name, spec.probe, blocked)
            and (check.interval, check.timeout) == (spec.interval, spec.timeout)
            and (target.address, target.profile) == (device.address, device.profile)
            and target.credential == credential
        )

    def _check(self, device: Device, spec: CheckSpec) -> Check:
        credential, blocked = self.credential(device.credentials.get(spec.probe))
        target = Target(device.id, device.address, credential, device.profile)
        params = cast(Params, spec.params)
        return Check(spec.name, spec.probe, target, params, spec.interval, spec.timeout, blocked)

    def credential(self, name: str | None) -> Resolved:
        """Return the credential of that name, or why it has no value."""
        if name is None:
            return None, NOTHING
        if name not in self._read:
            self._read[name] = self._resolve(name)
        return self._read[name]

    def _resolve(self, name: str) -> Resolved:
        try:
            return resolve(self._specs[name], self._secrets), NOTHING
        except SecretMissing as error:
            return None, Words(
                f"chưa có giá trị của tài khoản {name!r}: {error}", f"credential {name!r}: {error}"
            )
