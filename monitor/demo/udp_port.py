"""A UDP port of a simulated machine: it answers what comes, late when the machine is slow, never when it is silent."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from abc import ABC, abstractmethod

from monitor.demo.machine import Machine

_BURST = 32
"""Datagrams read at once: the other machines of the loop have their turn too."""
_LARGEST = 65507


class UdpPort(ABC):
    """Open until `close`; lives on the event loop it was made in."""

    def __init__(self, machine: Machine, port: int) -> None:
        self._machine = machine
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((machine.place.address, port))
        self._socket.setblocking(False)
        self._loop.add_reader(self._socket, self._receive)

    def close(self) -> None:
        """Close the port."""
        self._loop.remove_reader(self._socket)
        self._socket.close()

    @abstractmethod
    def answer(self, request: bytes) -> bytes | None:
        """Return the reply to a datagram, `None` for none."""

    def _receive(self) -> None:
        with contextlib.suppress(OSError):  # nothing waits any more
            for _ in range(_BURST):
                request, sender = self._socket.recvfrom(_LARGEST)
                reply = None if self._machine.silent else self.answer(request)
                if reply is not None and self._machine.delay:
                    self._loop.call_later(self._machine.delay, self._send, reply, sender)
                elif reply is not None:
                    self._send(reply, sender)

    def _send(self, reply: bytes, sender: tuple[str, int]) -> None:
        with contextlib.suppress(OSError):  # closed meanwhile, or the asker is gone
            self._socket.sendto(reply, sender)
