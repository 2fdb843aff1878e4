"""Is a device alive? The written rules by which its state follows from what its checks last heard.

===========  =================================================================================================
State        When
===========  =================================================================================================
up           a check was answered lately, every service works, nothing is open about the device
degraded     a check was answered lately, and a service fails `attempts` times in a row or an incident is open
down         no watching check was answered, `attempts` attempts in a row, and a parent lives or there is none
unreachable  every watching check was silent when last asked, and every parent is down or unreachable, or it is a
             way into a site that fell together with others
no_data      nothing was heard lately: not asked yet, or the fault is our own (not_ready, probe_bug, no line)
===========  =================================================================================================

An answer is any outcome that proves life: ok, refused, a refused credential, an untrusted key, nonsense.
Silence is timeout and unreachable. Our own faults are no evidence of anything. Between the first silence and
the last attempt the state stays as it was; the checks are only asked again, soon.

Every check asked at least each 15 minutes watches. A rarer one (the security checks) is no evidence of
silence, but its answer is one of life. A check that asks for bad configuration (a default community, a port
that should be closed, the posture of TLS) is evidence of life and silence like any other; its failing is no
failing service.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from probes.core.observation import Observation, Outcome
from probes.core.words import Said

WATCHING_INTERVAL = 900.0
"""Seconds; a check asked at least this often is evidence of silence."""

_TROUBLE = frozenset({Outcome.TIMEOUT, Outcome.UNREACHABLE, Outcome.REFUSED, Outcome.PROTOCOL_ERROR})


@dataclass(slots=True)
class Ear:
    """What one check last heard of its device."""

    name: str
    probe: str
    interval: float
    timeout: float
    outcome: Outcome | None = None
    at: datetime | None = None
    """When the last attempt that says anything ended."""
    asked_at: datetime | None = None
    """When it began."""
    detail: Said = ""
    """What the probe said of it."""
    silent: int = 0
    """Silent attempts since the device last answered to anything."""
    failing: int = 0
    """Attempts in a row that did not work, for whatever reason of the device."""

    posture: bool = False
    """Whether it asks for bad configuration: then its failing is no failure of a service."""

    @property
    def watches(self) -> bool:
        """Whether its silence is evidence."""
        return self.interval <= WATCHING_INTERVAL

    @property
    def serves(self) -> bool:
        """Whether its failing means that a service of the device fails."""
        return self.watches and not self.posture

    def fresh(self, now: datetime) -> bool:
        """Whether what it heard is recent enough to count: within three intervals."""
        return self.at is not None and now - self.at <= timedelta(seconds=3 * self.interval + self.timeout)

    def take(self, observation: Observation) -> None:
        """Take in an attempt that is not our own fault."""
        self.outcome = observation.outcome
        self.detail = observation.detail
        self.at = observation.time
        self.asked_at = observation.time - timedelta(seconds=observation.duration)
        self.silent = self.silent + 1 if self.watches and observation.outcome.is_silence else 0
        self.failing = self.failing + 1 if observation.outcome in _TROUBLE else 0

    def take_over(self, old: Ear) -> None:
        """Remember what `old` heard."""
        self.outcome, self.at, self.asked_at, self.detail = old.outcome, old.at, old.asked_at, old.detail
        self.silent, self.failing = old.silent if self.watches else 0, old.failing


class Hearing:
    """All that is heard of one device, together."""

    __slots__ = (
        "answered_at",
        "asked_at",
        "ears",
        "heard_at",
        "lately",
        "mute",
        "silent_since",
        "watching",
        "woke",
    )

    def __init__(self, ears: Iterable[Ear]) -> None:
        self.ears = {ear.name: ear for ear in ears}
        self.watching = tuple(ear for ear in self.ears.values() if ear.watches)
        shortest = min((ear.interval for ear in self.ears.values()), default=0.0)
        self.lately = timedelta(seconds=3 * max(shortest, WATCHING_INTERVAL / 3))
        """For how long an answer to a rare check counts as life when no watching check says anything."""
        self.heard_at: datetime | None = None
        """When the last attempt that says anything ended."""
        self.asked_at: datetime | None = None
        """When the last silent attempt began."""
        self.silent_since: datetime | None = None
        """When the first silent attempt since the last answer began."""
        self.answered_at: datetime | None = None
        """When the device last answered."""
        self.mute = False
        """Whether every watching check that was asked has been silent since the last answer."""
        self.woke = False
        """Whether the last attempt was the answer that ended such a silence."""

    def shift(self, step: timedelta) -> None:
        """Let everything have been heard so much later: the clock was set."""
        self.heard_at = self.heard_at and self.heard_at + step
        self.asked_at = self.asked_at and self.asked_at + step
        self.silent_since = self.silent_since and self.silent_since + step
        self.answered_at = self.answered_at and self.answered_at + step
        for ear in self.ears.values():
            ear.at, ear.asked_at = ear.at and ear.at + step, ear.asked_at and ear.asked_at + step

    def take(self, observation: Observation) -> Ear | None:
        """Take in an attempt. Returns its check, `None` when it is no evidence: our fault, or no check."""
        ear = self.ears.get(observation.check)
        if ear is None or observation.outcome.is_ours:
            return None
        silence = observation.outcome.is_silence
        if silence and not ear.watches:
            return None
        ear.take(observation)
        self.heard_at = observation.time
        self.woke = self.mute and not silence
        if silence:
            self.asked_at = ear.asked_at
            self.silent_since = self.silent_since or ear.asked_at
            self.mute = self.mute or all(other.silent for other in self.watching if other.at is not None)
            return ear
        self.mute, self.silent_since = False, None
        self.answered_at = observation.time
        for other in self.watching:
            other.silent = 0
        return ear

    def take_over(self, old: Hearing) -> None:
        """Remember what another hearing of the same device at the same address knows; of other checks, nothing."""
        self.heard_at, self.asked_at, self.answered_at = old.heard_at, old.asked_at, old.answered_at
        self.silent_since = old.silent_since
        for name, ear in self.ears.items():
            before = old.ears.get(name)
            if before is not None and before.probe == ear.probe:
                ear.take_over(before)

    def begin_anew(self) -> None:
        """Let what silent checks heard say nothing any more: the way is open again, ask afresh."""
        for ear in self.watching:
            if ear.silent:
                ear.silent, ear.at = 0, None

    def alive(self, now: datetime) -> bool:
        """Whether the device answered a check when last asked, not long ago."""
        fresh = [ear.silent for ear in self.watching if ear.fresh(now)]
        if fresh:
            return not all(fresh)
        if self.answered_at is None or (self.asked_at is not None and self.answered_at <= self.asked_at):
            return False
        return now - self.answered_at <= self.lately

    def silence(self, now: datetime) -> int:
        """Return how often in a row the device was silent; 0 unless every watching check found it so.

        Counted is what was asked since the last answer to any check, so that one that is silent for ever (SNMP, a
        wrong community) does not make one lost ping an outage.
        """
        fresh = [ear.silent for ear in self.watching if ear.fresh(now)]
        return max(fresh) if fresh and all(fresh) else 0

    def failing(self, attempts: int) -> Ear | None:
        """Return a check of a service that failed `attempts` times in a row, if there is one."""
        return next((ear for ear in self.watching if ear.serves and ear.failing >= attempts), None)

    def stale(self, now: datetime) -> bool:
        """Whether nothing was heard for so long that the past says nothing about now."""
        return self.heard_at is not None and now - self.heard_at > self.lately and not self.alive(now)
