"""The JSON Schema of an inventory file for the probes and profiles that this installation has."""

from __future__ import annotations

from inventory.schema import Schema, inventory_schema
from monitor.configuration import profiles_of_the_product
from monitor.plan import traits
from probes.core.discovery import discover
from probes.core.reference import references


def schema_here() -> Schema:
    """Return the schema. Reads the sources of every probe: ask once."""
    return inventory_schema(traits(discover()), _english(), profiles_of_the_product())


def _english() -> dict[str, dict[str, str]]:
    """Return what each probe asks (under ``""``) and what its parameters mean."""
    return {
        probe.name: {"": probe.question, **{key.name: key.meaning for key in probe.parameters}}
        for probe in references()
    }
