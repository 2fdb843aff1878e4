"""One question, one deadline, one observation, whatever happens."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitor.runner import Runner
from probes.core.hostkeys import NoHostKeys
from probes.core.observation import Answer, Observation, Outcome, Sample
from probes.core.probe import Check, Environment, Params, Probe, ProbeFailure, Target
from probes.core.words import same
from tests import loopback

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Scripted(Probe[Params]):
    """A probe that does what its target's address says."""

    params = Params

    async def ask(self, target: Target, params: Params) -> Answer:
        match target.address:
            case "hang":
                await asyncio.sleep(60)
            case "refuse":
                raise ProbeFailure(Outcome.REFUSED, same("port 22 is closed"), Answer((Sample("x", 1.0),)))
            case "bug":
                raise KeyError("surprise")
            case "inner-timeout":
                raise TimeoutError
        return Answer((Sample("tcp.connect.duration", 0.01, "s"),), detail=same("fine"))


async def ask(address: str, *, timeout: float = 0.2, blocked: str = "") -> Observation:
    probe = Scripted(Environment({}, NoHostKeys(), Path(), loopback.NETWORK))
    check = Check("any", "scripted", Target("42/one", address), Params(), 60.0, timeout, same(blocked))
    return await Runner({"scripted": probe}, lambda: NOON).run(check)


async def test_an_answer_becomes_an_observation_with_its_samples() -> None:
    seen = await ask("ok")
    assert (seen.device, seen.check, seen.outcome, seen.time) == ("42/one", "any", Outcome.OK, NOON)
    assert seen.samples[0].value == 0.01
    assert seen.detail == same("fine")


async def test_the_deadline_of_the_check_is_a_timeout() -> None:
    seen = await ask("hang")
    assert seen.outcome is Outcome.TIMEOUT
    assert 0.2 <= seen.duration < 1.0


async def test_an_expected_failure_keeps_its_outcome_and_partial_evidence() -> None:
    seen = await ask("refuse")
    assert seen.outcome is Outcome.REFUSED
    assert seen.detail == same("port 22 is closed")
    assert seen.samples


@pytest.mark.parametrize("address", ["bug", "inner-timeout"])
async def test_a_surprise_is_our_bug_and_never_looks_like_silence(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    seen = await ask(address)
    assert seen.outcome is Outcome.PROBE_BUG
    assert "Traceback" in caplog.text


async def test_a_check_without_credential_value_is_not_asked() -> None:
    seen = await ask("hang", blocked="credential 'ssh-xa': cannot read the secret file")
    assert seen.outcome is Outcome.NOT_READY
    assert seen.duration < 0.1


async def test_cancelling_the_runner_cancels_the_question() -> None:
    task = asyncio.create_task(ask("hang", timeout=60))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
