"""Every key of the inventory, what it takes and means: the tables of docs/inventory.md, read from the models.

``python -m inventory.reference docs/inventory.md`` writes them anew between the markers; a test fails while
they are old.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inventory.schema import CREDENTIALS, ENTRIES, inventory_schema
from inventory.takes import default_of, takes
from inventory.words import Words

BEGIN = "<!-- generated: python -m inventory.reference docs/inventory.md -->"
END = "<!-- end of the generated part -->"
_TITLES = {
    "file": "A file",
    "commune": "A commune, under `sites`",
    "place": "Another place, under `sites`",
    "device": "A device, under `devices` of a site",
    "check": "A check, under `checks` of a device, a role, a site, a province or `defaults`",
    "role": "A role, under `roles`",
    "need": "A need, under `coverage` and a kind of site (`commune`, `data_centre`, `other`)",
    "service": "A service, under `services`",
    "defaults": "`defaults`",
    "province": "A province, under `provinces`",
    "contact": "`owner`",
    "expect": "`expect` of a device",
}


def markdown() -> str:
    """Return the generated part of the page, markers included."""
    root = inventory_schema({}, {}, ())
    tables = [*(_entry(name, root) for name in ENTRIES), *(_credential(kind, root) for kind in CREDENTIALS)]
    return "\n".join([BEGIN, "", *(line for table in tables for line in table), END])


def renewed(page: str) -> str:
    """Return `page` with its generated part written anew. Raises `ValueError` when a marker is missing."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return before + markdown() + after


def _entry(name: str, root: dict[str, Any]) -> Iterator[str]:
    shape = root if name == "file" else root["$defs"][name]
    yield from _table(_TITLES[name], name, shape, root)


def _credential(kind: str, root: dict[str, Any]) -> Iterator[str]:
    yield from _table(
        f"A credential of the kind `{kind}`", "credential", root["$defs"][f"credential.{kind}"], root
    )


def _table(title: str, entry: str, shape: dict[str, Any], root: dict[str, Any]) -> Iterator[str]:
    words = Words.load()
    yield from (f"#### {title}", "", "| Key | Takes | Default | Meaning | Nghĩa |", "|---|---|---|---|---|")
    for key, field in shape["properties"].items():
        meaning = words.of(entry, key)
        yield f"| `{key}` | {_takes(field, root)} | {default_of(shape, key)} | {meaning.en} | {meaning.vi} |"
    yield ""


def _takes(field: dict[str, Any], root: dict[str, Any]) -> str:
    """Return what a key takes; entries and mappings of them by name, ``null`` left out."""
    if "patternProperties" in field:
        return "map of sites"
    if "$ref" in field:
        return _named(field["$ref"])
    if "$ref" in field.get("items", {}):
        return f"list of {_named(field['items']['$ref'])}s"
    if "propertyNames" in field:
        held = field["additionalProperties"]
        return f"map of {_named(held['$ref'])}s" if "$ref" in held else "map of credentials"
    if field.get("pattern", "").endswith("(ms|s|m|h|d)$"):
        return "span of time"
    if "enum" in field and None in field["enum"]:
        return "name of a profile"
    if "anyOf" in field:
        choices = [_takes(choice, root) for choice in field["anyOf"] if choice.get("type") != "null"]
        return " or ".join(
            dict.fromkeys(choice for choice in choices if choice != "text" or len(choices) == 1)
        )
    return takes(field, root)


def _named(reference: str) -> str:
    name = reference.rpartition("/")[2]
    return {
        "contact": "owner",
        "role_name": "role",
        "checks": "map of checks",
        "credentials": "map: probe to credential",
        "SecretRef": "`{file: NAME}` or `{secret: NAME}`",
        "Text": "`{vi: …, en: …}`",
        "defaults": "map",
        "provinces": "map of provinces",
        "province_code": "code of a province",
    }.get(name, name)


if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(renewed(file.read_text("utf-8")), "utf-8")
