"""Who would be told of an incident, when, and by which ways."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from alerts.duty.policy import EVERYONE, Policy
from alerts.duty.roster import Reached, Roster
from alerts.incident import Incident, IncidentKey, Kind, Severity, Status, Words
from alerts.telling.notification import Receiver
from alerts.telling.notifier import Settings
from inventory.model import Contact, Inventory


class Told(msgspec.Struct, frozen=True):
    """One step of what would happen."""

    after: float
    """Seconds since the first step."""
    at: datetime
    reached: tuple[Reached, ...]
    """Nobody: the next step follows at once."""


class Plan(msgspec.Struct, frozen=True):
    """What would happen while nobody takes an incident on."""

    policies: tuple[str, ...]
    """Their names; none where no route fits, and everybody is told."""
    steps: tuple[Told, ...]
    repeat_every: float = 0.0
    """Seconds; 0 without repeats."""
    repeats: int = 0


class Who:
    """The roster, the inventory and the channels together. Pure."""

    def __init__(self, roster: Roster, inventory: Inventory, channels: Mapping[str, Settings]) -> None:
        self.roster = roster
        self.channels = channels
        self._inventory = inventory

    def names(self, incident: Incident, at: datetime) -> tuple[str, ...]:
        """Return the names of the policies an incident follows."""
        return self.roster.names(incident, self._inventory, at)

    def reached(self, policy: Policy, number: int, incident: Incident, at: datetime) -> list[Reached]:
        """Return whom step `number` tells; a repeat tells whom all steps tell, those who are on duty now."""
        stages = policy.steps if number >= len(policy.steps) else policy.steps[number : number + 1]
        wanting = [name for name, one in self.channels.items() if one.wants(incident.kind, incident.severity)]
        owner = self._owner(incident)
        found: dict[Receiver, Reached] = {}
        for stage in stages:
            for one in self.roster.receivers(stage, wanting, owner, at):
                found.setdefault(one.receiver, one)
        return list(found.values())

    def plan(self, incident: Incident, at: datetime) -> Plan:
        """Return what would happen if `incident` opened at a moment and nobody took it on."""
        names = self.names(incident, at)
        policy = self.roster.policy(names)
        moments = [at + timedelta(seconds=stage.after - policy.steps[0].after) for stage in policy.steps]
        steps = [
            Told((moment - at).total_seconds(), moment, tuple(self.reached(policy, number, incident, moment)))
            for number, moment in enumerate(moments)
        ]
        if not any(step.reached for step in steps):
            steps = [Told(0.0, at, tuple(self.reached(EVERYONE, 0, incident, at)))]
        repeat = policy.repeat
        if repeat is None or (repeat.critical_only and incident.severity is not Severity.CRITICAL):
            return Plan(names, tuple(steps))
        return Plan(names, tuple(steps), repeat.every, repeat.times)

    def _owner(self, incident: Incident) -> Contact | None:
        key, inventory = incident.key, self._inventory
        if key.device in inventory.devices:
            return inventory.owner_of(key.device)
        site = inventory.sites.get(key.device.partition("/")[0])
        return site.owner if site else None


def supposed(
    about: str, severity: Severity, at: datetime, rule: str = "", check: str = "", kind: Kind = Kind.INCIDENT
) -> Incident:
    """Return an incident about a device or site that has not happened."""
    key = IncidentKey(rule or "device-down", about, check)
    return Incident(0, key, kind, severity, Status.OPEN, Words("", ""), "", at, at)
