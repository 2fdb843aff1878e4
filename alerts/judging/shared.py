"""An open incident of a whole site or of several: which sites are silent by it, and what else it takes in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.incident import IncidentKey, Words
from alerts.judging.areas import Common
from alerts.rule import Rule
from probes.core.words import Said

BATTERIES = timedelta(hours=2)
"""How long sites live on when their power fails, at most."""
ONSET = timedelta(minutes=10)
"""Sites that fell within this time fell together."""
CALM = timedelta(minutes=2)
"""How long all must be back before an incident of several is over."""
PATIENCE = timedelta(minutes=5)
"""How long most must be back before the rest is judged by itself."""


@dataclass(slots=True)
class Shared:
    """An open incident of a site or of several."""

    key: IncidentKey
    rule: Rule
    called: Words
    scope: frozenset[str]
    """Sites whose silence belongs to it."""
    hit: set[str]
    """Sites that were silent since it opened."""
    out: set[str]
    """Those still silent."""
    summary: Words
    evidence: Said
    cause: Words | None
    stored: frozenset[str]
    """The sites its last step names."""
    changed_at: datetime
    """When a site was last lost or came back."""
    lost_at: datetime
    """When a site was last lost."""
    most_back_since: datetime | None = None
    flapping: bool = False
    """Whether it came again soon after it was over: then it is over only after a long calm."""

    def takes_in(self, site: str, now: datetime) -> bool:
        """Whether what falls now still belongs to it: it was hit before, or fell soon after the others.

        Batteries last: on a power feed that may be hours later.
        """
        late = BATTERIES if self.key.device == f"@{Common.POWER}" else ONSET
        return site in self.hit or (site in self.scope and bool(self.out) and now - self.lost_at <= late)
