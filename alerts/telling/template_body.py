"""Templates of requests to gateways: named places, each escaped for where it stands, so that no text forges a field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Literal
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

from defusedxml.ElementTree import ParseError, fromstring  # type: ignore[import-untyped]

from alerts.telling.fields import NAMES
from alerts.telling.sms import unaccented

Content = Literal["json", "form", "xml", "text"]
"""What a body is."""
TYPES: Mapping[Content, str] = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "xml": "text/xml; charset=utf-8",
    "text": "text/plain; charset=utf-8",
}
_PLACE = re.compile(r"\$\{([A-Za-z][A-Za-z0-9_]{0,40})\}")
_HOSTILE = "\"'<>&]]>\\\n\t ${}%+=;é"
"""What must not break a template."""


def places(text: str) -> set[str]:
    """Return the names of the places in a template."""
    return set(_PLACE.findall(text))


def unknown(texts: Iterable[str], secrets: Iterable[str]) -> str:
    """Return what is wrong with the places of templates, ``""`` when all are known."""
    wrong = sorted(set().union(*map(places, texts)) - NAMES.keys() - set(secrets))
    if not wrong:
        return ""
    known = ", ".join((*NAMES, *secrets))
    return f"no such place: {', '.join(wrong)}; there are: {known}"


def filled(template: str, values: Mapping[str, str], content: Content) -> str:
    """Return `template` with its places filled, escaped as `content` wants it inside quotes or an element."""
    return _fill(template, values, _ESCAPES[content])


def in_url(template: str, values: Mapping[str, str]) -> str:
    """Return a URL with its places filled, each percent-encoded whole."""
    return _fill(template, values, lambda text: quote(text, safe="", errors="replace"))


def in_header(template: str, values: Mapping[str, str]) -> str:
    """Return a header with its places filled, in ASCII: other bytes mean something else to every server."""
    return _fill(template, values, lambda text: text if _is_plain(text) else unaccented(text))


def fault(template: str, content: Content) -> str:
    """Return why a body would not be well-formed for some text, ``""`` when it always is."""
    text = filled(template, dict.fromkeys(places(template), _HOSTILE), content)
    try:
        if content == "json":
            json.loads(text)
        elif content == "xml":
            fromstring(text)
    except (ValueError, ParseError, RecursionError) as error:
        return (
            f"is no {content.upper()} once its places are filled: {error}; put them inside quotes or elements"
        )
    return ""


def _fill(template: str, values: Mapping[str, str], escaped: Callable[[str], str]) -> str:
    return _PLACE.sub(lambda found: escaped(values[found[1]]), template)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _in_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _in_xml(text: str) -> str:
    allowed = "".join(
        c for c in text if c in "\t\n" or (c >= " " and not "\ud800" <= c <= "\udfff" and c < "\ufffe")
    )
    return escape(allowed, {'"': "&quot;", "'": "&apos;"})


_ESCAPES: Mapping[Content, Callable[[str], str]] = {
    "json": _in_json,
    "form": lambda text: quote_plus(text, errors="replace"),
    "xml": _in_xml,
    "text": str,
}
