"""What probes over a network share: an address from a name, and what an error of the system means."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket

from probes.core.observation import Outcome
from probes.core.probe import ProbeFailure
from probes.core.text import clean

_MEANING = {
    errno.ECONNREFUSED: Outcome.REFUSED,
    errno.ETIMEDOUT: Outcome.TIMEOUT,
    errno.ENETUNREACH: Outcome.UNREACHABLE,
    errno.EHOSTUNREACH: Outcome.UNREACHABLE,
    errno.EHOSTDOWN: Outcome.UNREACHABLE,
    errno.ENETDOWN: Outcome.UNREACHABLE,
    errno.ECONNRESET: Outcome.PROTOCOL_ERROR,
    errno.ECONNABORTED: Outcome.PROTOCOL_ERROR,
    errno.EPIPE: Outcome.PROTOCOL_ERROR,
    errno.EPROTO: Outcome.PROTOCOL_ERROR,
    # What follows says something about this machine, nothing about the device.
    errno.EACCES: Outcome.NOT_READY,
    errno.EPERM: Outcome.NOT_READY,
    errno.EMFILE: Outcome.NOT_READY,
    errno.ENFILE: Outcome.NOT_READY,
    errno.EAGAIN: Outcome.NOT_READY,
    errno.ENOBUFS: Outcome.NOT_READY,
    errno.ENOMEM: Outcome.NOT_READY,
    errno.EADDRNOTAVAIL: Outcome.NOT_READY,
    errno.EADDRINUSE: Outcome.NOT_READY,
    errno.EAFNOSUPPORT: Outcome.NOT_READY,
}


async def resolve(host: str) -> str:
    """Return the first IP address of `host` without blocking the loop; an address is returned as it is.

    The order of several addresses is that of the system's resolver (RFC 6724). An IPv4-mapped IPv6 address
    becomes IPv4. Raises `ProbeFailure` (UNREACHABLE) when the name does not resolve.
    """
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return await _look_up(host)
    mapped = getattr(literal, "ipv4_mapped", None)
    return str(mapped or literal)


async def _look_up(name: str) -> str:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # UnicodeError: a label that is no host name at all
        raise ProbeFailure(Outcome.UNREACHABLE, f"the name {clean(name, 80)} does not resolve") from error
    return str(found[0][4][0])


def failure(error: OSError, subject: str) -> ProbeFailure:
    """Return what `error` of a connection means; `subject` says what was tried: ``"TCP port 22"``.

    Raises `error` itself when it is none that a network is known to cause: then it is a bug of ours.
    """
    outcome = _MEANING.get(error.errno or 0) or _meaning_by_type(error)
    if outcome is None:
        raise error
    return ProbeFailure(outcome, f"{subject}: {_words(error)}")


def _meaning_by_type(error: OSError) -> Outcome | None:
    """For errors that asyncio makes itself, without a number."""
    if isinstance(error, TimeoutError):
        return Outcome.TIMEOUT
    return Outcome.PROTOCOL_ERROR if isinstance(error, ConnectionError) else None


def _words(error: OSError) -> str:
    if error.errno == errno.ECONNREFUSED:
        return "closed, the device refused the connection"
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, ConnectionError):
        return "the device cut the connection"
    return (error.strerror or type(error).__name__).lower()
