"""Sentences of rules with places for what was seen; a place is a plain name from a closed list."""

from __future__ import annotations

from string import Formatter
from typing import Annotated

from pydantic import AfterValidator

from alerts.incident import Words
from inventory.model import Model

PLACES = {
    "device": "title of the device",
    "address": "address of the device",
    "site": "name of the commune or place",
    "check": "name of the check",
    "subject": "which of several: a file system, an interface, a port",
    "value": "what was seen, with its unit",
    "threshold": "the bound that was passed, with its unit",
    "detail": "what the probe said",
    "attempts": "how many attempts in a row",
}
"""Every place a sentence may have, and what it becomes."""


def check_template(template: str) -> str:
    """Return `template`. Raises `ValueError` for unknown places, attributes, formats and stray braces."""
    for _, name, spec, conversion in Formatter().parse(template):
        if name is None:
            continue
        if name not in PLACES:
            raise ValueError(f"{{{name}}} is not a place; allowed are {', '.join(PLACES)}")
        if spec or conversion:
            raise ValueError(f"{{{name}}} may not have a format or conversion")
    return template


Template = Annotated[str, AfterValidator(check_template)]


class Sentence(Model):
    """A sentence in both languages."""

    vi: Template
    en: Template

    def fill(self, vi: dict[str, str], en: dict[str, str]) -> Words:
        """Return the sentence, each language filled from its own values; missing ones are empty."""
        blank = dict.fromkeys(PLACES, "")
        return Words(self.vi.format_map(blank | vi), self.en.format_map(blank | en))
