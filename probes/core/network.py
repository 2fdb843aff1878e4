"""The one way probes reach a device: a name becomes one address, that address is permitted, and it is connected to.

What an error of the system means is told here too.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

from inventory.network_policy import PERMIT, NetworkPolicy
from probes.core.observation import Outcome
from probes.core.probe import ProbeFailure
from probes.core.text import clean
from probes.core.words import Words

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


Lookup = Callable[[str], Awaitable[Sequence[str]]]
"""Returns the IP addresses of a host name, the preferred first. Raises `OSError` or `UnicodeError`."""


async def system_lookup(name: str) -> Sequence[str]:
    """Ask the system's resolver without blocking the loop; the order is that of RFC 6724."""
    found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


_ERRORS = {
    errno.ENETUNREACH: "không có đường tới mạng này",
    errno.EHOSTUNREACH: "không có đường tới thiết bị",
    errno.EHOSTDOWN: "thiết bị không có mặt trên mạng",
    errno.ENETDOWN: "mạng của máy giám sát bị ngắt",
    errno.ETIMEDOUT: "không trả lời",
    errno.ECONNREFUSED: "từ chối kết nối",
    errno.EACCES: "máy giám sát không cho phép",
    errno.EPERM: "máy giám sát không cho phép",
    errno.EMFILE: "máy giám sát hết số tệp được mở",
    errno.ENFILE: "máy giám sát hết số tệp được mở",
    errno.EAGAIN: "máy giám sát hết tài nguyên",
    errno.ENOBUFS: "máy giám sát hết bộ đệm",
    errno.EADDRNOTAVAIL: "máy giám sát không có địa chỉ phù hợp",
}
"""What the system's errors mean, in Vietnamese."""


class Network:
    """Reaches devices, and nothing that `policy` rules out (abuse cases A18, A19).

    A probe resolves once for each question, and speaks to the address it got: what a name leads to later, or
    the second time it is asked for, cannot change whom it speaks to.
    """

    def __init__(self, policy: NetworkPolicy, lookup: Lookup = system_lookup, permit: str = PERMIT) -> None:
        """`permit` names the setting that permits more, for people."""
        self._policy = policy
        self._lookup = lookup
        self._permit = permit

    def refusal(self, address: str) -> str:
        """Return why nothing is sent to the IP `address`; "" when it is permitted."""
        return self._policy.refusal(address, self._permit)

    async def resolve(self, host: str) -> str:
        """Return the IP address to ask for `host`: itself, or the first permitted one its name leads to.

        An IPv4-mapped IPv6 address becomes IPv4. Raises `ProbeFailure`: UNREACHABLE when the name does not resolve,
        NOT_READY when nothing it leads to is permitted.
        """
        literal = _literal(host)
        addresses = [literal] if literal else await self._look_up(host)
        refusals = [self.refusal(address) for address in addresses]
        for address, refusal in zip(addresses, refusals, strict=True):
            if not refusal:
                return address
        prefix = "" if literal else f"{clean(host, 80)} leads to "
        raise _not_permitted(f"{prefix}{refusals[0]}")

    async def connect(self, address: str, port: int) -> socket.socket:
        """Open a TCP connection to an `address` from `resolve`; the socket is the caller's to close.

        Raises `OSError`, and `ProbeFailure` (NOT_READY) when the other end is not a permitted one after all.
        """
        ours = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        try:
            ours.setblocking(False)
            await asyncio.get_running_loop().sock_connect(ours, (address, port))
            self.check_peer(ours)
        except BaseException:
            ours.close()
            raise
        return ours

    def check_peer(self, connected: socket.socket) -> None:
        """Raise `ProbeFailure` (NOT_READY) when `connected` leads to an address that is not permitted."""
        try:
            peer = str(connected.getpeername()[0])
        except OSError as error:  # gone before we could look
            raise ConnectionResetError(errno.ECONNRESET, "connection reset") from error
        if refusal := self.refusal(peer):
            raise _not_permitted(f"the connection leads to {refusal}")

    async def _look_up(self, name: str) -> list[str]:
        try:
            found = await self._lookup(name)
        except (OSError, UnicodeError) as error:  # UnicodeError: a label that is no host name at all
            raise _unresolved(name) from error
        if not found:
            raise _unresolved(name)
        return [_literal(address) or address for address in found]


def _literal(host: str) -> str:
    """Return the IP address that `host` is, in its usual form; "" when it is a name."""
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return ""
    return str(getattr(literal, "ipv4_mapped", None) or literal)


def _unresolved(name: str) -> ProbeFailure:
    shown = clean(name, 80)
    return ProbeFailure(
        Outcome.UNREACHABLE,
        Words(f"không phân giải được tên miền {shown}", f"the name {shown} does not resolve"),
    )


def _not_permitted(refusal: str) -> ProbeFailure:
    return ProbeFailure(Outcome.NOT_READY, Words(f"cấu hình không cho phép hỏi: {refusal}", refusal))


def at_port(protocol: str, number: int | str) -> Words:
    """Return what a port is called: ``"cổng TCP 22"``."""
    return Words(f"cổng {protocol} {number}", f"{protocol} port {number}")


def failure(error: OSError, subject: Words) -> ProbeFailure:
    """Return what `error` of a connection means; `subject` says what was tried: ``at_port("TCP", 22)``.

    Raises `error` itself when it is none that a network is known to cause: then it is a bug of ours.
    """
    outcome = _MEANING.get(error.errno or 0) or _meaning_by_type(error)
    if outcome is None:
        raise error
    words = _words(error)
    return ProbeFailure(outcome, Words(f"{subject.vi}: {words.vi}", f"{subject.en}: {words.en}"))


def _meaning_by_type(error: OSError) -> Outcome | None:
    """For errors that asyncio makes itself, without a number."""
    if isinstance(error, TimeoutError):
        return Outcome.TIMEOUT
    return Outcome.PROTOCOL_ERROR if isinstance(error, ConnectionError) else None


def _words(error: OSError) -> Words:
    if error.errno == errno.ECONNREFUSED:
        return Words("đóng, thiết bị từ chối kết nối", "closed, the device refused the connection")
    if isinstance(error, TimeoutError):
        return Words("không trả lời", "no answer")
    if isinstance(error, ConnectionError):
        return Words("thiết bị ngắt kết nối", "the device cut the connection")
    return words_of(error)


def words_of(error: OSError) -> Words:
    """Return an error of the system in words; the system's own stay readable beside ours."""
    text = (error.strerror or type(error).__name__).lower()
    known = _ERRORS.get(error.errno or 0)
    return Words(f"{known} ({text})" if known else text, text)
