"""Which SNMP credentials a sweep may send, by what the inventory says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inventory.gather import gather
from inventory.secrets import Credential, resolve
from inventory.yamltree import Node, Scalar, child
from monitor.configuration import Configuration


class NoCredential(ValueError):
    """The inventory has no such SNMP credential; the text names those it has."""


def usual_credential(configuration: Configuration, site: str) -> str:
    """Return the SNMP credential that the site, else the defaults, give their devices; "" for none."""
    sections = gather(configuration.tree, [])
    levels: list[Node | None] = [sections.of("sites").entries.get(site), sections.of("defaults")]
    for level in levels:
        credentials = child(level, "credentials") if level else None
        node = child(credentials, "snmp") if credentials else None
        if isinstance(node, Scalar) and node.text:
            return node.text
    return ""


def chosen_credentials(configuration: Configuration, names: Sequence[str]) -> Mapping[str, Credential]:
    """Return credentials with their values, by name. Raises `NoCredential`, `SecretMissing`."""
    specs = configuration.inventory.credentials
    kinds = configuration.probes["snmp"].credential_kinds
    for name in names:
        if name not in specs or specs[name].kind not in kinds:
            known = ", ".join(key for key, spec in specs.items() if spec.kind in kinds) or "none"
            raise NoCredential(f"no SNMP credential {name!r} in the inventory; there are: {known}")
    return {name: resolve(specs[name], configuration.secrets) for name in names}
