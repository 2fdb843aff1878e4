"""What pydantic found, in words for the people who write the files: wanted, found, allowed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from inventory import yamltree
from inventory.model import NAME, NAME_RULE

MAPPING = "a mapping (key: value)"
_WANTS = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "none_required": "null",
    "model_type": MAPPING,
    "model_attributes_type": MAPPING,
    "dict_type": MAPPING,
    "mapping_type": MAPPING,
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
}
_LIMITS = {
    "greater_than": "must be more than {gt:g}",
    "greater_than_equal": "must be at least {ge:g}",
    "less_than": "must be less than {lt:g}",
    "less_than_equal": "must be at most {le:g}",
    "multiple_of": "must be a multiple of {multiple_of:g}",
    "finite_number": "must be a finite number",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries, has {actual_length}",
    "too_long": "must have at most {max_length} entries",
}
_NUMBERS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "multiple_of")
_PATTERNS = {
    rf"^{NAME.pattern}$": f"wants {NAME_RULE}",
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$": "wants a plain file name of letters, digits, '.', '_', '-'",
}
MAX_SHOWN = 60
SEARCHED = 300
"""Among more names than these no likely one is looked for: many mistakes would take minutes."""


def wanted(kind: str) -> str | None:
    """Return what an error of this kind wants (``"a text"``), or `None` when it is about something else."""
    return _WANTS.get(kind)


def found(node: yamltree.Node | None) -> str:
    """Return what stands at `node`: ``"the text 'no'"``, ``"a list"``."""
    if isinstance(node, yamltree.Mapping):
        return MAPPING
    if isinstance(node, yamltree.Sequence):
        return "a list"
    if not isinstance(node, yamltree.Scalar) or node.value is None:
        return "nothing"
    if isinstance(node.value, str):
        return f"the text {shown(node.text)}"
    return node.text if isinstance(node.value, bool) else f"the number {node.text}"


def shown(text: str) -> str:
    """Return `text` quoted and not too long."""
    return repr(text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…")


def unknown(what: str, name: str, allowed: Iterable[str]) -> str:
    """Return the message for a `name` that is none of `allowed`, with the likeliest one that was meant."""
    names = sorted(allowed)
    near = get_close_matches(name[:MAX_SHOWN], names, n=1, cutoff=0.6) if len(names) <= SEARCHED else []
    guess = f"; did you mean {near[0]!r}?" if near else ""
    if not names:
        return f"unknown {what} {shown(name)}{guess}; there are none"
    listed = ", ".join(names[:30]) + (", …" if len(names) > 30 else "")
    return f"unknown {what} {shown(name)}{guess} (allowed: {listed})"


def sentence(error: Mapping[str, Any], node: yamltree.Node | None) -> str:
    """Return one pydantic error (from ``ValidationError.errors()``) about the value at `node` in words."""
    kind: str = error["type"]
    context: Mapping[str, Any] = error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind in ("string_too_short", "too_short") and context["min_length"] == 1:
        return "must not be empty"
    if kind in _LIMITS:
        limit = _LIMITS[kind].format_map(context)
        return f"{limit}, found {found(node)}" if kind in _NUMBERS else limit
    if kind == "string_pattern_mismatch":
        rule = _PATTERNS.get(context["pattern"], f"must match the pattern {context['pattern']}")
        return f"{rule}; found {found(node)}"
    if kind in ("literal_error", "enum"):
        return _choice(node, context["expected"])
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _tag(node, kind, context)
    message: str = error["msg"]
    return message.removeprefix("Input ") if message.startswith("Input should") else message


def _choice(node: yamltree.Node | None, expected: str) -> str:
    allowed = expected.replace("'", "").replace(" or ", ", ").split(", ")
    text = node.text if isinstance(node, yamltree.Scalar) else ""
    near = get_close_matches(text[:MAX_SHOWN], allowed, n=1)
    guess = f"; did you mean {near[0]!r}?" if near else ""
    return f"wants one of {', '.join(allowed)}; found {found(node)}{guess}"


def _tag(node: yamltree.Node | None, kind: str, context: Mapping[str, Any]) -> str:
    key = str(context["discriminator"]).strip("'")
    if kind == "union_tag_not_found":
        return f"the key {key!r} is missing"
    return _choice(node, context["expected_tags"])
