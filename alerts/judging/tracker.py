"""Follows every subject of every rule and writes the steps of their incidents into the decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerts.incident import IncidentKey, Kind, Severity, Step, Transition, Words
from alerts.judging.decision import Draft
from alerts.judging.track import Track
from alerts.judging.watched import Watched
from alerts.rule import Rule
from probes.core.words import Said, joined

MAX_SUBJECTS = 20
"""Subjects of one rule on one device that are followed at a time (abuse case A41)."""

EVIDENCE_PAUSE = timedelta(hours=1)
"""How often at most new evidence alone becomes a step of an incident that stays open."""


FLAPPING_WINDOW = timedelta(minutes=30)
"""What comes again within this time after it was over is flapping."""

FLAPPING_CALM = timedelta(minutes=15)
"""How long what is flapping must be well until it is over."""


@dataclass(frozen=True, slots=True)
class Case:
    """One judgement of one subject by one rule, with what to say about it."""

    rule: Rule
    key: IncidentKey
    judgement: Severity | None
    """`None`: all is well. There is no case for what is unknown."""
    summary: Words
    evidence: Said
    hold: bool = False
    """Count it, and open nothing yet."""
    certain: bool = False
    """It was confirmed before: it opens at once, whatever the rule's attempts."""
    owner: str = ""
    """The check that reads it, when several may."""
    confirm: bool = False
    """Ask the check again soon while the change is not certain."""
    cause: Words | None = None
    """What is probably broken."""
    since: datetime | None = None
    """When the first attempt failed, where the rule's own judgements do not tell."""


class Tracker:
    """Takes cases in; the tracks live with the devices."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    def take(self, watched: Watched, case: Case, now: datetime) -> None:
        """Count one judgement and write the step it leads to, if any."""
        track = watched.tracks.get(case.key) or self._begun(watched, case, now)
        if track is None:
            return
        if case.judgement is not None and says_more(track.evidence):
            case = replace(case, evidence=with_more(case.evidence))
        before = track.hard
        rule, attempts = case.rule, 1 if case.certain else case.rule.attempts
        calm = timedelta(seconds=rule.resolve_for)
        if track.flapping:
            calm = max(calm, FLAPPING_CALM)
        lasting = timedelta(seconds=rule.lasting)
        since = case.since or (track.failing_since if track.worse else None) or now
        step = track.take(case.judgement, now, attempts, rule.resolve_after, case.hold, lasting, calm)
        if step is None and _has_newer_evidence(track, case, now):
            step = Step.CHANGED
        if step is Step.OPENED and may_flap(rule) and _was_open_lately(watched, case.key, now):
            track.flapping = True
            case = replace(case, summary=flapping(case.summary))
        if step is not None:
            self._write(track, case, step, before, now, since if step is Step.OPENED else None)
        if case.confirm and track.wants_more(attempts, rule.resolve_after):
            self._draft.recheck(watched.id, case.key.check)
        if track.idle:
            del watched.tracks[case.key]
            if step is Step.RESOLVED:
                watched.closed[case.key] = now

    def close(self, watched: Watched, rule: Rule, key: IncidentKey, evidence: Said, now: datetime) -> None:
        """Resolve what is open about `key`, whatever the rule's count: an event that is over."""
        track = watched.tracks.pop(key)
        before = track.hard
        if track.take(None, now, 1, 1) is Step.RESOLVED and track.summary is not None:
            case = Case(rule, key, None, track.summary, evidence)
            self._write(track, case, Step.RESOLVED, before, now)

    def _begun(self, watched: Watched, case: Case, now: datetime) -> Track | None:
        """Return a new track; `None` when all is well, or so many are followed that this one is left out."""
        if case.judgement is None:
            return None
        if _followed(watched, case.key.rule) >= MAX_SUBJECTS:
            self._leave_out(watched, case, now)
            return None
        track = watched.tracks[case.key] = Track(owner=case.owner)
        return track

    def _leave_out(self, watched: Watched, case: Case, now: datetime) -> None:
        """Let the last open incident of a rule say that more is wrong than is followed: nobody else would."""
        opened = [
            (key, track, track.summary)
            for key, track in watched.tracks.items()
            if key.rule == case.key.rule and track.hard is not None and track.summary is not None
        ]
        if case.hold or not opened or any(says_more(track.evidence) for _, track, _ in opened):
            return
        key, track, summary = opened[-1]
        told = replace(case, key=key, summary=summary, evidence=with_more(track.evidence), cause=None)
        self._write(track, told, Step.CHANGED, track.hard, now)

    def _write(
        self, track: Track, case: Case, step: Step, before: Severity | None, now: datetime,
        since: datetime | None = None,
    ) -> None:  # fmt: skip
        track.told_at = now
        resolved = step is Step.RESOLVED
        if not resolved:
            track.summary, track.evidence = case.summary, case.evidence
        self._draft.step(
            Transition(
                case.key,
                step,
                now,
                case.rule.kind,
                (track.worst if resolved else track.hard) or case.rule.level,
                track.summary or case.summary,
                case.evidence,
                before=track.worst if resolved else before,
                cause=case.cause,
                since=since,
            )
        )


def may_flap(rule: Rule) -> bool:
    """Whether a rule is judged again and again; a finding is no matter of minutes, and an event comes once."""
    return rule.kind is Kind.INCIDENT and rule.event is None


def _was_open_lately(watched: Watched, key: IncidentKey, now: datetime) -> bool:
    """Whether the same was over only a short while ago; forgets what was over long ago."""
    for other, at in tuple(watched.closed.items()):
        if now - at > FLAPPING_WINDOW:
            del watched.closed[other]
    return key in watched.closed


_FLAPS = Words(" (chập chờn)", " (flapping)")


def flapping(words: Words) -> Words:
    """Return a summary that says so."""
    return Words(words.vi + _FLAPS.vi, words.en + _FLAPS.en)


def is_flapping(words: Words) -> bool:
    """Whether an incident says of itself that it flaps: so it was told, and so it is continued after a restart."""
    return words.vi.endswith(_FLAPS.vi)


_MORE = Words(
    f"còn đối tượng khác cũng bất thường mà không theo dõi riêng (mỗi quy tắc tối đa {MAX_SUBJECTS})",
    f"others are wrong too and not followed (at most {MAX_SUBJECTS} of one rule)",
)


def with_more(evidence: Said) -> Said:
    """Return evidence that says that more is wrong than is followed."""
    return joined((evidence, _MORE))


def says_more(evidence: Said) -> bool:
    """Whether an incident says so of others: so it was told, and so it is continued after a restart."""
    return isinstance(evidence, Words) and evidence.vi.endswith(_MORE.vi)


def _followed(watched: Watched, rule: str) -> int:
    return sum(key.rule == rule for key in watched.tracks)


def _has_newer_evidence(track: Track, case: Case, now: datetime) -> bool:
    """Whether an incident that stays open is now about something else than it says, and long enough after."""
    if case.judgement is None or case.judgement is not track.hard or case.rule.threshold is not None:
        return False
    told = track.told_at
    return track.evidence != case.evidence and (told is None or now - told >= EVIDENCE_PAUSE)
