"""The connections of some work in another thread, so that they can be counted and cut from outside."""

from __future__ import annotations

import os
import socket
import struct
import threading
from contextlib import suppress

MOST = 50
"""Connections of one piece of work."""
_RECEIVED = 128
"""Where ``tcp_info`` of Linux has ``tcpi_bytes_received`` (linux/tcp.h, since 4.1)."""


class Connections:
    """Holds a second handle to each: whatever the library wraps around the first, the connection is the same."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._over = False

    def add(self, connecting: socket.socket) -> None:
        """Remember a connection that is about to be made. Raises `OSError` after the cut, and for too many."""
        with self._lock:
            if self._over or len(self._open) >= MOST:
                raise OSError("no further connection of this work")
            self._open.append(socket.socket(fileno=os.dup(connecting.fileno())))

    @property
    def received(self) -> int:
        """Bytes that came over all of them, as far as the system counts them."""
        with self._lock:
            return sum(_received(one) for one in self._open)

    def cut(self) -> None:
        """End them all, so that whoever waits for one of them waits no longer."""
        with self._lock:
            self._over = True
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of them: the work is done."""
        with self._lock:
            self._over = True
            while self._open:
                self._open.pop().close()


def _received(connection: socket.socket) -> int:
    try:
        counted = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RECEIVED + 8)
    except OSError:
        return 0  # no TCP
    return int(struct.unpack_from("Q", counted, _RECEIVED)[0]) if len(counted) >= _RECEIVED + 8 else 0
