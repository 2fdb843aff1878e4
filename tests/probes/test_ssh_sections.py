"""Parsers of what an SSH server and a Linux host say: real outputs of others, and anything at all."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.core.observation import Fact, Sample
from probes.ssh import linux, sshd_config
from probes.ssh.offer import Malformed, Offer, read
from probes.ssh.script import CONFIG_SECTIONS, SECTIONS, Invalid, command, split

RECORDINGS = Path(__file__).parents[2].parent / "shared" / "samples" / "ssh" / "jc"
EMPTY: dict[str, list[str]] = {name: [] for name in (*SECTIONS, *CONFIG_SECTIONS)}


def recording(name: str) -> list[str]:
    path = RECORDINGS / name
    if not path.exists():
        pytest.skip(f"the recorded outputs are not beside this checkout: ../shared/samples/ssh/jc/{name}")
    return path.read_text().splitlines()


def expectation(name: str) -> object:
    return json.loads("\n".join(recording(name)))


def measured(section: str, lines: list[str]) -> list[Sample]:
    return list(linux.samples({**EMPTY, section: lines}))


def values(samples: list[Sample]) -> dict[str, float]:
    return {sample.metric: sample.value for sample in samples}


# -- recorded outputs, against what jc reads in them ---------------------------------------------------------


@pytest.mark.parametrize("host", ["centos-7.7", "ubuntu-18.04"])
def test_df_of_real_hosts_gives_what_jc_reads(host: str) -> None:
    samples = measured("df", recording(f"{host}/df.out"))
    rows = expectation(f"{host}/df.json")
    assert isinstance(rows, list)
    by_mount = {row["mounted_on"]: row for row in rows}
    assert samples
    for sample in samples:
        row = by_mount[dict(sample.labels)["mountpoint"]]
        if sample.metric == "system.filesystem.usage":
            assert sample.value == row["used"] * 1024
        elif sample.metric == "system.filesystem.utilization":
            assert math.ceil(sample.value * 100) == row["use_percent"], row
    mounts = {dict(sample.labels)["mountpoint"] for sample in samples}
    assert "/" in mounts
    assert not any(mount.startswith(("/dev", "/run", "/sys", "/snap")) for mount in mounts)


def test_uptime_and_load_of_a_real_host() -> None:
    assert values(measured("uptime", recording("linux-proc/uptime"))) == {"system.uptime": 46901.13}
    assert values(measured("loadavg", recording("linux-proc/loadavg"))) == {
        "system.linux.cpu.load_1m": 0.0,
        "system.linux.cpu.load_5m": 0.01,
        "system.linux.cpu.load_15m": 0.03,
    }


def test_memory_of_a_real_host_counts_what_is_available_as_free() -> None:
    found = values(measured("meminfo", recording("linux-proc/meminfo")))
    expected = expectation("linux-proc/meminfo.json")
    assert isinstance(expected, dict)
    assert found["system.memory.limit"] == expected["MemTotal"] * 1024
    assert found["system.memory.usage"] == (expected["MemTotal"] - expected["MemAvailable"]) * 1024
    assert found["system.memory.utilization"] == pytest.approx(
        1 - expected["MemAvailable"] / expected["MemTotal"]
    )


def test_the_processor_time_of_a_real_host() -> None:
    expected = expectation("linux-proc/stat.json")
    assert isinstance(expected, dict)
    cpu = expected["cpu"]
    found = linux.cpu_time(recording("linux-proc/stat"))
    assert found is not None
    assert found.total - found.busy == cpu["idle"] + cpu["iowait"]
    assert (
        found.busy == cpu["user"] + cpu["nice"] + cpu["system"] + cpu["softirq"] + cpu["irq"] + cpu["steal"]
    )


@pytest.mark.parametrize(("file", "name"), [("os-release-ubuntu", "ubuntu"), ("os-release-centos", "centos")])
def test_the_name_of_a_real_system(file: str, name: str) -> None:
    found = {fact.name: fact.value for fact in linux.facts({**EMPTY, "os": recording(f"generic/{file}")})}
    assert found["os.id"] == name
    assert str(found["os.description"]).lower().startswith(name)


@pytest.mark.parametrize("name", ["sshd-T", "sshd-T-2"])
def test_the_effective_configuration_of_a_real_server(name: str) -> None:
    found = {
        fact.name: fact.value
        for fact in sshd_config.facts(["effective", *recording(f"generic/{name}.out")], "")
    }
    expected = expectation(f"generic/{name}.json")
    assert isinstance(expected, dict)
    for key in ("permitrootlogin", "passwordauthentication", "permitemptypasswords", "x11forwarding"):
        wanted = expected[key]
        assert str(found[f"sshd.{key}"]).replace("prohibit-password", "without-password") == {
            True: "yes",
            False: "no",
        }.get(wanted, str(wanted).replace("prohibit-password", "without-password")), key
    assert found["sshd.maxauthtries"] == expected["maxauthtries"]


def test_a_real_configuration_file_with_defaults_for_what_it_does_not_say() -> None:
    found = {f.name: f.value for f in sshd_config.facts(["file", *recording("generic/sshd_config")], "")}
    assert found["sshd.source"] == "file"
    assert found["sshd.permitrootlogin"]
    assert found["sshd.permitemptypasswords"] == "no"


# -- the rules of sshd_config(5) ----------------------------------------------------------------------------


def configured(*lines: str) -> dict[str, object]:
    return {fact.name.removeprefix("sshd."): fact.value for fact in sshd_config.facts(["file", *lines], "22")}


def test_the_first_value_wins() -> None:
    assert configured("PermitRootLogin no", "PermitRootLogin yes")["permitrootlogin"] == "no"


def test_what_a_match_block_says_is_not_global() -> None:
    found = configured("Match User admin", "PasswordAuthentication no")
    assert found["passwordauthentication"] == "yes"


def test_a_match_block_in_an_included_file_ends_with_the_file() -> None:
    lines = ("#@file", "Match User admin", "PermitRootLogin yes", "#@back", "PermitRootLogin no")
    assert configured(*lines)["permitrootlogin"] == "no"


def test_after_a_file_we_may_not_read_what_was_not_set_before_is_unknown() -> None:
    found = configured("PermitRootLogin no", "#@unreadable", "PasswordAuthentication no")
    assert found["permitrootlogin"] == "no"
    assert "passwordauthentication" not in found
    assert "permitemptypasswords" not in found


def test_an_unreadable_configuration_gives_no_fact_at_all() -> None:
    assert sshd_config.facts(["unreadable"], "22") == ()
    assert sshd_config.facts([], "22") == ()


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("LoginGraceTime 1m", "logingracetime", 60),
        ("LoginGraceTime 1h30m", "logingracetime", 5400),
        ("ClientAliveInterval=300", "clientaliveinterval", 300),
        ('PermitRootLogin "without-password"', "permitrootlogin", "prohibit-password"),
        ("ChallengeResponseAuthentication no", "kbdinteractiveauthentication", "no"),
        ("permitemptypasswords YES  # why", "permitemptypasswords", "yes"),
    ],
)
def test_the_forms_of_a_setting(line: str, name: str, value: object) -> None:
    assert configured(line)[name] == value


# -- Linux, the odd cases -----------------------------------------------------------------------------------


def test_utilization_is_what_was_busy_between_two_readings() -> None:
    before, after = linux.CpuTime(100, 1000), linux.CpuTime(150, 1200)
    assert after.utilization_since(before) == 0.25
    assert before.utilization_since(after) is None, "a reboot"
    assert before.utilization_since(before) is None


def test_an_old_kernel_without_mem_available_counts_the_cache_as_free() -> None:
    lines = ["MemTotal: 1000 kB", "MemFree: 100 kB", "Buffers: 100 kB", "Cached: 300 kB"]
    assert values(measured("meminfo", lines))["system.memory.utilization"] == 0.5


def test_no_systemd_is_unknown_and_no_failed_unit_is_zero() -> None:
    assert linux.failed_units([]) is None
    assert linux.failed_units(["ok"]) == ()
    assert linux.failed_units(["ok", "● cron.service loaded failed failed Regular"]) == ("cron.service",)


def test_read_only_images_and_memory_are_no_storage_by_type() -> None:
    lines = [
        "Filesystem     Type     1024-blocks    Used Available Capacity Mounted on",
        "/dev/sda1      ext4        10000000 5000000   5000000      50% /",
        "/dev/loop1     squashfs       10000   10000         0     100% /opt/image",
        "tmpfs          tmpfs          10000       1      9999       1% /run",
        "/dev/sdb1      xfs         10000000 9000000   1000000      90% /srv/hồ sơ",
    ]
    mounts = {dict(sample.labels)["mountpoint"] for sample in measured("df", lines)}
    assert mounts == {"/", "/srv/hồ sơ"}
    kept = list(linux.samples({**EMPTY, "df": lines}, excluded=["/"]))
    assert {dict(sample.labels)["mountpoint"] for sample in kept} == {"/srv/hồ sơ"}


def test_thousands_of_mounts_give_a_bounded_number_of_series() -> None:
    lines = [f"/dev/sd{n} ext4 100 50 50 50% /m{n}" for n in range(5000)]
    assert len(measured("df", lines)) == 3 * linux.MAX_FILESYSTEMS


# -- anything at all ----------------------------------------------------------------------------------------

LINES = st.lists(st.text(max_size=120) | st.from_regex(r"[\w./%: -]{0,60}"), max_size=12)


@given(LINES, st.sampled_from(SECTIONS))
def test_any_section_gives_finite_samples_or_none(lines: list[str], section: str) -> None:
    for sample in measured(section, lines):
        assert math.isfinite(sample.value)
        assert sample.unit != "1" or 0 <= sample.value <= 1
        assert all(text.isprintable() for pair in sample.labels for text in pair)


@given(LINES)
def test_any_configuration_gives_printable_facts(lines: list[str]) -> None:
    found: list[Fact] = [
        *sshd_config.facts(["file", *lines], "22"),
        *sshd_config.facts(["effective", *lines], "22"),
        *linux.facts({**EMPTY, "os": lines, "kernel": lines}),
    ]
    assert all(str(fact.value).isprintable() for fact in found)


@given(st.binary(max_size=400), st.booleans())
def test_any_output_is_cut_into_the_expected_sections_or_invalid(output: bytes, configuration: bool) -> None:
    try:
        sections = split(output, with_configuration=configuration)
    except Invalid:
        return
    assert list(sections) == [*SECTIONS, *(CONFIG_SECTIONS if configuration else ()), "end"]


@given(
    st.binary(max_size=600), st.sampled_from([b"", b"SSH-2.0-x\r\n", b"SSH-2.0-x\n\x00\x00\x01\x00\x04\x14"])
)
def test_any_bytes_are_an_offer_not_yet_one_or_malformed(data: bytes, start: bytes) -> None:
    try:
        offer = read(start + data)
    except Malformed as error:
        assert str(error).isprintable()
        return
    assert offer is None or isinstance(offer, Offer)


# -- the command itself -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize("configuration", [True, False])
def test_the_command_runs_in_a_real_shell_and_its_answer_is_valid(shell: str, configuration: bool) -> None:
    line = command(with_configuration=configuration, sudo=False)
    done = subprocess.run([shell, "-c", line], capture_output=True, timeout=30, check=False)
    assert done.stderr == b""
    sections = split(done.stdout, with_configuration=configuration)
    assert values(list(linux.samples(sections)))["system.uptime"] > 0


def test_the_command_is_one_line_without_what_csh_would_change() -> None:
    for sudo in (True, False):
        line = command(with_configuration=True, sudo=sudo)
        assert "\n" not in line
        assert "!" not in line
        assert line.count("'") == 2
        assert len(line) < 4096


# -- algorithms ---------------------------------------------------------------------------------------------


def offer(kex: str = "", ciphers: str = "", macs: str = "") -> Offer:
    def names(text: str) -> tuple[str, ...]:
        return tuple(text.split())

    return Offer("SSH-2.0-x", names(kex), (), names(ciphers), names(macs))


GOOD = offer(
    "sntrup761x25519-sha512@openssh.com curve25519-sha256 ecdh-sha2-nistp256 diffie-hellman-group16-sha512",
    "chacha20-poly1305@openssh.com aes256-gcm@openssh.com aes128-ctr",
    "hmac-sha2-512-etm@openssh.com hmac-sha2-256 umac-128-etm@openssh.com",
)


def test_todays_algorithms_are_not_weak() -> None:
    assert GOOD.weak_kex == GOOD.weak_ciphers == GOOD.weak_macs == ()


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("weak_kex", "diffie-hellman-group1-sha1 diffie-hellman-group-exchange-sha1 rsa1024-sha1"),
        (
            "weak_ciphers",
            "none arcfour arcfour256 des 3des-cbc blowfish-cbc cast128-cbc aes256-cbc aes128-cbc",
        ),
        (
            "weak_macs",
            "none hmac-md5 hmac-md5-96 hmac-sha1-96 hmac-md5-etm@openssh.com hmac-sha1-96-etm@openssh.com",
        ),
    ],
)
def test_every_algorithm_of_the_baseline_is_weak(kind: str, names: str) -> None:
    argument: dict[str, Callable[[str], Offer]] = {
        "weak_kex": lambda text: offer(kex=text),
        "weak_ciphers": lambda text: offer(ciphers=text),
        "weak_macs": lambda text: offer(macs=text),
    }
    assert getattr(argument[kind](names), kind) == tuple(names.split())


@pytest.mark.parametrize(
    ("ciphers", "macs", "kex", "exposed"),
    [
        ("chacha20-poly1305@openssh.com", "", "", True),
        ("chacha20-poly1305@openssh.com", "", "kex-strict-s-v00@openssh.com", False),
        ("aes128-cbc", "hmac-sha2-256-etm@openssh.com", "", True),
        ("aes128-cbc", "hmac-sha2-256", "", False),
        ("aes128-ctr", "hmac-sha2-256-etm@openssh.com", "", False),
    ],
)
def test_terrapin_needs_a_cipher_and_the_lack_of_strict_exchange(
    ciphers: str, macs: str, kex: str, exposed: bool
) -> None:
    assert offer(kex, ciphers, macs).terrapin is exposed
