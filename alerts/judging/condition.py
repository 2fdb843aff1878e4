"""What a rule looks at: a device's state, a check's outcome, a number, a piece of configuration, an event.

Each turns what was seen into a severity, `None` for "all well", or `UNKNOWN`, which changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from alerts.incident import Severity
from alerts.quantity import Quantity, Seconds
from inventory.model import Model
from inventory.selector import Patterns
from probes.core.observation import FactValue, Labels, Limits, Outcome, Sample

NAMESPACES: Final = frozenset(
    {
        "dns",
        "hw",
        "host",
        "http",
        "icmp",
        "ntp",
        "os",
        "probe",
        "sip",
        "snmp",
        "ssh",
        "sshd",
        "system",
        "tcp",
        "tls",
    }
)
"""First word of every metric and fact a rule may name (abuse case A10); a test knows the probes."""


class Unknown:
    """The type of `UNKNOWN`: nothing can be said, so nothing may change."""


UNKNOWN: Final = Unknown()

Judgement = Severity | Unknown | None
"""A severity when something is wrong, `None` when all is well, `UNKNOWN` when nothing can be said."""


def _known_namespace(name: str) -> str:
    if name.partition(".")[0] not in NAMESPACES:
        raise ValueError(
            f"{name!r} is not measured; names begin with one of: {', '.join(sorted(NAMESPACES))}"
        )
    return name


Name = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$", max_length=120), AfterValidator(_known_namespace)
]
"""Name of a metric or a fact."""


class DeviceDown(Model):
    """The device is down, which `alerts.judging.state` decides; behind a down parent it is unreachable instead."""


class Outage(Model):
    """Something larger than a device is cut off, which `alerts.judging.together` decides."""

    of: Literal["site", "area", "monitor"]
    """Every device of a site; several sites of one carrier, power feed or province; the monitor itself."""


class MainsLost(Model):
    """Several sites of one power feed run on their batteries, which `alerts.judging.mains` decides."""


FORGOTTEN = 0.25
"""Share of the way from good to `clear` below which an average is forgotten at the next good number."""

_PROGRESS = {Outcome.UNTRUSTED: 1, Outcome.AUTH_FAILED: 2, Outcome.OK: 3}
"""How far an attempt got: the service answered, its key was trusted, our credential was accepted."""

_FAILURES = Literal["timeout", "refused", "unreachable", "auth_failed", "untrusted", "protocol_error"]


class Service(Model):
    """A check ends with one of these outcomes while its device lives.

    An outcome that got further than all of them is well; one that got less far says nothing.
    """

    outcomes: Annotated[tuple[_FAILURES, ...], Field(min_length=1)]

    @cached_property
    def bad(self) -> frozenset[Outcome]:
        """Outcomes that are wrong."""
        return frozenset(Outcome(outcome) for outcome in self.outcomes)

    def judge(self, outcome: Outcome, severity: Severity) -> Judgement:
        """Return `severity` for one of our outcomes."""
        if outcome in self.bad:
            return severity
        return None if _PROGRESS.get(outcome, 0) > self._furthest else UNKNOWN

    @cached_property
    def _furthest(self) -> int:
        return max(_PROGRESS.get(bad, 0) for bad in self.bad)


class Level(Model):
    """One bound of a threshold, and where a value must be to count as clear again (hysteresis)."""

    above: Quantity | None = None
    below: Quantity | None = None
    clear: Quantity | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Level:
        if (self.above is None) == (self.below is None):
            raise ValueError("wants exactly one of above and below")
        if self.clear is not None and (self.clear - self.bound) * (1 if self.above is None else -1) < 0:
            raise ValueError("clear must be on the good side of the bound")
        return self

    @property
    def bound(self) -> float:
        """The value at which it begins."""
        return (self.above if self.above is not None else self.below) or 0.0

    def passed(self, value: float, already: bool) -> bool:
        """Whether `value` is beyond the bound, or, when it `already` was, not yet back at `clear`."""
        bound = self.clear if already and self.clear is not None else self.bound
        return value > bound if self.above is not None else value < bound


Levels = tuple[tuple[Severity, Level], ...]


@lru_cache(maxsize=16384)
def _fits(patterns: tuple[str, ...], text: str | None) -> bool:
    return text is not None and any(fnmatchcase(text.casefold(), pattern.casefold()) for pattern in patterns)


@lru_cache(maxsize=4096)
def _own_levels(limits: Limits) -> Levels:
    """Return a number's own limits as levels, worst first."""
    sides = (
        (Severity.CRITICAL, limits.critical_above, limits.critical_below),
        (Severity.WARNING, limits.warning_above, limits.warning_below),
    )
    found: list[tuple[Severity, Level]] = []
    for severity, above, below in sides:
        if above is not None:
            found.append((severity, Level(above=above, clear=above - limits.clear)))
        if below is not None:
            found.append((severity, Level(below=below, clear=below + limits.clear)))
    return tuple(found)


class Threshold(Model):
    """A number is too high or too low; each series of the metric (a file system, an interface) by itself."""

    metric: Name
    labels: Annotated[dict[str, Patterns], Field(default_factory=dict)]
    """Only series with these labels, by patterns, capitals or not."""
    unless: Annotated[dict[str, Patterns], Field(default_factory=dict)]
    """Not series with one of these labels."""
    own: bool = False
    """Whether the limits count that a number brings along, from the device or its profile; then the levels here are
    for numbers that bring none."""
    ignore_below: Quantity | None = None
    """A smaller number says nothing: of an expired certificate another rule speaks."""
    ignore: tuple[Quantity, ...] = ()
    """Numbers that say nothing: the 0 of a laser that is switched off."""
    only_while: Name | None = None
    """Another number of the same answer: while the device says that it is 0, all is well."""
    average: Annotated[int, Field(ge=2, le=1000)] | None = None
    """Over how many attempts the number is averaged before it is judged (exponentially)."""
    of_path: bool = False
    """Whether it is as much the way's as the device's: what a device before it has as well is told of that one."""
    low: Level | None = None
    medium: Level | None = None
    warning: Level | None = None
    high: Level | None = None
    critical: Level | None = None

    @model_validator(mode="after")
    def _some_level(self) -> Threshold:
        if not self.levels and not self.own:
            raise ValueError("wants at least one level: low, medium, warning, high or critical")
        if self.own and self.average:
            raise ValueError("an average is judged by levels, not by a number's own limits")
        if self.average and self._span[0] == self._span[1]:
            raise ValueError("an average wants a clear value other than the bound at its mildest level")
        return self

    @cached_property
    def levels(self) -> Levels:
        """Levels that are set, worst first."""
        found = ((severity, getattr(self, severity.value)) for severity in reversed(Severity))
        return tuple((severity, level) for severity, level in found if level is not None)

    @property
    def of_device(self) -> bool:
        """Whether it is the device's, whichever check reads it: SNMP and SSH see the same disk."""
        return self.metric.startswith(("system.", "hw."))

    def concerns(self, labels: Labels) -> bool:
        """Whether a series with `labels` is one of ours."""
        if not (self.labels or self.unless):
            return True
        known = dict(labels)
        return all(_fits(patterns, known.get(name)) for name, patterns in self.labels.items()) and not any(
            _fits(patterns, known.get(name)) for name, patterns in self.unless.items()
        )

    def applies(self, samples: Iterable[Sample]) -> bool:
        """Whether `only_while` holds; what the device does not say is no reason to be silent."""
        if self.only_while is None:
            return True
        said = [sample.value for sample in samples if sample.metric == self.only_while]
        return not said or any(said)

    def levels_of(self, limits: Limits | None) -> Levels:
        """Return what a number with `limits` of its own is held against, worst first."""
        return _own_levels(limits) if self.own and limits is not None else self.levels

    def judge(self, value: float, current: Severity | None = None, limits: Limits | None = None) -> Judgement:
        """Return the worst level passed; `current` is the one standing, which holds until its `clear`."""
        levels = self.levels_of(limits)
        if not math.isfinite(value) or value in self.ignore:
            return UNKNOWN
        if self.ignore_below is not None and value < self.ignore_below:
            return UNKNOWN
        if not levels:
            return None if current is not None else UNKNOWN
        for severity, level in levels:
            if level.passed(value, already=current is not None and severity.rank <= current.rank):
                return severity
        return None

    def averaged(self, value: float, before: float | None) -> float | None:
        """Return the average with one more value, `None` when it is so good that nothing need be remembered.

        It begins as far on the good side of `clear` as the bound is on the bad one, so that one value says little.
        """
        bound, clear = self._span
        old = self.good if before is None else before
        new = old + (value - old) / (self.average or 1)
        span = bound - clear
        return None if (value - self.good) / span <= 0 and (new - self.good) / span <= FORGOTTEN else new

    def at_least(self, severity: Severity) -> float:
        """Return the mildest number that is so severe: what is known of an average after a restart."""
        levels = [level for own, level in self.levels if own.rank <= severity.rank] or [self.levels[-1][1]]
        return levels[0].bound

    @cached_property
    def good(self) -> float:
        """A number as far on the good side of `clear` as the mildest bound is on the bad one."""
        bound, clear = self._span
        return 2 * clear - bound

    def is_poor(self, value: float) -> bool:
        """Whether a number is nearer to the bound than to `clear`, or beyond it."""
        bound, clear = self._span
        return (value - clear) / (bound - clear) > 0.5

    @property
    def _span(self) -> tuple[float, float]:
        mildest = self.levels[-1][1]
        return mildest.bound, mildest.bound if mildest.clear is None else mildest.clear

    def bound(self, sample: Sample, severity: Severity | None) -> float:
        """Return the bound that made `sample` so severe, or that it would pass next."""
        levels = self.levels_of(sample.limits)
        reached = [own for own, _ in levels if severity and own.rank <= severity.rank]
        worst = reached[0] if reached else levels[-1][0] if levels else None
        bounds = [level.bound for own, level in levels if own is worst]
        return min(bounds, key=lambda bound: abs(sample.value - bound), default=math.nan)


Plain = bool | int | float | str


class Expectation(Model):
    """What a fact should be; exactly one of these. Texts are compared in lower case."""

    equals: Plain | None = None
    one_of: Annotated[tuple[Plain, ...] | None, Field(alias="in")] = None
    not_in: tuple[Plain, ...] | None = None
    empty: bool | None = None
    contains_none: tuple[str, ...] | None = None
    contains: str | None = None
    at_least: Quantity | None = None
    at_most: Quantity | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Expectation:
        names = [info.alias or name for name, info in type(self).model_fields.items()]
        if len(self.model_fields_set) != 1:
            raise ValueError(f"wants exactly one of: {', '.join(names)}")
        return self

    def met(self, value: FactValue) -> bool | None:
        """Whether `value` is as expected; `None` when the two cannot be compared."""
        if isinstance(value, tuple):
            return self._met_by_list(tuple(text.lower() for text in value))
        if self.equals is not None:
            return _same(value, self.equals)
        if self.one_of is not None:
            return any(_same(value, allowed) for allowed in self.one_of)
        if self.not_in is not None:
            return not any(_same(value, refused) for refused in self.not_in)
        if self.empty is not None and isinstance(value, str):
            return (value == "") is self.empty
        return self._met_by_number(value)

    def _met_by_list(self, value: tuple[str, ...]) -> bool | None:
        if self.empty is not None:
            return (not value) is self.empty
        if self.contains is not None:
            return self.contains.lower() in value
        refused = self.contains_none if self.contains_none is not None else self.not_in
        if refused is not None:
            return not {str(text).lower() for text in refused} & set(value)
        if self.one_of is not None:
            return set(value) <= {str(text).lower() for text in self.one_of}
        return None

    def _met_by_number(self, value: bool | float | str) -> bool | None:
        if isinstance(value, str | bool):
            return None
        if self.at_least is not None:
            return value >= self.at_least
        return value <= self.at_most if self.at_most is not None else None


def _same(value: Plain, expected: Plain) -> bool:
    if isinstance(value, bool) or isinstance(expected, bool):
        return value is expected
    return str(value).lower() == str(expected).lower() if isinstance(value, str) else value == expected


class FactCondition(Model):
    """A piece of configuration is not as it should be. A fact that was not seen says nothing."""

    name: Name
    subject: str | None = None
    """Only facts about this subject (a port, a user); all when absent."""
    expect: Expectation

    def concerns(self, subject: str) -> bool:
        """Whether a fact about `subject` is one of ours."""
        return self.subject is None or self.subject == subject

    def judge(self, value: FactValue, severity: Severity) -> Judgement:
        """Return `severity` when `value` is not as expected."""
        met = self.expect.met(value)
        return UNKNOWN if met is None else None if met else severity


class Event(Model):
    """Something happened (a trap). It is over when one of `over` is seen, or `quiet_for` after the last one."""

    fact: Name
    one_of: Annotated[tuple[str, ...], Field(alias="in", min_length=1)]
    over: tuple[str, ...] = ()
    """Events that end it: the power is back, the link is up."""
    quiet_for: Annotated[Seconds, Field(ge=60, le=7 * 86400)] = 3600.0

    def concerns(self, subject: str) -> bool:
        """An event may be about anything."""
        return True

    def judge(self, value: FactValue, severity: Severity) -> Judgement:
        """Return `severity` for one of our events, `None` for one that ends them; any other says nothing."""
        seen = set(value if isinstance(value, tuple) else (str(value),))
        if seen & set(self.one_of):
            return severity
        return None if seen & set(self.over) else UNKNOWN
