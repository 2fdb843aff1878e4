"""Names to addresses without blocking, and which outcome an error of the system is."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from inventory.network_policy import NetworkPolicy
from probes.core import network
from probes.core.network import Network
from probes.core.observation import Outcome
from probes.core.probe import ProbeFailure
from probes.core.words import same
from tests import loopback
from tests.servers.hostile import silent, tcp


@pytest.mark.parametrize(
    ("number", "outcome", "detail"),
    [
        (errno.ECONNREFUSED, Outcome.REFUSED, "TCP port 22: closed, the device refused the connection"),
        (errno.ETIMEDOUT, Outcome.TIMEOUT, "TCP port 22: no answer"),
        (errno.EHOSTUNREACH, Outcome.UNREACHABLE, "TCP port 22: no route to host"),
        (errno.ECONNRESET, Outcome.PROTOCOL_ERROR, "TCP port 22: the device cut the connection"),
        (errno.EMFILE, Outcome.NOT_READY, "TCP port 22: too many open files"),
    ],
)
def test_an_error_of_the_network_is_an_outcome(number: int, outcome: Outcome, detail: str) -> None:
    failure = network.failure(OSError(number, os.strerror(number)), network.at_port("TCP", 22))
    assert (failure.outcome, failure.detail.en) == (outcome, detail)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(ConnectionResetError(), Outcome.PROTOCOL_ERROR), (TimeoutError(), Outcome.TIMEOUT)],
)
def test_errors_that_asyncio_makes_itself_have_no_number_and_an_outcome(
    error: OSError, outcome: Outcome
) -> None:
    assert network.failure(error, same("x")).outcome is outcome


@pytest.mark.parametrize("error", [OSError(errno.EBADF, "bad file"), OSError("strange")])
def test_an_error_no_network_causes_is_a_surprise_and_goes_on(error: OSError) -> None:
    with pytest.raises(OSError, match=r"bad file|strange"):
        network.failure(error, same("x"))


@pytest.mark.parametrize(
    ("host", "address"),
    [("192.0.2.7", "192.0.2.7"), ("2001:DB8::0:7", "2001:db8::7"), ("::ffff:192.0.2.7", "192.0.2.7")],
)
async def test_an_address_needs_no_resolver(host: str, address: str) -> None:
    assert await loopback.NETWORK.resolve(host) == address


async def test_a_slow_resolver_does_not_hold_the_loop() -> None:
    with ThreadPoolExecutor(1) as busy:
        asyncio.get_running_loop().set_default_executor(busy)
        busy.submit(time.sleep, 0.2)
        resolving = asyncio.create_task(loopback.NETWORK.resolve("localhost"))
        await asyncio.sleep(0.1)
        assert not resolving.done()
        assert await resolving in ("127.0.0.1", "::1")


@pytest.mark.parametrize("name", ["", "no-such.invalid", "a..b", ".", "x" * 300, "bad\nname", "\x00"])
async def test_what_does_not_resolve_is_unreachable_and_told_in_one_line(name: str) -> None:
    with pytest.raises(ProbeFailure) as failure:
        await loopback.NETWORK.resolve(name)
    assert failure.value.outcome is Outcome.UNREACHABLE
    assert failure.value.detail.en.isprintable()


# -- Who may be asked (abuse cases A18, A19) -----------------------------------------------------------------


class Names:
    """A resolver whose answers change: each name leads to the next of its answers, at last for ever to the last."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, name: str) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "169.254.169.254", "::ffff:127.0.0.1", "0.0.0.0"])
async def test_a_denied_address_is_not_ready_and_names_the_setting(address: str) -> None:
    for host, names in ((address, Names([])), ("device.example", Names([address]))):
        with pytest.raises(ProbeFailure, match=r"`network: \{allow: …\}` of the settings file") as failure:
            await Network(NetworkPolicy(), names).resolve(host)
        assert failure.value.outcome is Outcome.NOT_READY


@pytest.mark.parametrize("host", ["localhost", "127.1", "2130706433", "0x7f.1"])
async def test_however_loopback_is_written_it_is_seen_after_resolution(host: str) -> None:
    with pytest.raises(ProbeFailure, match="loopback") as failure:
        await Network(NetworkPolicy()).resolve(host)
    assert failure.value.outcome is Outcome.NOT_READY


async def test_of_several_addresses_the_first_permitted_one_is_asked() -> None:
    network = Network(NetworkPolicy(), Names(["127.0.0.1", "fe80::1", "10.1.2.3", "10.1.2.4"]))
    assert await network.resolve("device.example") == "10.1.2.3"


async def test_a_name_that_leads_to_nothing_is_unreachable() -> None:
    with pytest.raises(ProbeFailure, match="does not resolve"):
        await Network(NetworkPolicy(), Names([])).resolve("device.example")


async def test_the_other_end_of_a_connection_is_looked_at_again() -> None:
    async with tcp(silent) as server:
        with pytest.raises(ProbeFailure, match="the connection leads to") as failure:
            await Network(NetworkPolicy()).connect("127.0.0.1", server.port)
    assert failure.value.outcome is Outcome.NOT_READY
