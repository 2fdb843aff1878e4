"""The ssh probe against real OpenSSH servers, hardened and weak, and against servers that misbehave."""

from __future__ import annotations

import asyncio
import os
import random
import re
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import asyncssh
import pytest

import probes.ssh
from inventory.secrets import Credential, Secret
from probes.core.observation import Answer, Outcome
from probes.core.probe import Environment, ProbeFailure, Target
from probes.ssh import Probe, SshParams
from probes.ssh.script import CONFIG_SECTIONS, SECTIONS
from tests import loopback
from tests.servers import hostile
from tests.servers.sshd import HARDENED, OLD_ONLY, WEAK, Account, Server, account, make_key, open_folder, sshd


class Approvals:
    """Host keys as an operator's ledger keeps them."""

    def __init__(self) -> None:
        self.keys: dict[tuple[str, str, int], tuple[str, ...]] = {}
        self.reported: list[str] = []

    def approve(self, port: int, *keys: str) -> None:
        self.keys["site/server", "127.0.0.1", port] = keys

    def approved(self, device: str, address: str, port: int) -> tuple[str, ...]:
        return self.keys.get((device, address, port), ())

    def report(self, device: str, address: str, port: int, key: str) -> None:
        self.reported.append(key)


@pytest.fixture
def approvals() -> Approvals:
    return Approvals()


@pytest.fixture
async def probe(approvals: Approvals, tmp_path: Path) -> AsyncIterator[Probe]:
    async with Probe(
        Environment(profiles={}, host_keys=approvals, state_dir=tmp_path, network=loopback.NETWORK)
    ) as opened:
        yield opened


@pytest.fixture(scope="module")
def somebody() -> Iterator[Account]:
    with account() as made:
        yield made


@pytest.fixture
def place() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


def by_key(server: Server, key: str = "") -> Credential:
    return Credential("ssh_key", {"user": server.user}, {"key": Secret(key or server.key)})


def by_password(user: str, password: str) -> Credential:
    return Credential("ssh_password", {"user": user}, {"password": Secret(password)})


async def ask(
    probe: Probe, port: int, credential: Credential | None = None, *, seconds: float = 20, **params: object
) -> Answer:
    async with asyncio.timeout(seconds):
        asked = SshParams.model_validate({"port": port, **params})
        return await probe.ask(Target("site/server", "127.0.0.1", credential), asked)


async def fails(
    probe: Probe, port: int, credential: Credential | None = None, **params: object
) -> ProbeFailure:
    with pytest.raises(ProbeFailure) as caught:
        await ask(probe, port, credential, seconds=10, **params)
    return caught.value


def facts(answer: Answer) -> dict[str, object]:
    return {fact.name: fact.value for fact in answer.facts}


def metrics(answer: Answer) -> dict[str, float]:
    return {sample.metric: sample.value for sample in answer.samples}


# -- the real server ---------------------------------------------------------------------------------------


async def test_a_hardened_server_with_an_approved_key_tells_everything_in_one_login(
    probe: Probe, approvals: Approvals, place: Path, somebody: Account
) -> None:
    async with sshd(place, HARDENED, who=somebody) as server:
        approvals.approve(server.port, f"{server.host_key} root@host")
        first = await ask(probe, server.port, by_key(server))
        second = await ask(probe, server.port, by_key(server))
    found = facts(second)
    assert found == facts(first)
    for weakness in ("ssh.weak_kex", "ssh.weak_ciphers", "ssh.weak_macs"):
        assert found[weakness] == ()
    assert found["ssh.terrapin"] is False
    assert found["ssh.host_key_changed"] is False
    assert found["ssh.auth_methods"] == ("publickey",)
    assert found["sshd.passwordauthentication"] == "no"
    assert found["sshd.permitrootlogin"] == "prohibit-password"
    assert found["sshd.maxauthtries"] == 4
    assert found["sshd.logingracetime"] == 60
    assert found["os.kernel"]
    measured = metrics(second)
    assert measured["system.uptime"] >= metrics(first)["system.uptime"] > 0
    assert 0 < measured["system.memory.utilization"] < 1
    assert 0 <= measured["system.cpu.utilization"] <= 1
    assert "system.cpu.utilization" not in metrics(first), "one reading of a counter is no rate"
    assert 0 < measured["system.filesystem.utilization"] <= 1
    assert "system.linux.cpu.load_15m" in measured


async def test_a_weak_server_is_seen_to_be_weak_before_any_login(probe: Probe, place: Path) -> None:
    async with sshd(place, WEAK) as server:
        found = facts(await ask(probe, server.port))
    assert found["ssh.weak_kex"] == ("diffie-hellman-group1-sha1", "diffie-hellman-group14-sha1")
    assert found["ssh.weak_ciphers"] == ("3des-cbc", "aes128-cbc")
    assert found["ssh.weak_macs"] == ("hmac-md5", "hmac-sha1-96")
    assert str(found["ssh.version"]).startswith("SSH-2.0-OpenSSH_")


async def test_a_weak_configuration_is_read_after_login(
    probe: Probe, approvals: Approvals, place: Path, somebody: Account
) -> None:
    async with sshd(place, WEAK, who=somebody) as server:
        approvals.approve(server.port, server.host_key)
        found = facts(await ask(probe, server.port, by_key(server)))
    assert found["sshd.passwordauthentication"] == "yes"
    assert found["sshd.permitrootlogin"] == "yes"
    assert found["ssh.auth_methods"] == ("publickey", "password")


async def test_root_reads_the_effective_configuration(
    probe: Probe, approvals: Approvals, place: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may run sshd -T on keys of root")
    async with sshd(place, HARDENED + "\nPermitRootLogin prohibit-password\n") as server:
        approvals.approve(server.port, server.host_key)
        found = facts(await ask(probe, server.port, by_key(server)))
    assert found["sshd.source"] == "effective"
    assert found["sshd.permitrootlogin"] == "prohibit-password"


async def test_an_unapproved_host_key_waits_and_no_credential_is_sent(
    probe: Probe, approvals: Approvals, place: Path
) -> None:
    async with sshd(place) as server:
        failure = await fails(probe, server.port, by_key(server))
    assert failure.outcome is Outcome.UNTRUSTED
    assert re.fullmatch(
        r"host key SHA256:[\w+/]{43} waits for approval; no credential was sent", failure.detail.en
    )
    assert approvals.reported == [server.host_key]
    found = facts(failure.answer)
    assert found["ssh.weak_kex"] == ()
    assert "ssh.host_key_changed" not in found
    assert "ssh.auth_methods" not in found


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
async def test_a_changed_host_key_of_any_type_stops_the_login(
    kind: str, probe: Probe, approvals: Approvals, tmp_path: Path, place: Path
) -> None:
    """Abuse cases A23 and A24."""
    old = make_key(tmp_path / "old", "ed25519")
    async with sshd(place, kinds=(kind,)) as server:
        approvals.approve(server.port, old)
        failure = await fails(probe, server.port, by_key(server))
    assert failure.outcome is Outcome.UNTRUSTED
    assert "not the approved one; no credential was sent" in failure.detail.en
    assert facts(failure.answer)["ssh.host_key_changed"] is True
    assert approvals.reported == [server.host_key]


@pytest.mark.parametrize("approved", [0, 1, 2])
async def test_any_one_approved_key_of_several_is_enough(
    approved: int, probe: Probe, approvals: Approvals, place: Path
) -> None:
    kinds = ("ed25519", "ecdsa", "rsa")
    async with sshd(place, kinds=kinds) as server:
        public = (place / f"host_{kinds[approved]}.pub").read_text()
        approvals.approve(server.port, public)
        found = facts(await ask(probe, server.port, by_key(server)))
    assert found["ssh.host_key_type"] == public.split()[0]
    assert found.get("ssh.host_key_rsa_bits") == (3072 if kinds[approved] == "rsa" else None)


async def test_a_key_the_server_does_not_know_is_auth_failed(
    probe: Probe, approvals: Approvals, tmp_path: Path, place: Path, somebody: Account
) -> None:
    make_key(tmp_path / "stranger")
    async with sshd(place, who=somebody) as server:
        approvals.approve(server.port, server.host_key)
        failure = await fails(probe, server.port, by_key(server, (tmp_path / "stranger").read_text()))
    assert failure.outcome is Outcome.AUTH_FAILED
    assert facts(failure.answer)["ssh.auth_methods"] == ("publickey",)


async def test_a_password_lets_in_and_a_wrong_one_is_auth_failed(
    probe: Probe, approvals: Approvals, place: Path, somebody: Account
) -> None:
    if not somebody.password:
        pytest.skip(
            "only root can make an account whose password is known; asyncssh's server stands in below"
        )
    async with sshd(place, WEAK, who=somebody) as server:
        approvals.approve(server.port, server.host_key)
        failure = await fails(probe, server.port, by_password(server.user, "wrong"))
        answer = await ask(probe, server.port, by_password(server.user, somebody.password))
    assert failure.outcome is Outcome.AUTH_FAILED
    assert somebody.password not in failure.detail.en
    assert metrics(answer)["system.uptime"] > 0


async def test_a_server_without_password_login_is_auth_failed_and_says_what_it_lists(
    probe: Probe, approvals: Approvals, place: Path, somebody: Account
) -> None:
    async with sshd(place, HARDENED, who=somebody) as server:
        approvals.approve(server.port, server.host_key)
        failure = await fails(probe, server.port, by_password(server.user, "x"))
    assert failure.outcome is Outcome.AUTH_FAILED
    assert "publickey" in failure.detail.en


async def test_a_server_stopped_between_two_attempts_is_refused_and_comes_back(
    probe: Probe, approvals: Approvals, place: Path
) -> None:
    async with sshd(place) as server:
        approvals.approve(server.port, server.host_key)
        await ask(probe, server.port, by_key(server))
    # the connection we kept has its own process, as it has when sshd is restarted: end it by another key
    approvals.approve(server.port)
    assert (await fails(probe, server.port, by_key(server))).outcome is Outcome.REFUSED
    async with sshd(place, port=server.port) as again:
        approvals.approve(again.port, again.host_key)
        assert metrics(await ask(probe, again.port, by_key(again)))


async def test_an_approval_taken_back_ends_the_kept_connection(
    probe: Probe, approvals: Approvals, place: Path
) -> None:
    async with sshd(place) as server:
        approvals.approve(server.port, server.host_key)
        await ask(probe, server.port, by_key(server))
        approvals.approve(server.port)
        assert (await fails(probe, server.port, by_key(server))).outcome is Outcome.UNTRUSTED


@pytest.mark.filterwarnings(
    "ignore:Diffie-Hellman over finite fields"
)  # said by asyncssh's use of cryptography
async def test_an_old_device_needs_legacy_to_agree_on_anything(
    probe: Probe, approvals: Approvals, place: Path
) -> None:
    async with sshd(place, OLD_ONLY) as server:
        approvals.approve(server.port, server.host_key)
        failure = await fails(probe, server.port, by_key(server))
        answer = await ask(probe, server.port, by_key(server), legacy=True)
    assert failure.outcome is Outcome.PROTOCOL_ERROR
    assert "legacy" in failure.detail.en
    assert facts(failure.answer)["ssh.weak_ciphers"] == ("3des-cbc",)
    assert metrics(answer)


# -- servers of our own: what a real one does not do -------------------------------------------------------


class Told:
    """What an asyncssh server was asked."""

    def __init__(self) -> None:
        self.logins = 0
        self.passwords: list[str] = []
        self.commands: list[str] = []
        self.connections: list[asyncssh.SSHServerConnection] = []


class PasswordServer(asyncssh.SSHServer):
    def __init__(self, told: Told) -> None:
        self.told = told

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.told.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        self.told.logins += 1
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        self.told.passwords.append(password)
        return password == "right"


class PromptingServer(PasswordServer):
    """Asks for the password the way PAM does, by keyboard-interactive only."""

    def password_auth_supported(self) -> bool:
        return False

    def kbdint_auth_supported(self) -> bool:
        return True

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> tuple[Any, ...]:
        return "", "", "", [("Mật khẩu: ", False)]

    def validate_kbdint_response(self, username: str, responses: Sequence[str]) -> bool:
        self.told.passwords += responses
        return list(responses) == ["right"]


class OpenServer(PasswordServer):
    """Lets anybody in."""

    def begin_auth(self, username: str) -> bool:
        return False


def sections(*, first: bool, **content: str) -> str:
    names = (*SECTIONS, *(CONFIG_SECTIONS if first else ()), "end")
    return "".join(f"\n@@{name}\n{content.get(name, '')}\n" for name in names)


@pytest.fixture
async def told() -> Told:
    return Told()


async def serve(
    told: Told, approvals: Approvals, answer: str | None, kind: type[PasswordServer] = PasswordServer
) -> asyncssh.SSHAcceptor:
    """An asyncssh server with password login that answers every command with `answer`, `None`: properly."""
    key = asyncssh.generate_private_key("ssh-ed25519")

    async def run(process: asyncssh.SSHServerProcess[str]) -> None:
        command = process.command or ""
        told.commands.append(command)
        try:
            process.stdout.write(sections(first="s os" in command) if answer is None else answer)
            await process.stdout.drain()
            if answer == "":
                await asyncio.sleep(60)
        except (BrokenPipeError, ConnectionError):
            pass
        process.exit(0)

    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[key],
        server_factory=lambda: kind(told),
        process_factory=run,
    )
    approvals.approve(server.get_port(), key.export_public_key("openssh").decode())
    return server


async def test_a_login_is_used_again_and_its_configuration_read_once(
    probe: Probe, approvals: Approvals, told: Told
) -> None:
    async with await serve(told, approvals, None) as server:
        for _ in range(3):
            await ask(probe, server.get_port(), by_password("monitor", "right"))
    assert told.logins == 1
    assert [("s sshd" in command) for command in told.commands] == [True, False, False]


async def test_a_kept_connection_the_server_dropped_is_replaced_without_a_failure(
    probe: Probe, approvals: Approvals, told: Told
) -> None:
    async with await serve(told, approvals, None) as server:
        await ask(probe, server.get_port(), by_password("monitor", "right"))
        for connection in told.connections:
            connection.abort()
        await asyncio.sleep(0.05)
        await ask(probe, server.get_port(), by_password("monitor", "right"))
    assert told.logins == 2


async def test_keeping_for_no_time_logs_in_each_time(probe: Probe, approvals: Approvals, told: Told) -> None:
    async with await serve(told, approvals, None) as server:
        for _ in range(2):
            await ask(probe, server.get_port(), by_password("monitor", "right"), keep=0.0)
    assert told.logins == 2


async def test_a_kept_connection_ends_by_itself_when_its_time_is_over(
    probe: Probe, approvals: Approvals, told: Told
) -> None:
    async with await serve(told, approvals, None) as server:
        await ask(probe, server.get_port(), by_password("monitor", "right"), keep=0.3)
        (kept,) = probe._sessions.values()
        async with asyncio.timeout(5):
            await kept.connection.wait_closed()
        assert probe._sessions == {}


async def test_another_password_is_another_login(probe: Probe, approvals: Approvals, told: Told) -> None:
    async with await serve(told, approvals, None) as server:
        await ask(probe, server.get_port(), by_password("monitor", "right"))
        failure = await fails(probe, server.get_port(), by_password("monitor", "wrong"))
    assert failure.outcome is Outcome.AUTH_FAILED


async def test_a_wrong_password_is_sent_exactly_once(probe: Probe, approvals: Approvals, told: Told) -> None:
    async with await serve(told, approvals, None) as server:
        await fails(probe, server.get_port(), by_password("monitor", "wrong"))
    assert told.passwords == ["wrong"]


async def test_a_password_asked_for_by_prompt_is_given_once(
    probe: Probe, approvals: Approvals, told: Told
) -> None:
    async with await serve(told, approvals, None, PromptingServer) as server:
        answer = await ask(probe, server.get_port(), by_password("monitor", "right"))
        failure = await fails(probe, server.get_port(), by_password("monitor", "wrong"))
    assert facts(answer)["ssh.auth_methods"] == ("keyboard-interactive",)
    assert failure.outcome is Outcome.AUTH_FAILED
    assert told.passwords == ["right", "wrong"]


async def test_a_server_that_lets_anybody_in_is_seen_to(
    probe: Probe, approvals: Approvals, told: Told
) -> None:
    async with await serve(told, approvals, None, OpenServer) as server:
        answer = await ask(probe, server.get_port(), by_password("monitor", "right"))
    assert facts(answer)["ssh.auth_methods"] == ("none",)
    assert told.passwords == []


async def test_no_password_reaches_a_server_whose_key_is_not_approved(
    probe: Probe, approvals: Approvals, told: Told
) -> None:
    async with await serve(told, approvals, None) as server:
        approvals.approve(server.get_port())
        await fails(probe, server.get_port(), by_password("monitor", "right"))
    assert told.passwords == []
    assert told.logins == 0


async def test_output_without_end_is_cut_at_one_mebibyte(
    probe: Probe, approvals: Approvals, told: Told
) -> None:
    """Abuse case A21."""
    async with await serve(told, approvals, "x" * (3 * 1024 * 1024)) as server:
        failure = await fails(probe, server.get_port(), by_password("monitor", "right"))
    assert failure.outcome is Outcome.PROTOCOL_ERROR
    assert "longer than" in failure.detail.en
    assert "ssh.version" in facts(failure.answer)


async def test_a_command_that_never_ends_is_cut_at_the_deadline_and_the_login_given_up(
    probe: Probe, approvals: Approvals, told: Told
) -> None:
    """Abuse case A22."""
    async with await serve(told, approvals, "") as server:
        with pytest.raises(TimeoutError):
            await ask(probe, server.get_port(), by_password("monitor", "right"), seconds=0.7)
        assert probe._sessions == {}


@pytest.mark.parametrize("forged", ["uptime", "shadow", "df"])
async def test_a_section_forged_in_another_makes_the_answer_invalid(
    forged: str, probe: Probe, approvals: Approvals, told: Told
) -> None:
    """Abuse case A26."""
    answer = sections(first=True, loadavg=f"1 1 1\n@@{forged}\nroot:LOCKED")
    async with await serve(told, approvals, answer) as server:
        failure = await fails(probe, server.get_port(), by_password("monitor", "right"))
    assert failure.outcome is Outcome.PROTOCOL_ERROR
    assert "malformed" in failure.detail.en


async def test_a_device_without_a_shell_is_quoted_cleaned(
    probe: Probe, approvals: Approvals, told: Told
) -> None:
    async with await serve(told, approvals, "% Invalid input\x1b[31m detected\n") as server:
        failure = await fails(probe, server.get_port(), by_password("monitor", "right"))
    assert failure.outcome is Outcome.PROTOCOL_ERROR
    assert "Invalid input" in failure.detail.en
    assert "\x1b" not in failure.detail.en


async def test_a_private_key_that_cannot_be_read_says_something_about_us(
    probe: Probe, approvals: Approvals, tmp_path: Path
) -> None:
    credential = Credential("ssh_key", {"user": "x"}, {"key": Secret("CANARY-SECRET")})
    failure = await fails(probe, 22, credential)
    assert failure.outcome is Outcome.NOT_READY
    assert "CANARY" not in failure.detail.en
    assert failure.__cause__ is None


# -- what is no SSH server ---------------------------------------------------------------------------------


def says_and_ends(payload: bytes) -> hostile.TcpBehaviour:
    async def behaviour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(payload)
        await writer.drain()

    return behaviour


async def test_a_closed_port_is_refused_not_down(probe: Probe) -> None:
    with hostile.refusing_tcp() as server:
        assert (await fails(probe, server.port)).outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    "behaviour",
    [
        hostile.garbage,
        hostile.huge_line,
        hostile.endless(b"SSH-2.0-x\r\n"),
        hostile.hang_up,
        hostile.reset,
        hostile.reset_on_request,
        hostile.says(b"SSH-2.0-" + b"A" * 5000 + b"\r\n"),
        hostile.says(b"line\r\n" * 60),
        hostile.says(b"SSH-1.5-old\r\n"),
        says_and_ends(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    ],
)
@pytest.mark.parametrize("credential", [None, by_password("monitor", "secret")])
async def test_what_is_not_ssh_is_a_protocol_error(
    probe: Probe, behaviour: hostile.TcpBehaviour, credential: Credential | None
) -> None:
    """Abuse case A25 among them."""
    async with hostile.tcp(behaviour) as server:
        assert (await fails(probe, server.port, credential)).outcome is Outcome.PROTOCOL_ERROR


@pytest.mark.parametrize("behaviour", [says_and_ends(b"No room\r\n"), hostile.says(b"No room\r\n")])
async def test_what_a_server_says_that_is_not_ssh_is_passed_on(
    probe: Probe, behaviour: hostile.TcpBehaviour
) -> None:
    async with hostile.tcp(behaviour) as server:
        assert "No room" in (await fails(probe, server.port)).detail.en


@pytest.mark.parametrize("behaviour", [hostile.silent, hostile.drip(b"SSH-2.0-slow\r\n", pause=0.1)])
async def test_silence_and_slowness_end_at_the_deadline(
    probe: Probe, behaviour: hostile.TcpBehaviour
) -> None:
    start = time.monotonic()
    async with hostile.tcp(behaviour) as server:
        with pytest.raises(TimeoutError):
            await ask(probe, server.port, by_password("monitor", "secret"), seconds=0.5)
    assert time.monotonic() - start < 2


def damaging(port: int, chance: random.Random) -> hostile.TcpBehaviour:
    """Pass everything on, but change a few of the server's bytes."""

    async def behaviour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        start, seen = chance.choice((0, 30, 60, 400, 1000)), 0

        async def forward() -> None:
            while data := await reader.read(65536):
                back.write(data)

        sending = asyncio.create_task(forward())
        try:
            while data := await there.read(65536):
                changed = bytearray(data)
                for at in range(len(changed)):
                    if seen + at >= start and chance.random() < 0.01:
                        changed[at] = chance.randrange(256)
                seen += len(data)
                writer.write(bytes(changed))
        finally:
            sending.cancel()
            back.transport.abort()

    return behaviour


async def test_a_damaged_conversation_never_becomes_a_bug_of_ours(
    probe: Probe, approvals: Approvals, told: Told
) -> None:
    outcomes = set()
    async with await serve(told, approvals, None) as server:
        (key,) = approvals.keys.values()
        async with hostile.tcp(damaging(server.get_port(), random.Random(20262))) as between:
            approvals.approve(between.port, *key)
            for _ in range(60):
                try:
                    await ask(probe, between.port, by_password("monitor", "right"), seconds=0.5, keep=0.0)
                except ProbeFailure as failure:
                    outcomes.add(failure.outcome)
                except TimeoutError:
                    outcomes.add(Outcome.TIMEOUT)
    assert Outcome.PROTOCOL_ERROR in outcomes
    assert outcomes <= {Outcome.PROTOCOL_ERROR, Outcome.TIMEOUT, Outcome.UNTRUSTED, Outcome.AUTH_FAILED}


def test_no_code_switches_the_host_key_check_off() -> None:
    folder = Path(probes.ssh.__file__).parent.parent
    for path in folder.rglob("*.py"):
        assert not re.search(r"known_hosts\s*=\s*(None|b?\"\"|\(\))", path.read_text()), path
