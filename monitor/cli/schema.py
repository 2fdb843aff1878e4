"""``commune-monitor schema``: what editors need to complete and check the YAML files."""

from __future__ import annotations

import click

from alerts.rule import RuleFile
from inventory.schema import Schema, document_schema
from monitor.cli.common import print_json
from monitor.schema import schema_here
from monitor.settings import settings_model


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
    return schema_here()
