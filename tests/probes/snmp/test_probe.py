"""The probe over time: recognised, polled cheaply, and right through restarts, changes and errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import inventory.profiles
from inventory.profile import Profile, load_profiles
from inventory.secrets import Credential, Secret
from probes.core.hostkeys import NoHostKeys
from probes.core.observation import Answer, FactValue, Outcome
from probes.core.probe import Environment, ProbeFailure, Target
from probes.snmp import Params, Probe, ber, message
from probes.snmp.engine import Engine, Peer
from probes.snmp.security import Community
from probes.snmp.session import POLLS_PER_PLAN, Session, studies
from tests import loopback
from tests.servers import snmp_agent as twisted
from tests.servers.snmp_agent import Agent, agent, interface, linux
from tests.servers.snmpd import PASSWORD, snmpd

PUBLIC = Credential("snmp_v2c", {}, {"community": Secret("public")})
UPTIME = "1.3.6.1.2.1.1.3.0"


@pytest.fixture(scope="module")
def profiles() -> dict[str, Profile]:
    return dict(load_profiles(Path(inventory.profiles.__path__[0])))


@pytest.fixture
async def probe(profiles: dict[str, Profile], tmp_path: Path) -> AsyncIterator[Probe]:
    async with Probe(Environment(profiles, NoHostKeys(), tmp_path, loopback.NETWORK)) as running:
        yield running


class Clock:
    """Time that the test moves, together with the agent's uptime."""

    def __init__(self, served: Agent) -> None:
        self.now = 1000.0
        self._served = served

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds
        ticks = self._served.mib[UPTIME][1]
        assert isinstance(ticks, int)
        self._served.mib[UPTIME] = (ber.TIMETICKS, (ticks + int(seconds * 100)) % 2**32)


@asynccontextmanager
async def session(
    served: Agent, profiles: dict[str, Profile], interfaces: tuple[str, ...] = (), version: int = message.V2C
) -> AsyncIterator[tuple[Session, Clock]]:
    clock = Clock(served)
    async with Engine() as engine:
        peer = Peer(("127.0.0.1", served.port), Community("public", version), 0.5)
        yield Session(engine, peer, studies(profiles, None, 512, interfaces), clock), clock


def by_name(answer: Answer) -> dict[str, float]:
    """Return samples as ``metric{label,label}``."""
    return {
        sample.metric
        + ("{" + ",".join(value for _, value in sample.labels) + "}" if sample.labels else ""): sample.value
        for sample in answer.samples
    }


def facts(answer: Answer) -> dict[str, FactValue]:
    return {fact.name: fact.value for fact in answer.facts}


# a real agent


@pytest.mark.parametrize("kind", ["snmp_v2c", "snmp_v3"])
async def test_a_linux_with_net_snmp_is_recognised_and_read(probe: Probe, tmp_path: Path, kind: str) -> None:
    v3 = {"user": "sha256aes256", "auth_protocol": "SHA256", "priv_protocol": "AES256"}
    secrets = {"auth_password": Secret(PASSWORD), "priv_password": Secret(PASSWORD)}
    credential = Credential("snmp_v2c", {}, {"community": Secret("cong-dong")})
    if kind == "snmp_v3":
        credential = Credential(kind, v3, secrets)
    with snmpd(tmp_path / "snmpd") as real:
        answer = await probe.ask(Target("18073/server", real.host, credential), Params(port=real.port))
    read, known = by_name(answer), facts(answer)
    assert known["snmp.profile"] == "net-snmp-linux"
    assert known["snmp.sys_name"] == "may-chu-xa"
    assert known["snmp.sys_object_id"] == "1.3.6.1.4.1.8072.3.2.10"
    assert read["system.uptime"] > 0
    assert 0 < read["system.memory.utilization"] < 1
    assert "may-chu-xa" in answer.detail.en


async def test_v3_engines_are_remembered_across_restarts(
    profiles: dict[str, Profile], tmp_path: Path
) -> None:
    settings = {"user": "sha1aes", "auth_protocol": "SHA1", "priv_protocol": "AES128"}
    secrets = {"auth_password": Secret(PASSWORD), "priv_password": Secret(PASSWORD)}
    credential = Credential("snmp_v3", settings, secrets)
    environment = Environment(profiles, NoHostKeys(), tmp_path, loopback.NETWORK)
    with snmpd(tmp_path / "snmpd") as real:
        target, params = Target("a/b", real.host, credential), Params(port=real.port)
        async with Probe(environment) as first:
            await first.ask(target, params)
        kept = (tmp_path / "snmp-engines.json").read_text()
        assert f"a/b:{real.port}" in kept
        assert PASSWORD not in kept
        (tmp_path / "snmp-engines.json").write_text(kept)
        async with Probe(environment) as second:
            assert (await second.ask(target, params)).samples


async def test_a_spoilt_memory_is_forgotten(profiles: dict[str, Profile], tmp_path: Path) -> None:
    (tmp_path / "snmp-engines.json").write_text('{"a": [')
    async with (
        Probe(Environment(profiles, NoHostKeys(), tmp_path, loopback.NETWORK)) as probe,
        agent(linux()) as served,
    ):
        answer = await probe.ask(Target("a/b", "127.0.0.1", PUBLIC), Params(port=served.port))
    assert answer.samples


# rates


async def test_rates_come_from_the_second_poll_on(profiles: dict[str, Profile]) -> None:
    async with agent(linux(2)) as served, session(served, profiles) as (device, clock):
        first = by_name(await device.poll())
        assert not any(name.startswith("hw.network.io") for name in first)
        assert first["hw.network.up{Gi0/1}"] == 1
        served.mib |= interface(1, received=60_000_000, sent=6_000)
        clock.pass_(60)
        second = by_name(await device.poll())
    assert second["hw.network.io{receive,Gi0/1}"] == 1_000_000
    assert second["hw.network.io{transmit,Gi0/1}"] == 100
    assert second["hw.network.io{receive,Gi0/2}"] == 0


async def test_the_share_of_busy_time_is_of_the_last_interval(profiles: dict[str, Profile]) -> None:
    async with agent(linux()) as served, session(served, profiles) as (device, clock):
        await device.poll()
        for number, ticks in ((50, 100 + 1500), (52, 100), (53, 800 + 4500)):
            served.mib[f"1.3.6.1.4.1.2021.11.{number}.0"] = (ber.COUNTER32, ticks)
        clock.pass_(60)
        read = by_name(await device.poll())
    assert read["system.cpu.utilization"] == pytest.approx(0.25)
    assert read["system.memory.utilization"] == pytest.approx(0.75)


async def test_a_restart_gives_no_rate_and_then_right_ones(profiles: dict[str, Profile]) -> None:
    async with agent(linux(1)) as served, session(served, profiles) as (device, clock):
        served.mib |= interface(1, received=10**9)
        await device.poll()
        clock.pass_(60)
        served.mib |= interface(1, received=5_000)
        served.mib[UPTIME] = (ber.TIMETICKS, 1_000)
        after = by_name(await device.poll())
        assert not any(name.startswith("hw.network.io") for name in after)
        assert after["system.uptime"] == 10
        served.mib |= interface(1, received=65_000)
        clock.pass_(60)
        assert by_name(await device.poll())["hw.network.io{receive,Gi0/1}"] == 1000


async def test_32_bit_counters_serve_where_there_are_no_others_and_may_wrap(
    profiles: dict[str, Profile],
) -> None:
    def without_high(mib: twisted.Mib) -> twisted.Mib:
        return {
            name: value
            for name, value in mib.items()
            if ".31.1.1.1.6." not in name and ".31.1.1.1.10." not in name
        }

    mib = without_high(linux(1) | interface(1, received=2**32 - 1000))
    async with agent(mib) as served, session(served, profiles) as (device, clock):
        await device.poll()
        served.mib |= without_high(interface(1, received=2**32 + 5000))
        clock.pass_(60)
        assert by_name(await device.poll())["hw.network.io{receive,Gi0/1}"] == 100


async def test_a_rate_beyond_the_speed_of_the_port_is_left_out(profiles: dict[str, Profile]) -> None:
    async with agent(linux(1)) as served, session(served, profiles) as (device, clock):
        await device.poll()
        served.mib |= interface(1, received=60 * 2 * 125_000_000, sent=60 * 1000)
        clock.pass_(60)
        read = by_name(await device.poll())
    assert "hw.network.io{receive,Gi0/1}" not in read
    assert read["hw.network.io{transmit,Gi0/1}"] == 1000


async def test_a_port_that_is_switched_off_has_no_state_and_one_that_fell_is_down(
    profiles: dict[str, Profile],
) -> None:
    mib = linux(1) | interface(1, oper=2, admin=2) | interface(2, oper=2)
    async with agent(mib) as served, session(served, profiles) as (device, _):
        read = by_name(await device.poll())
    assert "hw.network.up{Gi0/1}" not in read
    assert read["hw.network.up{Gi0/2}"] == 0


# the plan


async def test_a_poll_of_a_known_device_is_two_requests(profiles: dict[str, Profile]) -> None:
    async with agent(linux(8)) as served, session(served, profiles) as (device, clock):
        await device.poll()
        clock.pass_(60)
        before = len(served.requests)
        await device.poll()
        tags = [request.pdu.tag for request in served.requests[before:]]
    assert tags == [message.GET, message.GET_BULK]


async def test_new_and_vanished_ports_are_noticed_and_rates_go_on(profiles: dict[str, Profile]) -> None:
    async with agent(linux(3)) as served, session(served, profiles) as (device, clock):
        await device.poll()
        served.mib = {name: value for name, value in served.mib.items() if not name.endswith(".2")}
        served.mib |= interface(1, received=6000)
        served.mib |= interface(9)
        clock.pass_(60)
        answer = await device.poll()
    assert facts(answer)["snmp.interfaces"] == ("Gi0/1", "Gi0/3", "Gi0/9")
    assert by_name(answer)["hw.network.io{receive,Gi0/1}"] == 100


async def test_names_are_read_again_from_time_to_time(profiles: dict[str, Profile]) -> None:
    async with agent(linux(1)) as served, session(served, profiles) as (device, clock):
        await device.poll()
        served.mib["1.3.6.1.2.1.31.1.1.1.1.1"] = (ber.OCTETS, b"uplink")
        for _ in range(POLLS_PER_PLAN):
            clock.pass_(60)
            answer = await device.poll()
    assert facts(answer)["snmp.interfaces"] == ("uplink",)


@pytest.mark.parametrize("version", [message.V1, message.V2C])
async def test_loopbacks_are_skipped_and_patterns_choose(profiles: dict[str, Profile], version: int) -> None:
    mib = linux(12)
    mib["1.3.6.1.2.1.2.2.1.3.1"] = (ber.INTEGER, 24)
    async with agent(mib) as served, session(served, profiles, ("Gi0/1*",), version) as (device, _):
        answer = await device.poll()
    assert facts(answer)["snmp.interfaces"] == ("Gi0/10", "Gi0/11", "Gi0/12")
    assert by_name(answer)["hw.network.up{Gi0/12}"] == 1


async def test_ports_of_one_name_are_told_apart(profiles: dict[str, Profile]) -> None:
    mib = linux(2)
    for index in (1, 2):
        mib[f"1.3.6.1.2.1.31.1.1.1.1.{index}"] = (ber.OCTETS, b"eth")
    async with agent(mib) as served, session(served, profiles) as (device, _):
        assert facts(await device.poll())["snmp.interfaces"] == ("eth", "eth #2")


async def test_hostile_names_become_short_clean_labels(profiles: dict[str, Profile]) -> None:
    mib = linux(1)
    mib["1.3.6.1.2.1.31.1.1.1.1.1"] = (
        ber.OCTETS,
        b"\x1b]0;x\x07\n\xff,host=evil " + "\u202e".encode() + b"a" * 300,
    )
    mib["1.3.6.1.2.1.1.5.0"] = (ber.OCTETS, b"a\nRESOLVED")
    async with agent(mib) as served, session(served, profiles) as (device, _):
        answer = await device.poll()
    (label,) = {value for sample in answer.samples for name, value in sample.labels if name == "interface"}
    assert len(label) <= 64
    assert label.isprintable()
    assert "\n" not in answer.detail.en


async def test_an_unknown_device_is_generic(profiles: dict[str, Profile]) -> None:
    mib = linux(1)
    mib["1.3.6.1.2.1.1.2.0"] = (ber.OID, ber.oid("1.3.6.1.4.1.99999.1"))
    mib |= {f"1.3.6.1.2.1.25.3.3.1.2.{n}": (ber.INTEGER, load) for n, load in ((1, 20), (2, 40))}
    storage = "1.3.6.1.2.1.25.2.3.1"
    for index, kind, place, size, used in ((1, 2, b"RAM", 1000, 400), (2, 4, b"C:\\", -2, 2**31 - 1)):
        mib |= {
            f"{storage}.2.{index}": (ber.OID, ber.oid(f"1.3.6.1.2.1.25.2.1.{kind}")),
            f"{storage}.3.{index}": (ber.OCTETS, place),
            f"{storage}.4.{index}": (ber.INTEGER, 4096),
            f"{storage}.5.{index}": (ber.INTEGER, size),
            f"{storage}.6.{index}": (ber.INTEGER, used),
        }
    async with agent(mib) as served, session(served, profiles) as (device, _):
        answer = await device.poll()
    read = by_name(answer)
    assert facts(answer)["snmp.profile"] == "generic"
    assert read["system.cpu.utilization"] == pytest.approx(0.3)
    assert read["system.memory.utilization"] == pytest.approx(0.4)
    assert read["system.filesystem.utilization{C:\\}"] == pytest.approx(0.5)


async def test_an_agent_that_says_almost_nothing_is_still_alive(profiles: dict[str, Profile]) -> None:
    async with agent({UPTIME: (ber.TIMETICKS, 100)}) as served, session(served, profiles) as (device, clock):
        assert by_name(await device.poll()) == {"system.uptime": 1.0}
        clock.pass_(60)
        assert by_name(await device.poll()) == {"system.uptime": 61.0}


async def test_a_slow_agent_is_understood_after_some_attempts(probe: Probe) -> None:
    async with agent(linux(40)) as slow:
        slow.delay = 0.05
        attempts = 0
        while attempts < 10:
            attempts += 1
            try:
                async with asyncio.timeout(0.8):
                    answer = await probe.ask(Target("a/b", "127.0.0.1", PUBLIC), Params(port=slow.port))
                    break
            except TimeoutError:
                continue
        assert 1 < attempts < 10
    assert len(answer.samples) >= 40


# failures


async def fails(probe: Probe, port: int) -> ProbeFailure:
    with pytest.raises(ProbeFailure) as caught:
        await probe.ask(Target("a/b", "127.0.0.1", PUBLIC), Params(port=port, wait=0.2))
    return caught.value


async def test_silence_is_a_timeout_after_one_retry(probe: Probe) -> None:
    async with agent(linux(), twist=twisted.silent) as mute:
        failed = await fails(probe, mute.port)
        assert len(mute.requests) == 2
    assert failed.outcome is Outcome.TIMEOUT


@pytest.mark.parametrize("status", [message.GEN_ERR, message.TOO_BIG, 16])
async def test_an_agent_that_only_errs_ends_in_bounded_time(probe: Probe, status: int) -> None:
    async with agent(linux(), twist=twisted.failing(status)) as failing:
        failed = await fails(probe, failing.port)
        assert len(failing.requests) < 400
    assert failed.outcome is Outcome.PROTOCOL_ERROR


async def test_a_table_in_circles_is_a_protocol_error(probe: Probe) -> None:
    async with agent(linux(), twist=twisted.circle) as looping:
        assert (await fails(probe, looping.port)).outcome is Outcome.PROTOCOL_ERROR


async def test_an_agent_that_turns_bad_later_is_a_protocol_error_and_recovers(
    profiles: dict[str, Profile],
) -> None:
    async with agent(linux()) as served, session(served, profiles) as (device, clock):
        await device.poll()
        served.twist = twisted.failing(message.GEN_ERR)
        clock.pass_(60)
        with pytest.raises(ProbeFailure) as caught:
            await device.poll()
        assert caught.value.outcome is Outcome.PROTOCOL_ERROR
        served.twist = twisted.honest
        clock.pass_(60)
        assert (await device.poll()).samples


async def test_a_small_agent_is_polled_in_small_parts(profiles: dict[str, Profile]) -> None:
    async with agent(linux(20), most=9) as small, session(small, profiles) as (device, clock):
        await device.poll()
        clock.pass_(60)
        read = by_name(await device.poll())
    assert sum(name.startswith("hw.network.up") for name in read) == 20


async def test_a_changed_credential_begins_a_new_session(probe: Probe) -> None:
    async with agent(linux()) as served:
        params = Params(port=served.port, wait=0.2)
        await probe.ask(Target("a/b", "127.0.0.1", PUBLIC), params)
        wrong = Credential("snmp_v2c", {}, {"community": Secret("khac")})
        with pytest.raises(ProbeFailure):
            await probe.ask(Target("a/b", "127.0.0.1", wrong), params)


async def test_an_unknown_profile_is_our_own_fault(probe: Probe) -> None:
    async with agent(linux()) as served:
        with pytest.raises(ProbeFailure) as caught:
            await probe.ask(Target("a/b", "127.0.0.1", PUBLIC, "no-such"), Params(port=served.port))
    assert caught.value.outcome is Outcome.NOT_READY
