"""Escalation: whom to tell at once, whom after a while, and how often again while nobody takes it on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from inventory.duration import Duration
from inventory.form import Form
from inventory.model import NAME, Model, Slug, Text, listed

LONGEST = 86400.0
"""Seconds between two steps at most: what is due later than that was so by a clock that was set back since."""
OWNER = "owner"
EVERYBODY = "channels"
_TARGET = Form(
    rf"(?:rota|person|channel):{NAME.pattern}|{OWNER}|{EVERYBODY}",
    f"rota:NAME, person:NAME, channel:NAME, {OWNER} or {EVERYBODY}",
)
Target = Annotated[str, _TARGET]
"""``rota:NAME``, ``person:NAME``, ``channel:NAME`` (those the channel's settings name), ``owner`` (who answers for
the device or site) or ``channels`` (every channel that wants it)."""
Targets = Annotated[tuple[Target, ...], BeforeValidator(listed), Field(min_length=1, max_length=20)]


class Person(Model):
    """Somebody who can be told."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    unit: Annotated[str, Field(max_length=200)] = ""
    phone: Annotated[str, Field(max_length=40)] = ""
    reach: Annotated[Mapping[Slug, Annotated[str, Field(max_length=254)]], Field(max_length=4)] = {}
    """Their address on each channel, by the channel's name; the first is tried first, the next if it fails."""


class Stage(Model):
    """One step of an escalation."""

    after: Annotated[Duration, Field(ge=0, le=LONGEST)] = 0.0
    """Seconds since the incident was first told."""
    tell: Targets


class Repeat(Model):
    """Telling everybody again who was told, while nobody takes it on."""

    every: Annotated[Duration, Field(ge=300, le=LONGEST)]
    """Seconds."""
    times: Annotated[int, Field(ge=1, le=50)] = 3
    critical_only: bool = True


class Policy(Model):
    """Whom to tell, when."""

    title: Text | None = None
    steps: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=10)]
    repeat: Repeat | None = None

    @model_validator(mode="after")
    def _ascending(self) -> Policy:
        if any(later.after <= earlier.after for earlier, later in pairwise(self.steps)):
            raise ValueError("each step wants a later `after` than the one before it")
        return self


_HOURLY = Repeat.model_construct(every=3600.0, times=3)
EVERYONE = Policy.model_construct(steps=(Stage(tell=(EVERYBODY,)),), repeat=_HOURLY)
"""Where nobody said otherwise: every channel, and again while a critical incident is taken on by nobody."""


def merged(policies: Iterable[Policy]) -> Policy:
    """Return one policy that tells whom each of `policies` tells, and repeats as the most eager of them."""
    steps: dict[float, list[str]] = {}
    repeats = []
    for policy in policies:
        for stage in policy.steps:
            steps.setdefault(stage.after, []).extend(stage.tell)
        if policy.repeat:
            repeats.append(policy.repeat)
    stages = tuple(
        Stage.model_construct(after=after, tell=tuple(tell)) for after, tell in sorted(steps.items())
    )
    return Policy.model_construct(
        title=None, steps=stages, repeat=min(repeats, key=lambda r: r.every, default=None)
    )
