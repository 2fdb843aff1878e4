"""What a device that was found may be for: a role with the reasons for it, by the signs in the data file here."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.resources import as_file, files
from typing import Annotated, Self

import msgspec
from pydantic import AfterValidator, Field, model_validator

from inventory.document import load
from inventory.model import Model, Slug
from monitor.discovery.sweep import Found

LAYERS = "layers"
_SERVICES = "snmp.sys_services"
_CALLED = {
    "snmp.sys_descr": "sysDescr",
    "snmp.profile": "SNMP profile",
    "http.title": "page title",
    "http.server": "web server",
    "ssh.version": "SSH",
    "sip.status": "SIP answers",
    "sip.user_agent": "SIP",
    "device.system": "system",
    LAYERS: "network layers",
}


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


def _compiles(text: str) -> str:
    try:
        _pattern(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return text


class Sign(Model):
    """Something that speaks for a role."""

    role: Slug
    points: Annotated[int, Field(ge=1, le=100)]
    port: int | None = None
    """A TCP port that is open."""
    fact: str | None = None
    """A fact that fits `match`."""
    match: Annotated[str, AfterValidator(_compiles)] = ""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.port is None) == (self.fact is None) or (self.fact is None) != (self.match == ""):
            raise ValueError("wants either 'port', or 'fact' with 'match'")
        return self

    def reason(self, found: Found, facts: Mapping[str, str]) -> str:
        """Return how the sign shows, in words; "" when it does not."""
        if self.port is not None:
            return f"TCP {self.port} is open" if self.port in found.tcp else ""
        value = facts.get(self.fact or "", "")
        shown = _pattern(self.match).search(value) if value else None
        return f"{_CALLED.get(self.fact or '', self.fact)} {shown[0]!r}" if shown else ""


class _File(Model):
    signs: tuple[Sign, ...]


class Guess(msgspec.Struct, frozen=True):
    """The role that is proposed, "" for none, and why."""

    role: str = ""
    reasons: tuple[str, ...] = ()


def load_signs() -> tuple[Sign, ...]:
    """Return the signs of the product."""
    with as_file(files("monitor.discovery").joinpath("signs.yaml")) as path:
        return load(path, _File).signs


def guess(found: Found, signs: Sequence[Sign], roles: Collection[str]) -> Guess:
    """Return the role of those in `roles` that most speaks for."""
    facts = {**found.facts, LAYERS: layers(found.facts.get(_SERVICES, ""))}
    points: dict[str, int] = {}
    reasons: dict[str, list[str]] = {}
    for sign in signs:
        reason = sign.reason(found, facts) if sign.role in roles else ""
        if reason and reason not in reasons.setdefault(sign.role, []):
            points[sign.role] = points.get(sign.role, 0) + sign.points
            reasons[sign.role].append(reason)
    if not points:
        return Guess()
    role = max(points, key=lambda name: points[name])
    return Guess(role, tuple(reasons[role]))


def layers(services: str) -> str:
    """Return sysServices (a sum of 2 to the power of layer - 1) in words: ``"2 3"``; "" for no number."""
    if not (services.isascii() and services.isdigit() and len(services) < 4):
        return ""
    return " ".join(_layers(int(services)))


def _layers(number: int) -> Iterator[str]:
    yield from (str(bit + 1) for bit in range(7) if number >> bit & 1)
