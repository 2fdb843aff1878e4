"""From a credential of the inventory to what seals messages."""

from __future__ import annotations

from collections.abc import Callable

from inventory.secrets import Credential
from probes.snmp.keys import KeyRing
from probes.snmp.security import Community, Security
from probes.snmp.usm import User

KINDS = ("snmp_v2c", "snmp_v3", "snmp_v1")


def security_of(credential: Credential, ring: KeyRing, clock: Callable[[], float]) -> Security:
    """Return how messages under `credential`, one of `KINDS`, are sealed; `clock` is monotonic, in seconds."""
    if credential.kind == "snmp_v3":
        return User.of(credential, ring, clock)
    return Community.of(credential)
