"""Default communities: found where accepted, absent only when the device is known to be alive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from inventory.secrets import Credential, Secret
from probes.core.observation import Answer, FactValue, Outcome
from probes.core.probe import Environment, ProbeFailure, Target
from probes.snmp_community import Params, Probe
from tests.servers import snmp_agent as twisted
from tests.servers.snmp_agent import agent, linux
from tests.servers.snmpd import PASSWORD, snmpd

OWN = Credential("snmp_v2c", {}, {"community": Secret("rieng-cua-xa")})
V3 = Credential(
    "snmp_v3",
    {"user": "sha256aes256", "auth_protocol": "SHA256", "priv_protocol": "AES256"},
    {"auth_password": Secret(PASSWORD), "priv_password": Secret(PASSWORD)},
)


@pytest.fixture
async def probe(environment: Environment) -> AsyncIterator[Probe]:
    async with Probe(environment) as running:
        yield running


async def ask(probe: Probe, port: int, credential: Credential | None = None) -> Answer:
    return await probe.ask(Target("a/b", "127.0.0.1", credential), Params(port=port, wait=0.2))


def facts(answer: Answer) -> dict[str, FactValue]:
    return {fact.name: fact.value for fact in answer.facts}


@pytest.mark.parametrize(
    ("communities", "expected"),
    [
        (("public",), ("public",)),
        (("private", "public", "x"), ("public", "private")),
        (("private",), ("private",)),
    ],
)
async def test_an_accepted_default_community_is_named(
    probe: Probe, communities: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    async with agent(linux(), communities=communities) as open_agent:
        answer = await ask(probe, open_agent.port)
    assert facts(answer)["snmp.default_community"] == expected
    ways = facts(answer)["snmp.default_community_ways"]
    assert ways == tuple(f"{name} by {version}" for name in expected for version in ("v1", "v2c"))


async def test_only_reading_questions_are_asked(probe: Probe) -> None:
    async with agent(linux(), communities=("public", "private")) as open_agent:
        await ask(probe, open_agent.port)
        assert {request.pdu.tag for request in open_agent.requests} == {0xA0}
        assert len(open_agent.requests) == 4


async def test_a_device_that_answers_only_its_own_community_accepts_none(probe: Probe) -> None:
    async with agent(linux(), communities=("rieng-cua-xa",)) as closed:
        answer = await ask(probe, closed.port, OWN)
    assert facts(answer)["snmp.default_community"] == ()


async def test_a_v3_answer_proves_life_too(probe: Probe, tmp_path: Path) -> None:
    with snmpd(tmp_path / "snmpd") as real:
        answer = await ask(probe, real.port, V3)
    assert facts(answer)["snmp.default_community"] == ()


async def test_a_refused_v3_password_proves_life_too(probe: Probe, tmp_path: Path) -> None:
    wrong = Credential("snmp_v3", V3.settings, {**V3.secrets, "auth_password": Secret("wrong-password")})
    with snmpd(tmp_path / "snmpd") as real:
        answer = await ask(probe, real.port, wrong)
    assert facts(answer)["snmp.default_community"] == ()


async def test_net_snmp_with_public_is_found(probe: Probe, tmp_path: Path) -> None:
    with snmpd(tmp_path / "snmpd", community="public") as real:
        answer = await ask(probe, real.port)
    assert facts(answer)["snmp.default_community"] == ("public",)


@pytest.mark.parametrize("credential", [None, OWN])
async def test_an_absent_device_proves_nothing(probe: Probe, credential: Credential | None) -> None:
    async with agent(linux(), twist=twisted.silent) as away:
        with pytest.raises(ProbeFailure) as caught:
            await ask(probe, away.port, credential)
    assert caught.value.outcome is Outcome.TIMEOUT
    assert caught.value.answer.facts == ()


async def test_a_closed_port_is_refused_and_accepts_none(probe: Probe) -> None:
    async with agent(linux()) as gone:
        port = gone.port
    with pytest.raises(ProbeFailure) as caught:
        await ask(probe, port)
    assert caught.value.outcome is Outcome.REFUSED
    assert facts(caught.value.answer)["snmp.default_community"] == ()


async def test_an_answer_that_denies_access_is_no_acceptance(probe: Probe) -> None:
    async with agent(linux(), communities=("public",), twist=twisted.failing(16)) as denying:
        answer = await ask(probe, denying.port)
    assert facts(answer)["snmp.default_community"] == ()
