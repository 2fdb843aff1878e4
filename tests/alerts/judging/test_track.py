"""One subject of one rule, under every sequence of judgements (a state machine)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from alerts.incident import Severity, Step
from alerts.judging.track import Track

LEVELS = (None, Severity.WARNING, Severity.HIGH, Severity.CRITICAL)
START = datetime(2026, 1, 1, tzinfo=UTC)


class Judgements(RuleBasedStateMachine):
    """Feeds a track and keeps the books apart from it."""

    def __init__(self) -> None:
        super().__init__()
        self.track = Track()
        self.now = START
        self.attempts, self.resolve_after = 3, 2
        self.open = False
        self.row: list[Severity | None] = []

    @rule(judgement=st.sampled_from(LEVELS), hold=st.booleans())
    def judge(self, judgement: Severity | None, hold: bool) -> None:
        self.now += timedelta(seconds=60)
        before = self.track.hard
        step = self.track.take(judgement, self.now, self.attempts, self.resolve_after, hold)
        self.row.append(judgement)
        if step is Step.OPENED:
            assert not self.open and not hold
            assert all(seen is not None for seen in self.row[-self.attempts :])
            assert len(self.row) >= self.attempts
            self.open = True
        elif step is Step.RESOLVED:
            assert self.open
            assert all(seen is None for seen in self.row[-self.resolve_after :])
            self.open = False
        elif step is Step.CHANGED:
            assert self.open and self.track.hard is not before and self.track.hard is not None
        else:
            assert step is None and self.track.hard is before

    @precondition(lambda self: self.row)
    @rule(judgement=st.sampled_from(LEVELS[1:]))
    def stay_bad(self, judgement: Severity) -> None:
        for _ in range(self.attempts):
            self.judge(judgement, False)
        assert self.open

    @rule()
    def stay_well(self) -> None:
        for _ in range(2 * self.resolve_after):  # down to a milder severity first, perhaps
            self.judge(None, False)
        assert not self.open

    @rule()
    def forget(self) -> None:
        self.track.forget_row()
        self.row.clear()

    @invariant()
    def the_books_agree(self) -> None:
        assert self.open is (self.track.hard is not None)
        if not self.open:
            return
        assert self.track.worst is not None and self.track.hard is not None
        assert self.track.worst.rank >= self.track.hard.rank


TestJudgements = Judgements.TestCase
