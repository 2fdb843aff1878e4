"""What other rules would open, change and resolve now, by what every check saw last. Pure but for its inputs.

Rules wait: for several attempts, for some minutes. Here nothing waits, in either rule book: what stays as it is now
leads there sooner or later. What the rules in force would do as well is no difference and is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from alerts.incident import Incident, IncidentKey, Step, Transition
from alerts.judging.engine import Engine
from alerts.rule import Rule, RuleBook
from inventory.model import Inventory
from probes.core.observation import Observation
from probes.core.words import Said, Words

ROUNDS = 2
LATER = timedelta(seconds=90)
"""How long the engine is told that nothing changes, until it no longer waits for anything."""


class Would(msgspec.Struct, frozen=True):
    """A step that only one of the rule books leads to."""

    step: Step
    rule: str
    device: str
    check: str
    subject: str
    severity: str
    summary: Words
    note: Said


class Forecast(msgspec.Struct, frozen=True):
    """What putting the proposed rules in force would lead to, if everything stays as it was seen last."""

    checks: int
    """Checks of which something was seen."""
    newest: datetime | None
    """When the newest of it was seen."""
    steps: tuple[Would, ...]
    """What only the proposed rules lead to."""
    instead: tuple[Would, ...]
    """What only those in force lead to: it would not happen any more."""


def forecast(
    present: RuleBook,
    proposed: RuleBook,
    inventory: Inventory,
    incidents: Sequence[Incident],
    seen: Iterable[Observation],
    now: datetime,
) -> Forecast:
    """Return the difference; `incidents` are those open now."""
    known = list(seen)
    one, other = (_steps(book, inventory, incidents, known, now) for book in (present, proposed))
    return Forecast(
        len(known),
        max((observation.time for observation in known), default=None),
        tuple(_would(step) for key, step in other.items() if not _alike(one.get(key), step)),
        tuple(_would(step) for key, step in one.items() if not _alike(other.get(key), step)),
    )


def _steps(
    rules: RuleBook,
    inventory: Inventory,
    incidents: Sequence[Incident],
    seen: Sequence[Observation],
    now: datetime,
) -> dict[IncidentKey, Transition]:
    """Return the last step about each subject."""
    engine = Engine(RuleBook(_eager(rule) for rule in rules), inventory, incidents)
    steps: dict[IncidentKey, Transition] = {}
    for number in range(ROUNDS):
        at = now + timedelta(seconds=number * LATER.total_seconds())
        for observation in seen:
            shown = msgspec.structs.replace(observation, time=at)
            steps |= {step.key: step for step in engine.take(shown, at).transitions}
        for second in range(0, int(LATER.total_seconds()), 15):
            ticked = engine.tick(at + timedelta(seconds=second))
            steps |= {step.key: step for step in ticked.transitions}
    return steps


def _eager(rule: Rule) -> Rule:
    """Return a rule that waits for nothing."""
    changes: dict[str, object] = {"attempts": 1, "resolve_after": 1, "lasting": 0.0, "resolve_for": 0.0}
    if rule.threshold is not None and rule.threshold.average is not None:
        changes["threshold"] = rule.threshold.model_copy(update={"average": None})
    eager = rule.model_copy(update=changes)
    eager.__dict__.pop("condition", None)  # worked out from the threshold as it was
    return eager


def _alike(one: Transition | None, other: Transition) -> bool:
    return one is not None and (one.step, one.severity) == (other.step, other.severity)


def _would(step: Transition) -> Would:
    key = step.key
    return Would(
        step.step, key.rule, key.device, key.check, key.subject, step.severity, step.summary, step.note
    )
