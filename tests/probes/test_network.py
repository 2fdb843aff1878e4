"""Names to addresses without blocking, and which outcome an error of the system is."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from probes.core import network
from probes.core.observation import Outcome
from probes.core.probe import ProbeFailure


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
    failure = network.failure(OSError(number, os.strerror(number)), "TCP port 22")
    assert (failure.outcome, failure.detail) == (outcome, detail)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(ConnectionResetError(), Outcome.PROTOCOL_ERROR), (TimeoutError(), Outcome.TIMEOUT)],
)
def test_errors_that_asyncio_makes_itself_have_no_number_and_an_outcome(
    error: OSError, outcome: Outcome
) -> None:
    assert network.failure(error, "x").outcome is outcome


@pytest.mark.parametrize("error", [OSError(errno.EBADF, "bad file"), OSError("strange")])
def test_an_error_no_network_causes_is_a_surprise_and_goes_on(error: OSError) -> None:
    with pytest.raises(OSError, match=r"bad file|strange"):
        network.failure(error, "x")


@pytest.mark.parametrize(
    ("host", "address"),
    [("192.0.2.7", "192.0.2.7"), ("2001:DB8::0:7", "2001:db8::7"), ("::ffff:192.0.2.7", "192.0.2.7")],
)
async def test_an_address_needs_no_resolver(host: str, address: str) -> None:
    assert await network.resolve(host) == address


async def test_a_slow_resolver_does_not_hold_the_loop() -> None:
    with ThreadPoolExecutor(1) as busy:
        asyncio.get_running_loop().set_default_executor(busy)
        busy.submit(time.sleep, 0.2)
        resolving = asyncio.create_task(network.resolve("localhost"))
        await asyncio.sleep(0.1)
        assert not resolving.done()
        assert await resolving in ("127.0.0.1", "::1")


@pytest.mark.parametrize("name", ["", "no-such.invalid", "a..b", ".", "x" * 300, "bad\nname", "\x00"])
async def test_what_does_not_resolve_is_unreachable_and_told_in_one_line(name: str) -> None:
    with pytest.raises(ProbeFailure) as failure:
        await network.resolve(name)
    assert failure.value.outcome is Outcome.UNREACHABLE
    assert failure.value.detail.isprintable()
