"""Asks one check once, inside one deadline, and records how it ended. Never raises for what a device does."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from probes.core.observation import Answer, Observation, Outcome
from probes.core.probe import Check, Probe, ProbeFailure
from probes.core.words import Words

log = logging.getLogger(__name__)


class Runner:
    """Turns a `Check` into an `Observation`. One instance serves all checks of the process."""

    def __init__(self, probes: Mapping[str, Probe[Any]], now: Callable[[], datetime]) -> None:
        self._probes = probes
        self._now = now

    async def run(self, check: Check) -> Observation:
        """Ask once. Only cancellation passes through; a bug of ours becomes the outcome ``probe_bug``."""
        began = time.monotonic()
        outcome, answer = await self._attempt(check)
        return Observation(
            check.device,
            check.name,
            check.probe,
            self._now(),
            time.monotonic() - began,
            outcome,
            answer.detail,
            answer.samples,
            answer.facts,
        )

    async def _attempt(self, check: Check) -> tuple[Outcome, Answer]:
        if check.blocked:
            return Outcome.NOT_READY, Answer(detail=check.blocked)
        deadline = asyncio.timeout(check.timeout)
        try:
            async with deadline:
                return Outcome.OK, await self._probes[check.probe].ask(check.target, check.params)
        except ProbeFailure as failure:
            partial = failure.answer
            return failure.outcome, Answer(partial.samples, partial.facts, failure.detail)
        except Exception as error:
            if deadline.expired():
                return Outcome.TIMEOUT, Answer(detail=_late(check.timeout))
            log.error("the probe failed unexpectedly", extra={"check": check.id}, exc_info=error)
            return Outcome.PROBE_BUG, Answer(detail=_bug(error))


def _late(seconds: float) -> Words:
    return Words(f"không trả lời xong trong {seconds:g} giây", f"no complete answer within {seconds:g} s")


def _bug(error: Exception) -> Words:
    name = type(error).__name__
    return Words(f"lỗi {name} trong bộ đo, xem nhật ký", f"{name} in the probe, see the log")
