"""TCP ports that can fall silent as a dead machine's do: no answer at all, not even a refusal.

A kernel answers every connection attempt to a listening port until the queue of connections nobody took is
full; then it drops them. So a port falls silent when its queue is as short as can be, full, and nobody takes
from it (Linux, listen(2)).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from monitor.demo.machine import Machine

_QUEUE = 128
_SHORTEST = 0
_FILLERS = 2
"""A queue of length 0 holds one connection; the second try makes sure."""


class Listener:
    """One TCP port of a machine; `serve` gets each connection's socket."""

    def __init__(self, machine: Machine, port: int, serve: Callable[[socket.socket], None]) -> None:
        self._machine = machine
        self._serve = serve
        self._loop = asyncio.get_running_loop()
        self._fillers: list[socket.socket] = []
        self._address = (machine.place.address, port)
        self._socket = _listening(self._address)
        self._open()
        machine.changed.append(self._react)

    def close(self) -> None:
        """Close the port: from now on it refuses."""
        self._machine.changed.remove(self._react)
        self._loop.remove_reader(self._socket)
        self._socket.close()
        self._drop_fillers()

    def _react(self) -> None:
        if self._machine.silent and not self._fillers:
            self._fall_silent()
        elif not self._machine.silent and self._fillers:
            self._drop_fillers()
            self._open()

    def _open(self) -> None:
        if self._machine.silent:
            self._fall_silent()
            return
        self._socket.listen(_QUEUE)
        self._loop.add_reader(self._socket, self._take)

    def _fall_silent(self) -> None:
        self._loop.remove_reader(self._socket)
        self._take_and_drop()
        self._socket.listen(_SHORTEST)
        for _ in range(_FILLERS):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            filler.setblocking(False)
            filler.connect_ex(self._address)
            self._fillers.append(filler)

    def _drop_fillers(self) -> None:
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()

    def _take(self) -> None:
        with contextlib.suppress(OSError):  # nobody waits any more, or the visitor left: both are ordinary
            while True:
                connection, _ = self._socket.accept()
                connection.setblocking(False)
                self._serve(connection)

    def _take_and_drop(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._socket.accept()[0].close()


def _listening(address: tuple[str, int]) -> socket.socket:
    port = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    port.bind(address)
    port.setblocking(False)
    port.listen(_QUEUE)
    return port
