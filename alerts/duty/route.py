"""Which policy an incident follows: by place, role, rule, severity and hour."""

from __future__ import annotations

from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import Field

from alerts.calendar import VIETNAM
from alerts.duty.hours import Hours
from alerts.incident import Incident, Kind, Severity
from alerts.scope import concerns
from inventory.model import Inventory, Model, Slug
from inventory.selector import Patterns, Selector


class Route(Model):
    """The first route that fits an incident decides, and the next ones too while `also` says so."""

    policy: Slug
    where: Selector = Selector()
    rules: Patterns = ()
    """Ids of rules."""
    min_severity: Severity = Severity.LOW
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] = (Kind.INCIDENT, Kind.FINDING)
    hours: Hours | None = None
    also: bool = False
    """Whether the routes after this one are looked at too."""

    def fits(self, incident: Incident, inventory: Inventory, moment: datetime) -> bool:
        """Whether it is meant for the incident at a moment."""
        return (
            incident.kind in self.kinds
            and incident.severity.rank >= self.min_severity.rank
            and (not self.rules or any(fnmatchcase(incident.key.rule, one) for one in self.rules))
            and (self.hours is None or self.hours.cover(moment.astimezone(VIETNAM)))
            and concerns(self.where, incident, inventory)
        )
