"""From judgements to steps of an incident: soft and hard, up and down, nothing on one bad attempt.

A `Track` follows one subject of one rule. Its state is small, has no clock and does no I/O.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.incident import Severity, Step, Words
from probes.core.words import Said

OWNER_SILENCE = timedelta(minutes=15)
"""After which another check of the device may judge what two of them read."""


NO_TIME = timedelta(0)


@dataclass(slots=True)
class Track:
    """What one rule has seen of one subject lately."""

    hard: Severity | None = None
    """Severity of the open incident, `None` when there is none."""
    worst: Severity | None = None
    """The worst it was since it opened."""
    worse: int = 0
    """Judgements in a row that are worse than `hard`."""
    worse_at_least: Severity | None = None
    """The mildest of them: what all of them agree on."""
    better: int = 0
    """Judgements in a row that are better than `hard`."""
    better_at_most: Severity | None = None
    """The worst of them."""
    failing_since: datetime | None = None
    """When the present row of worse judgements began."""
    better_since: datetime | None = None
    """When the present row of better judgements began."""
    flapping: bool = False
    """Whether it came again soon after it was over: then it is over only after a long calm."""
    summary: Words | None = None
    """What the open incident says is wrong."""
    evidence: Said = ""
    """What the open incident says was seen."""
    told_at: datetime | None = None
    """When the incident's last step was made."""
    seen_at: datetime | None = None
    """When something wrong was last seen."""
    owner: str = ""
    """The check whose judgements count, when several read the same."""
    judged_at: datetime | None = None
    """When the owner last judged."""

    @property
    def idle(self) -> bool:
        """Whether nothing is remembered, so that the track can be forgotten."""
        return self.hard is None and not self.worse

    @property
    def soft(self) -> bool:
        """Whether a change is under way and wants confirmation."""
        return self.worse > 0 or self.better > 0

    def accepts(self, check: str, now: datetime) -> bool:
        """Whether a judgement by `check` counts: it is the owner's, or the owner has long said nothing."""
        if self.owner == check:
            return True
        if self.owner and self.judged_at is not None and now - self.judged_at < OWNER_SILENCE:
            return False
        self.owner = check
        return True

    def wants_more(self, attempts: int, resolve_after: int) -> bool:
        """Whether more judgements soon would make a change certain; when only time is missing they would not."""
        return self.worse > 0 or 0 < self.better < resolve_after

    def forget_row(self) -> None:
        """Begin counting anew; what is open stays open."""
        self.worse = self.better = 0
        self.worse_at_least = self.better_at_most = self.failing_since = self.better_since = None

    def shift(self, step: timedelta) -> None:
        """Let everything have happened so much later: the clock was set."""
        for name in ("failing_since", "better_since", "told_at", "seen_at", "judged_at"):
            at = getattr(self, name)
            setattr(self, name, at and at + step)

    def take(
        self,
        judgement: Severity | None,
        now: datetime,
        attempts: int,
        resolve_after: int,
        hold: bool = False,
        lasting: timedelta = NO_TIME,
        calm: timedelta = NO_TIME,
    ) -> Step | None:
        """Take in one judgement (never an unknown one: that changes nothing) and return the step it leads to.

        While `hold`, judgements are counted and nothing opens or gets worse. Besides their number, judgements in a
        row must have lasted: worse ones for `lasting`, better ones for `calm`.
        """
        self.judged_at = now
        if judgement is not None:
            self.seen_at = now
        rank, standing = _rank(judgement), _rank(self.hard)
        if rank > standing:
            return self._count_worse(judgement, now, attempts, hold, lasting)
        if rank < standing:
            return self._count_better(judgement, resolve_after, now, calm)
        self.forget_row()
        return None

    def _count_worse(
        self, judgement: Severity | None, now: datetime, attempts: int, hold: bool, lasting: timedelta
    ) -> Step | None:
        if not self.worse or self.failing_since is None:
            self.forget_row()
            self.failing_since = now
            self.worse_at_least = judgement
        self.worse += 1
        if _rank(judgement) < _rank(self.worse_at_least):
            self.worse_at_least = judgement
        if self.worse < attempts or hold or now - self.failing_since < lasting:
            return None
        step = Step.OPENED if self.hard is None else Step.CHANGED
        self.hard = self.worse_at_least
        if self.worst is None or _rank(self.hard) > _rank(self.worst):
            self.worst = self.hard
        self.told_at = now
        self.forget_row()
        return step

    def _count_better(
        self, judgement: Severity | None, resolve_after: int, now: datetime, calm: timedelta
    ) -> Step | None:
        if not self.better or self.better_since is None:
            self.forget_row()
            self.better_since = now
            self.better_at_most = judgement
        self.better += 1
        if _rank(judgement) > _rank(self.better_at_most):
            self.better_at_most = judgement
        if self.better < resolve_after or now - self.better_since < calm:
            return None
        self.hard = self.better_at_most
        self.told_at = now
        self.forget_row()
        return Step.RESOLVED if self.hard is None else Step.CHANGED


def _rank(severity: Severity | None) -> int:
    return -1 if severity is None else severity.rank
