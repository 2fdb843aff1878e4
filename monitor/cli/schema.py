"""``commune-monitor schema``: what editors need to complete and check the YAML files."""

from __future__ import annotations

import click

from alerts.rule import RuleFile
from inventory.schema import Schema, document_schema, inventory_schema
from monitor.cli.common import print_json
from monitor.configuration import profiles_of_the_product
from monitor.plan import traits
from monitor.settings import settings_model
from probes.core.discovery import discover
from probes.core.reference import references


@click.command
@click.argument("what", type=click.Choice(["inventory", "settings", "rules"]), default="inventory")
def schema(what: str) -> None:
    """Print the JSON Schema (draft 2020-12) of the files of the inventory, of the settings or of rules."""
    print_json(schema_of(what))


def schema_of(what: str) -> Schema:
    """Return the schema of ``"inventory"``, ``"settings"`` or ``"rules"``."""
    if what == "settings":
        return document_schema(settings_model(), "Commune Monitor: settings")
    if what == "rules":
        return document_schema(RuleFile, "Commune Monitor: rules")
    return inventory_schema(traits(discover()), _english(), profiles_of_the_product())


def _english() -> dict[str, dict[str, str]]:
    """Return what each probe asks (under ``""``) and what its parameters mean."""
    return {
        probe.name: {"": probe.question, **{key.name: key.meaning for key in probe.parameters}}
        for probe in references()
    }
