"""Who is told of a step of an incident, by which ways, and what comes next while nobody takes it on.

Pure, for the ledger's transaction. A step tells its receivers; a worse turn and the end tell those who were told;
what is hidden waits with its first step, and time that passes meanwhile uses up no escalation.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from alerts.duty.policy import EVERYONE, Policy, Repeat
from alerts.duty.roster import Reached
from alerts.duty.who import Who
from alerts.incident import Incident, Severity, Status, Step, Transition, Words
from alerts.telling.message import Composer, Recipient
from alerts.telling.notification import Message, Receiver, Telling, Timer
from probes.core.words import Said, joined

LOOK_AGAIN = timedelta(seconds=15)
"""How long until what is hidden is looked at again."""

Hidden = Callable[[Incident, datetime], Said]
"""Why an incident is not to be told at a moment; empty when it is."""


class Codes:
    """Codes by which a receiver takes an incident on: nobody can guess one, and each message has its own."""

    def __init__(self, key: bytes) -> None:
        """`key`: 32 random bytes that only this installation knows."""
        self._key = key

    def code(self, incident: Incident, at: datetime, channel: str, to: str) -> str:
        """Return 16 letters, digits, ``-`` and ``_`` (96 bits)."""
        text = f"{incident.id}\n{incident.opened_at.timestamp():.3f}\n{at.timestamp():.3f}\n{channel}\n{to}"
        digest = hmac.digest(self._key, text.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:12]).decode()


class Teller:
    """Decides who is told, by the roster and by what each channel wants."""

    def __init__(
        self,
        composer: Composer,
        who: Who,
        codes: Codes,
        hidden: Hidden = lambda incident, moment: "",
    ) -> None:
        self._composer = composer
        self._who = who
        self._codes = codes
        self._hidden = hidden

    def tell(self, incident: Incident, transition: Transition, told: Sequence[Receiver]) -> Telling:
        """Return who is told of `transition`; `incident` is as it is after it, `told` who was told of it before.

        Of one that is given back `told` is empty as long as a further step is to come.
        """
        match transition.step:
            case Step.RESOLVED:
                return self._telling(incident, transition, told, None)
            case Step.OPENED | Step.REOPENED:
                return self._begin(incident, transition, told)
            case Step.RELEASED if (
                told
            ):  # every step was used up: they begin anew, lest nobody ever hears of it again
                return self._begin(incident, transition, told)
            case Step.CHANGED if worse(transition):
                return self._worse(incident, transition, told)
        return Telling()

    def _worse(self, incident: Incident, transition: Transition, told: Sequence[Receiver]) -> Telling:
        """Tell those who know, and begin the steps anew unless somebody has it already."""
        if incident.status is not Status.ACKNOWLEDGED:
            return self._begin(incident, transition, told)
        hidden = self._hidden(incident, transition.at)
        return Telling() if hidden else self._telling(incident, transition, told, msgspec.UNSET)

    def _begin(self, incident: Incident, transition: Transition, told: Sequence[Receiver]) -> Telling:
        at = transition.at
        names = self._who.names(incident, at)
        if why := self._hidden(incident, at):
            return Telling(timer=Timer(0, at, names), note=why)
        return self._go_on(incident, transition, Timer(0, at, names), told)

    def escalate(
        self, incident: Incident, timer: Timer, moment: datetime
    ) -> tuple[Telling, Transition | None]:
        """Return who is told now that a timer is due, and the step that makes of it in the timeline."""
        if self._hidden(incident, moment):
            return Telling(timer=msgspec.structs.replace(timer, due=moment + LOOK_AGAIN)), None
        policy = self._who.roster.policy(timer.policies)
        if timer.step >= len(policy.steps) and not _repeats(policy.repeat, incident, timer, policy):
            return Telling(timer=None), None
        first = timer.step == 0
        step = Transition(
            incident.key,
            Step.OPENED if first else Step.ESCALATED,
            moment,
            incident.kind,
            incident.severity,
            incident.summary,
            incident.evidence,
            sites=incident.sites,
            cause=incident.cause,
        )
        telling = self._go_on(incident, step, timer, ())
        seen = msgspec.structs.replace(step, step=Step.ESCALATED, note=telling.note)
        return telling, seen if telling.chains else None

    def _go_on(
        self, incident: Incident, transition: Transition, timer: Timer, told: Sequence[Receiver]
    ) -> Telling:
        """Tell the step that is due, and further ones at once as long as a step reaches nobody."""
        policy = self._who.roster.policy(timer.policies)
        at, number = transition.at, timer.step
        reached = self._who.reached(policy, number, incident, at)
        while not reached and number + 1 < len(policy.steps):
            number += 1
            reached = self._who.reached(policy, number, incident, at)
        if not reached:
            reached = self._who.reached(EVERYONE, 0, incident, at)
        after = _next(policy, number, incident, at)
        coming = None if after is None else Timer(number + 1, after, timer.policies)
        ways = {way for one in reached for way in one.receiver.ways}
        others = [one for one in told if not ways.intersection(one.ways)]
        receivers = [*others, *(one.receiver for one in reached)]
        return self._telling(incident, transition, receivers, coming, _who(reached))

    def _telling(
        self,
        incident: Incident,
        transition: Transition,
        receivers: Iterable[Receiver],
        timer: Timer | msgspec.UnsetType | None,
        note: Said = "",
    ) -> Telling:
        chains = tuple(
            tuple(self._message(incident, transition, receiver, *way) for way in receiver.ways)
            for receiver in receivers
            if all(channel in self._who.channels for channel, _ in receiver.ways)
        )
        return Telling(chains, self._who.roster.duty.patience, timer, note)

    def _message(
        self, incident: Incident, transition: Transition, receiver: Receiver, channel: str, to: str
    ) -> Message:
        over = transition.step is Step.RESOLVED
        code = "" if over else self._codes.code(incident, transition.at, channel, to)
        recipient = Recipient(channel, to, receiver.name, code)
        return self._composer.message(recipient, incident, transition)


def worse(transition: Transition) -> bool:
    """Whether a change made it worse."""
    before = transition.before
    return before is not None and transition.severity.rank > before.rank


def _next(policy: Policy, number: int, incident: Incident, at: datetime) -> datetime | None:
    """Return when the step after `number` is due, `None` when there is none."""
    if number + 1 < len(policy.steps):
        return at + timedelta(seconds=policy.steps[number + 1].after - policy.steps[number].after)
    repeat = policy.repeat
    coming = Timer(number + 1, at)
    if repeat is None or not _repeats(repeat, incident, coming, policy):
        return None
    return at + timedelta(seconds=repeat.every)


def _repeats(repeat: Repeat | None, incident: Incident, timer: Timer, policy: Policy) -> bool:
    if repeat is None or (repeat.critical_only and incident.severity is not Severity.CRITICAL):
        return False
    return timer.step - len(policy.steps) < repeat.times


def _who(reached: Sequence[Reached]) -> Said:
    """Return who is told and why, for the timeline: ``"told: Nguyễn Văn An (rota:truc), nhom-zalo"``."""
    who = ", ".join(
        f"{one.receiver.name} ({one.target})" if one.receiver.name else one.receiver.ways[0][0]
        for one in reached
    )
    return joined((Words("báo cho", "told"), who), ": ")
