"""What a key takes, in words for people: read from the JSON schema of a model and the texts under its fields."""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from typing import Any, cast

from pydantic import BaseModel

_KINDS = {
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "string": "text",
    "null": "nothing",
    "object": "map",
}


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Return the texts under the fields of `model` and its bases, each on one line."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            found |= _own_meanings(base)
    return found


def _own_meanings(model: type[BaseModel]) -> dict[str, str]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(model)))
    except (OSError, TypeError):  # made at run time: it has no source
        return {}
    found = {}
    for field, text in itertools.pairwise(cast("ast.ClassDef", tree.body[0]).body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(meaning))):
                found[name] = " ".join(meaning.split())
    return found


def takes(schema: dict[str, Any], root: dict[str, Any]) -> str:
    """Return what a value may be: ``"whole number, 1 to 65535"``; `root` resolves references."""
    if "$ref" in schema:
        return takes(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(takes(choice, root) for choice in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return ", ".join(f"`{choice}`" for choice in schema.get("enum", [schema.get("const")]))
    kinds = schema.get("type", "")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    if "prefixItems" in schema:
        return f"[{'; '.join(takes(part, root) for part in schema['prefixItems'])}]"
    if kind == "array":
        return f"list of {takes(schema.get('items', {}), root)}"
    return _KINDS.get(kind, "value") + _limits(schema)


def _limits(schema: dict[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f", {_plain(low)} to {_plain(high)}"
    if low is not None:
        return f", {_plain(low)} or more"
    return f", up to {_plain(high)}" if high is not None else ""


def default_of(schema: dict[str, Any], name: str) -> str:
    """Return the default of a property as written in YAML; ``"required"`` when there is none."""
    if name in schema.get("required", ()):
        return "required"
    default = schema["properties"][name].get("default")
    return "" if default in (None, "", [], {}) else f"`{_plain(default)}`"


def _plain(value: object) -> str:
    """Return a value as YAML has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list | tuple):
        return f"[{', '.join(_plain(part) for part in value)}]"
    return str(value)
