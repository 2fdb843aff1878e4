"""What came back from one attempt: outcome, samples, facts. Never a judgement.

An :class:`Observation` is the only thing that flows on from the probes: to the board, the store and the judge.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from probes.core.words import NOTHING, Said, Words

Labels = tuple[tuple[str, str], ...]
"""Label pairs sorted by name, few and bounded: ``(("interface", "eth0"),)``."""

FactValue = bool | int | float | str | tuple[str, ...]


class Outcome(StrEnum):
    """How an attempt ended. A fact about the attempt, never a judgement about the device."""

    OK = "ok"
    TIMEOUT = "timeout"
    """Nothing came back before the deadline."""
    REFUSED = "refused"
    """The address answered that nobody listens there (TCP RST, ICMP port unreachable)."""
    UNREACHABLE = "unreachable"
    """The network said there is no way, or the name does not resolve."""
    AUTH_FAILED = "auth_failed"
    """The device answered and did not accept our credential."""
    UNTRUSTED = "untrusted"
    """The device's host key is not approved, or is another than approved; no credential was sent."""
    PROTOCOL_ERROR = "protocol_error"
    """The device answered something the protocol does not allow, or an error of its own."""
    NOT_READY = "not_ready"
    """We could not ask: a credential without value, a missing permission of this machine."""
    PROBE_BUG = "probe_bug"
    """Our own code failed. Judged unknown, never down."""

    @property
    def is_answer(self) -> bool:
        """Whether the device itself answered, so that it is certainly alive."""
        return self in _ANSWERS

    @property
    def is_silence(self) -> bool:
        """Whether nothing of the device was heard, so that it may be down."""
        return self in (Outcome.TIMEOUT, Outcome.UNREACHABLE)

    @property
    def is_ours(self) -> bool:
        """Whether the attempt says something about us and nothing about the device."""
        return self in (Outcome.NOT_READY, Outcome.PROBE_BUG)


_ANSWERS = frozenset(
    {Outcome.OK, Outcome.REFUSED, Outcome.AUTH_FAILED, Outcome.UNTRUSTED, Outcome.PROTOCOL_ERROR}
)


class Limits(msgspec.Struct, frozen=True, gc=False):
    """Where a number begins to be wrong by the word of the device itself, or of its family's profile.

    In the unit of the number. `clear` is how far back on the good side it must be to count as well again.
    """

    warning_above: float | None = None
    critical_above: float | None = None
    warning_below: float | None = None
    critical_below: float | None = None
    clear: float = 0.0


class Sample(msgspec.Struct, frozen=True, gc=False):
    """One number with labels, in base units.

    ``metric`` follows the OpenTelemetry semantic conventions where one exists (``system.cpu.utilization``).
    ``unit`` is UCUM: ``"1"`` a ratio 0..1, ``"s"``, ``"By"``, ``"bit/s"``, ``"Cel"``, ``"{session}"`` a count.
    """

    metric: str
    value: float
    unit: str = "1"
    labels: Labels = ()
    limits: Limits | None = None
    """Its own limits, where the device or its profile gives any."""


class Fact(msgspec.Struct, frozen=True, gc=False):
    """One piece of configuration evidence, such as ``ssh.auth_methods = ("publickey",)``.

    ``subject`` tells apart several of one kind (a port, a user, a certificate), ``""`` when there is one.
    """

    name: str
    value: FactValue
    subject: str = ""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What a probe returns: numbers, evidence, and one line for people (already cleaned, at most 300 characters)."""

    samples: tuple[Sample, ...] = ()
    facts: tuple[Fact, ...] = ()
    detail: Words = NOTHING


class Observation(msgspec.Struct, frozen=True, gc=False):
    """One attempt at one check, at one time. ``time`` is aware UTC; ``duration`` is in seconds."""

    device: str
    check: str
    probe: str
    time: datetime
    duration: float
    outcome: Outcome
    detail: Said = ""
    samples: tuple[Sample, ...] = ()
    facts: tuple[Fact, ...] = ()
