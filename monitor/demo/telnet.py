"""A simulated Telnet port that is closed until a fault opens it, and silent while its machine is."""

from __future__ import annotations

import asyncio
import socket

from monitor.demo import faults
from monitor.demo.layout import TELNET_PORT
from monitor.demo.listener import Listener
from monitor.demo.machine import Machine

_GREETING = b"\xff\xfd\x18\xff\xfd\x20\r\nUser Access Verification\r\n\r\nUsername: "
"""Negotiation of terminal type and speed (RFC 854), then a login prompt."""
_PATIENCE = 10.0
"""Seconds until a visitor is sent away."""


class TelnetPort:
    """The Telnet port of one machine. Closed, it refuses; while the machine is silent, not even that."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._listener: Listener | None = None
        self._visitors: dict[socket.socket, asyncio.TimerHandle] = {}
        machine.changed.append(self._react)

    def close(self) -> None:
        """Close the port."""
        self._machine.changed.remove(self._react)
        self._shut()

    def _react(self) -> None:
        needed = self._machine.silent or self._machine.has(faults.OPEN_TELNET)
        if needed and self._listener is None:
            self._listener = Listener(self._machine, TELNET_PORT, self._greet)
        elif not needed:
            self._shut()

    def _shut(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for visitor in tuple(self._visitors):
            self._dismiss(visitor)

    def _greet(self, visitor: socket.socket) -> None:
        visitor.send(_GREETING)
        timer = asyncio.get_running_loop().call_later(_PATIENCE, self._dismiss, visitor)
        self._visitors[visitor] = timer

    def _dismiss(self, visitor: socket.socket) -> None:
        self._visitors.pop(visitor).cancel()
        visitor.close()
