"""Every protocol is served believably, every fault changes the answer, and reverting restores it."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import aiohttp
import pytest

import probes.sip
import probes.snmp
import probes.ssh
import probes.tcp
import probes.tls
from monitor.demo.layout import HTTP_PORT, HTTPS_PORT, SIP_PORT, SNMP_PORT, SSH_PORT, TELNET_PORT
from monitor.demo.wire import CA_FILE
from probes.core.observation import Answer, Outcome
from probes.core.probe import ProbeFailure, Target
from tests.monitor.demo.conftest import Asking
from tests.servers.debian import require

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMMUNE = "18073"
SERVER, ROUTER, UPS, CODEC = (f"{COMMUNE}/{name}" for name in ("server", "router", "ups", "conference"))
PORTAL, CORE = "ttdl/dvc", "ttdl/router"
TEMPERATURE = "1.3.6.1.2.1.99.1.1.1.4.1001"
SYS_UPTIME = "1.3.6.1.2.1.1.3.0"
VAR_USED_PERCENT = "1.3.6.1.4.1.2021.9.1.9.2"
WAN_IN = "1.3.6.1.2.1.31.1.1.1.6.1"
BATTERY_OUTPUT = "1.3.6.1.2.1.33.1.4.1.0"


async def snmp(
    asking: Asking, device: str, *oids: str, community: str = "", tool: str = "snmpget"
) -> list[str]:
    """Ask with net-snmp; no lines mean no answer within a second."""
    address = f"{asking.place(device).address}:{SNMP_PORT}"
    options = ("-v2c", "-c", community or asking.community, "-t", "1", "-r", "0", "-Oqnt")
    process = await asyncio.create_subprocess_exec(
        require(tool, package="snmp"),
        *options,
        address,
        *oids,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    answer, _ = await process.communicate()
    return [line.partition(" ")[2] for line in answer.decode().splitlines()]


async def ssh(asking: Asking) -> Answer:
    return await asking.ask(probes.ssh.Probe, SERVER, asking.ssh_key, port=SSH_PORT)


async def sip(asking: Asking) -> Answer:
    return await asking.ask(probes.sip.Probe, CODEC, port=SIP_PORT)


async def telnet(asking: Asking) -> Answer:
    return await asking.ask(probes.tcp.Probe, ROUTER, port=TELNET_PORT, expect="closed", banner=True)


async def tls(asking: Asking) -> Answer:
    ca = str(asking.province.settings.parent / "simulator" / CA_FILE)
    return await asking.ask(probes.tls.Probe, PORTAL, port=HTTPS_PORT, ca_file=ca, pause=0.0)


async def page(asking: Asking, path: str = "/") -> tuple[int, str]:
    """Fetch a page of the portal as a browser that trusts the demo's authority."""
    trust = ssl.create_default_context(cafile=asking.province.settings.parent / "simulator" / CA_FILE)
    address = asking.place(PORTAL).address
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as session,
        session.get(f"https://{address}:{HTTPS_PORT}{path}", ssl=trust) as response,
    ):
        return response.status, await response.text()


def fact(answer: Answer, name: str) -> Any:
    return next(fact.value for fact in answer.facts if fact.name == name)


def sample(answer: Answer, metric: str, *labels: tuple[str, str]) -> float:
    return next(s.value for s in answer.samples if s.metric == metric and s.labels == labels)


async def test_an_agent_answers_net_snmp_and_its_counters_grow(asking: Asking) -> None:
    [uptime, first] = await snmp(asking, ROUTER, SYS_UPTIME, WAN_IN)
    assert int(uptime) > 2 * 86400 * 100
    await asyncio.sleep(0.3)
    [second] = await snmp(asking, ROUTER, WAN_IN)
    assert 0 < int(second) - int(first) < 100e6 / 8 * 3


async def test_a_walk_ends_and_sees_every_variable_once(asking: Asking) -> None:
    switch = f"{COMMUNE}/switch"
    bulk = await snmp(asking, switch, "1.3", tool="snmpbulkwalk")
    plain = await snmp(asking, switch, "1.3", tool="snmpwalk")
    assert len(bulk) == len(plain) > 250


async def test_what_is_not_there_is_said_and_not_silent(asking: Asking) -> None:
    [answer] = await snmp(asking, ROUTER, "1.3.6.1.2.1.1.99.0")
    assert "No Such Instance" in answer


async def test_every_commune_has_agents_with_values_of_their_own(asking: Asking) -> None:
    communes = [site.id for site in asking.province.layout.sites if site.id != "ttdl"]
    assert len(communes) == 69
    few = communes[::17]
    answers = [await snmp(asking, f"{code}/router", WAN_IN) for code in few]
    assert len({answer[0] for answer in answers}) == len(few)


async def test_a_default_community_is_accepted_only_while_the_fault_is_on(asking: Asking) -> None:
    async def ask() -> list[str]:
        return await snmp(asking, ROUTER, SYS_UPTIME, community="public")

    assert await ask() == []
    assert len(await asking.during("default-community", ROUTER, ask)) == 1
    assert await ask() == []


async def test_a_cut_commune_is_silent_on_every_protocol_and_comes_back(asking: Asking) -> None:
    async def ask() -> list[Outcome]:
        found: list[Outcome] = [Outcome.OK if await snmp(asking, ROUTER, SYS_UPTIME) else Outcome.TIMEOUT]
        for question in (ssh, sip, telnet):
            try:
                async with asyncio.timeout(1):
                    await question(asking)
                found.append(Outcome.OK)
            except TimeoutError:
                found.append(Outcome.TIMEOUT)
            except ProbeFailure as error:
                found.append(error.outcome)
        return found

    assert await ask() == [Outcome.OK] * 4
    assert await asking.during("cut-uplink", COMMUNE, ask) == [Outcome.TIMEOUT] * 4
    assert await ask() == [Outcome.OK] * 4
    assert await snmp(asking, "18100/router", SYS_UPTIME), "another commune is not touched"


async def test_a_kept_ssh_login_falls_silent_too(asking: Asking) -> None:
    async with probes.ssh.Probe(asking.environment) as probe:
        target = Target(SERVER, asking.place(SERVER).address, asking.ssh_key)
        params = probe.params(port=SSH_PORT)
        await probe.ask(target, params)

        async def ask() -> None:
            async with asyncio.timeout(1):
                await probe.ask(target, params)

        with pytest.raises(TimeoutError):
            await asking.during("kill-device", SERVER, ask)
        async with asyncio.timeout(3):
            await probe.ask(target, params)


async def test_a_killed_device_is_silent_alone(asking: Asking) -> None:
    async def ask() -> tuple[list[str], list[str]]:
        return await snmp(asking, ROUTER, SYS_UPTIME), await snmp(asking, UPS, SYS_UPTIME)

    router, ups = await asking.during("kill-device", ROUTER, ask)
    assert router == []
    assert len(ups) == 1


async def test_a_slow_device_answers_late_and_right(asking: Asking) -> None:
    async def timed() -> float:
        started = asyncio.get_running_loop().time()
        await sip(asking)
        return asyncio.get_running_loop().time() - started

    assert await timed() < 0.5
    assert await asking.during("slow-device", CODEC, timed) > 1.0


async def test_a_server_tells_the_ssh_probe_how_it_does(asking: Asking) -> None:
    answer = await ssh(asking)
    assert 0.2 < sample(answer, "system.memory.utilization") < 0.8
    assert sample(answer, "system.filesystem.utilization", ("mountpoint", "/var")) < 0.75
    assert fact(answer, "sshd.permitrootlogin") == "no"
    assert "Debian" in answer.detail.en


async def test_a_hardened_ssh_server_shows_no_weakness(asking: Asking) -> None:
    answer = await ssh(asking)
    for name in ("ssh.weak_kex", "ssh.weak_ciphers", "ssh.weak_macs"):
        assert fact(answer, name) == ()
    assert "password" not in fact(answer, "ssh.auth_methods")


async def test_a_weakened_ssh_server_shows_it_in_algorithms_and_configuration(asking: Asking) -> None:
    answer: Answer = await asking.during("weaken-ssh", SERVER, lambda: ssh(asking))
    assert "diffie-hellman-group1-sha1" in fact(answer, "ssh.weak_kex")
    assert "3des-cbc" in fact(answer, "ssh.weak_ciphers")
    assert "hmac-md5" in fact(answer, "ssh.weak_macs")
    assert "password" in fact(answer, "ssh.auth_methods")
    assert fact(answer, "sshd.permitrootlogin") == "yes"
    assert fact(await ssh(asking), "ssh.weak_kex") == ()


async def test_a_filled_disk_is_seen_by_ssh_and_snmp(asking: Asking) -> None:
    async def ask() -> tuple[float, str]:
        answer = await ssh(asking)
        [percent] = await snmp(asking, SERVER, VAR_USED_PERCENT)
        return sample(answer, "system.filesystem.utilization", ("mountpoint", "/var")), percent

    ratio, percent = await asking.during("fill-disk", SERVER, ask)
    assert ratio == pytest.approx(0.97, abs=0.01)
    assert int(percent) in (96, 97)
    assert (await ask())[0] < 0.75


async def test_the_data_centre_speaks_snmp_v3_to_net_snmp(asking: Asking) -> None:
    secrets = asking.snmp_v3().secrets
    process = await asyncio.create_subprocess_exec(
        *(require("snmpget", package="snmp"), "-v3", "-l", "authPriv", "-u", "giamsat", "-Oqvt"),
        *("-a", "SHA-256", "-A", secrets["auth_password"].reveal()),
        *("-x", "AES", "-X", secrets["priv_password"].reveal()),
        *(f"{asking.place(CORE).address}:{SNMP_PORT}", SYS_UPTIME),
        stdout=asyncio.subprocess.PIPE,
    )
    answer, _ = await process.communicate()
    assert int(answer) > 2 * 86400 * 100


async def test_the_data_centre_speaks_snmp_v3_to_the_snmp_probe(asking: Asking) -> None:
    answer = await asking.ask(probes.snmp.Probe, CORE, asking.snmp_v3(), port=SNMP_PORT)
    assert fact(answer, "snmp.sys_name") == "router-ttdl"


@pytest.mark.parametrize("wrong", [{"auth": "not-the-password"}, {"priv": "not-the-password"}])
async def test_a_wrong_v3_password_is_refused_and_not_silence_of_a_dead_device(
    asking: Asking, wrong: dict[str, str]
) -> None:
    with pytest.raises(ProbeFailure) as failed:
        await asking.ask(probes.snmp.Probe, CORE, asking.snmp_v3(**wrong), port=SNMP_PORT, wait=0.5)
    assert failed.value.outcome is Outcome.AUTH_FAILED


async def test_the_data_centre_does_not_answer_to_the_communes_community(asking: Asking) -> None:
    assert await snmp(asking, CORE, SYS_UPTIME) == []


async def poll(asking: Asking, device: str) -> Answer:
    """Ask with the service's own SNMP probe and the profile it recognises."""
    return await asking.ask(probes.snmp.Probe, device, asking.snmp, port=SNMP_PORT)


@pytest.mark.parametrize(
    ("device", "profile", "metric"),
    [
        (ROUTER, "generic", "system.memory.utilization"),
        (f"{COMMUNE}/switch", "generic", "hw.network.up"),
        (SERVER, "net-snmp-linux", "system.linux.cpu.load_1m"),
        (UPS, "ups-mib", "hw.battery.time_left"),
    ],
)
async def test_the_snmp_probe_recognises_each_kind_of_device(
    asking: Asking, device: str, profile: str, metric: str
) -> None:
    answer = await poll(asking, device)
    assert fact(answer, "snmp.profile") == profile
    assert any(sample.metric == metric for sample in answer.samples)


@pytest.mark.parametrize(("device", "sensor"), [(ROUTER, "inside"), (SERVER, "inside"), (UPS, "battery")])
async def test_an_overheated_device_is_hot_to_the_snmp_probe(
    asking: Asking, device: str, sensor: str
) -> None:
    hot = await asking.during("overheat", device, lambda: poll(asking, device))
    assert sample(hot, "hw.temperature", ("sensor", sensor)) > 65
    assert sample(await poll(asking, device), "hw.temperature", ("sensor", sensor)) < 50


async def test_a_ups_without_mains_is_discharging_to_the_snmp_probe(asking: Asking) -> None:
    assert sample(await poll(asking, UPS), "hw.battery.discharging") == 0
    away = await asking.during("ups-on-battery", UPS, lambda: poll(asking, UPS))
    assert sample(away, "hw.battery.discharging") == 1


async def test_an_overheated_device_reads_hot(asking: Asking) -> None:
    async def ask() -> list[str]:
        return await snmp(asking, ROUTER, TEMPERATURE)

    assert int((await ask())[0]) < 500
    assert await asking.during("overheat", ROUTER, ask) == ["860"]
    assert int((await ask())[0]) < 500


async def test_a_ups_without_mains_runs_on_its_battery(asking: Asking) -> None:
    async def ask() -> list[str]:
        return await snmp(asking, UPS, BATTERY_OUTPUT)

    assert await ask() == ["3"]
    assert await asking.during("ups-on-battery", UPS, ask) == ["5"]
    assert await ask() == ["3"]


async def test_telnet_is_closed_until_the_fault_opens_it(asking: Asking) -> None:
    assert fact(await telnet(asking), "tcp.port") == "closed"
    answer = await asking.during("open-telnet", ROUTER, lambda: telnet(asking))
    assert fact(answer, "tcp.port") == "open"
    assert fact(answer, "tcp.telnet") is True
    assert fact(await telnet(asking), "tcp.port") == "closed"


async def test_the_portal_is_served_over_https_in_vietnamese(asking: Asking) -> None:
    status, text = await page(asking)
    assert status == 200
    assert "Cổng dịch vụ công" in text


async def test_plain_http_leads_to_https(asking: Asking) -> None:
    address = asking.place(PORTAL).address
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{address}:{HTTP_PORT}/", allow_redirects=False) as response,
    ):
        assert response.status == 301
        assert response.headers["Location"].startswith("https://")


async def test_a_bad_gateway_answers_502(asking: Asking) -> None:
    status, _ = await asking.during("bad-gateway", PORTAL, lambda: page(asking))
    assert status == 502
    assert (await page(asking))[0] == 200


async def test_a_sound_web_system_has_no_tls_fault(asking: Asking) -> None:
    answer = await tls(asking)
    assert fact(answer, "tls.versions") == ("TLS1.2", "TLS1.3")
    assert fact(answer, "tls.weak_ciphers") == ()
    for name in ("expired", "self_signed", "name_mismatch", "weak_key", "untrusted"):
        assert fact(answer, f"tls.certificate.{name}") is False, name
    assert sample(answer, "tls.certificate.remaining", ("port", str(HTTPS_PORT))) > 300 * 86400


async def test_an_expired_certificate_is_seen_and_renewed(asking: Asking) -> None:
    async def refused() -> bool:
        try:
            await page(asking)
        except aiohttp.ClientConnectorCertificateError:
            return True
        return False

    answer = await asking.during("expire-certificate", PORTAL, lambda: tls(asking))
    assert fact(answer, "tls.certificate.expired") is True
    assert await asking.during("expire-certificate", PORTAL, refused)
    assert (await page(asking))[0] == 200
