"""What every probe promises: a question, documented parameters, honest outcomes, nothing left behind.

A new probe is tested here without a line: by pointing it at servers that are silent, closed, slow or talk
garbage, over TCP and UDP on the same port.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import inspect
import pkgutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import TypeAdapter

import probes
from inventory.network_policy import NetworkPolicy
from inventory.secrets import Credential, CredentialSpec, Secrets, resolve
from monitor.runner import Runner
from probes.core.network import Network
from probes.core.observation import Observation, Outcome
from probes.core.parameters import parameters
from probes.core.probe import Check, Environment, Params, Probe, Target
from probes.core.words import say
from tests.servers.hostile import drip, garbage, mute, noise, refusing_tcp, refusing_udp, silent, tcp, udp

NAMES = sorted(info.name for info in pkgutil.iter_modules(probes.__path__) if info.name != "core")
RESERVED = {"probe", "interval", "timeout", "enabled", "name", "params", "title"}
"""Keys of a check that are not its probe's (docs/inventory.md)."""
DEADLINE = 1.0

NEVER_HEARD = {Outcome.TIMEOUT}
NOBODY_THERE = {Outcome.REFUSED, Outcome.TIMEOUT}
NONSENSE = {Outcome.PROTOCOL_ERROR, Outcome.TIMEOUT}
"""A shared UDP socket is not told of a closed port, and drops what is no answer: a timeout is honest then."""
_FILE = {"file": "worthless"}
WORTHLESS: dict[str, dict[str, object]] = {
    "snmp_v1": {"community": _FILE},
    "snmp_v2c": {"community": _FILE},
    "snmp_v3": {"user": "monitor", "auth_password": _FILE, "priv_password": _FILE},
    "ssh_password": {"user": "monitor", "password": _FILE},
    "http_basic": {"user": "monitor", "password": _FILE},
    "http_bearer": {"token": _FILE},
}
ANSWERED_BY_CONNECTING = {"tcp"}
"""Probes whose whole question is whether the port opens."""


def load(name: str) -> type[Probe[Any]]:
    return importlib.import_module(f"probes.{name}").Probe  # type: ignore[no-any-return]


# -- Words -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_probe_opens_with_its_question(name: str) -> None:
    text = inspect.cleandoc(importlib.import_module(f"probes.{name}").__doc__ or "")
    assert text.partition("\n\n")[0].endswith("?"), (
        f"the docstring of probes.{name} is not a question: {text}"
    )


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_documented_typed_and_named_unlike_a_key_of_checks(name: str) -> None:
    model = load(name).params
    assert issubclass(model, Params)
    assert model.model_config.get("extra") == "forbid"
    for parameter in parameters(model):
        assert parameter.meaning, f"{name}: the parameter {parameter.name} has no docstring"
        assert parameter.kind != "value", f"{name}: the parameter {parameter.name} takes anything"
        assert parameter.name not in RESERVED


@pytest.mark.parametrize("name", NAMES)
def test_one_attempt_fits_into_the_interval(name: str) -> None:
    probe = load(name)
    assert 0 < probe.timeout <= probe.interval
    assert not probe.needs_credential or probe.credential_kinds


# -- Outcomes ----------------------------------------------------------------------------------------------


def pointed(probe: type[Probe[Any]], port: int) -> Params:
    """Return the probe's parameters, pointed at a port of the loopback; skip a probe that has no port."""
    fields = probe.params.model_fields
    if "port" in fields:
        return probe.params.model_validate({"port": port})
    if "url" in fields:
        return probe.params.model_validate({"url": f"https://{{address}}:{port}/"})
    pytest.skip("this probe asks no port")


def credential(probe: type[Probe[Any]], folder: Path) -> Credential | None:
    """Return a credential that this probe can use, with worthless values."""
    kind = next((kind for kind in probe.credential_kinds if kind in WORTHLESS), None)
    if kind is None:
        return None
    (folder / "worthless").write_text("worthless-value")
    spec: TypeAdapter[Any] = TypeAdapter(CredentialSpec)
    return resolve(spec.validate_python({"kind": kind, **WORTHLESS[kind]}), Secrets(folder))


@contextlib.asynccontextmanager
async def both(over_tcp: Any, over_udp: Any) -> AsyncIterator[int]:
    """Serve TCP and UDP at one port number."""
    async with tcp(over_tcp) as server, udp(over_udp, port=server.port):
        yield server.port


async def observe(name: str, port: int, environment: Environment) -> Observation:
    """Ask as the service does, with its runner."""
    kind = load(name)
    target = Target("x/y", "127.0.0.1", credential(kind, environment.state_dir))
    check = Check("contract", name, target, pointed(kind, port), interval=60.0, timeout=DEADLINE)
    async with kind(environment) as probe:
        return await Runner({name: probe}, lambda: datetime.now(UTC)).run(check)


def assert_honest(observation: Observation, allowed: set[Outcome]) -> None:
    if observation.probe in ANSWERED_BY_CONNECTING and observation.outcome is Outcome.OK:
        return
    assert observation.outcome in allowed, f"{observation.outcome}: {observation.detail}"
    assert observation.duration < DEADLINE + 0.5
    assert observation.detail
    for language in ("vi", "en"):
        assert 0 < len(text := say(observation.detail, language)) <= 300
        assert text.isprintable()


@pytest.mark.parametrize("name", NAMES)
async def test_a_silent_server_is_a_timeout(name: str, environment: Environment) -> None:
    async with both(silent, mute) as port:
        assert_honest(await observe(name, port, environment), NEVER_HEARD)


@pytest.mark.parametrize("name", NAMES)
async def test_a_closed_port_is_refused(name: str, environment: Environment) -> None:
    with refusing_tcp() as closed, refusing_udp(port=closed.port):
        observation = await observe(name, closed.port, environment)
    assert_honest(observation, NOBODY_THERE)


@pytest.mark.parametrize("name", NAMES)
async def test_garbage_is_a_protocol_error(name: str, environment: Environment) -> None:
    async with both(garbage, noise) as port:
        assert_honest(await observe(name, port, environment), NONSENSE)


@pytest.mark.parametrize("name", NAMES)
async def test_a_server_that_drips_does_not_hold_a_probe_beyond_its_deadline(
    name: str, environment: Environment
) -> None:
    async with both(drip(b"HTTP/1.1 200 OK\r\n"), mute) as port:
        assert_honest(await observe(name, port, environment), NONSENSE)


# -- Only whom it may ask (abuse cases A18, A19) -----------------------------------------------------------


def settings(kind: type[Probe[Any]], port: int) -> Params:
    """Return parameters, pointed at a port where the probe has one."""
    return pointed(kind, port) if {"port", "url"} & kind.params.model_fields.keys() else kind.params()


async def attempt(
    name: str, probe: Probe[Any], address: str, port: int, environment: Environment
) -> Observation:
    kind = type(probe)
    target = Target("x/y", address, credential(kind, environment.state_dir))
    check = Check("contract", name, target, settings(kind, port), interval=60.0, timeout=DEADLINE)
    return await Runner({name: probe}, lambda: datetime.now(UTC)).run(check)


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "localhost", "2130706433"])
@pytest.mark.parametrize("name", NAMES)
async def test_a_denied_address_is_never_sent_a_byte(
    name: str, address: str, environment: Environment
) -> None:
    environment = msgspec.structs.replace(environment, network=Network(NetworkPolicy()))
    async with (
        tcp(silent) as server,
        udp(mute, port=server.port) as datagrams,
        load(name)(environment) as probe,
    ):
        observation = await attempt(name, probe, address, server.port, environment)
    assert observation.outcome is Outcome.NOT_READY, observation.detail
    assert "loopback" in say(observation.detail, "vi")
    assert "`network: {allow: …}` of the settings file" in say(observation.detail, "vi")
    assert server.connections == datagrams.connections == 0


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_that_is_rebound_leads_nowhere_else(name: str, environment: Environment) -> None:
    asked: list[str] = []

    async def rebinding(host: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    policy = NetworkPolicy(allow=("127.0.0.1",))
    environment = msgspec.structs.replace(environment, network=Network(policy, rebinding))
    async with (
        both(garbage, noise) as port,
        tcp(silent, host="127.0.0.2", port=port) as inside,
        udp(mute, host="127.0.0.2", port=port) as datagrams,
        load(name)(environment) as probe,
    ):
        for _ in range(3):
            await attempt(name, probe, "device.example", port, environment)
    assert 1 <= len(asked) <= 3, "a name is resolved once for each question"
    assert inside.connections == datagrams.connections == 0


# -- Nothing left behind -----------------------------------------------------------------------------------


def open_files() -> set[str]:
    return {f"{fd}: {target}" for fd in Path("/proc/self/fd").iterdir() if (target := _target(fd))}


def _target(fd: Path) -> str:
    with contextlib.suppress(OSError):
        return str(fd.readlink())
    return ""


@pytest.mark.parametrize("name", NAMES)
async def test_a_cancelled_attempt_leaves_no_task_and_no_socket(name: str, environment: Environment) -> None:
    kind = load(name)
    async with both(drip(b"\0", pause=0.05), mute) as port:
        params = pointed(kind, port)
        before, tasks = open_files(), len(asyncio.all_tasks())
        async with kind(environment) as probe:
            target = Target("x/y", "127.0.0.1", credential(kind, environment.state_dir))
            attempts = [asyncio.create_task(probe.ask(target, params)) for _ in range(3)]
            await asyncio.sleep(0.15)
            for attempt in attempts:
                attempt.cancel()
            results = await asyncio.gather(*attempts, return_exceptions=True)
    for _ in range(20):
        del results[:], attempts[:]
        gc.collect()
        left = open_files() - before
        if not left and len(asyncio.all_tasks()) <= tasks:
            return
        await asyncio.sleep(0.05)
    assert not left
    assert len(asyncio.all_tasks()) <= tasks, asyncio.all_tasks()
