"""Runs blocking code of a library in threads of its own, from which nothing is reached that the service may not reach.

Python tells of every connection before it is made (audit events): one from such a thread that leads where the network
policy forbids, or a program that such a thread would start, is refused. That holds for redirects and for names that
lead elsewhere the second time. Connections are cut when the work is given up, and when more comes than is wanted.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import ContextVar
from functools import cache
from typing import Any, TypeVar

from alerts.telling.connections import Connections

T = TypeVar("T")

_PROGRAMS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "pty.spawn")
MOST = 1024 * 1024
"""Bytes that one piece of work may be sent."""
LOOK = 0.1
"""Seconds between two looks at how much came."""


class Forbidden(OSError):
    """The thread may not do that; the text says why."""


class Stuck(Exception):
    """Every thread is busy with earlier work."""


class _Bounds:
    """What one piece of work may reach, and what was said when it tried more."""

    def __init__(self, refusal: Callable[[str], str]) -> None:
        self.refusal = refusal
        self.said = ""
        self.connections = Connections()


@cache
def _guard() -> ContextVar[_Bounds | None]:
    """Install the guard of this process, once: an audit hook stays as long as the process does.

    The bounds go with the context of the work, so that threads of the library itself are bounded too.
    """
    bounds: ContextVar[_Bounds | None] = ContextVar("bounds", default=None)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        here = bounds.get()
        if here is None:
            return
        if event == "socket.connect":
            _check_address(here, arguments[1])
            here.connections.add(arguments[0])
        elif event in _PROGRAMS:
            here.said = "it would start a program on this machine"
            raise Forbidden(here.said)

    sys.addaudithook(hook)
    return bounds


def is_confined() -> bool:
    """Whether this is confined work."""
    return _guard().get() is not None


def _check_address(here: _Bounds, address: Any) -> None:
    if not isinstance(address, tuple):
        return  # a socket of this machine itself, such as that of its log
    try:
        said = here.refusal(str(address[0]))
    except ValueError:
        return  # a name: the numbers that it leads to come here one by one
    if said:
        here.said = said
        raise Forbidden(said)


class Confined:
    """A few threads. Work that cannot be cut keeps its thread; when all hang, more is refused. None delays the stop."""

    def __init__(self, name: str, refusal: Callable[[str], str], threads: int = 2) -> None:
        """`refusal` returns why an IP address is not reached, ``""`` when it is."""
        self._name = name
        self._refusal = refusal
        self._free = threading.BoundedSemaphore(threads)

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns. Raises what it raises, `Forbidden` when it tried what it may not.

        Raises `Stuck` when every thread is busy with earlier work. Cancelled, it cuts the connections of the work.
        """
        if not self._free.acquire(blocking=False):
            raise Stuck
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()
        here = _Bounds(self._refusal)
        arguments = (work, future, here)
        threading.Thread(target=self._work, args=arguments, name=self._name, daemon=True).start()
        try:
            return await _watched(asyncio.wrap_future(future), here)
        except asyncio.CancelledError:
            here.connections.cut()
            raise

    def _work(self, work: Callable[[], T], future: Future[T], here: _Bounds) -> None:
        try:
            future.set_result(_guarded(work, here))
        except BaseException as error:  # noqa: BLE001  it is raised where it is awaited
            future.set_exception(error)
        finally:
            here.connections.close()
            self._free.release()


async def _watched(work: asyncio.Future[T], here: _Bounds) -> T:
    """Wait for the work; cut its connections when more comes than is wanted."""
    while not work.done():
        await asyncio.wait({work}, timeout=LOOK)
        if here.connections.received > MOST:
            here.said = f"the service sent more than {MOST // 1024} KiB"
            here.connections.cut()
    return work.result()


def _guarded(work: Callable[[], T], here: _Bounds) -> T:
    _guard().set(here)  # this thread ends with the work
    try:
        result = work()
    except Exception:  # the library hides our refusal in errors of its own
        if here.said:
            raise Forbidden(here.said) from None
        raise
    if here.said:
        raise Forbidden(here.said)
    return result
