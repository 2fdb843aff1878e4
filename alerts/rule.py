"""Rules are data: what to look at, when it is wrong, how to say so and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from alerts.incident import Kind, Severity, Words
from alerts.judging.condition import DeviceDown, Event, FactCondition, MainsLost, Outage, Service, Threshold
from alerts.quantity import Seconds
from alerts.template import Sentence
from inventory import document
from inventory.model import Device, Model, Text
from inventory.problem import Invalid, Problem
from inventory.selector import Selector
from inventory.yamltree import Mapping, Node, Sequence

Condition = DeviceDown | Service | Threshold | FactCondition | Event | Outage | MainsLost

_CONDITIONS = ("device_down", "service", "threshold", "fact", "event", "outage", "mains_lost")
_SEVERITIES = {
    Kind.INCIDENT: frozenset({Severity.LOW, Severity.WARNING, Severity.CRITICAL}),
    Kind.FINDING: frozenset({Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL}),
}


class Rule(Model):
    """One rule of availability, performance or security."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,62}$")]
    kind: Kind = Kind.INCIDENT
    title: Text
    severity: Severity | None = None
    """How bad; a threshold says it by its levels instead."""
    where: Selector = Selector()
    device_down: DeviceDown | None = None
    service: Service | None = None
    threshold: Threshold | None = None
    fact: FactCondition | None = None
    event: Event | None = None
    outage: Outage | None = None
    mains_lost: MainsLost | None = None
    attempts: Annotated[int, Field(ge=1, le=100)] = 1
    """Judgements in a row that open it."""
    resolve_after: Annotated[int, Field(ge=1, le=100)] = 1
    """Good judgements in a row that close it."""
    lasting: Annotated[Seconds, Field(alias="for", ge=0, le=86400)] = 0.0
    """How long it must have been wrong besides."""
    resolve_for: Annotated[Seconds, Field(ge=0, le=86400)] = 0.0
    """How long it must have been good besides."""
    message: Sentence | None = None
    """One line; the title when absent."""
    playbook: Text | None = None
    """What to check and whom to call; for a finding, how to repair it."""
    refs: tuple[str, ...] = ()
    """Standards and documents by clause number."""
    tier: Literal["P", "A", "O"] = "P"
    """Passive, active but harmless, or opt-in (`security-baseline`)."""
    enabled: bool = True

    @model_validator(mode="after")
    def _consistent(self) -> Rule:
        chosen = [name for name in _CONDITIONS if getattr(self, name) is not None]
        if len(chosen) != 1:
            raise ValueError(f"wants exactly one condition of: {', '.join(_CONDITIONS)}")
        if (self.severity is None) != (self.threshold is not None):
            raise ValueError("wants a severity, or a threshold with its levels, and not both")
        levels = {level for level, _ in self.threshold.levels} if self.threshold else {self.severity}
        wrong = [level for level in levels if level not in _SEVERITIES[self.kind]]
        if wrong:
            allowed = ", ".join(severity for severity in Severity if severity in _SEVERITIES[self.kind])
            raise ValueError(
                f"{wrong[0]} is no severity of a rule of kind {self.kind}; allowed are {allowed}"
            )
        return self

    @cached_property
    def condition(self) -> Condition:
        """The one condition."""
        every = (
            self.device_down, self.service, self.threshold, self.fact, self.event, self.outage, self.mains_lost,
        )  # fmt: skip
        return next(condition for condition in every if condition is not None)

    @property
    def level(self) -> Severity:
        """Severity of a rule without levels."""
        return self.severity or Severity.WARNING

    def say(self, vi: dict[str, str], en: dict[str, str]) -> Words:
        """Return the one line that tells people, its places filled from the values in each language."""
        if self.message is not None:
            return self.message.fill(vi, en)
        return Words(_titled(self.title.vi, vi), _titled(self.title.en, en))

    def concerns(self, device: Device, check: str = "", probe: str = "") -> bool:
        """Whether the rule is about this device, and this check of it."""
        return self.enabled and self.where.matches(device, check, probe)


def _titled(title: str, values: dict[str, str]) -> str:
    subject = values.get("subject", "")
    what = f"{title} ({subject})" if subject else title
    return f"{values['device']} ({values['address']}): {what}" if "device" in values else what


class RuleFile(Model):
    """A YAML file of rules."""

    rules: tuple[Rule, ...]


class RuleBook:
    """Every rule in force; immutable. Iterates in the order of the files."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = {rule.id: rule for rule in rules}

    def __iter__(self) -> Iterator[Rule]:
        return iter(self._rules.values())

    def __len__(self) -> int:
        return len(self._rules)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RuleBook) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # compared by content, as a list is

    def get(self, rule_id: str) -> Rule | None:
        """Return the rule with this id, `None` when there is none."""
        return self._rules.get(rule_id)


BUILT_IN = (Path(__file__).parent / "rules", Path(__file__).parent / "baseline")
"""Folders of the rules that come with the product."""


def load_rules(*folders: Path) -> RuleBook:
    """Return the rules of every ``*.yaml`` in `folders`. Raises `Invalid` with every mistake.

    A rule in a later folder replaces the rule of an earlier one with the same id, so that an installation can
    change a built-in rule; two rules of one folder with the same id are a mistake.
    """
    rules: dict[str, Rule] = {}
    problems: list[Problem] = []
    for folder in folders:
        rules |= _folder(folder, problems)
    if problems:
        raise Invalid(problems)
    return RuleBook(rules.values())


def _folder(folder: Path, problems: list[Problem]) -> dict[str, Rule]:
    rules: dict[str, Rule] = {}
    places: dict[str, Problem] = {}
    if not folder.is_dir():
        problems.append(Problem(str(folder), 0, 0, "", "there is no such folder"))
    for path in sorted(folder.glob("*.yaml")):
        node = document.read(path, problems, folder)
        loaded = document.validate(node, RuleFile, problems) if node else None
        if node is None or loaded is None:
            continue
        for index, rule in enumerate(loaded.rules):
            place = _place(node, index, rule)
            if rule.id in places:
                before = places[rule.id]
                message = f"the rule {rule.id!r} is already at {before.file}:{before.line}:{before.column}"
                problems.append(Problem(place.file, place.line, place.column, place.path, message))
            places.setdefault(rule.id, place)
            rules[rule.id] = rule
    return rules


def _place(root: Node, index: int, rule: Rule) -> Problem:
    """Return where a rule's id is written."""
    listed = root.entries["rules"] if isinstance(root, Mapping) else root
    entry = listed.items[index] if isinstance(listed, Sequence) else listed
    name = entry.entries["id"] if isinstance(entry, Mapping) else entry
    return name.problem(f"rules[{index}].id", rule.id)
