"""``commune-monitor schema``: what editors need to complete and check the YAML files, and what programs may ask."""

from __future__ import annotations

import click

from alerts.rule import RuleFile
from inventory.schema import Schema, document_schema
from monitor.cli.common import print_json
from monitor.schema import schema_here
from monitor.settings import settings_model


@click.command
@click.argument("what", type=click.Choice(["inventory", "settings", "rules"]), default="inventory")
@click.option("--openapi", is_flag=True, help="Print the description of the API (OpenAPI 3.1) instead.")
def schema(what: str, openapi: bool) -> None:
    """Print the JSON Schema (draft 2020-12) of the files of the inventory, of the settings or of rules."""
    print_json(described_api() if openapi else schema_of(what))


def schema_of(what: str) -> Schema:
    """Return the schema of ``"inventory"``, ``"settings"`` or ``"rules"``."""
    if what == "settings":
        return document_schema(settings_model(), "Commune Monitor: settings")
    if what == "rules":
        return document_schema(RuleFile, "Commune Monitor: rules")
    return schema_here()


def described_api() -> Schema:
    """Return the description of the API; the pages are imported only for it."""
    from monitor.web.api.openapi import document
    from monitor.web.api.unasked import unasked_routes

    return document(unasked_routes())
